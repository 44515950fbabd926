"""Events and counters of one pass."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from typing import Any, Final

import attrs

from gitops_core.interfaces import Clock, Sink
from gitops_core.model.events import Event, EventType
from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.model.results import Cost

_log: Final = logging.getLogger("gitops_core")


class Meter:
    """Counts what a pass costs; any thread may add."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, name: str, n: int = 1) -> None:
        """Add *n* to *name*."""
        with self._lock:
            self._counts[name] += n

    def cost(self) -> Cost:
        """Return the counts that :class:`Cost` knows."""
        return Cost(**{field.name: self._counts[field.name] for field in attrs.fields(Cost)})


class Emitter:
    """
    Numbers events in any thread and hands them to the sinks in the pass's own thread, in order, outside of every lock.

    A sink that raises is reported to the log once and left out for the rest of the pass.
    """

    def __init__(self, application: str, pass_id: str, clock: Clock, sinks: tuple[Sink, ...]) -> None:
        self._application = application
        self._pass_id = pass_id
        self._clock = clock
        self._sinks = list(sinks)
        self._waiting: deque[Event] = deque()
        self._sequence = 0
        self._lock = threading.Lock()

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens; what only makes texts for events need not be done otherwise."""
        return bool(self._sinks)

    def later(
        self, type_: EventType, message: str, *, key: ResourceKey | None = None, origin: Origin = Origin(), **data: Any
    ) -> None:
        """Queue an event from any thread."""
        if not self.is_heard:
            return
        with self._lock:
            event = Event(type_, self._application, self._clock.now(), self._sequence, self._pass_id, message, key, origin, data)
            self._sequence += 1
            self._waiting.append(event)

    def emit(
        self, type_: EventType, message: str, *, key: ResourceKey | None = None, origin: Origin = Origin(), **data: Any
    ) -> None:
        """Queue an event and deliver everything that waits; only from the pass's own thread."""
        self.later(type_, message, key=key, origin=origin, **data)
        self.flush()

    def flush(self) -> None:
        """Deliver everything that waits; only from the pass's own thread."""
        while self._waiting:
            event = self._waiting.popleft()
            for sink in tuple(self._sinks):
                self._deliver(sink, event)

    def _deliver(self, sink: Sink, event: Event) -> None:
        try:
            sink.emit(event)
        except Exception:  # noqa: BLE001  # why: a sink may throw anything; it never stops a pass
            self._sinks.remove(sink)
            _log.exception("%s: sink %s raised and gets no more events of this pass", self._application, type(sink).__name__)
