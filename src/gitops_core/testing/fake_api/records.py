"""What the API holds, with enough of its past to show readers an older moment."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Hashable

import attrs

from gitops_core.model.values import FrozenDict


@attrs.frozen
class Stored:
    """
    One version of one record.

    Attributes:
        id: Its id.
        body: Without the fields that the settings make up.
        number: Position in the order of creation.
        version: Another one after every write, of any record.
        writer: Who wrote it.
        mark: What no other record may share; None for nothing.
    """

    id: str
    body: FrozenDict = attrs.field(repr=False)
    number: int = 0
    version: int = 0
    writer: str = ""
    mark: Hashable = attrs.field(default=None, repr=False)


class Shelf:
    """Records by id. Not safe between threads: the service holds its lock."""

    def __init__(self) -> None:
        self._past: dict[str, list[tuple[float, Stored | None]]] = {}
        self._holders: dict[Hashable, str] = {}
        self._numbers = itertools.count(1)
        self._versions = itertools.count(1)

    def current(self, record_id: str) -> Stored | None:
        """Return the record as it is."""
        past = self._past.get(record_id)
        return past[-1][1] if past else None

    def seen(self, record_id: str, at: float) -> Stored | None:
        """Return the record as it was at *at*."""
        return _at(self._past.get(record_id, []), at)

    def everything(self, at: float) -> list[Stored]:
        """Return all records as they were at *at*, in order of creation. Cost: O(records)."""
        found = (_at(past, at) for past in self._past.values())
        return sorted((stored for stored in found if stored is not None), key=lambda stored: stored.number)

    def holder(self, mark: Hashable) -> str:
        """Return the id of the record with *mark*; empty when there is none."""
        return "" if mark is None else self._holders.get(mark, "")

    def put(self, stored: Stored, now: float) -> Stored:
        """Write a record, a new one or over the one that is there, and return it with its number and version."""
        there = self.current(stored.id)
        number = there.number if there else next(self._numbers)
        stored = attrs.evolve(stored, number=number, version=next(self._versions))
        self._release(there)
        if stored.mark is not None:
            self._holders[stored.mark] = stored.id
        self._past.setdefault(stored.id, []).append((now, stored))
        return stored

    def remove(self, record_id: str, now: float) -> None:
        """Take a record out."""
        self._release(self.current(record_id))
        self._past.setdefault(record_id, []).append((now, None))

    def _release(self, there: Stored | None) -> None:
        if there is not None and self._holders.get(there.mark) == there.id:
            del self._holders[there.mark]

    def forget(self, record_id: str, before: float) -> None:
        """Drop what nobody who looks at *before* or later can see of a record."""
        past = self._past.get(record_id, [])
        del past[: max(0, bisect.bisect_right(past, before, key=lambda entry: entry[0]) - 1)]
        if len(past) == 1 and past[0][1] is None and past[0][0] <= before:
            del self._past[record_id]


def _at(past: list[tuple[float, Stored | None]], at: float) -> Stored | None:
    for time, stored in reversed(past):
        if time <= at:
            return stored
    return None
