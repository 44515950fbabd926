"""What an API server answers, as errors of a coordinator: one row for each class of the transport's errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gitops_core.errors import (
    Conflict,
    Denied,
    Disposition,
    Expired,
    Invalid,
    NotFound,
    StateConflict,
    StateError,
    StateUnavailable,
    TargetError,
    Throttled,
    Transient,
)

_Row = tuple[type[StateError], str, str, Disposition]
FAILURES: Final[dict[type[TargetError], _Row]] = {
    NotFound: (StateUnavailable, "its namespace is not there", "create the namespace", Disposition.RETRY),
    Invalid: (
        StateUnavailable,
        "the API server refuses the Lease",
        "an admission policy may forbid it: the detail says which",
        Disposition.STALL,
    ),
    Throttled: (StateUnavailable, "the API server asks us to slow down", "tried again at the next beat", Disposition.RETRY),
    Expired: (StateUnavailable, "the list changes faster than it can be read", "tried again at the next beat", Disposition.RETRY),
    Conflict: (StateConflict, "others write it all the time", "tried again at the next beat", Disposition.RETRY),
    Transient: (
        StateUnavailable,
        "the API server cannot be reached or failed",
        "tried again at the next beat; until one succeeds this member's standing runs out, and others take over",
        Disposition.RETRY,
    ),
    TargetError: (StateUnavailable, "the API server failed", "tried again at the next beat", Disposition.RETRY),
}
"""By class, the special ones first: (ours, what is wrong, the cure, whether trying again helps). 401 and 403 stay ``Denied``."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise what the transport throws in the block as an error of a coordinator that names *place*."""
    try:
        yield
    except Denied as error:
        cure = "bind the rules of gitops_core.coordination.kubernetes.permissions() to this identity in that namespace"
        raise Denied(f"coordination in {place}: {error.message}; {cure}", error.permission) from error
    except TargetError as error:
        ours, meaning, cure, disposition = next(row for cls, row in FAILURES.items() if isinstance(error, cls))
        message = f"coordination in {place}: {meaning} ({error.message}); {cure}"
        raise ours(message, retry_after=error.retry_after, disposition=disposition) from error
