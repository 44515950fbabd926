"""Requests and answers of the fake API server as values: what a socket carries, without the socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from gitops_core.testing.kubernetes.encoding import encoded

JSON: Final = "application/json"


@attrs.frozen
class HttpRequest:
    """
    One request.

    Attributes:
        method: In capitals.
        path: Decoded, without the query.
        query: Decoded pairs, in order.
        headers: By name in lower case.
        body: As it was sent; never shown.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")

    @classmethod
    def of(cls, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None) -> HttpRequest:
        """
        Make a request from *target* (``/api/v1/pods?limit=2``) and a JSON value, bytes or nothing as *body*.

        The media type is JSON unless *headers* say something else. Cost: O(body).
        """
        parts = urlsplit(target)
        content = body if isinstance(body, bytes) else b"" if body is None else encoded(body)
        given = {name.lower(): value for name, value in (headers or {}).items()}
        if content:
            given.setdefault("content-type", JSON)
        return cls(method, unquote(parts.path), tuple(parse_qsl(parts.query, keep_blank_values=True)), given, content)

    def parameter(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        return next((value for key, value in self.query if key == name), default)

    def flag(self, name: str) -> bool:
        """Tell whether a query parameter says yes: present and neither ``false`` nor ``0``, as Kubernetes reads booleans."""
        return any(key == name and value.lower() not in {"false", "0"} for key, value in self.query)


@attrs.frozen
class HttpResponse:
    """
    One answer.

    Attributes:
        status: HTTP status.
        body: Bytes; never shown.
        headers: Further headers; the length is added by whoever sends it.
        content_type: Media type of the body.
        cut: Send only so many bytes of the body and close the connection; -1 for all (fault injection).
    """

    status: int
    body: bytes = attrs.field(default=b"", repr=lambda body: f"<{len(body)} bytes>")
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON
    cut: int = -1


class HttpStream(Protocol):
    """An answer that goes on: a watch. Pull it with ``pending`` until it has ``ended``; ``wait`` sleeps until there may be more."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content_type: str

    @property
    def ended(self) -> bool: ...
    def pending(self) -> list[bytes]: ...
    def wait(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class ConnectionDropped(Exception):  # why: named as what happens
    """The server closes the connection without an answer (fault injection)."""
