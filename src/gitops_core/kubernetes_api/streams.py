"""Watches: events as they arrive."""

from __future__ import annotations

import contextlib
import json
import operator
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ReadTimeoutError

from gitops_core.errors import Invalid, Transient
from gitops_core.kubernetes_api.answers import Reading
from gitops_core.kubernetes_api.failures import FAILURES, failure_of
from gitops_core.kubernetes_api.statuses import error_of, read_refusal

_CHUNK = 64 * 1024


class Stream:
    """
    The events of one watch, as the server writes them: ``{"type": ..., "object": ...}``, bookmarks included. For one thread;
    :meth:`close` may be called from any.

    Iterating ends when the server ends the watch, or after :meth:`close`. It raises:

    - ``Expired`` when the resource version is too old: list again. RETRY.
    - ``Transient`` when the connection is cut, or silent for longer than the timeout. RETRY.
    - any other error of the table, when the server sends one as an event.
    """

    def __init__(self, answer: BaseHTTPResponse, reading: Reading) -> None:
        self._answer = answer
        self._reading = reading
        self._socket = _socket_of(answer)
        self._busy = threading.Lock()
        self._closed = threading.Event()
        self._events = self._decode()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._events

    def _decode(self) -> Iterator[dict[str, Any]]:
        """Yield what each line holds."""
        try:
            for line in self._lines():
                event = self._event(line)
                if event.get("type") == "ERROR":
                    raise self._error(event.get("object"))
                yield event
        finally:
            self.close()

    def _event(self, line: bytes) -> dict[str, Any]:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            raise Transient(
                f"{self._reading.action}: {self._reading.server} sent a line that is no event; the watch begins again"
            )
        return event

    def _error(self, status: Any) -> Exception:
        code = status.get("code") if isinstance(status, dict) else None
        return error_of(read_refusal(self._reading.request, code if isinstance(code, int) else 500, {}, status))

    def _lines(self) -> Iterator[bytes]:
        parts: list[bytes] = []
        size = 0
        while chunk := self._chunk():
            first, *more = chunk.split(b"\n")
            parts.append(first)
            size += len(first)
            for part in more:
                if line := b"".join(parts):
                    yield line
                parts, size = [part], len(part)
            self._check(size)
        if any(parts) and not self._closed.is_set():
            raise Transient(f"{self._reading.action}: the watch was cut in the middle of an event; it begins again")

    def _check(self, size: int) -> None:
        if size > self._reading.limit:
            raise Invalid(
                f"{self._reading.action}: an event is larger than {self._reading.limit:,} bytes; raise "
                "ConnectionSettings.max_response_bytes"
            )

    def _chunk(self) -> bytes:
        """Return what has arrived; empty at the end."""
        with self._busy:
            try:
                chunk = self._answer.read1(_CHUNK) if not self._closed.is_set() else b""
            except (*FAILURES, ValueError, AttributeError) as error:  # the last two: the socket was shut while it was read
                if self._closed.is_set():
                    return b""
                if isinstance(error, ReadTimeoutError):
                    message = f"{self._reading.action}: the watch of {self._reading.server} went silent; it begins again"
                    raise Transient(message) from error
                raise failure_of(error, self._reading.server, self._reading.action) from error
        return b"" if self._closed.is_set() else chunk

    def close(self) -> None:
        """End the iteration at once, from any thread. Closing again does nothing."""
        self._closed.set()
        with contextlib.suppress(OSError):  # ended already
            # Of the plain socket: that of TLS would first forget what the reading thread is using.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        if self._busy.acquire(blocking=False):  # else the reading thread sees the end of the stream, and closes
            try:
                self._answer.close()
            finally:
                self._busy.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


_of_connection = operator.attrgetter("connection.sock")
_of_file = operator.attrgetter("_original_response.fp.raw._sock")


def _socket_of(answer: BaseHTTPResponse) -> socket.socket:
    """Return the socket below *answer*: its connection's, or its file's when the connection has given it away (HTTP/1.0)."""
    found: Any = None
    with contextlib.suppress(AttributeError):
        found = _of_connection(answer)
    if found is None:
        found = _of_file(answer)
    plain: socket.socket = getattr(found, "socket", found)  # TLS within the TLS of a proxy is an object around its socket
    return plain
