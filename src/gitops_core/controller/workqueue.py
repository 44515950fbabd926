"""What is to be worked on: each key once, not before its time, never two workers for one, and a fair turn for everybody."""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict
from typing import Final

import attrs

PRIORITY_SECONDS: Final = 60.0
"""One step of priority counts as having waited so much longer: nobody with a low one waits for ever."""

_SPARE: Final = 64


@attrs.frozen
class Lane:
    """Where a key stands in line: among its tenant's, and how far ahead of them."""

    tenant: str = ""
    priority: int = 0


class WorkQueue:
    """
    A deduplicating queue with delays. Used by one thread, the controller's own; it knows no clock, the time is told.

    A key that is added while it is in hand is worked on once more when it comes back: nothing that happens meanwhile is lost.
    Tenants take turns; within a tenant comes first what has waited longest, a step of priority counting as a minute.

    Source: the rules of client-go's workqueue (dirty and processing sets), with turns for tenants as in deficit round robin with
    equal quanta.

    Cost: O(log n) each.
    """

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._lanes: dict[str, Lane] = {}
        self._later: list[tuple[float, int, str]] = []
        self._ready: OrderedDict[str, list[tuple[float, int, str]]] = OrderedDict()
        self._is_ready: set[str] = set()
        self._in_hand: set[str] = set()
        self._order = itertools.count()

    def __len__(self) -> int:
        """Return how many keys wait for their time or for a worker; those in hand are not counted."""
        return len(self._due) - sum(key in self._due for key in self._in_hand)

    @property
    def in_hand(self) -> frozenset[str]:
        """The keys that were taken and have not come back."""
        return frozenset(self._in_hand)

    @property
    def ready(self) -> int:
        """How many keys are due and wait for a worker, as of the last :meth:`take` or :meth:`seconds`."""
        return len(self._is_ready)

    def add(self, key: str, due: float, lane: Lane = Lane()) -> None:
        """Let *key* be worked on at *due*, or earlier when it was to be already."""
        known = self._due.get(key)
        if known is not None and known <= due:
            return
        self._due[key] = due
        self._lanes[key] = lane
        if key not in self._in_hand and key not in self._is_ready:
            self._put_off(key, due)

    def due(self, key: str) -> float | None:
        """Return when *key* is to be worked on, or None."""
        return self._due.get(key)

    def drop(self, key: str) -> None:
        """Forget that *key* was to be worked on; one in hand stays in hand."""
        self._due.pop(key, None)
        self._is_ready.discard(key)
        if key not in self._in_hand:
            self._lanes.pop(key, None)

    def take(self, now: float) -> str | None:
        """Return a key that is due, and keep it in hand until :meth:`done`; None when there is none."""
        self._promote(now)
        while self._ready:
            tenant, line = next(iter(self._ready.items()))
            key = self._first(line)
            if key is None:
                del self._ready[tenant]
                continue
            self._ready.move_to_end(tenant)
            self._is_ready.discard(key)
            del self._due[key]
            self._in_hand.add(key)
            return key
        return None

    def done(self, key: str) -> None:
        """Take *key* back; when it was added meanwhile it is in line again."""
        self._in_hand.discard(key)
        due = self._due.get(key)
        if due is None:
            self._lanes.pop(key, None)
        else:
            self._put_off(key, due)

    def seconds(self, now: float) -> float | None:
        """Return how long until a key is due, 0 when one is, None when none will be."""
        self._promote(now)
        if self._is_ready:
            return 0.0
        return self._later[0][0] - now if self._later else None

    def _put_off(self, key: str, due: float) -> None:
        heapq.heappush(self._later, (due, next(self._order), key))
        if len(self._later) > _SPARE + 2 * len(self._due):  # what was moved forward leaves its old time behind
            self._later = [entry for entry in self._later if self._is_later(entry)]
            heapq.heapify(self._later)

    def _is_later(self, entry: tuple[float, int, str]) -> bool:
        due, _order, key = entry
        return self._due.get(key) == due and key not in self._in_hand and key not in self._is_ready

    def _promote(self, now: float) -> None:
        """Put what is due into its tenant's line, and forget what is no longer true."""
        while self._later:
            due, _order, key = self._later[0]
            is_valid = self._is_later(self._later[0])
            if is_valid and due > now:
                return
            heapq.heappop(self._later)
            if is_valid:
                lane = self._lanes[key]
                rank = due - PRIORITY_SECONDS * lane.priority
                heapq.heappush(self._ready.setdefault(lane.tenant, []), (rank, next(self._order), key))
                self._is_ready.add(key)

    def _first(self, line: list[tuple[float, int, str]]) -> str | None:
        while line:
            key = heapq.heappop(line)[2]
            if key in self._is_ready:
                return key
        return None
