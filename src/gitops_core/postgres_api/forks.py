"""Tells what holds sessions and locks that it is in a forked child now, where neither is its own."""

from __future__ import annotations

import os
import weakref
from typing import Final, Protocol


class Forked(Protocol):
    """What has to know that it is in a forked child now."""

    def after_fork(self) -> None:
        """Start anew."""


def follow_forks(what: Forked) -> None:
    """Tell *what* in every child that is forked from now on, for as long as it lives."""
    _FOLLOWING.add(what)


_FOLLOWING: Final[weakref.WeakSet[Forked]] = weakref.WeakSet()


def _after_fork() -> None:
    for what in _FOLLOWING:
        what.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
