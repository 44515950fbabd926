"""
How an inventory lies in pieces: segments that never change, and on top of them what changed since.

Pure. A piece is an :class:`InventoryUpdate`; an inventory is what its pieces make of an empty one, in their order. The laws, which
``tests/property`` holds: pieces in, inventory out, whatever was written in which order; what is on top names only what differs from
what is below; no piece is larger than its limit unless it is a single record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Final

import attrs

from gitops_core.model.inventory import Inventory, InventoryUpdate
from gitops_core.model.orders import Orders
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes.payloads import pack, update_to_json

TOP_CHARACTERS: Final = 48 * 1024
"""What changed since the last segment may be this long, packed; it is sent with every write."""

SEGMENT_CHARACTERS: Final = 256 * 1024
"""A segment may be this long, packed: a sixth of what the API takes, so that a page of a list stays small."""

TOP_RECORDS: Final = 2_000
"""More records than these are not even tried on top."""

_TRIED_AT_ONCE: Final = 1_000


@attrs.frozen
class Piece:
    """One segment to be: its packed text and how many records are in it."""

    text: str
    records: int


def keys_of(update: InventoryUpdate) -> set[ResourceKey]:
    """Return every key that *update* says something about."""
    return {*(e.key for e in update.put), *update.drop, *(i.key for i in update.open_intents), *update.close_intents}


def size(update: InventoryUpdate) -> int:
    """Return the number of records in *update*."""
    return len(update.put) + len(update.drop) + len(update.open_intents) + len(update.close_intents)


def difference(below: Inventory, above: Inventory, keys: Collection[ResourceKey]) -> InventoryUpdate:
    """
    Return the smallest update that makes *above* of *below*, when they differ in nothing but *keys*. Cost: O(keys).

    Term and orders lie on top only: nothing below has any.
    """
    ordered = sorted(keys)
    entries = [(key, below.entries.get(key), above.entries.get(key)) for key in ordered]
    intents = [(key, below.intents.get(key), above.intents.get(key)) for key in ordered]
    return InventoryUpdate(
        put=tuple(new for _, old, new in entries if new is not None and new != old),
        drop=tuple(key for key, old, new in entries if new is None and old is not None),
        open_intents=tuple(new for _, old, new in intents if new is not None and new != old),
        close_intents=tuple(key for key, old, new in intents if new is None and old is not None),
        term=above.term,
        orders=None if above.orders == Orders() else above.orders,
    )


def whole(inventory: Inventory) -> InventoryUpdate:
    """Return the update that makes *inventory* of an empty one."""
    return InventoryUpdate(put=tuple(inventory.entries.values()), open_intents=tuple(inventory.intents.values()))


def replay(below: Inventory, updates: Iterable[InventoryUpdate]) -> Inventory:
    """Return *below* after *updates*, at the same serial. Cost: O(entries + records)."""
    entries, intents = dict(below.entries), dict(below.intents)
    term, orders = below.term, below.orders
    for update in updates:
        term, orders = update.standing(attrs.evolve(below, term=term, orders=orders))
        entries.update((entry.key, entry) for entry in update.put)
        intents.update((intent.key, intent) for intent in update.open_intents)
        for key in update.drop:
            entries.pop(key, None)
        for key in update.close_intents:
            intents.pop(key, None)
    return Inventory(below.application, entries, intents, below.serial, term, orders)


def is_worn(records: int, inventory: Inventory) -> bool:
    """
    Tell whether segments of so many *records* should be written anew: when less than half of what they hold is still true.

    So a record is written twice over its life, on the average, however long the life of the inventory.
    """
    return records > 2 * (len(inventory.entries) + len(inventory.intents)) + TOP_RECORDS


def cut(update: InventoryUpdate, limit: int = SEGMENT_CHARACTERS) -> list[Piece]:
    """Return *update* in pieces of at most *limit* characters; a single record may be longer."""
    return [piece for part in _parts(update, _TRIED_AT_ONCE) for piece in _halved(part, limit)]


def _halved(update: InventoryUpdate, limit: int) -> list[Piece]:
    text, records = pack(update_to_json(update)), size(update)
    if len(text) <= limit or records == 1:
        return [Piece(text, records)]
    return [piece for half in _parts(update, (records + 1) // 2) for piece in _halved(half, limit)]


def _parts(update: InventoryUpdate, count: int) -> Iterable[InventoryUpdate]:
    """Yield *update* in parts of *count* records."""
    puts, drops = iter(update.put), iter(update.drop)
    opens, closes = iter(update.open_intents), iter(update.close_intents)
    while True:
        put = tuple(islice(puts, count))
        drop = tuple(islice(drops, count - len(put)))
        opened = tuple(islice(opens, count - len(put) - len(drop)))
        closed = tuple(islice(closes, count - len(put) - len(drop) - len(opened)))
        part = InventoryUpdate(put, drop, opened, closed)
        if not part:
            return
        yield part
