"""Threads that are lent to one pass after the other: making new ones for each takes longer than most passes do."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Final, ParamSpec, TypeVar

from gitops_core.engine.daemons import DaemonThreads
from gitops_core.engine.runtime import SameThread, settle, threads

P = ParamSpec("P")
T = TypeVar("T")
_TICK: Final = 0.25  # seconds; whoever waits is told, this only bounds what a lost word would cost
_MANY: Final = 10_000  # threads; every borrower has a limit of its own, this only ends what would never end


class LentThreads:
    """
    Daemon threads for many passes at once, made when they are needed and kept.

    Its :meth:`lend` takes the place of :func:`~gitops_core.engine.runtime.threads` in a :class:`~gitops_core.engine.runtime.Runtime`.
    Safe between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: DaemonThreads | None = None
        self._is_closed = False

    def lend(self, workers: int) -> Executor:
        """Return an executor that runs at most *workers* tasks at once; one worker alone needs no thread."""
        if workers <= 1:
            return SameThread()
        with self._lock:
            if self._is_closed:
                return threads(workers)  # for whoever is still on the way
            if self._threads is None:
                self._threads = DaemonThreads(_MANY)
            return _Lent(self._threads, workers)

    def open(self) -> None:
        """Lend again after :meth:`close`."""
        with self._lock:
            self._is_closed = False

    def close(self) -> None:
        """Lend no more; the threads end when what they do has ended."""
        with self._lock:
            lent, self._threads, self._is_closed = self._threads, None, True
        if lent is not None:
            lent.shutdown(wait=False)


class _Lent(Executor):
    """What one pass gets."""

    def __init__(self, lent: Executor, workers: int) -> None:
        self._lent = lent
        self._workers = workers
        self._changed = threading.Condition()
        self._tasks: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._running = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a thread run *fn*, after those that were submitted before."""
        future: Future[T] = Future()
        with self._changed:
            self._tasks.append((future, lambda: fn(*args, **kwargs)))
            if self._running == self._workers:
                return future
            self._running += 1
        try:
            self._lent.submit(self._work)
        except RuntimeError:  # closed meanwhile: the pass ends in its own thread what it has begun
            self._work()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002  # why: the executor's contract
        """Wait for everything that was submitted, if *wait*; the threads are not ours."""
        with self._changed:
            while wait and self._running:
                self._changed.wait(_TICK)

    def _work(self) -> None:
        while (task := self._next()) is not None:
            future, run = task
            if future.set_running_or_notify_cancel():
                settle(future, run)

    def _next(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        with self._changed:
            if self._tasks:
                return self._tasks.popleft()
            self._running -= 1
            self._changed.notify_all()
            return None
