"""The real clock."""

from __future__ import annotations

import time

from gitops_core.interfaces import Clock, Signal


class SystemClock(Clock):
    """The machine's clock; waits end as soon as the signal is set."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, signal: Signal, seconds: float) -> bool:
        return signal.wait(seconds)
