"""The stop signal of one pass: set by whoever has a reason, and by itself when the engine's time is over."""

from __future__ import annotations

import threading
from collections.abc import Callable

from gitops_core.interfaces import Clock


class PassSignal:
    """
    A :class:`~gitops_core.interfaces.Signal` for one pass.

    Every call of a target looks at it first, so an engine that was stopped longer than its standing lasts writes nothing more when it
    goes on: no other thread has to notice before.

    Args:
        clock: On whose monotonic time the standing ends.
        valid_until: When it ends; asked each time, because it is renewed while the pass runs.
    """

    def __init__(self, clock: Clock, valid_until: Callable[[], float] = lambda: float("inf")) -> None:
        self._event = threading.Event()
        self._clock = clock
        self._valid_until = valid_until
        self.why = ""
        """Why it was set, for the status."""

    def is_set(self) -> bool:
        """Tell whether to stop."""
        return self._event.is_set() or self._clock.monotonic() >= self._valid_until()

    def set(self) -> None:
        """Stop the pass: it finishes the change in hand."""
        self._event.set()

    def stop(self, why: str) -> None:
        """Stop the pass, and say why; the first reason stands."""
        self.why = self.why or why
        self._event.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait to be stopped, at most *timeout* seconds."""
        self._event.wait(timeout)
        return self.is_set()
