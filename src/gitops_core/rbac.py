"""The smallest set of Kubernetes roles that an application needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from gitops_core.engine.loading import Desired, fetch, render, resolve
from gitops_core.engine.passes import Pass, begin
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import ConfigError, UnknownKind
from gitops_core.interfaces import StateStore
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.model.applications import Application
from gitops_core.model.resources import ResourceKey
from gitops_core.planning.annotations import read_annotations
from gitops_core.state.default import default_store
from gitops_core.targets.kubernetes.permissions import Need, binding, roles
from gitops_core.targets.kubernetes.target import KubernetesTarget


@attrs.frozen
class Rbac:
    """
    Roles as manifests.

    Attributes:
        roles: A Role for each namespace, and a ClusterRole for what lives in none; plain JSON objects.
        unknown: Declared kinds that the API server does not have yet: nothing is allowed for them.
    """

    roles: tuple[Mapping[str, Any], ...]
    unknown: tuple[tuple[str, str], ...] = ()

    def bound_to(self, subject: Mapping[str, str]) -> tuple[Mapping[str, Any], ...]:
        """Return the bindings that give every role to *subject*: ``{"kind": "ServiceAccount", "name": ..., "namespace": ...}``."""
        return tuple(binding(role, subject) for role in self.roles)

    def text(self) -> str:
        """Return the roles as YAML, ready for ``kubectl apply -f -``."""
        import yaml  # why here: only who prints needs it

        return str(yaml.safe_dump_all([dict(role) for role in self.roles], sort_keys=False))


def rbac_for(app: Application, *, store: StateStore | None = None, runtime: Runtime | None = None, name: str = "") -> Rbac:
    """
    Return the roles that a pass of *app* needs: for what it declares now and for what it still owns.

    Run it with a connection that may see the API server's kinds; that is all it asks of it. Whoever declares roles and bindings
    gets the verbs ``escalate`` and ``bind`` for them: weigh whether that is what you want.

    Args:
        app: Its target is a :class:`~gitops_core.targets.kubernetes.target.KubernetesTarget`, or a router that has one.
        store: What it still owns; the default store when none is given.
        runtime: Clock and stop signal.
        name: Of the roles; the application's when empty.

    Raises:
        ConfigError: Nothing of it goes to Kubernetes. STALL.
        GitOpsError: Source, renderer, store or discovery failed.
    """
    p = begin(app, store or default_store(), runtime or Runtime())
    desired = render(p, fetch(p, resolve(p)))
    needs: list[Need] = []
    unknown: set[tuple[str, str]] = set()
    for wanted in _wanted(p, desired):
        target = app.target.member(wanted.key)
        if isinstance(target, KubernetesTarget):
            try:
                needs.append(wanted.of(*target.place(p.ctx, wanted.key)))
            except UnknownKind:
                unknown.add((wanted.key.group, wanted.key.kind))
    if not needs and not unknown:
        raise ConfigError(f"{app.id}: none of its objects goes to a KubernetesTarget; there is nothing to allow")
    return Rbac(tuple(roles(needs, name=name or app.name)), tuple(sorted(unknown)))


@attrs.frozen
class _Wanted:
    """What is to be done to one object, before its kind is known."""

    key: ResourceKey
    declared: bool = True
    overwritten: bool = False
    deleted: bool = True

    def of(self, info: KindInfo, namespace: str) -> Need:
        return Need(info, namespace, self.declared, self.overwritten, self.deleted)


def _wanted(p: Pass, desired: Desired) -> Iterator[_Wanted]:
    prunes = p.app.options.prune
    declared = set()
    for resource in desired.resources:
        declared.add(resource.key)
        strategy = read_annotations(resource.body, p.app.owner).strategy
        yield _Wanted(resource.key, overwritten=strategy == "replace", deleted=prunes or strategy == "recreate")
    for key in sorted(p.store.inventory(p.app.id).entries.keys() - declared):
        yield _Wanted(key, declared=False, deleted=prunes)
