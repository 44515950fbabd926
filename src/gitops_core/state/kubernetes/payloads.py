"""
Values to compressed text and back: what stands in the ``binaryData`` of our objects.

Every payload says in which format it is. An older one is brought up to date when it is read, one step after the other, and
written in the new format with the next write of it; a newer one is refused.
"""

from __future__ import annotations

import base64
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import StateCorrupt
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Intent, InventoryEntry, InventoryUpdate
from gitops_core.model.orders import Orders
from gitops_core.model.resources import ResourceKey
from gitops_core.state.codec import Codec
from gitops_core.state.kubernetes.failures import decoding

FORMAT: Final = 3
"""The format that this version writes."""

_LARGEST: Final = 64 * 1024 * 1024
_LEVEL: Final = 6
_ENTRIES: Final = Codec(InventoryEntry, apart=("key", "scope", "declared"))
_INTENTS: Final = Codec(Intent)
_ORDERS: Final = Codec(Orders)
_RECORDS: Final = Codec(JournalRecord)
_PASSES: Final = Codec(PassRecord)
_dumps: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@attrs.frozen
class Segment:
    """
    A part of an inventory or a journal that has an object of its own and never changes.

    Attributes:
        name: Of the object.
        records: How many it holds.
    """

    name: str
    records: int


Segments = tuple[Segment, ...]


def _shared_shapes(data: dict[str, Any]) -> dict[str, Any]:
    """Format 1 spelled out every entry's pointers and knew no segments."""
    if "entries" not in data:
        return data
    shapes: dict[tuple[str, ...], int] = {}
    put = []
    for entry in data["entries"]:
        shape = tuple(entry.pop("declared", ()))
        put.append({**entry, "shape": shapes.setdefault(shape, len(shapes))} if shape else entry)
    return {"shapes": list(map(list, shapes)), "put": put, "open": data.get("intents", [])}


def _without_orders(data: dict[str, Any]) -> dict[str, Any]:
    """Format 2 knew neither terms nor orders: whoever wrote it would lose them."""
    return data


UPGRADES: Final[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {1: _shared_shapes, 2: _without_orders}
"""The step from each format to the next."""


def check_format(place: str, found: int) -> None:
    """
    Refuse what a later version wrote.

    Raises:
        StateCorrupt: The format is newer than ours, or none. STALL.
    """
    if not 1 <= found <= FORMAT:
        raise StateCorrupt(
            f"state in {place}: format {found}, this version reads 1 to {FORMAT}; nothing was written. "
            "Upgrade the library in every engine that uses this state, or give the older ones an owner of their own"
        )


def pack(data: Mapping[str, Any]) -> str:
    """Return *data* in the present format as compressed text. Cost: about 40 ns a byte."""
    return base64.b64encode(zlib.compress(_dumps({"format": FORMAT, **data}).encode(), _LEVEL)).decode()


def unpack(place: str, text: str) -> dict[str, Any]:
    """
    Return what :func:`pack` was given, in the present format; empty for no text.

    Raises:
        StateCorrupt: It does not decode, is larger than 64 MiB, or is of a newer format. STALL.
    """
    if not text:
        return {}
    with decoding(place):
        stream = zlib.decompressobj()
        raw = stream.decompress(base64.b64decode(text, validate=True), _LARGEST)
        if not stream.eof:
            raise ValueError
        data: dict[str, Any] = json.loads(raw)
        found = int(data.pop("format"))
    check_format(place, found)
    with decoding(place):
        for number in range(found, FORMAT):
            data = UPGRADES[number](data)
    return data


def segments_to_json(segments: Segments) -> dict[str, Any]:
    """Return the list of *segments* as JSON."""
    return {"segments": [[segment.name, segment.records] for segment in segments]} if segments else {}


def segments_of(place: str, data: Mapping[str, Any]) -> Segments:
    """Return the segments that *data* lists."""
    with decoding(place):
        return tuple(Segment(str(name), int(records)) for name, records in data.get("segments", ()))


def update_to_json(update: InventoryUpdate) -> dict[str, Any]:
    """Return *update* as JSON; equal sets of declared pointers are written once."""
    shapes: dict[tuple[str, ...], int] = {}
    put = []
    for entry in update.put:
        facts = _ENTRIES.to_json(entry)
        facts["key"] = list(entry.key)
        if entry.scope:
            facts["scope"] = entry.scope
        if entry.declared:
            facts["shape"] = shapes.setdefault(entry.declared, len(shapes))
        put.append(facts)
    found = {
        "shapes": list(map(list, shapes)),
        "put": put,
        "drop": list(map(list, update.drop)),
        "open": [_INTENTS.to_json(intent) for intent in update.open_intents],
        "close": list(map(list, update.close_intents)),
        "term": update.term,
    }
    written = {name: value for name, value in found.items() if value}
    return written if update.orders is None else {**written, "orders": _ORDERS.to_json(update.orders)}


def update_of(place: str, data: Mapping[str, Any]) -> InventoryUpdate:
    """Return the update that *data* spells. Cost: about 8 us an entry."""
    with decoding(place):
        shapes = [tuple(map(str, shape)) for shape in data.get("shapes", ())]
        return InventoryUpdate(
            put=tuple(_entry(facts, shapes) for facts in data.get("put", ())),
            drop=tuple(_key(key) for key in data.get("drop", ())),
            open_intents=tuple(map(_INTENTS.from_json, data.get("open", ()))),
            close_intents=tuple(_key(key) for key in data.get("close", ())),
            term=int(data.get("term", 0)),
            orders=_ORDERS.from_json(data["orders"]) if "orders" in data else None,
        )


def _entry(facts: dict[str, Any], shapes: list[tuple[str, ...]]) -> InventoryEntry:
    key, scope, shape = facts.pop("key"), facts.pop("scope", ""), facts.pop("shape", None)
    declared = shapes[shape] if shape is not None else ()
    return _ENTRIES.from_json(facts, key=_key(key), scope=sys.intern(scope), declared=declared)


def _key(parts: list[str]) -> ResourceKey:
    group, kind, namespace, name = parts
    return ResourceKey(sys.intern(group), sys.intern(kind), sys.intern(namespace), name)


def records_to_json(records: Iterable[JournalRecord]) -> dict[str, Any]:
    """Return journal records as JSON, in their order."""
    return {"records": [_RECORDS.to_json(record) for record in records]}


def records_of(place: str, data: Mapping[str, Any]) -> tuple[JournalRecord, ...]:
    """Return the journal records that *data* spells."""
    with decoding(place):
        return tuple(map(_RECORDS.from_json, data.get("records", ())))


def passes_to_json(passes: Iterable[PassRecord]) -> dict[str, Any]:
    """Return passes as JSON, in their order."""
    return {"passes": [_PASSES.to_json(record) for record in passes]}


def passes_of(place: str, data: Mapping[str, Any]) -> tuple[PassRecord, ...]:
    """Return the passes that *data* spells."""
    with decoding(place):
        return tuple(map(_PASSES.from_json, data.get("passes", ())))
