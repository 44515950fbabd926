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
    answers = []
    for body, chunked in ((BODY, False), (BODY, False), (BODY + b" ", False), (BODY, True)):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        client.request("POST", "/hook", iter([body]) if chunked else body, headers, encode_chunked=chunked)
        with client.getresponse() as answer:
            answers.append(answer.status)
        client.close()
    assert answers == [202, 200, 401, 411]
    assert [push.refs for push in pushes] == [("refs/heads/main",)]
