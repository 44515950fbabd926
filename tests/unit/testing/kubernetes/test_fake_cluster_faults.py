"""Faults on the wire, bodies in protocol buffers, and requests as values."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from fake_cluster_bodies import CONFIG_MAPS, config_map

from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.faults import Corrupt, Delay, DropReply, Fail, FaultPlan, Throttle, TimeOut
from gitops_core.testing.kubernetes import FakeCluster, HttpRequest, HttpResponse
from gitops_core.testing.kubernetes.encoding import decoded
from gitops_core.testing.kubernetes.faults import internal_error, unavailable
from gitops_core.testing.kubernetes.http import ConnectionDropped
from gitops_core.testing.kubernetes.protobuf import enveloped, message


def test_a_request_is_throttled(cluster: FakeCluster) -> None:
    cluster.inject(FaultPlan([Throttle("kubernetes.list", key="configmaps/default", retry_after=7)]))
    answer = cluster.handle(HttpRequest.of("GET", CONFIG_MAPS))
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (429, "7")
    assert cluster.request("GET", f"{CONFIG_MAPS}/x")[0] == 404
    cluster.inject(None)
    assert cluster.request("GET", CONFIG_MAPS)[0] == 200


@pytest.mark.parametrize(("error", "status"), [(internal_error(), 500), (unavailable(), 503)])
def test_a_request_fails_with_a_status(cluster: FakeCluster, error: Exception, status: int) -> None:
    cluster.inject(FaultPlan([Fail("get", key="/version", error=error)]))
    assert cluster.request("GET", "/version")[0] == status


@pytest.mark.parametrize(
    ("fault", "done"),
    [(Fail("create"), False), (DropReply("create"), True), (TimeOut("create", done=True), True), (TimeOut("create"), False)],
)
def test_a_connection_is_dropped_before_or_after_the_work(cluster: FakeCluster, fault: Any, done: bool) -> None:
    cluster.inject(FaultPlan([fault]))
    with pytest.raises(ConnectionDropped):
        cluster.request("POST", CONFIG_MAPS, config_map("one"))
    assert cluster.request("GET", f"{CONFIG_MAPS}/one")[0] == (200 if done else 404)


def test_a_slow_answer_takes_time_of_the_clock(cluster: FakeCluster) -> None:
    cluster.inject(FaultPlan([Delay("list", seconds=9)]))
    cluster.request("GET", CONFIG_MAPS)
    assert isinstance(cluster.clock, VirtualClock)
    assert cluster.clock.monotonic() == 9


def test_a_body_is_cut_in_the_middle(cluster: FakeCluster) -> None:
    cluster.inject(FaultPlan([Corrupt("list")]))
    answer = cluster.handle(HttpRequest.of("GET", CONFIG_MAPS))
    assert isinstance(answer, HttpResponse)
    assert answer.cut == len(answer.body) // 2


def test_a_watch_is_cut_after_its_first_events(cluster: FakeCluster) -> None:
    cluster.inject(FaultPlan([Corrupt("watch")]))
    stream = cluster.handle(HttpRequest.of("GET", f"{CONFIG_MAPS}?watch=1"))
    assert not isinstance(stream, HttpResponse)
    assert (stream.pending(), stream.ended) == ([], False)
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    stream.wait(1)
    (half,) = stream.pending()
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(half)
    with pytest.raises(ConnectionDropped):
        stream.pending()
    stream.close()


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def member(number: int, content: bytes | str | int) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def envelope(version: str, kind: str, content: bytes) -> bytes:
    return b"k8s\x00" + member(1, member(1, version) + member(2, kind)) + member(2, content)


PROTOBUF = {"content-type": "application/vnd.kubernetes.protobuf"}


def test_a_body_in_protocol_buffers_is_read(cluster: FakeCluster) -> None:
    metadata = member(1, "one") + member(11, member(1, "k") + member(2, "v"))
    content = (
        member(1, metadata)
        + member(2, member(1, "a") + member(2, "1"))
        + member(3, member(1, "b") + member(2, b"\x00"))
        + member(4, 1)
    )
    status, made = cluster.request("POST", CONFIG_MAPS, envelope("v1", "ConfigMap", content), headers=PROTOBUF)
    assert status == 201, made
    assert (made["metadata"]["labels"], made["data"], made["binaryData"], made["immutable"]) == (
        {"k": "v"},
        {"a": "1"},
        {"b": "AA=="},
        True,
    )
    options = envelope("v1", "DeleteOptions", member(2, member(1, "other")))
    assert cluster.request("DELETE", f"{CONFIG_MAPS}/one", options, headers=PROTOBUF)[0] == 409


@pytest.mark.parametrize(
    ("type_name", "content", "expected"),
    [
        ("core.v1.Volume", member(1, "v") + member(2, member(6, member(1, "s"))), {"name": "v", "secret": {"secretName": "s"}}),
        ("core.v1.ServicePort", member(4, member(1, 1) + member(3, "http")), {"targetPort": "http"}),
        ("core.v1.ServicePort", member(4, member(1, 0) + member(2, 80)), {"targetPort": 80}),
        ("core.v1.ResourceRequirements", member(1, member(1, "cpu") + member(2, member(1, "1"))), {"limits": {"cpu": "1"}}),
        ("meta.v1.ObjectMeta", member(8, member(1, 0)) + member(10, (1 << 64) - 1), {"creationTimestamp": "1970-01-01T00:00:00Z", "deletionGracePeriodSeconds": -1}),
        ("meta.v1.ObjectMeta", member(8, b""), {"creationTimestamp": None}),
        ("core.v1.Container", member(3, "a") + member(3, "b"), {"command": ["a", "b"]}),
        ("core.v1.PodSecurityContext", member(4, varint(1) + varint(300)), {"supplementalGroups": [1, 300]}),
        ("meta.v1.ManagedFieldsEntry", member(7, member(1, '{"f:a":{}}')), {"fieldsV1": {"f:a": {}}}),
        ("core.v1.Container", member(99, 1) + varint(98 << 3 | 1) + struct.pack("<d", 1.0) + varint(97 << 3 | 5) + b"\x00" * 4, {}),
    ],
)  # fmt: skip
def test_messages_are_read_by_their_types(type_name: str, content: bytes, expected: dict[str, Any]) -> None:
    assert message(type_name, content) == expected


@pytest.mark.parametrize("body", [b"x", b"k8s\x00\x08", b"k8s\x00\x0a\x09", b"k8s\x00\x08\x01"])
def test_broken_protocol_buffers_are_a_bad_request(cluster: FakeCluster, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"protocol buffers|number|longer"):
        enveloped(body)
    assert cluster.request("POST", CONFIG_MAPS, body, headers=PROTOBUF)[0] == 400


def test_custom_kinds_have_no_protocol_buffers(cluster: FakeCluster) -> None:
    from fake_cluster_bodies import CRDS, WIDGETS, definition

    cluster.request("POST", CRDS, definition())
    assert cluster.request("POST", WIDGETS, envelope("example.org/v1", "Widget", b""), headers=PROTOBUF)[0] == 400


def test_duplicates_are_found_in_lists_too() -> None:
    assert decoded(b'{"a":[{"x":1},{"b":1,"b":2}]}') == ({"a": [{"x": 1}, {"b": 2}]}, ["a[1].b"])


def test_a_request_is_a_value() -> None:
    asked = HttpRequest.of("GET", "/a%20b?x=1&x=2&y=&no=false", {"secret": "s"}, {"Accept": "x"})
    assert (asked.path, asked.parameter("x"), asked.parameter("z", "d"), asked.flag("y"), asked.flag("no")) == (
        "/a b",
        "1",
        "d",
        True,
        False,
    )
    assert asked.headers == {"accept": "x", "content-type": "application/json"}
    assert "secret" not in repr(asked)


def test_numbers_and_maps_of_lists_in_protocol_buffers() -> None:
    extra = member(2, member(1, "k") + member(2, member(1, "a") + member(1, "b")))
    assert message("authentication.v1.UserInfo", member(4, member(1, "k") + member(2, member(1, "a")))) == {"extra": {"k": ["a"]}}
    assert message("core.v1.Container", extra) == {"image": extra[2:].decode("latin-1")}


def test_a_status_reads_as_a_sentence() -> None:
    assert str(unavailable("closed")) == "503 ServiceUnavailable: closed"
