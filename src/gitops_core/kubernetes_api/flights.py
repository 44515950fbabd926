"""What several threads need at once is fetched by one of them; no lock is held meanwhile."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Generic, TypeVar

from gitops_core.errors import GitOpsError, Transient

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """
    One fetch at a time for each key.

    Args:
        what: What is fetched, in words.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._flights: dict[str, Future[T]] = {}

    def fetch(self, key: str, fetch: Callable[[], T], timeout: float) -> T:
        """
        Return what *fetch* returns, in this thread or in the one that fetches *key* already.

        Args:
            key: Of what is wanted.
            fetch: Called by one thread.
            timeout: Seconds that another thread may take.

        Raises:
            GitOpsError: Of *fetch*, for each thread its own copy.
            Transient: The other thread takes too long, or was broken off. RETRY.
        """
        mine: Future[T] = Future()
        with self._lock:
            flight = self._flights.setdefault(key, mine)
        if flight is not mine:
            return self._shared(flight, timeout)
        try:
            fetched = fetch()
        except BaseException as error:
            self._land(key)
            mine.set_exception(error if isinstance(error, GitOpsError) else Transient(f"{self._what}: broken off; tried again"))
            raise
        self._land(key)
        mine.set_result(fetched)
        return fetched

    def _shared(self, flight: Future[T], timeout: float) -> T:
        try:
            return flight.result(timeout)
        except FutureTimeout:
            raise Transient(f"{self._what}: takes too long; tried again") from None
        except GitOpsError as error:
            raise copy.copy(error) from error  # the engine writes facts into it

    def _land(self, key: str) -> None:
        with self._lock:
            del self._flights[key]
