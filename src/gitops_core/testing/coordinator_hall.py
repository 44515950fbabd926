"""Members of one installation in one test: each with a handle and a time of day of its own, and every standing checked by the laws."""

# ruff: noqa: S101  # why: the laws are part of a contract suite, and pytest runs it

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

from gitops_core.interfaces import Clock, Context, Coordinator, Signal
from gitops_core.model.rosters import Member, Roster, Standing
from gitops_core.testing.contexts import make_context

_SETTLING: Final = 4
"""Rounds after which everybody must have heard of everybody."""


class SkewedClock(Clock):
    """*clock*, with a time of day that is *skew* seconds ahead of it."""

    def __init__(self, clock: Clock, skew: float) -> None:
        self._clock, self._skew = clock, skew

    def now(self) -> float:
        """Return the time of day that its machine believes in."""
        return self._clock.now() + self._skew

    def monotonic(self) -> float:
        """Return what the clock says."""
        return self._clock.monotonic()

    def wait(self, signal: Signal, seconds: float) -> bool:
        """Wait on the clock."""
        return self._clock.wait(signal, seconds)


class Hall:
    """
    The members of a test.

    Every roster that anybody gets is held against all others: one list for one generation, sorted, with a leader out of it; and no
    member ever gets an earlier generation than before.

    Args:
        make: Makes a handle on the one installation.
        clock: Of all members; each has a time of day of its own.
        rest: Lets so many seconds go by.

    Attributes:
        clock: Of all members.
        interval: Between two beats.
    """

    def __init__(self, make: Callable[[], Coordinator], clock: Clock, rest: Callable[[float], None]) -> None:
        self.clock = clock
        self._make, self._rest = make, rest
        self._handles: dict[str, Coordinator] = {}
        self._contexts: dict[str, Context] = {}
        self._latest: dict[str, int] = {}
        self._agreed: dict[int, Roster] = {}
        self._standings: dict[str, Standing] = {}
        self._lock = threading.Lock()
        self.interval = self.handle("the first").interval

    def handle(self, name: str) -> Coordinator:
        """Return the handle of the member *name*."""
        with self._lock:
            if name not in self._handles:
                self._handles[name] = self._make()
            return self._handles[name]

    def context(self, name: str) -> Context:
        """Return the context of the member *name*; no two have the same time of day."""
        with self._lock:
            if name not in self._contexts:
                number = len(self._contexts)
                clock = SkewedClock(self.clock, (-1) ** number * 600.0 * number)
                self._contexts[name] = make_context(application="", clock=clock)
            return self._contexts[name]

    def beat(self, name: str, weight: float = 1.0) -> Standing:
        """Let the member *name* beat, and hold what it gets against the laws."""
        standing = self.handle(name).beat(self.context(name), Member(name, weight))
        with self._lock:
            self._judge(name, standing)
        return standing

    def _judge(self, name: str, standing: Standing) -> None:
        roster = standing.roster
        known = self._agreed.setdefault(roster.generation, roster)
        assert known == roster, f"Two lists of generation {roster.generation}: {known} and {roster}"
        assert roster.generation >= self._latest.get(name, 1), (
            f"{name} got generation {roster.generation} after {self._latest.get(name, 1)}: engines of the later one would be fenced off"
        )
        assert list(roster.ids) == sorted(set(roster.ids)), f"Members must be sorted, each once: {roster.ids}"
        assert roster.leader in roster.ids, f"The leader {roster.leader!r} is none of {roster.ids}"
        self._latest[name] = roster.generation
        self._standings[name] = standing

    def leave(self, name: str) -> None:
        """Let the member *name* leave; it comes back, if ever, as a process that was started anew."""
        self.handle(name).leave(self.context(name), Member(name))
        with self._lock:
            del self._handles[name]

    def round(self, names: Iterable[str]) -> dict[str, Standing]:
        """Let each of *names* beat once and one interval go by."""
        found = {name: self.beat(name) for name in names}
        self._rest(self.interval)
        return found

    def settle(self, names: Iterable[str]) -> Roster:
        """Let *names* beat until all must know of all, and return their one list."""
        names = list(names)
        for _ in range(_SETTLING - 1):
            self.round(names)
        found = {self.beat(name).roster for name in names}
        assert len(found) == 1, f"After {_SETTLING} beats of each the members do not agree: {found}"
        return found.pop()

    def rest(self, seconds: float) -> None:
        """Let *seconds* go by in which nobody beats."""
        self._rest(seconds)

    def until_gone(self, name: str, others: Iterable[str], patience: float) -> Roster:
        """
        Let *others* beat until *name* is counted out, at most *patience* seconds, and return the list without it.

        On the way it must be on every list of those who beat while its own standing lasts.
        """
        others = list(others)
        until, began = self._standings[name].valid_until, self.clock.monotonic()
        while self.clock.monotonic() <= began + patience:
            roster = self.beat(others[0]).roster
            if name not in roster.ids:
                early = until - self.clock.monotonic()
                assert early <= 0, f"{name} was counted out {early:.3g} s before its own standing ended: two would write at once"
                return roster
            for other in others[1:]:
                self.beat(other)
            self._rest(self.interval / 2)
        raise AssertionError(f"{name} was silent for {patience:g} s and is still on the list: nobody would do its work")

    def close(self) -> None:
        """Close every handle."""
        for handle in self._handles.values():
            handle.close()
