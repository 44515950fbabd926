"""What the host lends to the engine: clock, threads, randomness, the stop signal, listeners."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import attrs

from gitops_core.context import SystemClock
from gitops_core.interfaces import Clock, Signal, Sink

P = ParamSpec("P")
T = TypeVar("T")


def settle(future: Future[T], run: Callable[[], T]) -> None:
    """Give *future* what *run* returns, or what it raises."""
    try:
        future.set_result(run())
    except BaseException as error:  # noqa: BLE001  # why: a future carries every kind of failure
        future.set_exception(error)


class SameThread(Executor):
    """Runs each task at once, in the thread that submits it."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run *fn* now and return its finished future."""
        future: Future[T] = Future()
        settle(future, lambda: fn(*args, **kwargs))
        return future


def threads(workers: int) -> Executor:
    """Return a pool of *workers* threads; one worker alone needs none, it works in the pass's own."""
    return ThreadPoolExecutor(max_workers=workers, thread_name_prefix="gitops") if workers > 1 else SameThread()


def _sinks(values: Iterable[Sink]) -> tuple[Sink, ...]:
    return tuple(values)


@attrs.frozen(kw_only=True)
class Runtime:
    """
    The engine's surroundings. The defaults are the real ones; tests put others in their place.

    Attributes:
        clock: All time.
        cancel: Set it to stop: the change in hand is finished, nothing new begins.
        executor: Makes the pool for one pass, from the number of workers.
        random: All randomness (jitter, pass ids).
        sinks: Get every event.
        term: Under which the host works, where several share the work: an engine of an earlier term writes nothing more.
        waits: Off: a pass with nothing to do but wait ends PENDING, says when to come back, and holds nobody up.
    """

    clock: Clock = attrs.field(factory=SystemClock)
    cancel: Signal = attrs.field(factory=threading.Event)
    executor: Callable[[int], Executor] = threads
    random: random.Random = attrs.field(factory=random.SystemRandom)
    sinks: tuple[Sink, ...] = attrs.field(default=(), converter=_sinks)
    term: int = 0
    waits: bool = True
