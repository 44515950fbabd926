"""The three older kinds of patches: JSON Patch, merge patch, strategic merge patch."""

from __future__ import annotations

from typing import Any

import pytest
from objects import configmap, configmaps, deployment, deployments, service, services
from raw_api import JSON_PATCH, STRATEGIC, Answer, RawApi


@pytest.fixture
def one(api: RawApi, ns: str) -> str:
    """The path of a ConfigMap with two keys and a label."""
    api.post(configmaps(ns), configmap("one", {"a": "1", "b": "2"}, labels={"x": "y"})).expect(201)
    return configmaps(ns, "one")


@pytest.fixture
def web(api: RawApi, ns: str) -> str:
    """The path of a Deployment with two containers."""
    body = deployment("web")
    body["spec"]["template"]["spec"]["containers"].append({"name": "log", "image": "log:1", "args": ["a", "b"]})
    api.post(deployments(ns), body).expect(201)
    return deployments(ns, "web")


def containers(answer: Answer) -> list[tuple[str, str]]:
    return [(each["name"], each["image"]) for each in answer.expect(200).body["spec"]["template"]["spec"]["containers"]]


def pod(**fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": fields}}}


# -- merge patch ---------------------------------------------------------------------------------------------------------


def test_a_merge_patch_adds_changes_and_removes(api: RawApi, one: str) -> None:
    found = api.patch(one, {"data": {"a": None, "b": "3", "c": "4"}}).expect(200).body
    assert found["data"] == {"b": "3", "c": "4"}
    assert found["metadata"]["labels"] == {"x": "y"}


def test_a_merge_patch_replaces_lists(api: RawApi, web: str) -> None:
    wanted = pod(containers=[{"name": "new", "image": "new:1"}])
    assert containers(api.patch(web, wanted)) == [("new", "new:1")]


def test_an_empty_merge_patch_changes_nothing(api: RawApi, one: str) -> None:
    before = api.get(one).body
    assert api.patch(one, {}).expect(200).body == before


def test_a_merge_patch_can_ask_for_a_version(api: RawApi, one: str) -> None:
    before = api.get(one).body["metadata"]["resourceVersion"]
    api.patch(one, {"metadata": {"resourceVersion": before}, "data": {"a": "2"}}).expect(200)
    answer = api.patch(one, {"metadata": {"resourceVersion": before}, "data": {"a": "3"}}).expect(409)
    assert answer.body["reason"] == "Conflict"


def test_a_patch_cannot_rename(api: RawApi, one: str) -> None:
    answer = api.patch(one, {"metadata": {"name": "two"}})
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")


def test_a_patch_cannot_change_the_uid(api: RawApi, one: str) -> None:
    answer = api.patch(one, {"metadata": {"uid": "00000000-0000-0000-0000-000000000000"}})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert {cause["field"] for cause in answer.body["details"]["causes"]} == {"metadata.uid"}


def test_a_dry_run_of_a_patch_changes_nothing(api: RawApi, one: str) -> None:
    before = api.get(one).body
    assert api.patch(one, {"data": {"a": "9"}}, query={"dryRun": "All"}).expect(200).body["data"]["a"] == "9"
    assert api.get(one).body == before


@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"{"])
def test_a_merge_patch_must_be_an_object(api: RawApi, one: str, body: bytes) -> None:
    assert api.patch(one, body).expect(400).body["reason"] == "BadRequest"


def test_an_unknown_type_of_patch_is_415(api: RawApi, one: str) -> None:
    api.patch(one, {}, "application/json").expect(415)


# -- JSON Patch ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operations", "data"),
    [
        ([{"op": "add", "path": "/data/c", "value": "3"}], {"a": "1", "b": "2", "c": "3"}),
        ([{"op": "replace", "path": "/data/a", "value": "9"}], {"a": "9", "b": "2"}),
        ([{"op": "remove", "path": "/data/a"}], {"b": "2"}),
        ([{"op": "move", "from": "/data/a", "path": "/data/z"}], {"b": "2", "z": "1"}),
        ([{"op": "copy", "from": "/data/a", "path": "/data/z"}], {"a": "1", "b": "2", "z": "1"}),
        ([{"op": "test", "path": "/data/a", "value": "1"}, {"op": "remove", "path": "/data/a"}], {"b": "2"}),
        ([{"op": "add", "path": "/data/x~1y~0z", "value": "3"}], None),
        ([], {"a": "1", "b": "2"}),
    ],
)
def test_json_patch(api: RawApi, one: str, operations: list[dict[str, Any]], data: dict[str, str] | None) -> None:
    answer = api.patch(one, operations, JSON_PATCH)
    if data is None:
        assert answer.status == 422  # "x/y~z" is no key of a ConfigMap
    else:
        assert answer.expect(200).body["data"] == data


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/data/a", "value": "2"}],
        [{"op": "remove", "path": "/data/none"}],
        [{"op": "add", "path": "/none/a", "value": "1"}],
    ],
)
def test_a_json_patch_that_does_not_fit_is_invalid(api: RawApi, one: str, operations: list[dict[str, Any]]) -> None:
    answer = api.patch(one, operations, JSON_PATCH).expect(422)
    assert answer.body["reason"] == "Invalid"
    assert api.get(one).body["data"] == {"a": "1", "b": "2"}


