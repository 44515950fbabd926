"""Who else has an object: questions across all applications of one owner."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import attrs

from gitops_core.errors import StateConflict
from gitops_core.model.inventory import EntryState, Holder, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes.heads import INVENTORY, Head, Heads
from gitops_core.state.kubernetes.inventories import Inventories, scope_digests
from gitops_core.state.kubernetes.layers import whole
from gitops_core.state.kubernetes.objects import HEADS_PAGE, Object
from gitops_core.state.kubernetes.payloads import Segments, segments_of, unpack, update_of
from gitops_core.state.kubernetes.segments import SegmentStore
from gitops_core.state.rules import HOLDER_RANK

_ONE_BY_ONE: Final = 8
_ATTEMPTS: Final = 3

_Held = dict[ResourceKey, tuple[str, EntryState] | None]


@attrs.frozen
class _Elsewhere:
    """What is known of another application's inventory: enough to say what it has, a tenth of the size."""

    stamp: tuple[str, int]
    segments: Segments
    below: _Held
    held: _Held


class Crossing:
    """
    What the applications of one store have in common.

    One list of the heads' metadata says which of them have changed since the last question; only those are read.

    Args:
        heads: All of them.
        segments: What lies beside them.
        inventories: What this process knows anyway.
    """

    def __init__(self, heads: Heads, segments: SegmentStore, inventories: Inventories) -> None:
        self._heads = heads
        self._segments = segments
        self._inventories = inventories
        self._known: dict[str, _Elsewhere] = {}

    def neighbours(self, application: str, scopes: Collection[str]) -> list[str]:
        """
        Return the other applications that have an object in one of *scopes*, sorted.

        Cost: 1 request for each 1000 applications, and 1 for each that has objects in more than 32 scopes and has changed.
        """
        asked, digests = {scope for scope in scopes if scope}, set(scope_digests(scopes))
        if not asked:
            return []
        for _ in range(_ATTEMPTS):
            others = self._others(application)
            known = self._look([head for head in others if head.facts.scopes is None])
            if known is not None:
                listed = {head.facts.application for head in others if digests.intersection(head.facts.scopes or ())}
                return sorted(
                    listed | {name for name, held in known.items() if any(it and it[0] in asked for it in held.values())}
                )
        raise _moving(application)

    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> Mapping[ResourceKey, Holder]:
        """
        Return who else has each of *objects*: its owner before those who only claim it, then the first by name.

        Cost: 1 request for each 1000 applications, and for those that share a scope and have changed since the last question: 1
        each up to 8, else 1 for each 100 applications; and their new segments.
        """
        asked = {key: scope for scope, key in objects if scope}
        digests = set(scope_digests(set(asked.values())))
        for _ in range(_ATTEMPTS if asked else 0):
            heads = [h for h in self._others(application) if h.facts.scopes is None or digests.intersection(h.facts.scopes)]
            known = self._look(heads)
            if known is not None:
                return _foremost(asked, known)
        if not asked:
            return {}
        raise _moving(application)

    def _others(self, application: str) -> list[Head]:
        heads = [head for head in self._heads.list_facts() if head.facts.kept]
        there = {head.facts.application for head in heads}
        self._known = {name: known for name, known in self._known.items() if name in there}
        return [head for head in heads if head.facts.application != application]

    def _look(self, heads: Sequence[Head]) -> dict[str, _Held] | None:
        """Return what the applications of *heads* have; None if one of them has changed while we looked."""
        for head in heads:
            loaded = self._inventories.known(head.facts.application)
            if loaded is not None and loaded.stamp == head.facts.stamp(INVENTORY):
                self._keep(head, _Elsewhere(loaded.stamp, loaded.segments, {}, _held_by(whole(loaded.inventory))))
        stale = [head for head in heads if not self._is_known(head)]
        if stale and not self._read(stale):
            return None
        return {head.facts.application: self._known[head.facts.application].held for head in heads}

    def _is_known(self, head: Head) -> bool:
        known = self._known.get(head.facts.application)
        return known is not None and known.stamp == head.facts.stamp(INVENTORY)

    def _keep(self, head: Head, known: _Elsewhere) -> None:
        if not self._is_known(head):
            self._known[head.facts.application] = known

    def _read(self, heads: Sequence[Head]) -> bool:
        """Read the content of *heads*; return whether all of it was there."""
        wholes = [self._parse(item) for item in self._wholes(heads)]
        if {head.name for head, _, _ in wholes} != {head.name for head in heads}:
            return False
        wanted = [segment.name for head, segments, _ in wholes for segment in self._unknown(head, segments)]
        found = {name: _held_by(update_of(name, unpack(name, text))) for name, text in self._segments.scan(INVENTORY, wanted)}
        if len(found) != len(wanted):
            return False
        for head, segments, top in wholes:
            left = self._unknown(head, segments)
            below = self._known[head.facts.application].below if len(left) < len(segments) else {}
            below = _over(below, [found[segment.name] for segment in left])
            self._known[head.facts.application] = _Elsewhere(
                head.facts.stamp(INVENTORY), segments, below, _over(below, [_held_by(top)])
            )
        return True

    def _unknown(self, head: Head, segments: Segments) -> Segments:
        """Return which of *segments* have to be read: what follows a beginning that is known."""
        known = self._known.get(head.facts.application)
        if known is None or not known.below or known.stamp[0] != head.facts.life:
            return segments
        return segments[len(known.segments) :] if known.segments == segments[: len(known.segments)] else segments

    def _wholes(self, heads: Sequence[Head]) -> Iterable[Object]:
        names = {head.name for head in heads}
        if len(names) <= _ONE_BY_ONE:
            return [found for found in map(self._heads.objects.get, sorted(names)) if found is not None]
        listed = self._heads.objects.list(self._heads.names.selector("head"), HEADS_PAGE)
        return [item for item in listed if item["metadata"]["name"] in names]

    def _parse(self, found: Object) -> tuple[Head, Segments, InventoryUpdate]:
        head = self._heads.parse(found, {})
        place = self._heads.place(head)
        data = unpack(place, str((found.get("binaryData") or {}).get(INVENTORY, "")))
        return head, segments_of(place, data), update_of(place, data)


def _held_by(update: InventoryUpdate) -> _Held:
    return {**{entry.key: (entry.scope, entry.state) for entry in update.put}, **dict.fromkeys(update.drop)}


def _over(below: _Held, layers: Iterable[_Held]) -> _Held:
    held = dict(below)
    for layer in layers:
        held.update(layer)
    return {key: it for key, it in held.items() if it is not None}


def _foremost(asked: Mapping[ResourceKey, str], known: Mapping[str, _Held]) -> dict[ResourceKey, Holder]:
    found: dict[ResourceKey, Holder] = {}
    for name, held in known.items():
        for key in asked.keys() & held.keys():  # walks along the shorter one
            it = held[key]
            if it is not None and it[0] == asked[key]:
                found[key] = min(Holder(name, it[1]), found.get(key, Holder(name, it[1])), key=_rank)
    return found


def _rank(holder: Holder) -> tuple[int, str]:
    return HOLDER_RANK.get(holder.state, 0), holder.application


def _moving(application: str) -> StateConflict:
    return StateConflict(f"{application}: others rewrote their state while we looked at it; try again when they are done")
