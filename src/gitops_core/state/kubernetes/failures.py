"""What an API server answers, as errors of a state store: one row for each class of the transport's errors."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from gitops_core.errors import (
    Conflict,
    Denied,
    Disposition,
    GitOpsError,
    Invalid,
    NotFound,
    StateCorrupt,
    StateUnavailable,
    TargetError,
    Throttled,
)


@attrs.frozen
class Failure:
    """
    What an error of the API means for the state.

    Attributes:
        meaning: What is wrong, in words.
        cure: What to do about it.
        disposition: Whether trying again helps.
    """

    meaning: str
    cure: str
    disposition: Disposition = Disposition.RETRY

    def about(self, place: str, error: GitOpsError) -> StateUnavailable:
        """Return the error for the state at *place*."""
        message = f"state in {place}: {self.meaning} ({error.message}); {self.cure}"
        return StateUnavailable(message, retry_after=error.retry_after, disposition=self.disposition)


FAILURES: Final[dict[type[TargetError], Failure]] = {
    Denied: Failure(
        "the API server does not allow it",
        "bind the rules of gitops_core.state.kubernetes.permissions() to this identity in that namespace",
        Disposition.STALL,
    ),
    NotFound: Failure("its namespace is not there", "create the namespace", Disposition.RETRY),
    Invalid: Failure(
        "the API server refuses the object",
        "one record is too large for an object of Kubernetes, or an admission policy forbids it: the detail says which",
        Disposition.STALL,
    ),
    Throttled: Failure("the API server asks us to slow down", "tried again on the next pass"),
    Conflict: Failure("somebody else writes it all the time", "tried again on the next pass"),
    TargetError: Failure("the API server cannot be reached or failed", "tried again on the next pass"),
}
"""By class; the first that the error is an instance of counts."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise what the transport throws in the block as an error of a state store that names *place*."""
    try:
        yield
    except TargetError as error:
        failure = next(row for cls, row in FAILURES.items() if isinstance(error, cls))
        raise failure.about(place, error) from error


@contextmanager
def decoding(place: str) -> Iterator[None]:
    """Raise StateCorrupt when the object at *place* is not what was written."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, zlib.error, struct.error) as error:
        raise StateCorrupt(
            f"state in {place}: it does not decode ({type(error).__name__}); nothing was written. Stop every engine that uses it, "
            "keep a copy of the object and delete it: the next pass adopts what it finds"
        ) from error
