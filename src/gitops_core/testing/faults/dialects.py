"""How each side of the engine says that something went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from gitops_core.errors import (
    CorruptObject,
    SourceUnavailable,
    StateCorrupt,
    StateUnavailable,
    Throttled,
    Transient,
    Unobservable,
)
from gitops_core.testing.fake_api.errors import ApiError, ThrottledError, UnavailableError


@attrs.frozen
class Dialect:
    """
    The words of one side.

    Attributes:
        failed: Makes the error of a call that failed, or whose reply was lost, from a message.
        throttled: Makes the error of a refused call, from a message and the seconds to wait.
        timed_out: Makes the error of a call that took too long.
        corrupted: Makes the error for an answer that nobody could take for a good one.
    """

    failed: Callable[[str], Exception]
    throttled: Callable[[str, float], Exception]
    timed_out: Callable[[str], Exception]
    corrupted: Callable[[str], Exception]


def _refused(message: str, seconds: float) -> Exception:
    return ConnectionRefusedError(f"{message}; wait {seconds:g} s")


TARGET: Final = Dialect(Transient, lambda text, wait: Throttled(text, retry_after=wait), Transient, Unobservable)
SOURCE: Final = Dialect(
    SourceUnavailable, lambda text, wait: SourceUnavailable(text, retry_after=wait), SourceUnavailable, CorruptObject
)
STORE: Final = Dialect(
    StateUnavailable, lambda text, wait: StateUnavailable(text, retry_after=wait), StateUnavailable, StateCorrupt
)
API: Final = Dialect(UnavailableError, ThrottledError, UnavailableError, ApiError)
"""The errors of :mod:`gitops_core.testing.fake_api`."""
NETWORK: Final = Dialect(ConnectionResetError, _refused, TimeoutError, ValueError)
"""Python's own errors, as a socket raises them."""
