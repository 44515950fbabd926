"""A small HTTP server on loopback that answers as a test scripts it, with TLS where wanted."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest

from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.identities import Credentials
from gitops_core.kubernetes_api.settings import ConnectionSettings


@attrs.define
class Reply:
    """What the server answers; ``body`` is JSON unless it is bytes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = attrs.Factory(dict)
    raw: Callable[[BaseHTTPRequestHandler], None] | None = None

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@attrs.define
class Seen:
    """A request that arrived."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    certificate: dict[str, Any] | None = None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes

    def answer(self) -> None:
        loopback: Loopback = self.server.loopback
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = Seen(self.command, self.path, list(self.headers.items()), body)
        if isinstance(self.connection, ssl.SSLSocket):
            seen.certificate = self.connection.getpeercert()
        loopback.seen.append(seen)
        reply = loopback.answer(seen)
        if reply.raw is not None:
            reply.raw(self)
            return
        content = reply.content()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    setattr(Handler, f"do_{method}", Handler.answer)


class Loopback:
    """The server, what it saw, and what it will answer: ``answer`` is replaced by tests."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.answer: Callable[[Seen], Reply] = lambda seen: Reply(body={"path": seen.path})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.loopback = self
        self.server.handle_error = lambda *facts: None  # clients go away in the middle here
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def connect(self, credentials: Credentials = Credentials(), **settings: Any) -> Connection:
        return Connection.explicit(self.url, credentials=credentials, settings=ConnectionSettings(**settings))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()


@attrs.frozen
class Certificates:
    """PEM files: an authority, a server certificate for 127.0.0.1 and ``kubernetes.test``, a client certificate."""

    directory: Path

    def __getattr__(self, name: str) -> Path:
        return self.directory / f"{name}.pem"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    place = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=place, check=True, capture_output=True, timeout=60)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for authority in ("ca", "other"):
        openssl("req", "-x509", *key, "-keyout", f"{authority}_key.pem", "-out", f"{authority}.pem", "-subj", f"/CN={authority}")
    for name, subject, extension in (
        ("server", "/CN=server", "subjectAltName=IP:127.0.0.1,DNS:kubernetes.test"),
        ("client", "/O=system:masters/CN=jane", "extendedKeyUsage=clientAuth"),
    ):
        openssl("req", *key, "-keyout", f"{name}_key.pem", "-out", f"{name}.csr", "-subj", subject)
        (place / f"{name}.ext").write_text(extension)
        signed = ("-CA", "ca.pem", "-CAkey", "ca_key.pem", "-CAcreateserial", "-extfile", f"{name}.ext", "-days", "2")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    openssl("ec", "-in", "client_key.pem", "-out", "locked_key.pem", "-aes256", "-passout", "pass:secret")
    return Certificates(place)


@pytest.fixture
def tls_server(certificates: Certificates) -> Iterator[Loopback]:
    """Ask clients for a certificate, and take none too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    server = Loopback(context)
    yield server
    server.close()


class Tunnel:
    """A proxy that opens tunnels to this machine, whatever name is asked for."""

    def __init__(self) -> None:
        self.tunnels: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.tunnel, args=(client,), daemon=True).start()

    def tunnel(self, client: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += client.recv(1_000)
        place = asked.split()[1].decode()
        self.tunnels.append(place)
        server = socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2])))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=pump, args=(server, client), daemon=True)
        back.start()
        pump(client, server)
        back.join()
        client.close()
        server.close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def tunnel() -> Iterator[Tunnel]:
    proxy = Tunnel()
    yield proxy
    proxy.listener.close()
