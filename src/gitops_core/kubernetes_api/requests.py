"""Values that go to an API server and come back: a request, a response."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import attrs

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@attrs.frozen
class Request:
    """
    One call.

    Attributes:
        method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        path: Absolute path on the server, escaped; ``KindInfo.path`` makes it.
        query: Parameters in order, not escaped.
        body: JSON value; None for no body. Never shown.
        content_type: Of the body: ``application/apply-patch+yaml`` for server-side apply (JSON is YAML).
        accept: What the answer may be.
        headers: Further headers.
        sensitive: The object may hold secrets: the server's words about it stay out of errors. True for Secrets by itself.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = attrs.field(default=None, repr=False)
    content_type: str = JSON
    accept: str = JSON
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    sensitive: bool = False

    @property
    def address(self) -> str:
        """Path and query, as they stand in the request line."""
        return f"{self.path}?{_encoded(self.query)}" if self.query else self.path


@functools.lru_cache(maxsize=64)
def _encoded(query: tuple[tuple[str, str], ...]) -> str:
    """Return *query* as it stands in an address; all writes of an application have one and the same."""
    return urlencode(query)


@attrs.frozen
class Response:
    """
    One answer that is not an error.

    Attributes:
        status: HTTP code, 200-299 or 304.
        headers: Case-insensitive.
        body: Decoded JSON; None when the answer has no content. Never shown.
        content: The bytes it was decoded from. Never shown.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: Any = attrs.field(default=None, repr=False)
    content: bytes = attrs.field(default=b"", repr=False)
