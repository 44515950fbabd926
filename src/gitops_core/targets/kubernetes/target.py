"""Kubernetes as a target: the contract on one page, and where each part of it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from gitops_core.errors import Immutable, Invalid
from gitops_core.interfaces import Context, Limits, Query, Target, TargetChange
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.discovery import Discovery
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.model.fields import Fields
from gitops_core.model.plans import FieldDiff
from gitops_core.model.resources import Live, ResourceKey, Unreadable, key_of
from gitops_core.model.scopes import CLUSTER_SCOPED
from gitops_core.model.values import Body
from gitops_core.targets.kubernetes.access import Access
from gitops_core.targets.kubernetes.bodies import Answers, Bodies
from gitops_core.targets.kubernetes.comparing import compare_with_managers
from gitops_core.targets.kubernetes.immutable import immutable_causes, immutable_pointers
from gitops_core.targets.kubernetes.live import missing_marks
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.reading import Reader
from gitops_core.targets.kubernetes.schemas import Schemas
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.sharing import Sharing
from gitops_core.targets.kubernetes.spelling import spell
from gitops_core.targets.kubernetes.watching import Watcher
from gitops_core.targets.kubernetes.writing import Writer

_BUILT_IN: Final = frozenset({"", "apps", "autoscaling", "batch", "extensions", "policy"})


class KubernetesTarget(Target):
    """
    The objects of a Kubernetes cluster, written by server-side apply under a field manager per application.

    ::

        KubernetesTarget(Connection.from_kubeconfig(), KubernetesSettings(namespace="shop"))

    One target may serve any number of applications, also at once. It marks what it owns with a label and an annotation under the
    owner's domain, and lists by that label; what nobody owns, or somebody else, stays as it is. Whoever consumes :meth:`watch`
    makes looking free: kinds that are being watched are not listed, by no application and through no target that uses this very
    connection.

    Args:
        connection: To the API server, as whom the target acts.
        settings: How it behaves.
        discovery: Of the connection; give one to share it or to keep it in a file.

    Cost: a look is one list of metadata for each kind and place, and a request for each body that is needed; created, updated and
    deleted are one request each, unchanged none.

    Source: Kubernetes documentation, "Server-Side Apply" and "Kubernetes API Concepts".
    """

    fields = Fields(computed={"/status"})
    previews_updates = True

    def __init__(
        self,
        connection: Connection,
        settings: KubernetesSettings = KubernetesSettings(),
        *,
        discovery: Discovery | None = None,
    ) -> None:
        self._access = Access(connection, discovery or Discovery(connection), settings)
        self._bodies = Bodies(self._access, Answers())
        schemas = Schemas(self._access)
        self._reader = Reader(self._access, self._bodies, schemas)
        self._writer = Writer(self._access, self._bodies, schemas)
        self._watcher = Watcher(self._access, self._bodies)
        self._learned: dict[ResourceKey, frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"KubernetesTarget({self._access.connection!r})"

    @property
    def limits(self) -> Limits:  # type: ignore[override]  # why: the embedder's
        return self._access.settings.limits

    # -- I/O --------------------------------------------------------------------------------------------------------------
    def observe(self, ctx: Context, query: Query) -> Iterator[Live | Unreadable]:
        """Yield what exists of ``query.keys``; a kind that cannot be listed, or that the server does not have, is said as such."""
        return self._reader.observe(ctx, query, _marks(ctx))

    def create(self, ctx: Context, change: TargetChange) -> Live:
        self._learned.pop(change.key, None)  # it is another object now
        return self._writer.create(ctx, change, _marks(ctx))

    def update(self, ctx: Context, change: TargetChange) -> Live:
        """Apply; a refusal that is about nothing but immutable fields is remembered, and the next plan says REPLACE."""
        try:
            return self._writer.update(ctx, change, _marks(ctx))
        except Invalid as error:
            pointers = immutable_causes(change.key, error.causes, (diff.pointer for diff in change.diff))
            if not pointers:
                raise
            self._learned[change.key] = self._learned.get(change.key, frozenset()).union(pointers)
            raise Immutable(f"{', '.join(pointers)} cannot be changed in place", pointers, key=change.key) from error

    def delete(self, ctx: Context, change: TargetChange) -> None:
        self._writer.delete(ctx, change, _marks(ctx))

    def preview(self, ctx: Context, change: TargetChange) -> Body:
        return self._writer.preview(ctx, change, _marks(ctx))

    def watch(self, ctx: Context, query: Query) -> Iterator[Live | Unreadable | ResourceKey]:
        return self._watcher.watch(ctx, query, _marks(ctx))

    def etag(self, ctx: Context) -> str | None:
        """Return a token as long as everything the application has is being watched. Cost: no request."""
        return Sharing.over(self._access.connection, _marks(ctx)).watched.token(ctx.application)

    def close(self) -> None:
        """Close the connection's idle sockets."""
        self._access.connection.close()

    def place(self, ctx: Context, key: ResourceKey) -> tuple[KindInfo, str]:
        """
        Return what the server says about the kind of *key*, and the namespace that it lives in; empty for none.

        Raises:
            UnknownKind: The server does not have it. WAIT.
        """
        info = self._access.kind(ctx, key)
        return info, self._access.namespace(info, key)

    # -- pure -------------------------------------------------------------------------------------------------------------
    def scope(self, key: ResourceKey) -> str:  # noqa: ARG002  # why: one cluster for every key
        return f"kubernetes:{self._access.settings.cluster or self._access.connection.server}"

    def key(self, body: Body) -> ResourceKey:
        """
        Return the key of *body*: without a namespace for Kubernetes' own cluster-scoped kinds, in the target's namespace for its
        other own kinds that name none. Custom kinds are taken as they are written.
        """
        key = key_of(body)
        if (key.group, key.kind) in CLUSTER_SCOPED:
            return key._replace(namespace="")
        if key.namespace or not _is_built_in(key.group):
            return key
        return key._replace(namespace=self._access.settings.namespace)

    def normalize(self, body: Body) -> Body:
        return spell(body)

    def diff(self, desired: Body, live: Body) -> Iterable[FieldDiff]:
        """Return what differs by who owns which field, with marks of ours that were removed; immutable fields are pointed out."""
        diffs = [*missing_marks(live), *compare_with_managers(desired, live)]
        if not diffs:
            return ()
        key = self.key(desired or live)
        fixed = set(immutable_pointers(key, diffs, desired, live)) | self._learned.get(key, frozenset())
        return [_forced(d) if _is_below(d.pointer, fixed) else d for d in diffs]


def _marks(ctx: Context) -> Marks:
    return Marks(ctx.owner, ctx.application)


def _is_built_in(group: str) -> bool:
    return group in _BUILT_IN or group.endswith(".k8s.io")


def _is_below(pointer: str, fixed: set[str]) -> bool:
    return any(pointer == other or pointer.startswith(f"{other}/") for other in fixed)


def _forced(diff: FieldDiff) -> FieldDiff:
    return attrs.evolve(diff, forces_replacement=True)
