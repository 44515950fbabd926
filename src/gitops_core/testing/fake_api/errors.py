"""
What a vendor's client throws: not ours on purpose, so that a target shows how it translates.

::

    ApiError               500
    ├── InvalidError       400  the record is not accepted
    ├── NotFoundError      404
    ├── ExistsError        409  the id or the unique value is taken
    ├── ExpiredError       410  the continue token is too old: list again from the beginning
    ├── ConflictError      412  another version is there, or an operation is under way
    ├── ThrottledError     429  ``retry_after`` says for how long
    └── UnavailableError   503
"""

from __future__ import annotations

from typing import ClassVar


class ApiError(Exception):
    """
    The API said no.

    Args:
        message: Begins with the status; holds ids, never a record.
        retry_after: Seconds until asking again makes sense, if the API says so.
    """

    status: ClassVar[int] = 500

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{self.status}: {message}")
        self.retry_after = retry_after


class InvalidError(ApiError):
    """The record is not accepted as it is."""

    status = 400


class NotFoundError(ApiError):
    """There is no such record."""

    status = 404


class ExistsError(ApiError):
    """The id, or a value that must be unique, is taken."""

    status = 409


class ExpiredError(ApiError):
    """The continue token is too old."""

    status = 410


class ConflictError(ApiError):
    """Another version is there, or an operation on the record is under way."""

    status = 412


class ThrottledError(ApiError):
    """Too many requests; ``retry_after`` says when to come back."""

    status = 429


class UnavailableError(ApiError):
    """The service does not answer for now."""

    status = 503
