"""Journal and history: what happened to an application."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes.blocks import Blocks
from gitops_core.state.kubernetes.heads import HISTORY, JOURNAL, Change, Head, Heads
from gitops_core.state.kubernetes.layers import SEGMENT_CHARACTERS, Piece
from gitops_core.state.kubernetes.passes import added, passes_in, with_passes
from gitops_core.state.kubernetes.payloads import (
    Segments,
    pack,
    records_of,
    records_to_json,
    segments_of,
    segments_to_json,
    unpack,
)
from gitops_core.state.kubernetes.segments import SegmentStore

TOP_CHARACTERS: Final = 16 * 1024
"""The newest records may be this long, packed, before they get a segment of their own."""

_PACKED_AT_ONCE: Final = 1_000


class Records:
    """
    The journals and histories of one store.

    Args:
        heads: Where the newest of them are.
        segments: Where older records of a journal are.
        blocks: Who is inside.
        limit: Journal records kept for each application.
    """

    def __init__(self, heads: Heads, segments: SegmentStore, blocks: Blocks, limit: int) -> None:
        self._heads = heads
        self._segments = segments
        self._blocks = blocks
        self._limit = limit

    def append(self, application: str, records: Sequence[JournalRecord]) -> None:
        """Add *records*; segments beyond the limit go. Cost: 1 request, and a few more when a segment is full."""
        if not records:
            return
        head = self._heads.change(application, lambda head: self._appended(head, records), JOURNAL)
        self._blocks.wrote(application, head)
        block = self._blocks.of(application)
        if block is not None:
            block.journal = None

    def journal(self, application: str, key: ResourceKey | None, limit: int) -> tuple[JournalRecord, ...]:
        """
        Return the newest records first.

        Cost: 1 or 2 requests, and 1 for each segment that has to be looked into; inside of ``exclusive``, all of that once.
        """
        block = self._blocks.of(application)
        if block is None:
            head = self._heads.read(application, JOURNAL)
            return self._heads.newest(application, head, lambda head: self._pick(self._backwards(head), key, limit))
        if block.journal is None:
            head = self._heads.recall(application, JOURNAL)
            block.journal = self._heads.newest(application, head, lambda head: tuple(self._backwards(head)))
        return self._pick(iter(block.journal), key, limit)

    def record(self, application: str, record: PassRecord, keep: int) -> None:
        """Add a pass. Cost: 1 request; none inside of ``exclusive``, where it is written when the lease is given back."""
        block = self._blocks.of(application)
        if block is not None:
            block.passes.append((record, keep))
            return
        self._heads.change(application, lambda head: with_passes(head, [(record, keep)], self._heads.place(head)), HISTORY)

    def history(self, application: str, limit: int) -> tuple[PassRecord, ...]:
        """Return the newest passes first. Cost: 1 or 2 requests; none inside of ``exclusive``."""
        block = self._blocks.of(application)
        head = self._heads.recall(application, HISTORY) if block else self._heads.read(application, HISTORY)
        passes = passes_in(head, self._heads.place(head))
        return added(passes, block.passes if block else ())[: max(limit, 0)]

    def _pick(self, records: Iterator[JournalRecord], key: ResourceKey | None, limit: int) -> tuple[JournalRecord, ...]:
        kept = islice(records, self._limit)
        return tuple(islice((record for record in kept if key is None or record.key == key), max(limit, 0)))

    def _backwards(self, head: Head) -> Iterator[JournalRecord]:
        segments, records = self._top(head)
        yield from reversed(records)
        for segment in reversed(segments):
            for name, text in self._segments.read(head, JOURNAL, [segment.name]):
                yield from reversed(records_of(name, unpack(name, text)))

    def _top(self, head: Head) -> tuple[Segments, tuple[JournalRecord, ...]]:
        place = self._heads.place(head)
        data = unpack(place, head.parts[JOURNAL])
        return segments_of(place, data), records_of(place, data)

    def _appended(self, head: Head, new: Sequence[JournalRecord]) -> Change:
        lease = self._blocks.lease_for(head.facts.application, head)
        facts = head.facts.written(journal=head.facts.journal + 1)
        segments, records = self._top(head)
        records = (*records, *new)[-self._limit :]
        segments = _within(segments, self._limit - len(records))
        text = _packed(segments, records)
        if len(text) <= TOP_CHARACTERS:
            gone = tuple(segment.name for segment in self._top(head)[0] if segment not in segments)
            return Change(facts, lease, {JOURNAL: text}, obsolete=gone)
        leftovers = self._segments.unused(head, JOURNAL, segments)
        posted = tuple(self._segments.post(head, JOURNAL, piece) for piece in _cut(records))
        names = tuple(segment.name for segment in posted)
        return Change(facts, lease, {JOURNAL: _packed((*segments, *posted), ())}, posted=names, obsolete=leftovers)


def _within(segments: Segments, room: int) -> Segments:
    """Return the newest of *segments* that are needed to fill *room* records."""
    kept = len(segments)
    while kept and room > 0:
        kept -= 1
        room -= segments[kept].records
    return segments[kept:]


def _packed(segments: Segments, records: Sequence[JournalRecord]) -> str:
    return pack({**segments_to_json(segments), **records_to_json(records)})


def _cut(records: Sequence[JournalRecord]) -> Iterator[Piece]:
    """Yield *records* in pieces that an object can hold."""
    for start in range(0, len(records), _PACKED_AT_ONCE):
        yield from _halved(records[start : start + _PACKED_AT_ONCE])


def _halved(records: Sequence[JournalRecord]) -> list[Piece]:
    text = pack(records_to_json(records))
    if len(text) <= SEGMENT_CHARACTERS or len(records) == 1:
        return [Piece(text, len(records))]
    middle = len(records) // 2
    return [*_halved(records[:middle]), *_halved(records[middle:])]
