"""How a fake cluster behaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from gitops_core.interfaces import Clock
from gitops_core.testing.clock import VirtualClock

DEFAULT_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")


@attrs.frozen(kw_only=True)
class ClusterSettings:
    """
    How a fake cluster behaves.

    Attributes:
        clock: All time: timestamps, expiry, controllers, time-outs of watches.
        rbac: Whether roles and bindings in the cluster decide who may do what; else everybody may do everything.
        users: Groups by user. Users that are not listed have none; ``admin`` is in ``system:masters``.
        history: Changes kept per resource for watches and lists of the past; older ones are answered 410.
        continue_life: Seconds for which a continue token is good.
        namespace_controller: Whether terminating namespaces are emptied and removed; a bare API server does not do it.
        garbage_collection: Whether dependents of what is deleted are deleted, and ``foregroundDeletion`` and ``orphan`` come to an end.
        establish_after: Seconds until a new CustomResourceDefinition is served.
        skip_rules: Whether definitions with CEL rules (``x-kubernetes-validations``) are taken, and the rules not checked; else 501.
        log_size: Requests kept in the request log; counts are kept for ever.
    """

    clock: Clock = attrs.field(factory=VirtualClock, repr=False)
    rbac: bool = False
    users: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    history: int = 10_000
    continue_life: float = 300.0
    namespace_controller: bool = True
    garbage_collection: bool = True
    establish_after: float = 0.0
    skip_rules: bool = False
    log_size: int = 10_000
