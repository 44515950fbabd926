"""What a controller says to sinks: numbered, and through a relay, so that no sink holds anything up."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final

from gitops_core.controller.limits import ControllerLimits
from gitops_core.engine.relaying import Relay, RelaySettings
from gitops_core.engine.runtime import Runtime
from gitops_core.interfaces import Sink
from gitops_core.model.events import Event, EventType

_log: Final = logging.getLogger("gitops_core")


class Voice:
    """
    Tells sinks what happens between passes, and stands between them and the passes.

    Args:
        runtime: Clock, randomness, and the host's sinks.
        limits: How many events may wait, and which are dropped when there are more.
        threads: Makes the threads that call the sinks; without any they are called at once, by who has something to tell.
    """

    def __init__(self, runtime: Runtime, limits: ControllerLimits, threads: Callable[[int], Executor] | None) -> None:
        self._clock = runtime.clock
        self._id = f"controller-{runtime.random.getrandbits(64):016x}"
        self._sequence = itertools.count()
        self._relay: Relay | None = None
        self._pool: Executor | None = None
        self.sinks: tuple[Sink, ...] = runtime.sinks
        """What a pass is to tell: the relay, where there is one."""
        if threads is not None and runtime.sinks:
            pool = self._pool = threads(len(runtime.sinks))
            settings = RelaySettings(size=limits.events, overflow=limits.overflow)
            self._relay = Relay(runtime.sinks, settings, clock=runtime.clock, spawn=lambda _name, work: pool.submit(work))
            self.sinks = (self._relay,)

    @property
    def dropped(self) -> int:
        """How many events no sink got, because it was too slow."""
        return sum(count.dropped for count in self._relay.counts) if self._relay is not None else 0

    def tell(self, type_: EventType, application: str, message: str, **data: Any) -> None:
        """Say something about *application*; empty for the controller as a whole."""
        if not self.sinks:
            return
        event = Event(type_, application, self._clock.now(), next(self._sequence), self._id, message, data=data)
        for sink in self.sinks:
            try:
                sink.emit(event)
            except Exception:  # noqa: BLE001  # why: a sink may throw anything; it never stops the controller
                _log.exception("sink %s raised", type(sink).__name__)

    def close(self, seconds: float) -> None:
        """Deliver what waits, in so many seconds at most."""
        if self._relay is not None:
            self._relay.close(seconds)
        if self._pool is not None:
            self._pool.shutdown(wait=False)
