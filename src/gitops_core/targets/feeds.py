"""What somebody who watches has not heard of yet: each thing once, however often it moves."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from gitops_core.interfaces import Context

T = TypeVar("T", bound=Hashable)

_TICK: Final = 0.25  # seconds; the longest time until a stop is noticed


class Feed(Generic[T]):
    """
    Things that have moved, for one reader. It holds names, not events, and so never more than there are things to watch: a reader
    who is slow hears of each thing once, and then looks how it is now. Safe between threads; :meth:`follow` is for one.

    Args:
        first: What the reader has not heard of at the beginning.
    """

    def __init__(self, first: Iterable[T] = ()) -> None:
        self._lock = threading.Lock()
        self._moved: OrderedDict[T, None] = OrderedDict()
        self._some = threading.Event()
        self.tell(first)

    def tell(self, things: Iterable[T]) -> None:
        """Note that *things* have moved."""
        with self._lock:
            for thing in things:
                self._moved[thing] = None
            if self._moved:
                self._some.set()

    def follow(self, ctx: Context) -> Iterator[T]:
        """
        Yield what has moved, until *ctx* is cancelled or out of time; what was not yielded by then is kept.

        Between two things it waits in slices, so that a stop is noticed within a quarter of a second, on a simulated clock too.
        """
        while not ctx.cancel.is_set() and (seconds := ctx.remaining()) > 0:
            if ctx.clock.take(self._some.wait, min(_TICK, seconds)):
                yield self._next()

    def _next(self) -> T:
        with self._lock:
            thing, _ = self._moved.popitem(last=False)
            if not self._moved:
                self._some.clear()
        return thing
