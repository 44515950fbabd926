"""What a real API server makes of a declaration is no difference, and what somebody else makes of it is one."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from immutable_cases import CASES, Json
from raw_api import RawApi
from real_server import RealServer

from gitops_core.model.plans import FieldDiff
from gitops_core.model.values import freeze
from gitops_core.targets.kubernetes.comparing import compare_with_managers
from gitops_core.targets.kubernetes.spelling import spell, to_apply

pytestmark = [pytest.mark.slow, pytest.mark.needs_kube_apiserver]

AWKWARD: list[Json] = list(yaml.safe_load_all((Path(__file__).parent / "awkward.yaml").read_text()))
NAMES = [f"{number:02}-{body['kind']}" for number, body in enumerate(AWKWARD)]
PLAIN = [case.body for case in CASES.values()]


@pytest.fixture(scope="module")
def place(real_server: RealServer) -> Iterator[RawApi]:
    """The API with the definition of the awkward kind served, and nothing left afterwards."""
    api = real_server.api()
    definition = next(body for body in AWKWARD if body["kind"] == "CustomResourceDefinition")
    api.apply(path_of(api, definition), definition, "us").expect(200, 201)
    deadline = time.monotonic() + 20
    while api.get("/apis/quiet.example.com/v1").status != 200 or not resources(api, "quiet.example.com/v1"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield api
    for body in reversed([*AWKWARD, *PLAIN]):
        api.delete(path_of(api, body), query={"gracePeriodSeconds": 0})
        api.patch(path_of(api, body), {"metadata": {"finalizers": None}})


def resources(api: RawApi, version: str) -> dict[str, Json]:
    root = "/apis/" if "/" in version else "/api/"
    return {kind["kind"]: kind for kind in api.get(root + version).expect(200).body["resources"] if "/" not in kind["name"]}


def path_of(api: RawApi, body: Json) -> str:
    kind = resources(api, body["apiVersion"]).get(body["kind"], {"name": "unknown", "namespaced": False})
    root = "/apis/" if "/" in body["apiVersion"] else "/api/"
    space = "/namespaces/default" if kind["namespaced"] else ""
    return f"{root}{body['apiVersion']}{space}/{kind['name']}/{body['metadata']['name']}"


def marked(live: Json, manager: str = "us") -> Json:
    entries = [{**e, "ours": True} if e["manager"] == manager else e for e in live["metadata"].get("managedFields", [])]
    return {**live, "metadata": {**live["metadata"], "managedFields": entries}}


def compared(body: Json, live: Json, manager: str = "us") -> list[FieldDiff]:
    return compare_with_managers(spell(freeze(body)), spell(freeze(marked(live, manager))))


def applied(api: RawApi, body: Json, manager: str = "us") -> Json:
    sent = dict(to_apply(body))
    answer: Json = api.apply(path_of(api, body), sent, manager, force=True).expect(200, 201).body
    return answer


@pytest.mark.parametrize("body", AWKWARD, ids=NAMES)
def test_an_object_that_was_just_applied_is_as_declared(place: RawApi, body: Json):
    assert compared(body, applied(place, body)) == []


@pytest.mark.parametrize("body", AWKWARD, ids=NAMES)
def test_an_object_that_somebody_else_applied_alike_can_be_adopted_without_a_change(place: RawApi, body: Json):
    applied(place, body)
    assert compared(body, place.get(path_of(place, body)).expect(200).body, "nobody") == []


@pytest.mark.parametrize("body", AWKWARD, ids=NAMES)
def test_what_we_stop_declaring_is_found_field_by_field_and_is_gone_after_the_next_write(place: RawApi, body: Json):
    """Every optional field of the declaration is left out once; what goes is what was declared, and nothing remains to be done."""
    for fewer in itertools.islice(shortened(body), 12):
        live = applied(place, body)
        found = compared(fewer, live)
        answer = place.apply(path_of(place, body), dict(to_apply(fewer)), "us", force=True)
        if answer.status in (200, 201):
            assert all(d.note == "no longer declared" for d in found), found
            assert compared(fewer, answer.body) == []


def shortened(body: Json) -> Iterator[Json]:
    """Yield *body* without one field of its spec, or of its top, each in turn."""
    for name, value in body.items():
        if name in {"apiVersion", "kind", "metadata"}:
            continue
        yield {n: v for n, v in body.items() if n != name}
        if isinstance(value, dict):
            yield from ({**body, name: {n: v for n, v in value.items() if n != below}} for below in value)
