"""Watches over a loopback: events as they arrive, and an end at once."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from gitops_core.errors import Denied, Expired, Transient
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.identities import Credentials
from gitops_core.kubernetes_api.requests import Request

WATCH = Request("GET", "/api/v1/namespaces/shop/pods", (("watch", "true"), ("allowWatchBookmarks", "true")))


def event(kind: str, /, **body: Any) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


class Script:
    """Sends pieces as chunks, waits where it meets an Event, and ends the answer well unless told otherwise."""

    def __init__(self, *steps: bytes | threading.Event, ends: bool = True, chunked: bool = True) -> None:
        self.steps, self.ends, self.chunked = steps, ends, chunked

    def __call__(self, handler: Any) -> None:
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if self.chunked else b"Connection: close\r\n\r\n")
        )
        for step in self.steps:
            if isinstance(step, threading.Event):
                step.wait(20)
            else:
                handler.wfile.write(f"{len(step):x}\r\n".encode() + step + b"\r\n" if self.chunked else step)
        if self.ends and self.chunked:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.close_connection = True


def types(connection: Connection, timeout: float = 5) -> list[str]:
    with connection.stream(WATCH, timeout) as stream:
        return [found["type"] for found in stream]


@pytest.mark.parametrize("chunked", [True, False])
def test_events_arrive_one_by_one(loopback: Any, reply: Any, *, chunked: bool) -> None:
    more = threading.Event()
    script = Script(event("ADDED", n=1), more, event("BOOKMARK", n=2), chunked=chunked)
    loopback.answer = lambda seen: reply(raw=script)
    with loopback.connect().stream(WATCH, 5) as stream:
        events = iter(stream)
        assert next(events) == {"type": "ADDED", "object": {"n": 1}}
        more.set()
        assert next(events)["type"] == "BOOKMARK"
        assert list(events) == []
    assert loopback.seen[0].path.endswith("?watch=true&allowWatchBookmarks=true")


def test_an_old_place_is_expired_before_and_within_the_watch(loopback: Any, reply: Any) -> None:
    status = {"kind": "Status", "code": 410, "reason": "Expired"}
    loopback.answer = lambda seen: reply(410, status)
    with pytest.raises(Expired):
        types(loopback.connect())
    loopback.answer = lambda seen: reply(raw=Script(event("ERROR", **status)))
    with pytest.raises(Expired):
        types(loopback.connect())


def test_a_watch_that_is_not_allowed_is_told_when_it_begins(loopback: Any, reply: Any) -> None:
    loopback.answer = lambda seen: reply(403, {"kind": "Status", "reason": "Forbidden"})
    with pytest.raises(Denied) as caught:
        loopback.connect().stream(WATCH, 5)
    assert caught.value.permission is not None
    assert caught.value.permission.verb == "watch"


def test_another_success_is_no_watch(loopback: Any, reply: Any) -> None:
    loopback.answer = lambda seen: reply(202, {})
    with pytest.raises(Transient, match="HTTP 202"):
        loopback.connect().stream(WATCH, 5)


def test_silence_ends_a_watch(loopback: Any, reply: Any) -> None:
    release = threading.Event()
    loopback.answer = lambda seen: reply(raw=Script(event("ADDED"), release))
    with pytest.raises(Transient, match="went silent"):
        types(loopback.connect(), 0.2)
    release.set()


def test_a_watch_that_is_cut_is_transient(loopback: Any, reply: Any) -> None:
    loopback.answer = lambda seen: reply(raw=Script(event("ADDED"), ends=False))
    with pytest.raises(Transient):
        types(loopback.connect())


@pytest.mark.parametrize("server", ["loopback", "tls_server"])
@pytest.mark.parametrize("chunked", [True, False])
def test_closing_from_another_thread_ends_a_silent_watch_at_once(
    request: pytest.FixtureRequest, server: str, certificates: Any, reply: Any, *, chunked: bool
) -> None:
    place: Any = request.getfixturevalue(server)
    release = threading.Event()
    place.answer = lambda seen: reply(raw=Script(event("ADDED"), release, chunked=chunked))
    ca_file = certificates.ca if server == "tls_server" else ""
    stream = place.connect(Credentials(ca_file=ca_file)).stream(WATCH, 60)
    got: list[str] = []
    first = threading.Event()

    def follow() -> None:
        for found in stream:
            got.append(found["type"])
            first.set()

    follower = threading.Thread(target=follow)
    follower.start()
    assert first.wait(10)
    time.sleep(0.05)  # so that it waits for the next event
    began = time.monotonic()
    stream.close()
    follower.join(10)
    assert not follower.is_alive()
    assert time.monotonic() - began < 20  # of 60
    assert got == ["ADDED"]
    stream.close()
    release.set()


def test_a_watch_leaves_the_connection_usable(loopback: Any, reply: Any) -> None:
    loopback.answer = lambda seen: reply(raw=Script(event("ADDED"))) if "watch" in seen.path else reply(body={})
    connection = loopback.connect()
    for _ in range(3):
        assert types(connection) == ["ADDED"]
        assert connection.request(Request("GET", "/api"), 5).body == {}