def test_replacing_a_missing_key_adds_it(api: RawApi, one: str) -> None:
    """RFC 6902 would refuse it; the API server does not."""
    found = api.patch(one, [{"op": "replace", "path": "/data/none", "value": "1"}], JSON_PATCH).expect(200).body
    assert found["data"] == {"a": "1", "b": "2", "none": "1"}


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"["])
def test_a_json_patch_must_be_a_list_of_operations(api: RawApi, one: str, body: bytes) -> None:
    assert api.patch(one, body, JSON_PATCH).expect(400).body["reason"] == "BadRequest"


def test_a_json_patch_reaches_list_items(api: RawApi, web: str) -> None:
    operations = [
        {"op": "replace", "path": "/spec/template/spec/containers/1/image", "value": "log:2"},
        {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "last", "image": "last:1"}},
    ]
    assert containers(api.patch(web, operations, JSON_PATCH)) == [("web", "web:1"), ("log", "log:2"), ("last", "last:1")]


# -- strategic merge patch -----------------------------------------------------------------------------------------------


def test_strategic_items_are_found_by_their_key(api: RawApi, web: str) -> None:
    wanted = pod(containers=[{"name": "log", "image": "log:2"}])
    assert sorted(containers(api.patch(web, wanted, STRATEGIC))) == [("log", "log:2"), ("web", "web:1")]


def test_strategic_items_are_added(api: RawApi, web: str) -> None:
    wanted = pod(containers=[{"name": "new", "image": "new:1"}])
    assert sorted(containers(api.patch(web, wanted, STRATEGIC))) == [("log", "log:1"), ("new", "new:1"), ("web", "web:1")]


def test_strategic_items_are_deleted(api: RawApi, web: str) -> None:
    wanted = pod(containers=[{"name": "log", "$patch": "delete"}])
    assert containers(api.patch(web, wanted, STRATEGIC)) == [("web", "web:1")]


def test_strategic_lists_are_replaced_if_asked(api: RawApi, web: str) -> None:
    wanted = pod(containers=[{"name": "new", "image": "new:1"}, {"$patch": "replace"}])
    assert containers(api.patch(web, wanted, STRATEGIC)) == [("new", "new:1")]


def test_strategic_maps_are_replaced_if_asked(api: RawApi, one: str) -> None:
    found = api.patch(one, {"data": {"$patch": "replace", "z": "1"}}, STRATEGIC).expect(200).body
    assert found["data"] == {"z": "1"}


def test_strategic_lists_without_a_key_are_replaced(api: RawApi, web: str) -> None:
    wanted = pod(containers=[{"name": "log", "args": ["c"]}])
    found = api.patch(web, wanted, STRATEGIC).expect(200).body["spec"]["template"]["spec"]["containers"]
    assert {each["name"]: each.get("args") for each in found} == {"web": None, "log": ["c"]}


def test_strategic_null_removes(api: RawApi, web: str) -> None:
    wanted = pod(containers=[{"name": "log", "args": None}])
    found = api.patch(web, wanted, STRATEGIC).expect(200).body["spec"]["template"]["spec"]["containers"]
    assert all("args" not in each for each in found)


def test_strategic_order_can_be_set(api: RawApi, web: str) -> None:
    wanted = pod(
        **{"$setElementOrder/containers": [{"name": "log"}, {"name": "web"}], "containers": [{"name": "web", "image": "web:2"}]}
    )
    assert containers(api.patch(web, wanted, STRATEGIC)) == [("log", "log:1"), ("web", "web:2")]


def test_strategic_primitives_of_a_set_are_merged_and_deleted(api: RawApi, one: str) -> None:
    api.patch(one, {"metadata": {"finalizers": ["x.example/a", "x.example/b"]}}, STRATEGIC).expect(200)
    found = api.patch(one, {"metadata": {"finalizers": ["x.example/c"]}}, STRATEGIC).expect(200).body
    assert sorted(found["metadata"]["finalizers"]) == ["x.example/a", "x.example/b", "x.example/c"]
    wanted = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.example/a", "x.example/c"]}}
    assert api.patch(one, wanted, STRATEGIC).expect(200).body["metadata"]["finalizers"] == ["x.example/b"]
    api.patch(one, {"metadata": {"finalizers": None}}).expect(200)


def test_strategic_unions_keep_what_is_named(api: RawApi, web: str) -> None:
    wanted = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert api.patch(web, wanted, STRATEGIC).expect(200).body["spec"]["strategy"] == {"type": "Recreate"}


def test_strategic_ports_of_a_service_are_found_by_port(api: RawApi, ns: str) -> None:
    api.post(services(ns), service("web")).expect(201)
    found = api.patch(services(ns, "web"), {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}, STRATEGIC).expect(200).body
    assert found["spec"]["ports"] == [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}]


def test_an_unknown_directive_is_refused(api: RawApi, web: str) -> None:
    answer = api.patch(web, pod(containers=[{"name": "log", "$patch": "twist"}]), STRATEGIC)
    assert answer.status >= 400


def test_unknown_fields_of_a_patch_are_an_error_when_strict(api: RawApi, web: str) -> None:
    answer = api.patch(web, {"spec": {"replicsa": 2}}, query={"fieldValidation": "Strict"})
    assert answer.status in {400, 422}
    assert 'unknown field "spec.replicsa"' in answer.body["message"]
