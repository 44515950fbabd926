"""Things kept per living object, for as long as it lives: limits of a target, memos of a store."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final

_lock: Final = threading.Lock()
_kept: Final[dict[int, tuple[weakref.ref[Any], dict[str, Any]]]] = {}


def kept(owner: object, name: str, make: Callable[[], Any]) -> Any:
    """
    Return what *make* made for (*owner*, *name*) the first time; it goes when *owner* does.

    Keyed by identity, because most attrs classes cannot be hashed.
    """
    with _lock:
        ref, things = _kept.get(id(owner), (None, None))
        if ref is None or things is None or ref() is not owner:
            number = id(owner)
            things = {}
            forget = functools.partial(_forget, number, _kept)  # bound: at the end of the process module globals are gone
            _kept[number] = (weakref.ref(owner, forget), things)
        if name not in things:
            things[name] = make()
        return things[name]


def _forget(number: int, kept_by_number: dict[int, Any], _ref: weakref.ref[Any]) -> None:
    kept_by_number.pop(number, None)
