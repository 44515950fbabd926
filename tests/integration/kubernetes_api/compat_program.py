"""A program that talks to a small server of its own, and prints the versions it did so with: run below other clients."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import kubernetes
import urllib3
import yaml

from gitops_core.errors import FieldConflict, TargetError, Throttled
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.identities import Impersonation
from gitops_core.kubernetes_api.requests import APPLY, Request
from gitops_core.kubernetes_api.settings import ConnectionSettings

CAUSE = {"reason": "FieldManagerConflict", "field": ".data.a", "message": 'conflict with "kubectl" using v1'}
ANSWERS = {
    "/busy": (429, {"kind": "Status", "reason": "TooManyRequests", "details": {"retryAfterSeconds": 7}}),
    "/taken": (409, {"kind": "Status", "reason": "Conflict", "details": {"causes": [CAUSE]}}),
}
count = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        global count  # noqa: PLW0603  # why: one server, one program
        count += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "watch" in self.path:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b'c\r\n{"type":"A"}\r\n1\r\n\n\r\n')
            return
        told = {
            "authorization": self.headers["Authorization"],
            "groups": self.headers.get_all("Impersonate-Group"),
            "size": len(body),
        }
        status, answer = ANSWERS.get(self.path, (200, told))
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


for method in ("GET", "PATCH"):
    setattr(Handler, f"do_{method}", Handler.answer)

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory() as directory:
    path = Path(directory) / "config"
    content = {
        "current-context": "dev",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "abc"}}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(yaml.safe_dump(content))
    connection = Connection.from_kubeconfig(path, settings=ConnectionSettings(pool_size=3))

told = connection.request(Request("PATCH", "/api/v1/x", body={"a": 1}, content_type=APPLY), 5).body
assert told == {"authorization": "Bearer abc", "groups": None, "size": 7}, told
jane = connection.impersonating(Impersonation("jane", ("a", "b")))
assert jane.request(Request("GET", "/api/v1/x"), 5).body["groups"] == ["a", "b"]


def refused(address: str) -> TargetError:
    before = count
    try:
        connection.request(Request("GET", address), 5)
    except TargetError as error:
        assert count == before + 1, "the client tried again by itself"
        return error
    raise AssertionError(address)


busy, taken = refused("/busy"), refused("/taken")
assert (type(busy), busy.retry_after) == (Throttled, 7)
assert isinstance(taken, FieldConflict)
assert taken.conflicts == (("kubectl", ".data.a"),)
stream = connection.stream(Request("GET", "/api/v1/x", (("watch", "true"),)), 30)
events = iter(stream)
assert next(events) == {"type": "A"}
threading.Timer(0.1, stream.close).start()
assert list(events) == []
sys.stdout.write(json.dumps({"kubernetes": kubernetes.__version__, "urllib3": urllib3.__version__}))
