"""Decoding many documents without the garbage collector looking through all of them again and again."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final


class _Pauses:
    """Counts the pauses under way: the collector is the process's, and so is its switch."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self._was_enabled = False

    def begin(self) -> None:
        with self._lock:
            if not self._under_way:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._under_way += 1

    def end(self) -> None:
        with self._lock:
            self._under_way -= 1
            if not self._under_way and self._was_enabled:
                gc.enable()


_pauses: Final = _Pauses()


@contextmanager
def paused_collector() -> Iterator[None]:
    """
    Keep Python's cyclic collector from starting by itself while the body runs, in all threads of the process.

    Decoding makes no cycles: everything it drops is freed at once. But what it keeps are subclasses of ``dict`` and ``list``,
    which the collector walks whenever the heap has grown by a quarter; that was a fifth of the time of a large first render.
    Pauses may overlap; the last one to end restores what the first one found.
    """
    _pauses.begin()
    try:
        yield
    finally:
        _pauses.end()
