"""What workers have in hand, since when, and who of them does not come back."""

from __future__ import annotations

import itertools

import attrs

from gitops_core.controller.status import Stuck
from gitops_core.interfaces import Clock


@attrs.define
class Work:
    """
    One thing in hand.

    Attributes:
        name: What it is: an application's id, or what is asked of a source.
        begun: When, on the monotonic clock.
        until: By when it should have come back, on the monotonic clock.
        is_told: Somebody was told that it has not.
    """

    name: str
    begun: float
    until: float
    is_told: bool = False


class UnderWay:
    """Everything that workers have in hand. One thread's own, save :meth:`stuck`, which any thread may ask."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count()
        self._works: dict[int, Work] = {}

    def __len__(self) -> int:
        return len(self._works)

    def begin(self, name: str, patience: float) -> int:
        """Note that a worker has *name* in hand, and should come back within *patience* seconds; return its number."""
        number, now = next(self._numbers), self._clock.monotonic()
        self._works[number] = Work(name, now, now + patience)
        return number

    def end(self, number: int) -> None:
        """Note that it has come back."""
        del self._works[number]

    @property
    def late(self) -> int:
        """How many have not come back in time."""
        now = self._clock.monotonic()
        return sum(work.until < now for work in self._works.values())

    def newly_late(self) -> list[str]:
        """Return the names of those that have not come back in time, each once."""
        now = self._clock.monotonic()
        found = [work for work in self._works.values() if work.until < now and not work.is_told]
        for work in found:
            work.is_told = True
        return [work.name for work in found]

    def stuck(self) -> tuple[Stuck, ...]:
        """Return those that have not come back in time, as values."""
        now, epoch = self._clock.monotonic(), self._clock.now()
        late = [work for work in tuple(self._works.values()) if work.until < now]
        found = [Stuck(work=work.name, since=epoch - (now - work.begun), seconds=now - work.begun) for work in late]
        return tuple(sorted(found, key=lambda stuck: stuck.work))
