"""The list of differences names cases that exist."""

from __future__ import annotations

import re
from pathlib import Path

from differences import DIFFERENCES
from objects import deployment, deployments

from servers import FakeServer


def test_every_difference_names_a_case() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    cases = set(re.findall(r"^def (test_\w+)\(", text, re.MULTILINE))
    assert sorted({name.partition("[")[0] for name in DIFFERENCES} - cases) == []


def test_every_difference_is_explained() -> None:
    assert [name for name, difference in DIFFERENCES.items() if not all(difference[:3])] == []


def test_the_fake_serves_one_version_of_each_built_in_kind(fake_server: FakeServer) -> None:
    """The real server serves autoscalers in autoscaling/v1 too, and the events of v1 in events.k8s.io/v1."""
    fake_server.admin.get("/apis/autoscaling/v2/horizontalpodautoscalers").expect(200)
    fake_server.admin.get("/apis/autoscaling/v1/horizontalpodautoscalers").expect(404)
    fake_server.admin.get("/apis/events.k8s.io/v1").expect(404)


def test_the_fake_has_no_openapi_v2(fake_server: FakeServer) -> None:
    """kubectl asks for it to validate a List; ``--validate=false`` is the way round."""
    assert fake_server.admin.get("/openapi/v2").expect(501).body["reason"] == "NotImplemented"


def test_the_fake_keeps_the_order_that_is_there(fake_server: FakeServer) -> None:
    """A real server takes the order of the configuration that is applied last."""
    path = deployments("default", "ordered")
    body = deployment("ordered")
    containers = body["spec"]["template"]["spec"]["containers"] = [{"name": name, "image": "x:1"} for name in "ab"]
    fake_server.admin.apply(path, body, "first").expect(201)
    body["spec"]["template"]["spec"]["containers"] = containers[::-1]
    found = fake_server.admin.apply(path, body, "first").expect(200).body
    assert [each["name"] for each in found["spec"]["template"]["spec"]["containers"]] == ["a", "b"]
