"""Inventories: read from a head and its segments, changed by one write of the head."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import attrs

from gitops_core.model.inventory import Inventory, InventoryUpdate
from gitops_core.model.orders import Orders
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes.blocks import Blocks
from gitops_core.state.kubernetes.heads import INVENTORY, Change, Head, Heads
from gitops_core.state.kubernetes.layers import (
    TOP_CHARACTERS,
    TOP_RECORDS,
    cut,
    difference,
    is_worn,
    keys_of,
    replay,
    size,
    whole,
)
from gitops_core.state.kubernetes.names import digest
from gitops_core.state.kubernetes.payloads import (
    Segment,
    Segments,
    pack,
    segments_of,
    segments_to_json,
    unpack,
    update_of,
    update_to_json,
)
from gitops_core.state.kubernetes.segments import SegmentStore
from gitops_core.state.rules import check_serial, check_term

_SCOPES_LISTED: Final = 32


@attrs.frozen
class Loaded:
    """
    An inventory as of one write.

    Attributes:
        stamp: Of the head: life and serial.
        segments: The segments below.
        below: What they make together.
        top: The keys about which the head says something.
        inventory: The whole.
    """

    stamp: tuple[str, int]
    segments: Segments
    below: Inventory
    top: frozenset[ResourceKey]
    inventory: Inventory


@attrs.frozen
class _Written:
    """An inventory that is about to be written, and the change that does it."""

    loaded: Loaded
    change: Change


class Inventories:
    """
    The inventories of one store, with what is known of them in memory.

    Args:
        heads: Where they are.
        segments: What lies beside the heads.
        blocks: Who is inside.
    """

    def __init__(self, heads: Heads, segments: SegmentStore, blocks: Blocks) -> None:
        self._heads = heads
        self._segments = segments
        self._blocks = blocks
        self._known: dict[str, Loaded] = {}

    def read(self, application: str) -> Inventory:
        """Return the stored inventory. Cost: 0 or 1 request when unchanged; else up to 2, and 1 for each new segment."""
        known = self._known.get(application)
        head = self._blocks.look(application)
        if known is not None and known.stamp == head.facts.stamp(INVENTORY):
            return known.inventory
        head = self._heads.recall(application, INVENTORY)
        return self._heads.newest(application, head, self.at).inventory

    def update(self, application: str, update: InventoryUpdate, serial: int) -> Inventory:
        """Apply *update* by one write of the head. Cost: 1 request; now and then, a few more for a new segment."""
        written: list[_Written] = []

        def decide(head: Head) -> Change:
            written[:] = [self._decide(head, update, serial)]
            return written[0].change

        self._blocks.wrote(application, self._heads.change(application, decide, INVENTORY))
        self._known[application] = written[0].loaded
        return written[0].loaded.inventory

    def at(self, head: Head) -> Loaded:
        """Return the inventory at *head*, whose content is known."""
        application = head.facts.application
        known = self._known.get(application)
        if known is not None and known.stamp == head.facts.stamp(INVENTORY):
            return known
        place = self._heads.place(head)
        data = unpack(place, head.parts[INVENTORY])
        segments, top = segments_of(place, data), update_of(place, data)
        below = self._below(application, head, segments, known)
        whole_of_it = attrs.evolve(replay(below, [top]), serial=head.facts.serial)
        loaded = Loaded(head.facts.stamp(INVENTORY), segments, below, frozenset(keys_of(top)), whole_of_it)
        self._known[application] = loaded
        return loaded

    def known(self, application: str) -> Loaded | None:
        """Return what was read last."""
        return self._known.get(application)

    def forget(self, application: str) -> None:
        """Forget what was read."""
        self._known.pop(application, None)

    def _below(self, application: str, head: Head, segments: Segments, known: Loaded | None) -> Inventory:
        """Return what *segments* make, going on from what is known where it is a beginning of them."""
        below, left = Inventory(application), segments
        if known is not None and known.stamp[0] == head.facts.life and known.segments == segments[: len(known.segments)]:
            below, left = known.below, segments[len(known.segments) :]
        texts = self._segments.read(head, INVENTORY, [segment.name for segment in left])
        return replay(below, (update_of(name, unpack(name, text)) for name, text in texts))

    def _decide(self, head: Head, update: InventoryUpdate, serial: int) -> _Written:
        facts = head.facts
        lease = self._blocks.lease_for(facts.application, head)
        check_serial(facts.application, based_on=serial, stored=facts.serial)
        before = self.at(head)
        check_term(before.inventory, update)
        after = update.apply_to(before.inventory)
        top = difference(before.below, after, before.top | keys_of(update))
        text = _packed(before.segments, top)
        facts = facts.written(serial=after.serial, scopes=_scopes(after))
        if len(text) > TOP_CHARACTERS:
            return self._with_segments(head, Change(facts, lease), before, (after, top))
        loaded = Loaded(facts.stamp(INVENTORY), before.segments, before.below, frozenset(keys_of(top)), after)
        return _Written(loaded, Change(facts, lease, {INVENTORY: text}))

    def _with_segments(self, head: Head, change: Change, before: Loaded, after: tuple[Inventory, InventoryUpdate]) -> _Written:
        """Write what is on top, or all of it, into new segments."""
        inventory, top = after
        is_anew = is_worn(sum(s.records for s in before.segments) + size(top), inventory)
        kept = () if is_anew else before.segments
        leftovers = self._segments.unused(head, INVENTORY, kept)
        posted = self._post(head, whole(inventory) if is_anew else top)
        segments = (*kept, *posted)
        below = attrs.evolve(inventory, term=0, orders=Orders())
        loaded = Loaded(change.facts.stamp(INVENTORY), segments, below, frozenset(), inventory)
        names = tuple(segment.name for segment in posted)
        on_top = InventoryUpdate(term=inventory.term, orders=inventory.orders)
        written = attrs.evolve(change, parts={INVENTORY: _packed(segments, on_top)}, posted=names, obsolete=leftovers)
        return _Written(loaded, written)

    def _post(self, head: Head, update: InventoryUpdate) -> Iterable[Segment]:
        return [self._segments.post(head, INVENTORY, piece) for piece in cut(update)]


def _packed(segments: Segments, top: InventoryUpdate) -> str:
    """Return the text that the head holds; longer than it may be where it is not worth packing."""
    if size(top) > TOP_RECORDS:
        return " " * (TOP_CHARACTERS + 1)
    return pack({**segments_to_json(segments), **update_to_json(top)})


def _scopes(inventory: Inventory) -> tuple[str, ...] | None:
    """Return what the facts say about the scopes of *inventory*."""
    scopes = sorted({entry.scope for entry in inventory.entries.values()} - {""})
    return scope_digests(scopes) if len(scopes) <= _SCOPES_LISTED else None


def scope_digests(scopes: Collection[str]) -> tuple[str, ...]:
    """Return how *scopes* are listed in a head, sorted."""
    return tuple(sorted(digest(scope) for scope in scopes if scope))
