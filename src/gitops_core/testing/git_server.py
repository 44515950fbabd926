r"""
Real Git for tests, demonstrations and benchmarks: smart HTTP over a repository that is built in one line a commit.

::

    repo = GitRepository.create(tmp_path / "edge.git")
    repo.commit({"edge/site.yaml": "kind: ConfigMap\n"})
    with serve_http(repo.path) as server:
        source = GitSource(server.url, path="edge")

:class:`GitRepository` is at home in :mod:`gitops_core.testing.builders.repositories`; :func:`serve_http` needs the ``git`` command,
for ``git http-backend``.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from gitops_core.testing.builders.repositories import AUTHOR, Entry, GitRepository

__all__ = ["AUTHOR", "Entry", "Faults", "GitHttpServer", "GitRepository", "Request", "serve_http"]


@attrs.define
class Faults:
    """
    What a :class:`GitHttpServer` does wrong; change it while the server runs.

    Attributes:
        redirect: Answer every request with a redirect to the same path under this base URL.
        moved: Redirect what is asked for under this name, ``old.git``, to the repository's own, as after a renaming.
        status: Answer every request with this HTTP status, if not 0.
        stall: Where to fall silent until the server closes: ``""``, ``"refs"`` (before an answer) or ``"pack"`` (after the first bytes).
        truncate: Close the connection after so many bytes of a pack answer, if not negative.
        protocol_v2: Speak protocol version 2 when asked to; else versions 0 and 1 only.
    """

    redirect: str = ""
    moved: str = ""
    status: int = 0
    stall: str = ""
    truncate: int = -1
    protocol_v2: bool = True


@attrs.frozen
class Request:
    """
    One HTTP request as the server saw it.

    Attributes:
        method: ``GET`` or ``POST``.
        path: With the query.
        headers: Names in lower case.
        kind: ``refs`` (an ls-remote, or its first half), ``ls-refs`` (the second half), ``fetch`` or ``push``.
        received: Bytes of the request's body.
        sent: Bytes of the answer's body.
    """

    method: str
    path: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    kind: str
    received: int = 0
    sent: int = 0


class GitHttpServer:
    """
    A smart HTTP server that counts; :func:`serve_http` makes one.

    Attributes:
        url: The address of the repository.
        base_url: The address of the directory it is in.
        faults: What to do wrong from now on.
        requests: What was asked so far.
    """

    def __init__(self, root: Path, faults: Faults, authorization: str | None, tls: ssl.SSLContext | None) -> None:
        git = shutil.which("git")
        if git is None:
            raise FileNotFoundError("no git command; install git to serve a repository over HTTP")
        self.git = git
        self.root = root
        self.faults = faults
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self.authorization = authorization
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{self._http.server_port}"
        self.url = f"{self.base_url}/{root.name}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def count(self, kind: str) -> int:
        """Return how many requests of *kind* there were: ``refs`` counts ls-remotes, ``fetch`` counts packs."""
        return sum(request.kind == kind for request in self.requests)

    @property
    def repository(self) -> GitRepository:
        """The repository that is served, to commit to."""
        return GitRepository(self.root)

    @property
    def sent(self) -> int:
        """Bytes of all answers."""
        return sum(request.sent for request in self.requests)

    def close(self) -> None:
        """Stop serving; may be called twice."""
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextlib.contextmanager
def serve_http(
    repository: str | os.PathLike[str],
    *,
    login: tuple[str, str] | None = None,
    token: str | None = None,
    faults: Faults | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[GitHttpServer]:
    """
    Serve *repository* (fetch and push) on a free port of the loopback interface while the context lasts.

    Args:
        repository: A bare repository's directory.
        login: User and password to ask for (Basic).
        token: Bearer token to ask for.
        faults: What to do wrong from the beginning.
        tls: A server-side context; then the URL is ``https://127.0.0.1:...``.

    Raises:
        FileNotFoundError: There is no ``git`` command.
    """
    authorization = None
    if login is not None:
        authorization = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    elif token is not None:
        authorization = f"Bearer {token}"
    server = GitHttpServer(Path(repository).resolve(), faults or Faults(), authorization, tls)
    try:
        yield server
    finally:
        server.close()


class _Server(http.server.ThreadingHTTPServer):
    owner: GitHttpServer
    daemon_threads = True
    block_on_close = False  # a client that keeps its connection open must not keep us

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that hangs up is what some tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_args: Any) -> None:
        """Requests are kept, not printed."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self._body())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, body: bytes) -> None:
        owner, faults = self.server.owner, self.server.owner.faults
        kind = _kind(self.path, body)
        seen = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, kind, len(body))
        index = len(owner.requests)
        owner.requests.append(seen)
        if faults.stall == "refs":
            owner.stopping.wait()
        elif faults.redirect:
            self._short(302, Location=faults.redirect.rstrip("/") + self.path)
        elif faults.moved and self.path.startswith(f"/{faults.moved}/"):
            self._short(301, Location=owner.url + self.path.removeprefix(f"/{faults.moved}"))
        elif faults.status:
            self._short(faults.status)
        elif owner.authorization is not None and self.headers.get("Authorization") != owner.authorization:
            self._short(401, **{"WWW-Authenticate": owner.authorization.split()[0] + ' realm="git"'})
        else:
            sent = self._backend(body, pack=kind == "fetch")
            owner.requests[index] = attrs.evolve(seen, sent=sent)

    def _short(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _backend(self, body: bytes, *, pack: bool) -> int:
        command = [self.server.owner.git, "http-backend"]
        with subprocess.Popen(  # noqa: S603  # why: the command is fixed; the request travels in the environment, as CGI has it
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment(body)
        ) as child:
            if child.stdin is None or child.stdout is None:
                raise RuntimeError("no pipes to git http-backend")
            feeder = threading.Thread(target=_feed, args=(child.stdin, body), daemon=True)
            feeder.start()
            try:
                return self._copy(child.stdout, pack=pack)
            finally:
                child.kill()
                feeder.join()

    def _copy(self, answer: Any, *, pack: bool) -> int:
        headers = list(iter(lambda: answer.readline().rstrip(b"\r\n").decode(), ""))
        pairs = [tuple(line.split(": ", 1)) for line in headers]
        status = next((int(value.split()[0]) for name, value in pairs if name == "Status"), 200)
        self.send_response(status)
        for name, value in pairs:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        return self._stream(answer, pack=pack)

    def _stream(self, answer: Any, *, pack: bool) -> int:
        faults, sent = self.server.owner.faults, 0
        limit = faults.truncate if pack else -1
        while chunk := answer.read1(65536):
            if 0 <= limit < sent + len(chunk):
                chunk = chunk[: limit - sent]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.close_connection = True
                return sent + len(chunk)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            sent += len(chunk)
            if pack and faults.stall == "pack":
                self.server.owner.stopping.wait()
                self.close_connection = True
                return sent
        self.wfile.write(b"0\r\n\r\n")
        return sent

    def _environment(self, body: bytes) -> dict[str, str]:
        root = self.server.owner.root
        path, _, query = self.path.partition("?")
        protocol = self.headers.get("Git-Protocol", "") if self.server.owner.faults.protocol_v2 else ""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_PROJECT_ROOT": str(root.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": "3",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "http.receivepack",
            "GIT_CONFIG_VALUE_1": "true",
            "GIT_CONFIG_KEY_2": "uploadpack.allowFilter",
            "GIT_CONFIG_VALUE_2": "true",
            "GIT_PROTOCOL": protocol,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "test",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }


def _feed(pipe: Any, body: bytes) -> None:
    # git closes its end early when it refuses a request; that is its right.
    with contextlib.suppress(OSError), pipe:
        pipe.write(body)


def _kind(path: str, body: bytes) -> str:
    if "git-receive-pack" in path:
        return "push"
    if "/info/refs" in path:
        return "refs"
    return "ls-refs" if b"command=ls-refs" in body[:200] else "fetch"
