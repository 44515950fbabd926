"""
Who works on an application: one holder at a time, among threads and among processes.

Threads wait on a ``threading.Lock`` and wake at once; processes wait on a lock of the operating system, which the kernel takes
back when its holder dies, whatever killed it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gitops_core.errors import StateLocked


class ThreadLocks:
    """One lock for each name, for the threads of this process."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._holders: dict[str, str] = {}

    @contextmanager
    def hold(self, name: str, timeout: float) -> Iterator[None]:
        """
        Keep other threads out of *name* while the block runs.

        Raises:
            StateLocked: Another thread still holds it after *timeout* seconds. RETRY.
        """
        lock = self._locks.setdefault(name, threading.Lock())  # atomic: two first callers get one lock
        if not lock.acquire(timeout=min(max(timeout, 0.0), threading.TIMEOUT_MAX)):
            holder = self._holders.get(name, "another thread")
            raise StateLocked(f"{name}: thread {holder!r} of this process works on it; waited {timeout:g} s")
        self._holders[name] = threading.current_thread().name
        try:
            yield
        finally:
            self._holders.pop(name, None)
            lock.release()
