"""The socket shell around the API: HTTP/1.1 with connections that are kept, one thread a connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, unquote

import attrs

from gitops_core.testing.kubernetes.encoding import encoded
from gitops_core.testing.kubernetes.http import ConnectionDropped, HttpRequest, HttpResponse, HttpStream

Handler = Callable[[HttpRequest], HttpResponse | HttpStream]
_LONGEST_HEAD: Final = 65_536
_TICK: Final = 0.05  # seconds of real time after which a stream looks at its clock again
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class Server:
    """
    Listens on loopback and hands requests to a handler.

    Attributes:
        port: Where it listens.
        failures: What the handler raised; the clients were answered 500.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.failures: list[Exception] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._socket.getsockname()[1]
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._thread = threading.Thread(target=self._accept, name="fake-cluster", daemon=True)

    def start(self) -> None:
        """Begin to accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and wait for the threads."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5.0)
        with self._lock:
            threads = list(self._open.items())
        for connection, thread in threads:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5.0)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                wire = _Wire(connection)
                while not self._stopping.is_set():
                    request = wire.receive()
                    if request is None or not self._reply(wire, request):
                        return
        except (OSError, ConnectionDropped):
            return
        finally:
            with self._lock:
                self._open.pop(connection, None)

    def _reply(self, wire: _Wire, request: HttpRequest) -> bool:
        try:
            answer = self._handler(request)
        except ConnectionDropped:
            raise
        except Exception as error:  # noqa: BLE001  # why: a function of the test may raise anything
            self.failures.append(error)
            answer = _broken(error)
        if isinstance(answer, HttpResponse):
            closes = request.headers.get("connection", "").lower() == "close"
            answer = attrs.evolve(answer, headers=(*answer.headers, ("Connection", "close"))) if closes else answer
            return wire.send(answer, request.method == "HEAD") and not closes
        wire.begin(answer)
        try:
            while not answer.ended and not self._stopping.is_set():
                lines = answer.pending()
                if lines:
                    wire.chunk(b"".join(lines))
                elif wire.is_gone():
                    return False
                else:
                    answer.wait(_TICK)
        finally:
            answer.close()
        wire.end()
        return True


def _broken(error: Exception) -> HttpResponse:
    """The fake has a defect, or a function of the test raised: the client is told."""
    message = f"FakeCluster failed: {type(error).__name__}: {error}"
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return HttpResponse(500, encoded({**status, "reason": "InternalError", "code": 500}))


class _Wire:
    """One connection: bytes to requests, answers to bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def receive(self) -> HttpRequest | None:
        """Return the next request; None when the client is gone or does not speak HTTP."""
        end = self._buffer.find(b"\r\n\r\n")
        while end < 0:  # a head that is complete may have a part of a long body behind it
            if len(self._buffer) > _LONGEST_HEAD or not self._more():
                return None
            end = self._buffer.find(b"\r\n\r\n")
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != len(("method", "target", "version")):
            return None
        headers = _headers(lines)
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(headers)
        path, _, query = words[1].partition("?")
        return (
            None
            if body is None
            else HttpRequest(words[0], unquote(path), tuple(parse_qsl(query, keep_blank_values=True)), headers, body)
        )

    def _body(self, headers: dict[str, str]) -> bytes | None:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._chunks()
        return self._exactly(int(headers.get("content-length") or 0))

    def _chunks(self) -> bytes | None:
        parts: list[bytes] = []
        while True:
            line = self._line()
            size = int(line.partition(b";")[0], 16) if line else 0
            part = self._exactly(size + 2)
            if part is None or not size:
                return None if part is None else b"".join(parts)
            parts.append(part[:-2])

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if not self._more():
                return b""
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _exactly(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            if not self._more():
                return None
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _more(self) -> bool:
        part = self._connection.recv(1 << 14)
        self._buffer += part
        return bool(part)

    def send(self, answer: HttpResponse, head_only: bool = False) -> bool:
        """Send an answer; False when the connection cannot be kept."""
        head = _head(answer.status, answer.content_type, (*answer.headers, ("Content-Length", str(len(answer.body)))))
        if answer.cut >= 0:
            self._connection.sendall(head + answer.body[: answer.cut])
            return False
        self._connection.sendall(head if head_only else head + answer.body)
        return True

    def begin(self, stream: HttpStream) -> None:
        """Send the head of a stream."""
        self._connection.sendall(_head(stream.status, stream.content_type, (*stream.headers, ("Transfer-Encoding", "chunked"))))

    def chunk(self, content: bytes) -> None:
        """Send a part of a stream."""
        self._connection.sendall(b"%x\r\n%b\r\n" % (len(content), content))

    def end(self) -> None:
        """Send the end of a stream."""
        self._connection.sendall(b"0\r\n\r\n")

    def is_gone(self) -> bool:
        """Tell whether the client has closed the connection while nothing was sent."""
        try:
            return self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def _headers(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        found[name] = f"{found[name]}\n{value}" if name == "impersonate-group" and name in found else value
    return found


def _head(status: int, content_type: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, '')}",
        f"Content-Type: {content_type}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
