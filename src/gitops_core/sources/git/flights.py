"""One call at a time for one thing: those who come meanwhile wait for its result."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from gitops_core.errors import SourceError
from gitops_core.interfaces import Context
from gitops_core.sources.git.call import TICK

T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self) -> None:
        self.landed = threading.Event()
        self.result: tuple[T] | None = None
        self.error: SourceError | None = None


class Flights:
    """
    Shares calls between threads.

    No lock is held while the call runs. If the one who made it was stopped, one of those who wait makes it again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[Hashable, _Flight[Any]] = {}

    def share(self, ctx: Context, key: Hashable, work: Callable[[], T]) -> T:
        """
        Return what *work* returns, or what somebody else's work for *key* returns who was first.

        Raises:
            SourceError: What the work raised; those who waited get a copy.
            Cancelled: While waiting. WAIT.
            DeadlineExceeded: While waiting. RETRY.
        """
        while True:
            with self._lock:
                flight: _Flight[T] | None = self._flying.get(key)
                mine = flight is None
                if flight is None:
                    flight = self._flying[key] = _Flight()
            if mine:
                return self._fly(key, flight, work)
            while not flight.landed.wait(TICK):
                ctx.check()
            if flight.result is not None:
                result: T = flight.result[0]
                return result
            if flight.error is not None:
                raise copy.copy(flight.error)
            ctx.check()

    def _fly(self, key: Hashable, flight: _Flight[T], work: Callable[[], T]) -> T:
        try:
            result = work()
            flight.result = (result,)
        except SourceError as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                del self._flying[key]
            flight.landed.set()
        return result
