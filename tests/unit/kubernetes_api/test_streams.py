"""Watches: events however they are cut into pieces, errors, and the end."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from gitops_core.errors import Expired, GitOpsError, Invalid, Transient
from gitops_core.kubernetes_api.answers import Reading
from gitops_core.kubernetes_api.requests import Request
from gitops_core.kubernetes_api.streams import Stream

READING = Reading(Request("GET", "/api/v1/pods", (("watch", "true"),)), "https://a", 1_000)


class Socket(socket.socket):
    """Never opened; remembers that it was shut."""

    def __init__(self) -> None:
        self.shut = False

    def __del__(self) -> None:
        pass


class Answer:
    """A raw answer that gives *pieces*; an exception among them is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = iter(pieces)
        self.closed = False
        self.connection = self
        self.sock = Socket()

    def read1(self, size: int) -> bytes:
        piece = next(self.pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _shut(monkeypatch: pytest.MonkeyPatch) -> None:
    def shutdown(sock: Any, how: int) -> None:
        if sock.shut:
            raise OSError("not connected")
        sock.shut = True

    monkeypatch.setattr(socket.socket, "shutdown", shutdown)


def line(kind: str, name: str = "web") -> bytes:
    return json.dumps({"type": kind, "object": {"metadata": {"name": name}}}).encode() + b"\n"


def read(*pieces: bytes | Exception) -> list[str]:
    answer = Answer(*pieces)
    try:
        return [event["type"] for event in Stream(answer, READING)]
    finally:
        assert answer.closed


def test_events_come_as_they_were_sent_bookmarks_included() -> None:
    assert read(line("ADDED") + line("BOOKMARK"), line("DELETED")) == ["ADDED", "BOOKMARK", "DELETED"]


def test_an_event_may_come_in_pieces() -> None:
    whole = line("ADDED") + line("MODIFIED")
    assert read(*(whole[i : i + 1] for i in range(len(whole)))) == ["ADDED", "MODIFIED"]


def test_empty_lines_are_no_events() -> None:
    assert read(b"\n\n" + line("ADDED") + b"\n") == ["ADDED"]


def test_a_watch_that_ends_between_events_ends() -> None:
    assert read() == []


def test_a_watch_that_ends_within_an_event_was_cut() -> None:
    with pytest.raises(Transient, match="cut in the middle of an event"):
        read(line("ADDED"), b'{"type": "ADD')


@pytest.mark.parametrize("text", [b"{oops}\n", b"[]\n", b"\xff\n"])
def test_a_line_that_is_no_event_is_told(text: bytes) -> None:
    with pytest.raises(Transient, match="a line that is no event"):
        read(text, line("ADDED"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ({"kind": "Status", "code": 410, "reason": "Expired"}, Expired),
        ({"kind": "Status", "code": 410, "reason": "Gone"}, Expired),
        ({"kind": "Status", "code": 500, "reason": "InternalError"}, Transient),
        ({"kind": "Status"}, Transient),
        (None, Transient),
    ],
)
def test_an_error_among_the_events_is_raised_by_the_table(status: Any, kind: type[GitOpsError]) -> None:
    events = iter(
        Stream(answer := Answer(line("ADDED") + json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"), READING)
    )
    assert next(events)["type"] == "ADDED"
    with pytest.raises(kind) as caught:
        next(events)
    assert type(caught.value) is kind
    assert answer.closed


def test_silence_is_told_as_such() -> None:
    with pytest.raises(Transient, match="went silent"):
        read(ReadTimeoutError(HTTPConnectionPool("a"), "/", "words"))


def test_a_cut_connection_is_transient() -> None:
    with pytest.raises(Transient, match="was cut"):
        read(line("ADDED"), ProtocolError("cut"))


def test_an_event_beyond_the_limit_is_refused() -> None:
    with pytest.raises(Invalid, match="an event is larger than 1,000 bytes"):
        read(*[b"x" * 400] * 3)


def test_many_events_may_be_larger_together() -> None:
    assert len(read(*[line("ADDED") * 50] * 3)) == 150


def test_a_closed_watch_ends() -> None:
    answer = Answer(line("ADDED"), line("ADDED"))
    with Stream(answer, READING) as stream:
        events = iter(stream)
        next(events)
    assert list(events) == []
    assert answer.closed
    assert answer.sock.shut
    stream.close()


@pytest.mark.parametrize("error", [ProtocolError("cut"), ValueError("closed"), AttributeError("gone"), OSError("bad")])
def test_whatever_a_shut_socket_throws_is_the_end_and_no_error(error: Exception) -> None:
    answer = Answer()
    stream = Stream(answer, READING)

    def read1(size: int) -> bytes:
        stream.close()  # as another thread does
        raise error

    answer.read1 = read1
    assert list(stream) == []
    assert answer.closed


def test_what_arrives_while_it_is_closed_is_dropped_without_an_error() -> None:
    answer = Answer()
    stream = Stream(answer, READING)

    def pieces() -> Iterator[bytes]:
        yield b'{"type": '
        stream.close()
        yield b'"ADDED"'

    given = pieces()
    answer.read1 = lambda size: next(given, b"")
    assert list(stream) == []
