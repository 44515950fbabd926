"""A clock on which nothing takes time."""

from __future__ import annotations

import threading

from gitops_core.interfaces import Clock, Signal


class VirtualClock(Clock):
    """
    A clock that only moves when told to, or waited on: a test that "sleeps" for a day ends at once.

    Time of day and monotonic time move together, until somebody sets the clock: :meth:`jump`. Safe between threads.

    Attributes:
        slept: Every wait that was not cut short, in seconds, in order.
    """

    is_real = False

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        """Begin at *start*, in seconds since the epoch; the monotonic time begins at 0."""
        self._start = start
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self._slept: list[float] = []

    @property
    def slept(self) -> list[float]:
        """A copy of the record of waits."""
        with self._lock:
            return list(self._slept)

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Return the seconds this clock was advanced so far."""
        return self._elapsed  # one read: no lock needed, and this is called more often than anything else

    def advance(self, seconds: float) -> None:
        """
        Let *seconds* go by.

        Raises:
            ValueError: *seconds* is negative; time does not run backwards.
        """
        if seconds < 0:
            raise ValueError(f"cannot advance by {seconds} s: time does not run backwards")
        with self._lock:
            self._elapsed += seconds

    def jump(self, seconds: float) -> None:
        """Set the time of day *seconds* forward, or back when negative; the monotonic time does not notice."""
        with self._lock:
            self._start += seconds

    def wait(self, signal: Signal, seconds: float) -> bool:
        """Return True at once when *signal* is set; else let *seconds* go by and return whether it is set now."""
        if signal.is_set():
            return True
        seconds = max(0.0, seconds)
        self.advance(seconds)
        with self._lock:
            self._slept.append(seconds)
        return signal.is_set()
