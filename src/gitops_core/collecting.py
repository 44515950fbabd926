"""
Python's cyclic collector, kept from walking the same documents again and again.

A pass over many objects keeps some hundred thousand frozen containers alive, and makes no cycles. The collector knows neither: it
walks all of them whenever the heap has grown by a quarter, which took up to a third of a large first pass.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

_FEW: Final = 1_000  # objects; CPython 3.12 itself begins with some hundred frozen ones
_YOUNG: Final = 10_000  # new objects between two collections of them while old ones are set aside; CPython's own is 700 to 2,000


def _host_has_frozen() -> bool:
    return gc.get_freeze_count() >= _FEW  # walks all of them: not to be asked while ours are set aside


class _Switch:
    """Counts who holds it: the collector is the process's, and so are its switches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._is_ours = False

    @property
    def is_ours(self) -> bool:
        """It is turned, and we did it."""
        return bool(self._holders) and self._is_ours

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            if not self._holders:
                self._is_ours = self.turn()
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders and self._is_ours:
                    self.turn_back()

    def turn(self) -> bool:
        """Turn it, unless the host has; tell whether we did."""
        raise NotImplementedError

    def turn_back(self) -> None:
        raise NotImplementedError


class _Pause(_Switch):
    def turn(self) -> bool:
        was_enabled = gc.isenabled()
        gc.disable()
        return was_enabled

    def turn_back(self) -> None:
        if not _aside.is_ours and not _host_has_frozen():  # what was made meanwhile is old at once, without a single walk
            gc.freeze()
            gc.unfreeze()
        gc.enable()


class _Aside(_Switch):
    def turn(self) -> bool:
        if _host_has_frozen():
            return False  # it keeps something there, before it forks perhaps; thawing ours would thaw that, too
        gc.freeze()
        self._found = gc.get_threshold()
        young, *older = self._found
        if 0 < young < _YOUNG:  # most of what is new by then is gone soon, and need not be walked once; 0 means never
            gc.set_threshold(_YOUNG, *older)
        return True

    def turn_back(self) -> None:
        gc.unfreeze()
        if gc.get_threshold()[0] == _YOUNG:  # else the host has set its own meanwhile
            gc.set_threshold(*self._found)


_pause: Final = _Pause()
_aside: Final = _Aside()


def paused_collector() -> AbstractContextManager[None]:
    """
    Keep the collector from starting by itself while the body runs, in all threads of the process.

    For pure work that drops no cycles: decoding, planning. Pauses may overlap; the last one to end restores what the first one
    found, and what was made during the pause counts as long-lived.
    """
    return _pause.held()


def heap_set_aside() -> AbstractContextManager[None]:
    """
    Let the collector look at new objects only while the body runs, and less often; it stays on.

    For work of any length, calls of a target included. What exists already is looked at again afterwards. Does nothing where the
    host has frozen objects of its own (``gc.freeze``).
    """
    return _aside.held()
