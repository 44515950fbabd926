"""What every plug-in call gets: who asks, all time, the way out."""

from __future__ import annotations

import abc
import random
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import attrs

from gitops_core.errors import Cancelled, DeadlineExceeded
from gitops_core.model.applications import Owner
from gitops_core.model.events import Event
from gitops_core.model.revisions import Notice

T = TypeVar("T")


class Signal(Protocol):
    """A flag that somebody else sets once: ``threading.Event`` is one."""

    def is_set(self) -> bool: ...
    def set(self) -> None: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class Clock(abc.ABC):
    """
    All time comes from here, so that tests run on a virtual one.

    Attributes:
        is_real: Seconds go by on it by themselves. On one where they do not, nobody waits for what comes from outside: the wait would
            be over before anything can have come.
    """

    is_real: bool = True

    @abc.abstractmethod
    def now(self) -> float:
        """Return the time of day in seconds since the epoch."""

    @abc.abstractmethod
    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""

    @abc.abstractmethod
    def wait(self, signal: Signal, seconds: float) -> bool:
        """Wait until *signal* is set, at most *seconds*; return whether it is set."""

    def take(self, attempt: Callable[[float], T], seconds: float) -> T:
        """Return what *attempt* returns, which may block that long. A simulated clock gives it 0, and tries again in between."""
        return attempt(seconds)


class SystemClock(Clock):
    """The machine's clock; waits end as soon as the signal is set."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, signal: Signal, seconds: float) -> bool:
        return signal.wait(seconds)


class Memo(Protocol):
    """A cache that may outlive the process. A miss is always possible; values are bytes and hold nothing secret."""

    def get(self, space: str, key: str) -> bytes | None: ...
    def put(self, space: str, key: str, value: bytes) -> None: ...


@attrs.frozen(kw_only=True)
class Context:
    """
    What every plug-in call gets: who asks, until when, and the way out.

    Attributes:
        application: ``Application.id``.
        owner: Prefix of every label and annotation key.
        clock: All time.
        cancel: Set when the host wants us to stop.
        deadline: On ``clock.monotonic()``; infinite when there is none.
        salt: Keys the digests of secret values; the state store's own.
        memo: A cache that may outlive the process.
        random: All randomness.
        notify: Reports a :class:`Notice`.
        count: Adds to a counter of the pass's cost: ``ctx.count("documents_decoded")``.
    """

    application: str
    owner: Owner
    clock: Clock
    cancel: Signal
    deadline: float = float("inf")
    salt: bytes = attrs.field(default=b"", repr=False)
    memo: Memo
    random: random.Random
    notify: Callable[[Notice], None]
    count: Callable[[str, int], None]

    def remaining(self) -> float:
        """Return the seconds left until the deadline; never negative."""
        return max(0.0, self.deadline - self.clock.monotonic())

    def check(self) -> None:
        """
        Do nothing, unless it is time to stop.

        Raises:
            Cancelled: The host asked us to. WAIT.
            DeadlineExceeded: No time is left. RETRY.
        """
        if self.cancel.is_set():
            raise Cancelled("stopped by the host")
        if self.clock.monotonic() >= self.deadline:
            raise DeadlineExceeded("out of time; raise Options.deadline, or the target's limits.timeout")

    def sleep(self, seconds: float) -> None:
        """Wait *seconds* on the clock; raises like :meth:`check` as soon as there is a reason to stop."""
        self.check()
        self.clock.wait(self.cancel, min(seconds, self.remaining()))
        self.check()

    def within(self, seconds: float) -> Context:
        """Return this context with a deadline at most *seconds* away."""
        until = min(self.deadline, self.clock.monotonic() + seconds)  # attrs.evolve takes five times as long as what follows
        return Context(application=self.application, owner=self.owner, clock=self.clock, cancel=self.cancel, deadline=until,
            salt=self.salt, memo=self.memo, random=self.random, notify=self.notify, count=self.count)  # fmt: skip


class Sink(Protocol):
    """Takes events. Called in order, outside of every lock; what it raises is reported once and never stops a pass."""

    def emit(self, event: Event) -> None: ...
