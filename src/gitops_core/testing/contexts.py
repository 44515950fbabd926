"""A context for tests: virtual time, memory only, everything recorded."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import Any

from gitops_core.interfaces import Context
from gitops_core.model.applications import Owner
from gitops_core.model.revisions import Notice
from gitops_core.testing.clock import VirtualClock


class MemoryMemo:
    """A memo in a dictionary; it forgets nothing."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], bytes] = {}

    def get(self, space: str, key: str) -> bytes | None:
        """Return what was put under (*space*, *key*), or None."""
        return self.values.get((space, key))

    def put(self, space: str, key: str, value: bytes) -> None:
        """Remember *value*."""
        self.values[space, key] = value


class Recorder:
    """
    What plug-ins reported through their context. Safe between threads.

    Hand it to :func:`make_context`; afterwards ``recorder.notices`` and ``recorder.counts["blobs_read"]`` tell.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notices: list[Notice] = []
        self._counts: Counter[str] = Counter()

    @property
    def notices(self) -> list[Notice]:
        """The notices so far, in order; a copy."""
        with self._lock:
            return list(self._notices)

    @property
    def counts(self) -> Counter[str]:
        """The counters so far; a copy. A counter that nobody touched is 0."""
        with self._lock:
            return Counter(self._counts)

    def notify(self, notice: Notice) -> None:
        """Keep *notice*."""
        with self._lock:
            self._notices.append(notice)

    def count(self, what: str, by: int = 1) -> None:
        """Add *by* to the counter *what*."""
        with self._lock:
            self._counts[what] += by


def make_context(recorder: Recorder | None = None, **overrides: Any) -> Context:
    """
    Return a context for tests: application ``example.org/tests/app``, a :class:`VirtualClock`, no deadline, nothing cancelled.

    Args:
        recorder: Takes notices and counts; without it they are recorded where nobody looks.
        overrides: Attributes of :class:`~gitops_core.interfaces.Context` to replace: ``make_context(deadline=5.0)``.
    """
    recorder = recorder or Recorder()
    facts: dict[str, Any] = {
        "application": "example.org/tests/app",
        "owner": Owner("example.org", "tests"),
        "clock": VirtualClock(),
        "cancel": threading.Event(),
        "salt": b"tests",
        "memo": MemoryMemo(),
        "random": random.Random(0),  # noqa: S311  # why: tests want the same numbers every time
        "notify": recorder.notify,
        "count": recorder.count,
    }
    return Context(**{**facts, **overrides})
