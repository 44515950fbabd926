"""A receiver behind a real server: wsgiref's, on the loopback."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from gitops_core.webhooks import Checks, Deliveries, Hook, Push, Receiver, sign, wsgi_app

SECRET = "correct horse"
BODY = json.dumps({"repository": "https://forge.test/web.git", "refs": ["refs/heads/main"]}).encode()


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def served() -> Iterator[tuple[int, list[Push]]]:
    pushes: list[Push] = []
    receiver = Receiver({"/hook": Hook("generic", SECRET)}, pushes.append, Checks(deliveries=Deliveries()))
    with make_server("127.0.0.1", 0, wsgi_app(receiver), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port, pushes
        server.shutdown()
        thread.join(10)


def test_pushes_come_through_a_real_server(served: tuple[int, list[Push]]) -> None:
    port, pushes = served
    headers = sign("d1", int(time.time()), BODY, SECRET) | {"Content-Type": "application/json"}
    answers = [answer_to(port, body, headers) for body in (BODY, BODY, BODY + b" ")]
    assert answers == [202, 200, 401]
    assert [push.refs for push in pushes] == [("refs/heads/main",)]


def test_a_body_of_unknown_length_is_refused_before_it_comes(served: tuple[int, list[Push]]) -> None:
    port, pushes = served
    assert answer_to(port, None, {"Transfer-Encoding": "chunked"}) == 411
    assert pushes == []


def answer_to(port: int, body: bytes | None, headers: dict[str, str]) -> int:
    """Send a delivery, or only what comes before its body: the server does not wait for it, and a late body would meet a closed door."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        client.putrequest("POST", "/hook")
        for name, value in headers.items():
            client.putheader(name, value)
        if body is not None:
            client.putheader("Content-Length", str(len(body)))
        client.endheaders(body)
        with client.getresponse() as answer:
            return answer.status
    finally:
        client.close()
