"""The gate through which every call leaves the process: it counts, and closes for ever where it is told."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import TypeVar

from gitops_core.testing.crash_points.points import Call, Cut, Moment, Point, Seam

T = TypeVar("T")


class ProcessDeath(BaseException):
    """The process ends here. Whoever catches it can do nothing more: every further call through the gate raises it again."""


def raise_death() -> None:
    """End the "process" by an exception: fast, and in this process."""
    raise ProcessDeath


def kill_process() -> None:
    """End the process by SIGKILL; for a forked child."""
    os.kill(os.getpid(), signal.SIGKILL)


Breaker = Callable[[Point], Exception | None]
"""Returns the error that a call fails with, or None to let it through."""


class Gate:
    """
    Lets calls of one thread out, one by one, until the cut.

    What the kernel does for a dead process (closing, unlocking, rolling back) does not come here, so it is done for a "dead" one, too.

    Args:
        cut: Where to end; None to count only.
        end: What ends the process.
        breaker: Makes single calls fail instead.

    Attributes:
        points: The calls so far.
        dead: The end has come.
    """

    def __init__(
        self, cut: Cut | None = None, *, end: Callable[[], None] = raise_death, breaker: Breaker = lambda _point: None
    ) -> None:
        self.points: list[Point] = []
        self.dead = False
        self._cut = cut
        self._end = end
        self._breaker = breaker
        self._thread = threading.get_ident()
        self._inside: set[Seam] = set()
        self._unforced: dict[tuple[int, int], int] = {}

    def through(self, call: Call, run: Callable[[], T], half: Callable[[], object] | None = None) -> T:
        """
        Return what *run* returns.

        Calls of other threads, and calls within a call of the same seam (``super().create``), are let through uncounted.

        Args:
            call: What it is.
            run: Does it.
            half: Does half of it; None for what happens as a whole or not at all.

        Raises:
            ProcessDeath: The cut is here, or was before.
        """
        if threading.get_ident() != self._thread or call.seam in self._inside:
            return run()
        if self.dead:
            raise ProcessDeath
        self._inside.add(call.seam)
        try:
            return self._counted(call, run, half)
        finally:
            self._inside.discard(call.seam)

    def _counted(self, call: Call, run: Callable[[], T], half: Callable[[], object] | None) -> T:
        point = Point(len(self.points) + 1, call, self._moments(call, half))
        self.points.append(point)
        moment = self._cut.moment if self._cut is not None and self._cut.number == point.number else None
        if moment is Moment.BEFORE:
            self._die()
        if moment is Moment.MIDDLE and half is not None:
            half()
            self._die()
        error = self._breaker(point)
        if error is not None:
            raise error
        try:
            return run()
        finally:  # a call that failed is over, too
            if moment in (Moment.AFTER, Moment.POWER) and not self.dead:
                self._die(power=moment is Moment.POWER)

    def _moments(self, call: Call, half: Callable[[], object] | None) -> tuple[Moment, ...]:
        middle = (Moment.MIDDLE,) if half is not None else ()
        power = (Moment.POWER,) if call.seam is Seam.FILE and call.changes and self._unforced else ()
        return (Moment.BEFORE, *middle, Moment.AFTER, *power)

    def _die(self, *, power: bool = False) -> None:
        self.dead = True
        if power:
            for copy in self._unforced.values():
                os.ftruncate(copy, 0)
        self.forget_files()
        self._end()

    # -- what the disk does not have yet --------------------------------------------------------------------------------

    def written(self, fd: int) -> None:
        """Remember that the file behind *fd* has content that a power cut would take."""
        facts = os.fstat(fd)
        place = (facts.st_dev, facts.st_ino)
        if place not in self._unforced:
            self._unforced[place] = os.dup(fd)

    def forced(self, fd: int) -> None:
        """Remember that the file behind *fd* is on the disk."""
        facts = os.fstat(fd)
        copy = self._unforced.pop((facts.st_dev, facts.st_ino), None)
        if copy is not None:
            os.close(copy)

    def forget_files(self) -> None:
        """Close what :meth:`written` kept open."""
        while self._unforced:
            os.close(self._unforced.popitem()[1])
