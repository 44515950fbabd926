"""Worker threads that cannot hold up the end of the process: a plug-in that never comes back takes its thread with it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Final, ParamSpec, TypeVar

from gitops_core.engine.runtime import settle

P = ParamSpec("P")
T = TypeVar("T")
_Task = tuple[Future[Any], Callable[[], Any]]
_STOP: Final = None


class DaemonThreads(Executor):
    """
    An executor whose threads are daemons, made when they are needed.

    ``concurrent.futures.ThreadPoolExecutor`` waits for every thread when the interpreter ends: with one stuck in a plug-in, for ever.

    Args:
        workers: Threads at most.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Let a thread run *fn*; RuntimeError after :meth:`shutdown`."""
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("no new work after shutdown")
            self._tasks.put((future, lambda: fn(*args, **kwargs)))
            if self._idle:
                self._idle -= 1
            elif len(self._threads) < self._workers:
                thread = threading.Thread(target=self._work, name=f"gitops-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002  # why: the executor's contract
        """Take no more work; threads end when they come back. Never waits: a thread may be stuck."""
        with self._lock:
            self._closed = True
            threads = len(self._threads)
        for _ in range(threads):
            self._tasks.put(_STOP)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, run = task
            if future.set_running_or_notify_cancel():
                settle(future, run)
            with self._lock:
                self._idle += 1
