"""Raw answers become values, within limits; what is broken is told without quoting it."""

from __future__ import annotations

import io
import time

import pytest
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from gitops_core.errors import Invalid, Transient, UnknownKind
from gitops_core.kubernetes_api.answers import Reading, read_answer
from gitops_core.kubernetes_api.channels import encode_body
from gitops_core.kubernetes_api.requests import Request
from gitops_core.model.values import freeze

READING = Reading(Request("GET", "/api/v1/namespaces/shop/pods/web"), "https://a", 1_000)
CANARY = "hunter2-canary"


def answer(body: bytes, status: int = 200, **headers: str) -> HTTPResponse:
    return HTTPResponse(io.BytesIO(body), headers=headers, status=status, preload_content=False)


def test_json_is_decoded() -> None:
    response = read_answer(answer(b'{"a": [1]}', ETag="x"), READING)
    assert (response.status, response.body, response.headers["etag"]) == (200, {"a": [1]}, "x")


@pytest.mark.parametrize("status", [200, 202, 304])
def test_an_answer_without_content_has_no_body(status: int) -> None:
    assert read_answer(answer(b"", status), READING).body is None


def test_an_error_is_raised_by_the_table() -> None:
    with pytest.raises(UnknownKind):
        read_answer(answer(b"404 page not found\n", 404), READING)


@pytest.mark.parametrize(
    "body", [f'{{"a": "{CANARY}'.encode(), f"<html>{CANARY}".encode(), b"\xff" + CANARY.encode(), b"[" * 100_000]
)
def test_what_is_not_json_is_told_by_size_and_type_only(body: bytes) -> None:
    reading = Reading(READING.request, READING.server, 1_000_000)
    with pytest.raises(Transient, match=rf"sent {len(body):,} bytes of text/x that are not JSON") as caught:
        read_answer(answer(body, **{"Content-Type": "text/x"}), reading)
    assert CANARY not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


def test_an_answer_beyond_the_limit_is_refused() -> None:
    with pytest.raises(Invalid, match=r"larger than 1,000 bytes; ask in pages"):
        read_answer(answer(b"[" + b" " * 2_000 + b"]"), READING)
    assert read_answer(answer(b"[" + b" " * 998 + b"]"), READING).body == []


def test_an_answer_that_does_not_end_in_time_is_given_up() -> None:
    reading = Reading(READING.request, READING.server, 1_000, until=time.monotonic() - 1)
    with pytest.raises(Transient, match="did not end in time"):
        read_answer(answer(b"[]"), reading)


def test_an_answer_that_is_cut_is_transient() -> None:
    class Cut(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            raise ProtocolError("cut")

        read = read1

    with pytest.raises(Transient, match="was cut"):
        read_answer(HTTPResponse(Cut(b"x"), status=200, preload_content=False), READING)


def test_a_body_becomes_compact_json() -> None:
    assert encode_body(freeze({"a": ["é", 1, None, True]})) == '{"a":["é",1,null,true]}'.encode()
    assert encode_body(None) is None
    assert encode_body(0) == b"0"


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": {1, 2}}, {(1, 2): 3}, "\ud800", b"x"])
def test_a_body_that_is_not_json_is_refused_and_not_shown(body: object) -> None:
    with pytest.raises(Invalid, match="the object is not JSON") as caught:
        encode_body(body)
    assert caught.value.__cause__ is None


def test_a_body_without_end_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(Invalid, match="RecursionError"):
        encode_body(endless)
