"""The faults there are: where each strikes, and what it does to a call. Frozen values; what happened is in the plan's record."""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, ClassVar, NoReturn

import attrs
from attrs.validators import ge, gt, le, optional

from gitops_core.errors import DeadlineExceeded
from gitops_core.testing.faults.calls import Call
from gitops_core.testing.faults.garbling import CannotGarble


class Crashed(BaseException):
    """The process dies here. Nobody may catch it but the test, which begins the next process with ``FaultPlan.restart``."""


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _numbers(value: int | Iterable[int] | None) -> frozenset[int] | None:
    if value is None:
        return None
    return frozenset({value} if isinstance(value, int) else value)


@attrs.frozen(repr=False)
class Fault:
    """
    Where a fault strikes: at every call that meets all of this.

    Attributes:
        on: Operations, as globs: ``"create"``, ``"target.*"``, ``("create", "update")``. With or without the label of the wrapper.
        key: What the call is about, as a glob: ``"ConfigMap/*"``. In a call about many objects it strikes the share that matches.
        at: Which of the calls that match ``on`` and ``key``, from 1: a number or several (``range(3, 6)``).
        times: How often at most.
        probability: 0.0 to 1.0; drawn from the plan's seed, the operation, the key, and how often that was called.
        during: From when until when, in seconds on the monotonic clock.
    """

    on: tuple[str, ...] = attrs.field(default="*", converter=_names)
    key: str = attrs.field(default="*", converter=str, kw_only=True)
    at: frozenset[int] | None = attrs.field(default=None, converter=_numbers, kw_only=True)
    times: int | None = attrs.field(default=None, validator=optional(ge(1)), kw_only=True)
    probability: float = attrs.field(default=1.0, validator=[ge(0.0), le(1.0)], kw_only=True)
    during: tuple[float, float] | None = attrs.field(default=None, kw_only=True)

    goes_on: ClassVar[bool] = False
    """Whether the call takes its course afterwards, so that another fault may strike it, too."""

    def matches(self, operation: str) -> bool:
        """Tell whether *operation* (``target.create``) is one of ``on``."""
        short = operation.rpartition(".")[2]
        return any(fnmatch.fnmatchcase(operation, name) or fnmatch.fnmatchcase(short, name) for name in self.on)

    def share(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Return those of *keys* that it is for."""
        return tuple(key for key in keys if fnmatch.fnmatchcase(key, self.key))

    def strikes_all_of(self, call: Call) -> bool:
        """Tell whether it strikes the whole of *call*, and not only some of many objects."""
        return call.share is None or self.key == "*"

    def act(self, call: Call) -> Any:
        """Do *call*, with the fault in it, and return its answer."""
        raise NotImplementedError

    @property
    def told(self) -> str:
        """What it does, for the record."""
        raise NotImplementedError

    def __repr__(self) -> str:
        facts = [
            _shown(attribute.name, getattr(self, attribute.name), attribute.default) for attribute in attrs.fields(type(self))
        ]
        return f"{type(self).__name__}({', '.join(filter(None, facts))})"


def _shown(name: str, value: Any, default: Any) -> str:
    if value == default or (name == "on" and value == ("*",)):
        return ""
    if name == "on":
        return repr(value[0] if len(value) == 1 else value)
    if name == "at":
        return f"at={next(iter(value)) if len(value) == 1 else sorted(value)}"
    shown = getattr(value, "__name__", None) if callable(value) else repr(value)
    return f"{name}={shown or '...'}"


@attrs.frozen(repr=False)
class Fail(Fault):
    """
    The call fails, and nothing was done.

    Attributes:
        error: A class of error, or an error of which a copy is raised; the side's own transient one when left out.
    """

    error: type[Exception] | Exception | None = attrs.field(default=None, kw_only=True)

    def act(self, call: Call) -> NoReturn:
        """Raise."""
        message = f"injected: {call.text} failed"
        if isinstance(self.error, Exception):
            raise copy.copy(self.error)  # a copy, because the engine completes what it catches
        raise self.error(message) if self.error else call.dialect.failed(message)

    @property
    def told(self) -> str:
        """See :class:`Fault`."""
        error = self.error if isinstance(self.error, type) or self.error is None else type(self.error)
        return f"failed with {error.__name__}" if error else "failed"


@attrs.frozen(repr=False)
class Delay(Fault):
    """
    The call takes longer, on the clock.

    Attributes:
        seconds: How much.
    """

    goes_on = True
    seconds: float = attrs.field(validator=gt(0.0), kw_only=True)

    def act(self, call: Call) -> Any:
        """Wait, then go on; the caller's deadline ends the wait as it would end the call."""
        call.time.wait(self.seconds)
        return call.run()

    @property
    def told(self) -> str:
        """See :class:`Fault`."""
        return f"delayed by {self.seconds:g} s"


@attrs.frozen(repr=False)
class DropReply(Fault):
    """The call is done, and its reply is lost: the caller gets an error."""

    def act(self, call: Call) -> NoReturn:
        """Do it, then raise."""
        call.run()
        raise call.dialect.failed(f"injected: the reply to {call.text} was lost")

    @property
    def told(self) -> str:
        """See :class:`Fault`."""
        return "done, reply dropped"


@attrs.frozen(repr=False)
class TimeOut(Fault):
    """
    No answer comes until the caller gives up.

    Attributes:
        seconds: After so many the caller gives up; at its own deadline when left out, at 30 s when it has none.
        done: Whether it was done all the same.
    """

    seconds: float | None = attrs.field(default=None, validator=optional(gt(0.0)), kw_only=True)
    done: bool = attrs.field(default=False, kw_only=True)

    def act(self, call: Call) -> NoReturn:
        """Wait, then raise."""
        if self.done:
            call.run()
        patience = call.time.patience()
        seconds = patience if self.seconds is None else min(self.seconds, patience)
        with suppress(DeadlineExceeded):  # the deadline is what ends it; the error is the client's own
            call.time.wait(seconds)
        raise call.dialect.timed_out(f"injected: no answer to {call.text} within {seconds:g} s")

    @property
    def told(self) -> str:
        """See :class:`Fault`."""
        return "done, timed out" if self.done else "timed out"


@attrs.frozen(repr=False)
class Throttle(Fault):
    """
    The call is refused, because there were too many.

    Attributes:
        retry_after: Seconds that the caller is asked to wait.
    """

    retry_after: float = attrs.field(default=1.0, validator=ge(0.0), kw_only=True)

    def act(self, call: Call) -> NoReturn:
        """Raise."""
        raise call.dialect.throttled(f"injected: {call.text} was throttled", self.retry_after)

    @property
    def told(self) -> str:
        """See :class:`Fault`."""
        return f"throttled for {self.retry_after:g} s"


@attrs.frozen(repr=False)
class Corrupt(Fault):
    """
    The call is done, and its answer is wrong.

    Attributes:
        change: Makes the wrong answer of the right one; something small in it when left out. Where no small wrong
            thing would be credible (a state store checks what it reads), the caller gets an error that says "corrupt".
    """

    change: Callable[[Any], Any] | None = attrs.field(default=None, kw_only=True)

    def act(self, call: Call) -> Any:
        """Do it, and return another answer."""
        answer = call.run()
        if self.change is not None:
            return self.change(answer)
        try:
            return call.garble(answer, call.entropy)
        except CannotGarble:
            raise call.dialect.corrupted(f"injected: the answer to {call.text} is corrupt") from None

    @property
    def told(self) -> str:
        """See :class:`Fault`."""
        return "answer corrupted"


@attrs.frozen(repr=False)
class Crash(Fault):
    """
    The process dies: every call through the plan raises :class:`Crashed` from now on, until ``FaultPlan.restart``.

    Attributes:
        done: Whether the call was done before; else it was never made.
    """

    done: bool = attrs.field(default=False, kw_only=True)

    def act(self, call: Call) -> NoReturn:
        """Raise what nobody catches."""
        if self.done:
            call.run()
        raise Crashed(f"injected: the process died {'after' if self.done else 'before'} {call.text}")

    @property
    def told(self) -> str:
        """See :class:`Fault`."""
        return f"crashed {'after' if self.done else 'before'} it"
