"""All kinds of one API server at one moment, found by group and kind."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from gitops_core.errors import GitOpsError, Transient, UnknownKind
from gitops_core.kubernetes_api.discovery_documents import GroupInfo
from gitops_core.kubernetes_api.kinds import KindInfo

_FEW = 5


@attrs.frozen(eq=False)
class KindTable:
    """
    What a server has.

    Attributes:
        groups: By name. On an older server their kinds are filled in when they are asked for.
        index: Kinds by (group, kind), in the order of preference.
        loaded: Groups whose kinds are known.
        broken: Groups that could not be read in whole, and why.
        documents: What it was read from, with their ETags: path -> (ETag, document).
    """

    groups: Mapping[str, GroupInfo]
    index: Mapping[tuple[str, str], tuple[KindInfo, ...]] = attrs.field(repr=False)
    loaded: frozenset[str]
    broken: Mapping[str, GitOpsError]
    documents: Mapping[str, tuple[str, Any]] = attrs.field(factory=dict, repr=False)

    def find(self, group: str, kind: str, version: str = "") -> KindInfo | None:
        """
        Return the kind in *version*, or in the version that the server prefers among those it answers for; None without one.

        Cost: one look-up.
        """
        found = self.index.get((group, kind), ())
        if version:
            return next((info for info in found if info.version == version), None)
        stale = self.groups[group].stale if found else frozenset()
        return next((info for info in found if info.version not in stale), next(iter(found), None))

    def missing(self, group: str, kind: str, version: str) -> GitOpsError:
        """
        Return why :meth:`find` found nothing: the group is broken, or the kind is unknown; the message names what is there.

        Cost: O(kinds).
        """
        if group in self.broken:
            return self.broken[group]
        wanted = f"{group or 'core'}/{version + '/' if version else ''}{kind}"
        served = [info.version for info in self.index.get((group, kind), ())]
        if served:
            return UnknownKind(
                f"{wanted}: the server has it in {', '.join(served)}; declare one of these versions", (group, kind)
            )
        near = self._near(group, kind)
        hint = f" (there is {', '.join(near)})" if near else ""
        cure = "install its definition, or correct apiVersion and kind"
        return UnknownKind(f"{wanted}: the server has no such kind{hint}; {cure}", (group, kind))

    def _near(self, group: str, kind: str) -> list[str]:
        elsewhere = [f"{name or 'core'}/{other}" for name, other in self.index if other == kind]
        spelled = difflib.get_close_matches(kind, [other for name, other in self.index if name == group], n=_FEW)
        return (elsewhere + spelled)[:_FEW]


def make_table(groups: Iterable[GroupInfo], documents: Mapping[str, tuple[str, Any]], *, complete: bool) -> KindTable:
    """
    Return the table of *groups*.

    Args:
        groups: In the server's order.
        documents: What they were read from.
        complete: Their kinds are in them; else they are read group by group.

    Cost: O(kinds).
    """
    by_name = {group.name: group for group in groups}
    broken = {name: _stale(group) for name, group in by_name.items() if group.stale}
    loaded = frozenset(by_name) if complete else frozenset()
    return KindTable(by_name, _index(by_name.values()), loaded, broken, documents)


def with_group(table: KindTable, group: GroupInfo, error: GitOpsError | None) -> KindTable:
    """Return *table* with the kinds of one group, and with the error of the versions that could not be read."""
    groups = {**table.groups, group.name: group}
    broken = {name: problem for name, problem in table.broken.items() if name != group.name}
    if error is not None:
        broken[group.name] = error
    index = {**table.index, **_index([group])}
    return KindTable(groups, index, table.loaded | {group.name}, broken, table.documents)


def _index(groups: Iterable[GroupInfo]) -> dict[tuple[str, str], tuple[KindInfo, ...]]:
    index: dict[tuple[str, str], list[KindInfo]] = {}
    for group in groups:
        for info in group.kinds:
            index.setdefault((group.name, info.kind), []).append(info)
    return {key: tuple(kinds) for key, kinds in index.items()}


def _stale(group: GroupInfo) -> GitOpsError:
    versions = ", ".join(f"{group.name}/{version}" for version in sorted(group.stale))
    return Transient(
        f"{versions}: the server that serves this does not answer; only its own kinds are affected; look at its APIService"
    )
