"""Put decisions in order: who waits for whom, who is held up by whom, and who stands in a circle."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import attrs

from gitops_core.errors import DependencyCycle, NotStabilized
from gitops_core.model.inventory import EntryState
from gitops_core.model.plans import Action, Change, ChangeState
from gitops_core.model.resources import ResourceKey
from gitops_core.planning.annotations import notes_of
from gitops_core.planning.awaiting import AWAITED, UNVERIFIED, Unsettled
from gitops_core.planning.decide import Decider, Decision
from gitops_core.planning.edges import (
    CRD,
    band,
    defined_kind,
    defines_group_of,
    is_namespace,
    namespace_of,
    referred,
    written_edges,
)
from gitops_core.planning.guards import destroys
from gitops_core.planning.match import owned_entry
from gitops_core.planning.order import arranged, circles, path_around
from gitops_core.planning.request import PlanRequest

_Needs = dict[ResourceKey, set[ResourceKey]]
"""From a change to what must come before it; most need nothing, and are left out."""


class Links:
    """
    The dependencies of one plan.

    Hard edges are written down (``depends-on``, ``wave``, ``Target.depends_on``) or structural (Namespace,
    CustomResourceDefinition); soft ones are references found in bodies, and are dropped where they take part in a circle. Unchanged objects take part
    with what the inventory has recorded of them: their bodies are not read.
    """

    def __init__(self, request: PlanRequest, decisions: Sequence[Decision], decider: Decider) -> None:
        self._request = request
        self._index = decider.index
        self._unknown = decider.blind.unknown
        self._decisions = {d.resource.key: d for d in decisions if d.change is not None}
        self._recorded = {d.entry.key: d.entry.depends_on for d in decisions if d.entry is not None}
        self._changes = {key: d.change for key, d in self._decisions.items() if d.change is not None}
        self._written: _Needs = {}
        self._waves = _in_waves(self._decisions, [self._wave_of(d) for d in self._decisions.values()])
        self.unsettled = Unsettled(request, self._changes)
        """What is unchanged and not well yet."""
        self._staying = {key for key, c in self._changes.items() if c.rule in (AWAITED, UNVERIFIED)} | _at_work(request)

    def writes(self) -> list[Change]:
        """Return every change that is no delete, prerequisites first, with what it waits for or why it must not happen."""
        hard = self._hard()
        self._refuse_circles(hard)
        return self._held_up(self._soft(hard), self._kept_back(hard))

    def _wave_of(self, decision: Decision) -> int:
        """What is left alone without looking at its body has its wave all the same: others would wait for it in another."""
        if decision.body is not None:
            return decision.notes.wave
        return notes_of(self._request.read(decision.resource), self._request.owner).wave

    # -- edges -----------------------------------------------------------------------------------------------------------

    def _hard(self) -> _Needs:
        kinds = self._defined_kinds()
        hard: _Needs = {}
        is_loose = not (kinds or self._waves or self._unknown or self._index.namespaces)  # only what is written down counts
        for key, decision in self._decisions.items():
            if is_loose and not (decision.notes.depends_on or decision.needs):
                continue
            needs = self._structural(key, kinds) | self._waves.get(key, _NOTHING)
            if self._unknown and (key.group, key.kind) in self._unknown.keys() - kinds.keys():
                self._stop(key, ChangeState.DEFERRED, "unknown_kind", self._unknown[key.group, key.kind])
            if decision.notes.depends_on or decision.needs:
                found, missing = written_edges(key, decision.notes, self._index)
                self._written[key] = {*found, *decision.needs}
                needs |= self._written[key]
                if missing:
                    self._stop(key, ChangeState.DEFERRED, "missing_dependency", _missing_text(missing))
            if needs:
                hard[key] = needs
        return hard

    def _defined_kinds(self) -> dict[tuple[str, str], ResourceKey]:
        """The kinds that changed definitions define: unchanged ones are there already."""
        crds = [(key, d.body) for key, d in self._decisions.items() if (key.group, key.kind) == CRD]
        return {kind: key for key, body in crds if body is not None and (kind := defined_kind(body))}

    def _structural(self, key: ResourceKey, kinds: Mapping[tuple[str, str], ResourceKey]) -> set[ResourceKey]:
        namespace = namespace_of(key) if key.namespace in self._index.namespaces else None
        crd = kinds.get((key.group, key.kind)) if kinds else None
        return {k for k in (namespace, crd) if k is not None} if namespace or crd else set()

    def _recorded_needs(self, key: ResourceKey) -> set[ResourceKey]:
        entry = self._request.inventory.entries.get(key)
        return {*self._recorded.get(key, entry.depends_on if entry else ()), *self._structural(key, {})}

    def _refuse_circles(self, hard: _Needs) -> None:
        """Refuse what stands in a circle of hard edges, circles through unchanged objects included; cut its edges."""
        if not (self._waves or any(self._written.values())):
            return  # structure alone has no circles
        graph = dict(hard)
        work = [key for needs in hard.values() for key in needs]
        while work:
            key = work.pop()
            if key not in graph and key not in self._decisions and key in self._index.declared:
                graph[key] = self._recorded_needs(key)
                work.extend(graph[key])
        for circle in circles(graph):
            text = DependencyCycle(path_around(circle, graph)).message
            for key in sorted(circle & hard.keys()):
                self._stop(key, ChangeState.REFUSED, "cycle", text)
                del hard[key]

    def _soft(self, hard: _Needs) -> _Needs:
        """Return hard edges among changes, and every reference that takes part in no circle."""
        both = self._among_changes(hard)
        soft = self._among_changes({key: found for key, d in self._decisions.items() if (found := self._referred(key, d))})
        for key, referred_to in soft.items():
            needs = both.get(key, set())
            soft[key] = referred_to - needs
            both[key] = needs | referred_to
        for circle in circles(both) if soft else ():
            for key in circle & soft.keys():
                both[key] -= soft[key] & circle
        return both

    def _among_changes(self, edges: Mapping[ResourceKey, Collection[ResourceKey]]) -> _Needs:
        changes = self._decisions
        found = {key: {k for k in needs if k in changes and k != key} for key, needs in edges.items()}
        return {key: needs for key, needs in found.items() if needs}

    def _referred(self, key: ResourceKey, decision: Decision) -> frozenset[ResourceKey]:
        if decision.body is None or self._changes[key].rule == "cycle":
            return frozenset()
        return referred(self._request.read(decision.resource))

    # -- consequences ----------------------------------------------------------------------------------------------------

    def _kept_back(self, hard: _Needs) -> dict[ResourceKey, ResourceKey]:
        """Return, for each change that needs an unchanged object which is not well yet, that object."""
        if not self.unsettled:
            return {}
        found = {
            key: self.unsettled.blocker(key, hard.get(key, ()), self._referred(key, decision), self._wave_of(decision))
            for key, decision in self._decisions.items()
        }
        return {key: first for key, first in found.items() if first is not None}

    def _held_up(self, needs: _Needs, kept_back: Mapping[ResourceKey, ResourceKey]) -> list[Change]:
        order = arranged(self._decisions, needs, band)
        for key in order if needs or kept_back else ():
            if key in kept_back:
                self._stop(key, ChangeState.SKIPPED, "dependency", f"it needs {kept_back[key]}, which has not settled")
                self._staying.add(key)
            if key not in needs:
                continue
            change = self._changes[key]
            blocker = next((n for n in sorted(needs[key]) if not self._changes[n].is_ready and not self._is_there(n)), None)
            if blocker is not None:
                why = f"it needs {blocker}, which is {self._changes[blocker].state.value} and not there yet"
                self._stop(key, ChangeState.SKIPPED, "dependency", why)
                self._staying |= {key} if blocker in self._staying else _NOTHING
            elif change.is_ready:
                first = tuple(sorted(n for n in needs[key] if self._changes[n].is_ready))
                self._changes[key] = attrs.evolve(change, depends_on=first) if first else change
        return [self._changes[key] for key in order]

    def _is_there(self, key: ResourceKey) -> bool:
        """It is live; or, where it could not be read, it was applied. Not while it is only about to become what it should be."""
        if key in self._staying:
            return False
        live = self._request.live.get(key)
        if live is not None:
            return not live.deleting
        entry = owned_entry(self._request, key)
        return self._changes[key].rule == "unreadable" and entry is not None and entry.state is EntryState.APPLIED

    def _stop(self, key: ResourceKey, state: ChangeState, rule: str, why: str) -> None:
        change = self._changes[key]
        if change.is_ready:
            self._changes[key] = attrs.evolve(change, state=state, rule=rule, reason=f"{change.reason}; {why}")

    # -- deletes ---------------------------------------------------------------------------------------------------------

    def deletes(self, changes: Sequence[Change]) -> list[Change]:
        """Return the deletes of *changes*, dependents first; what something that stays still needs is skipped."""
        found = {change.key: change for change in changes if is_delete(change)}
        writes = {change.key: change for change in changes if not is_delete(change)}
        before = self._dependents(found)
        for circle in circles(before):  # records of different times may contradict each other
            for key in circle:
                before[key] -= circle
        kept, leaving = self._declared_dependents({change.key for change in found.values() if destroys(change)})
        order = arranged(found, before, lambda key: -band(key))
        for key in order:
            first = [found[k] for k in sorted(before[key])] + [writes[k] for k in sorted(leaving.get(key, ()))]
            found[key] = _after(found[key], first, kept.get(key))
        return [found[key] for key in order]

    def _dependents(self, deletes: Mapping[ResourceKey, Change]) -> _Needs:
        """What has to be deleted before what."""
        definitions = [key for key in deletes if (key.group, key.kind) == CRD]
        before: _Needs = {key: set() for key in deletes}
        for key in deletes:
            entry = self._request.inventory.entries[key]
            crds = (crd for crd in definitions if defines_group_of(crd, key))
            for need in (*entry.depends_on, *entry.refers_to, namespace_of(key), *crds):
                if need is not None and need != key and need in before:
                    before[need].add(key)
        waves = _in_waves(deletes, [-self._request.inventory.entries[key].wave for key in deletes])
        for key, later in waves.items():
            before[key] |= later
        return before

    def _declared_dependents(self, going: set[ResourceKey]) -> tuple[dict[ResourceKey, ResourceKey], _Needs]:
        """Return, for what is to be deleted, a declared object that needs it; and those that need it until they have changed."""
        kept: dict[ResourceKey, ResourceKey] = {}
        leaving: _Needs = {}
        namespaces = {key for key in going if is_namespace(key)}
        for resource in self._request.desired if going else ():
            key = resource.key
            entry = owned_entry(self._request, key)
            before = (*entry.depends_on, *entry.refers_to) if entry else ()
            decision = self._decisions.get(key)
            read = decision is not None and decision.body is not None
            needs: Collection[ResourceKey] = (
                self._written.get(key, ()) if read else self._recorded.get(key, entry.depends_on if entry else ())
            )
            for need in needs:
                if need in going:
                    kept.setdefault(need, key)
            for need in before if key in self._changes else ():
                if need in going:
                    leaving.setdefault(need, set()).add(key)
            namespace = namespace_of(key) if namespaces else None
            if namespace is not None and namespace in namespaces:
                kept.setdefault(namespace, key)
        return kept, leaving


_NOTHING: Final[frozenset[ResourceKey]] = frozenset()


def _at_work(request: PlanRequest) -> set[ResourceKey]:
    return {u.key for u in request.unreadable if u.key is not None and isinstance(u.error, NotStabilized)}


def _in_waves(keys: Iterable[ResourceKey], waves: Sequence[int]) -> dict[ResourceKey, frozenset[ResourceKey]]:
    """Return for each of *keys*, whose waves are *waves*, all keys of the wave before its own; nothing where there is one wave only."""
    numbers = sorted(set(waves))
    if len(numbers) < 2:  # noqa: PLR2004  # why: one wave is before or after nothing
        return {}
    placed = list(zip(keys, waves, strict=True))
    members = {number: frozenset(key for key, wave in placed if wave == number) for number in numbers}
    before = {after: members[number] for number, after in itertools.pairwise(numbers)}
    return {key: before[wave] for key, wave in placed if wave in before}


def _missing_text(missing: Iterable[ResourceKey]) -> str:
    return f"it depends on {', '.join(map(str, missing))}: neither declared nor in the target"


def _after(change: Change, before: Sequence[Change], kept: ResourceKey | None) -> Change:
    if not change.is_ready:
        return change
    stays = kept or next((c.key for c in before if not c.is_ready), None)
    if stays is not None and destroys(change):
        text = f"{change.reason}; {stays} stays as it is, and needs it"
        return attrs.evolve(change, state=ChangeState.SKIPPED, rule="dependency", reason=text)
    return attrs.evolve(change, depends_on=tuple(sorted(c.key for c in before if c.is_ready)))


def is_delete(change: Change) -> bool:
    """Tell whether *change* belongs to the deletes at the end of a plan."""
    return change.action is Action.DELETE
