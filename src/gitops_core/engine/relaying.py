"""Hands events to sinks from threads of their own, so that a slow, dead or raising sink holds up neither a pass nor another sink."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Self

import attrs

from gitops_core.context import SystemClock
from gitops_core.errors import ConfigError
from gitops_core.interfaces import Clock, Signal, Sink
from gitops_core.model.events import Event

_log: Final = logging.getLogger("gitops_core")
_IDLE: Final = 60.0  # seconds; nothing waits without a deadline, and close() ends the wait at once
_OVERFLOW: Final = ("drop_oldest", "drop_newest")


@attrs.frozen(kw_only=True)
class RelaySettings:
    """
    How much a relay keeps, and how it goes on with a sink that raises.

    Attributes:
        size: Events that wait for one sink at most; one more may be in its hands.
        overflow: What is dropped when there are more: ``drop_oldest`` (the news count) or ``drop_newest`` (what came first is
            kept without a gap). There is no ``block``: whoever emits would wait for the sink, and the sink would decide when
            the pass goes on.
        attempts: Times that one event is offered to a sink that raises, at least 2; after that it is given up.
        backoff: Seconds before the second attempt; doubles up to *backoff_cap*.
        backoff_cap: Longest wait between two attempts, in seconds.

    Raises:
        ConfigError: A number or a word that makes no sense.
    """

    size: int = 1000
    overflow: str = "drop_oldest"
    attempts: int = 5
    backoff: float = 0.5
    backoff_cap: float = 30.0

    def __attrs_post_init__(self) -> None:
        if self.overflow not in _OVERFLOW:
            raise ConfigError(f"overflow={self.overflow!r}: a full queue drops events; say which with {' or '.join(_OVERFLOW)}")
        if self.size < 1 or self.attempts <= 1 or self.backoff < 0 or self.backoff_cap < 0:
            raise ConfigError("a relay keeps at least 1 event, offers it at least 2 times, and waits no negative time in between")

    def pause(self, attempt: int) -> float:
        """Return the seconds to wait after *attempt* (1 for the first) has failed."""
        return min(self.backoff_cap, self.backoff * 2.0 ** min(attempt - 1, 30))


@attrs.frozen(kw_only=True)
class RelayCounts:
    """
    What has become of the events for one sink.

    Attributes:
        sink: The name of its class.
        waiting: In the queue now.
        delivered: Taken by the sink.
        dropped: Never offered: the queue was full, or the relay was closed before their turn.
        raised: Times that the sink raised.
        given_up: Offered as often as ``attempts`` says, or cut short by :meth:`Relay.close`, and never taken.
    """

    sink: str
    waiting: int = 0
    delivered: int = 0
    dropped: int = 0
    raised: int = 0
    given_up: int = 0


Spawn = Callable[[str, Callable[[], None]], object]
"""Starts a thread of this name that does this work."""


def daemon(name: str, work: Callable[[], None]) -> None:
    """Start a thread that does not keep the process alive: a sink that never comes back must not keep a host from exiting."""
    threading.Thread(target=work, name=name, daemon=True).start()


class Relay:
    """
    A sink that hands what it gets to other sinks, each from a thread of its own, through a bounded queue of its own.

    ``emit`` takes a lock for the time of an append and returns; it never waits for a sink and never raises. Each sink gets the
    events in the order in which they were emitted. A sink that raises is offered the same event again: each event that is not
    dropped arrives *at least* once, so a sink that counts must know an event again by ``(application, pass_id, sequence)``. A gap in
    the sequence of a pass tells of dropped events. The first error of a row goes to the logger ``gitops_core``, and so does its end.

    Example::

        with Relay([LoggingSink(), ChatSink()]) as relay:
            reconcile(app, store=store, runtime=Runtime(sinks=[relay]))

    Args:
        sinks: Who gets the events.
        settings: How much is kept.
        clock: All time.
        spawn: Starts the threads; a simulation puts its own in its place (``Scheduler.spawn``).
    """

    def __init__(
        self,
        sinks: Iterable[Sink],
        settings: RelaySettings = RelaySettings(),
        *,
        clock: Clock | None = None,
        spawn: Spawn = daemon,
    ) -> None:
        self._clock = clock or SystemClock()
        self._lines = [_Line(sink, settings, self._clock) for sink in sinks]
        for line in self._lines:
            spawn(f"events to {line.name}", line.run)

    def emit(self, event: Event) -> None:
        """Keep *event* for every sink. Cost: an append for each."""
        for line in self._lines:
            line.put(event)

    @property
    def counts(self) -> tuple[RelayCounts, ...]:
        """What has become of the events so far, for each sink, in the order in which they were given."""
        return tuple(line.counts for line in self._lines)

    def close(self, timeout: float = 5.0) -> bool:
        """
        Take no more events, deliver what waits, and end; a second call only waits again.

        Args:
            timeout: Seconds for all sinks together. What is not delivered by then is counted as dropped or given up, and a
                sink that has not come back is left alone.

        Returns:
            bool: Everything that waited was delivered, and every thread has ended.
        """
        deadline = self._clock.monotonic() + timeout
        for line in self._lines:
            line.close(deadline)
        ended = [self._clock.wait(line.ended, max(0.0, deadline - self._clock.monotonic())) for line in self._lines]
        for line in self._lines:
            line.abandon()
        return all(ended) and not any(line.left_something for line in self._lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class _Line:
    """The queue and the thread of one sink."""

    def __init__(self, sink: Sink, settings: RelaySettings, clock: Clock) -> None:
        self.name = type(sink).__name__
        self.ended: Signal = threading.Event()
        self.left_something = False
        self._sink, self._settings, self._clock = sink, settings, clock
        self._lock = threading.Lock()
        self._queue: deque[Event] = deque()
        self._news = threading.Event()
        self._closing = threading.Event()
        self._abandoned = threading.Event()
        self._deadline = float("inf")
        self._counts = RelayCounts(sink=self.name)
        self._is_failing = False

    @property
    def counts(self) -> RelayCounts:
        with self._lock:
            return attrs.evolve(self._counts, waiting=len(self._queue))

    def put(self, event: Event) -> None:
        with self._lock:
            if self._closing.is_set():
                self._count(dropped=1)
            elif len(self._queue) < self._settings.size:
                self._queue.append(event)
            else:
                self._count(dropped=1)
                if self._settings.overflow == "drop_oldest":
                    self._queue.popleft()
                    self._queue.append(event)
            self._news.set()

    def close(self, deadline: float) -> None:
        with self._lock:
            self._deadline = min(self._deadline, deadline)
            self._closing.set()
            self._news.set()

    def abandon(self) -> None:
        """Time is up: what still waits is dropped."""
        with self._lock:
            self._abandoned.set()
            self._drop_all()

    def _drop_all(self) -> None:
        if self._queue:
            self.left_something = True
            self._count(dropped=len(self._queue))
            self._queue.clear()

    def _count(self, **more: int) -> None:
        self._counts = attrs.evolve(self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()})

    # -- in its own thread -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        while not self._is_over():
            event = self._next()
            if event is not None:
                self._deliver(event)
            elif self._closing.is_set():
                break
            else:
                self._clock.wait(self._news, _IDLE)
        with self._lock:
            self._drop_all()
        self.ended.set()

    def _is_over(self) -> bool:
        return self._abandoned.is_set() or self._clock.monotonic() >= self._deadline

    def _next(self) -> Event | None:
        with self._lock:
            if self._queue:
                return self._queue.popleft()
            self._news.clear()
            return None

    def _deliver(self, event: Event) -> None:
        """Offer *event* until it is taken, or given up."""
        for attempt in range(1, self._settings.attempts + 1):
            if self._offered(event):
                return
            if attempt < self._settings.attempts:
                self._rest(self._settings.pause(attempt))
            if self._is_over():
                break
        with self._lock:
            self.left_something = self.left_something or self._closing.is_set()
            self._count(given_up=1)

    def _offered(self, event: Event) -> bool:
        try:
            self._sink.emit(event)
        except Exception:  # noqa: BLE001  # why: a sink may throw anything
            with self._lock:
                self._count(raised=1)
            if not self._is_failing:
                self._is_failing = True
                _log.exception("sink %s raised; the event is offered again", self.name)
            return False
        with self._lock:
            self._count(delivered=1)
            counts = self._counts
        if self._is_failing:
            self._is_failing = False
            _log.warning("sink %s takes events again: %d dropped, %d given up so far", self.name, counts.dropped, counts.given_up)
        return True

    def _rest(self, seconds: float) -> None:
        """Wait; one that is closed meanwhile tries once more at once, and then only until its deadline."""
        stop = self._abandoned if self._closing.is_set() else self._closing
        self._clock.wait(stop, min(seconds, max(0.0, self._deadline - self._clock.monotonic())))
