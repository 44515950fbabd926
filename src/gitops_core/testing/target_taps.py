"""Stands between a target and its API: counts the calls, and lets one of them fail, or all."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

Place: TypeAlias = tuple[object, str]
"""An object and the name of one of its methods: ``(target.api, "create")``."""


class Crash(BaseException):
    """The process ends here. Not an ``Exception``, so that nothing on the way out can hold it up."""


class Taps:
    """
    A tap on each of some methods. Safe between threads.

    Args:
        places: The methods. Objects without a ``__dict__`` get a subclass that differs in nothing else.

    Attributes:
        calls: The names of the methods that were called, in order, those that failed included.
        down: What every call raises from now on; None when the API works.
        before: Raised by the n-th call (from 1, counted from the beginning) before anything is done, by n.
        after: Raised by the n-th call after it was done: its reply is lost.
        meanwhile: Runs once, when the next call is on its way: what somebody else does at the same time.

    Raises:
        TypeError: An object whose methods cannot be replaced, such as one written in C.

    Example::

        taps = Taps([(api, "create"), (api, "delete")])
        taps.after[1] = Transient("no reply")
    """

    def __init__(self, places: Iterable[Place]) -> None:
        self.calls: list[str] = []
        self.down: Exception | None = None
        self.before: dict[int, BaseException] = {}
        self.after: dict[int, BaseException] = {}
        self.meanwhile: Callable[[], object] | None = None
        self._lock = threading.Lock()
        for owner, name in places:
            _replace(owner, name, functools.partial(self._called, name, getattr(owner, name)))

    def clear(self) -> None:
        """Forget the calls and every failure that was asked for."""
        with self._lock:
            self.calls, self.down, self.before, self.after = [], None, {}, {}

    def _called(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            self.calls.append(name)
            number = len(self.calls)
            meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        error = self.down or self.before.get(number)
        if error is not None:
            raise error
        answer = method(*args, **kwargs)
        if number in self.after:
            raise self.after[number]
        return answer


def mutators(target: Any, abilities: Iterable[str]) -> Sequence[Place]:
    """Return the places of the methods by which an engine writes to *target*, as far as it has them."""
    names = {"create", "delete", *abilities} & {"create", "update", "delete", "poll", "apply_batch"}
    return [(target, name) for name in sorted(names)]


def _replace(owner: Any, name: str, tap: Callable[..., Any]) -> None:
    try:
        if hasattr(owner, "__dict__"):
            object.__setattr__(owner, name, tap)
        else:
            tapped = {"__slots__": (), name: lambda _self, *args, **kwargs: tap(*args, **kwargs)}
            object.__setattr__(owner, "__class__", type(type(owner).__name__, (type(owner),), tapped))
    except (TypeError, AttributeError) as error:
        raise TypeError(f"{type(owner).__name__}.{name} cannot be replaced: name a Python object around it instead") from error
