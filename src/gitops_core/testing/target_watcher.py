"""Reads a watch one answer at a time, in a thread of its own, so that a test can be as slow as it wants and is never stuck."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import attrs

from gitops_core.context import SystemClock
from gitops_core.interfaces import Context, Query, Target
from gitops_core.model.resources import Live, ResourceKey
from gitops_core.testing.executors import InlineExecutor


class WatchReader:
    """
    A watch of *keys*, as a controller begins it: for nobody in particular, in real time, until it is cancelled.

    Args:
        target: What is watched.
        ctx: Everything but clock, stop signal and application.
        keys: What to watch.

    Attributes:
        last: What was told last of each object: the object, or its key when it is gone.
    """

    def __init__(self, target: Target, ctx: Context, keys: Iterable[ResourceKey]) -> None:
        self.last: dict[ResourceKey, Live | ResourceKey] = {}
        self._ctx = attrs.evolve(ctx, application="", clock=SystemClock(), cancel=threading.Event(), deadline=float("inf"))
        self._told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._wanted = threading.Semaphore(0)
        self._is_wanted = self._is_free = self._is_over = False
        self._ended = threading.Event()
        query = Query(frozenset(keys))
        self._thread = threading.Thread(target=self._run, args=(target, query), name="contract watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_over = True
        self.ends(1.0)

    def _run(self, target: Target, query: Query) -> None:
        error = InlineExecutor().submit(self._read, target, query).exception()
        if error is not None:
            self._told.put(error)  # raised again where the test reads
        self._ended.set()

    def _read(self, target: Target, query: Query) -> None:
        self._wanted.acquire()
        for item in target.watch(self._ctx, query):
            self._told.put(item)
            if not self._is_free:
                self._wanted.acquire()
            if self._is_over:
                return

    def want(self) -> None:
        """Let the watch go on to its next answer, and do not wait for it."""
        if not self._is_wanted:
            self._is_wanted = True
            self._wanted.release()

    def next(self, seconds: float) -> None:
        """Take one answer; AssertionError when none comes within *seconds*."""
        self.want()
        try:
            item = self._told.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(
                f"the watch has told nothing for {seconds:g} s; the last it told was {self._summary()}"
            ) from None
        self._is_wanted = False
        if isinstance(item, BaseException):
            raise item
        key = item.key if isinstance(item, Live) else item
        if isinstance(key, ResourceKey):
            self.last[key] = item

    def until(self, is_true: Callable[[], bool], seconds: float) -> None:
        """Take answers until *is_true*; AssertionError when it does not come true within *seconds*."""
        deadline = time.monotonic() + seconds
        while not is_true():
            self.next(max(0.0, deadline - time.monotonic()))

    def ends(self, seconds: float) -> bool:
        """Cancel the watch, read on, and return whether it ends within *seconds*."""
        self._is_free = True
        self._ctx.cancel.set()
        self._wanted.release()
        return self._ended.wait(seconds)

    def _summary(self) -> str:
        return ", ".join(f"{key} {'there' if isinstance(item, Live) else 'gone'}" for key, item in sorted(self.last.items()))
