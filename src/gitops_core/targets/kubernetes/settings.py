"""What an embedder may say about a Kubernetes target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
from attrs.validators import ge, in_

from gitops_core.interfaces import Limits

PROPAGATIONS: Final = ("background", "foreground", "orphan")


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(values)


@attrs.frozen(kw_only=True)
class KubernetesSettings:
    """
    How a :class:`~gitops_core.targets.kubernetes.target.KubernetesTarget` behaves.

    Attributes:
        namespace: Where objects go that live in a namespace and name none.
        cluster: Names the cluster where several addresses lead to one; the server's address when empty. Two targets with one name
            hold the same objects.
        limits: Calls at once, calls a second, seconds a call may take.
        page: Objects a list request asks for at most.
        lookups: So many objects of one kind are looked up one by one; of more, the namespace is listed.
        scope: ``namespace``: lists and watches stay within the namespaces that are used, which is all that a namespaced Role
            allows; ``cluster``: one list for all namespaces where more than one is used.
        propagation: What becomes of the dependents of a deleted object: ``background``, ``foreground`` or ``orphan``. An
            annotation of the object overrides it.
        take_over: Field managers whose fields become ours when we adopt an object (``kubectl-client-side-apply``, ``helm``): what
            they set and we do not declare is then removed. What was taken over is reported.
        silence: Seconds without a word after which a watch counts as broken.
    """

    namespace: str = "default"
    cluster: str = ""
    limits: Limits = Limits(concurrency=8, timeout=30.0)
    page: int = attrs.field(default=500, validator=ge(1))
    lookups: int = attrs.field(default=4, validator=ge(0))
    scope: str = attrs.field(default="cluster", validator=in_(("cluster", "namespace")))
    propagation: str = attrs.field(default="background", validator=in_(PROPAGATIONS))
    take_over: tuple[str, ...] = attrs.field(default=(), converter=_names)
    silence: float = attrs.field(default=330.0, validator=ge(1.0))
