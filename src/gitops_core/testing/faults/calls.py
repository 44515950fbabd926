"""One call on its way through a plan, and the time it has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import attrs

from gitops_core.errors import ConfigError
from gitops_core.interfaces import Clock, Context
from gitops_core.testing.faults.dialects import Dialect
from gitops_core.testing.faults.garbling import garbled

_PATIENCE: Final = 30.0  # seconds after which a caller without a deadline of its own gives up


class Time(Protocol):
    """The time a call has, and the way to let it pass."""

    def now(self) -> float | None:
        """Return monotonic seconds; None when there is no clock."""

    def patience(self) -> float:
        """Return the seconds after which the caller gives up."""

    def wait(self, seconds: float) -> None:
        """Let *seconds* pass; raises what the caller's own waiting would raise."""


@attrs.frozen
class ContextTime:
    """The time of a call that was handed a context: its clock, its deadline, its stop signal."""

    ctx: Context

    def now(self) -> float:
        """Return monotonic seconds of the context's clock."""
        return self.ctx.clock.monotonic()

    def patience(self) -> float:
        """Return what is left until the deadline, but not for ever."""
        return min(self.ctx.remaining(), _PATIENCE)

    def wait(self, seconds: float) -> None:
        """Wait as the plug-in itself would: DeadlineExceeded and Cancelled come out."""
        self.ctx.sleep(seconds)


@attrs.frozen
class ClockTime:
    """The time of a call without a context: the plan's clock."""

    clock: Clock | None

    def now(self) -> float | None:
        """Return monotonic seconds; None without a clock."""
        return self.clock.monotonic() if self.clock else None

    def patience(self) -> float:
        """Return a common time-out."""
        return _PATIENCE

    def wait(self, seconds: float) -> None:
        """
        Let *seconds* pass.

        Raises:
            ConfigError: The plan has no clock. STALL.
        """
        if self.clock is None:
            raise ConfigError("this fault needs a clock: FaultPlan(..., clock=clock)")
        self.clock.wait(threading.Event(), seconds)


@attrs.frozen(kw_only=True)
class Call:
    """
    One call of something that is wrapped.

    Attributes:
        operation: Label and method: ``target.create``.
        key: What it is about: an object, a revision, an application; empty when that is unknown, or many.
        run: Does it.
        dialect: How its side says that something went wrong.
        time: Its time.
        garble: Makes a wrong answer of a right one.
        about: The keys of a call about many objects.
        share: Does a call about many objects with a fault that strikes some of them only; None when the call is about one.
        number: Position among all calls that went through the plan, from 1; 0 before it did.
        entropy: Differs from call to call, and not from run to run.
    """

    operation: str
    key: str = ""
    run: Callable[[], Any] = attrs.field(repr=False)
    dialect: Dialect = attrs.field(repr=False)
    time: Time = attrs.field(repr=False)
    garble: Callable[[Any, int], Any] = attrs.field(default=garbled, repr=False)
    about: Callable[[], Iterable[str]] = attrs.field(default=tuple, repr=False)
    share: Callable[[Any, Call], Any] | None = attrs.field(default=None, repr=False)
    number: int = 0
    entropy: int = 0

    @property
    def text(self) -> str:
        """How messages name it: ``target.create of ConfigMap/site``."""
        return f"{self.operation} of {self.key}" if self.key else self.operation

    @property
    def keys(self) -> Iterable[str]:
        """Everything it is about."""
        return (self.key,) if self.share is None else self.about()

    def instead(self, run: Callable[[], Any]) -> Call:
        """Return this call with something else to do."""
        return attrs.evolve(self, run=run)
