"""Custom kinds: established, pruned, defaulted, validated, served in two versions, and gone."""

from __future__ import annotations

from typing import Any

import pytest
from fake_cluster_bodies import APPLY, CRDS, JSON_PATCH, MERGE, STRATEGIC, WIDGETS, definition, widget

from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster
from gitops_core.testing.kubernetes.structural import schema_problems

Object = dict[str, Any]
ONE = f"{CRDS}/widgets.example.org"


def conditions(answer: Object) -> dict[str, str]:
    return {each["type"]: each["status"] for each in answer["status"]["conditions"] or ()}


def test_a_definition_is_established_on_the_clock() -> None:
    clock = VirtualClock()
    cluster = FakeCluster(ClusterSettings(clock=clock, establish_after=5))
    _, made = cluster.request("POST", CRDS, definition())
    assert conditions(made) == {}
    assert cluster.request("GET", WIDGETS)[0] == 404
    clock.advance(5)
    assert cluster.request("GET", WIDGETS)[0] == 200
    _, made = cluster.request("GET", ONE)
    assert conditions(made) == {"NamesAccepted": "True", "Established": "True"}
    assert made["status"]["acceptedNames"] == {
        "plural": "widgets",
        "singular": "widget",
        "kind": "Widget",
        "listKind": "WidgetList",
    }


def test_names_are_taken_once(cluster: FakeCluster) -> None:
    cluster.request("POST", CRDS, definition())
    other = definition()
    other["metadata"]["name"], other["spec"]["names"]["plural"] = "gadgets.example.org", "gadgets"
    cluster.request("POST", CRDS, other)
    assert conditions(cluster.request("GET", f"{CRDS}/gadgets.example.org")[1]) == {
        "NamesAccepted": "False",
        "Established": "False",
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"names": {"plural": "others", "kind": "Widget"}}, "metadata.name"),
        ({"names": {}}, "spec.names.plural"),
        ({"group": ""}, "spec.group"),
        ({"scope": "Everywhere"}, "spec.scope"),
        ({"versions": []}, "spec.versions"),
        ({"versions": [{"name": "v1", "served": True, "storage": True}]}, "spec.versions[0].schema.openAPIV3Schema"),
        ({"versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object", "properties": {"a": {"items": {}, "type": "array"}}}}}]}, "spec.versions[0].schema.openAPIV3Schema.properties[a].items.type"),
    ],
)  # fmt: skip
def test_a_definition_is_checked(cluster: FakeCluster, change: Object, field: str) -> None:
    status, answer = cluster.request("POST", CRDS, definition(**change))
    assert status == 422
    assert field in {cause["field"] for cause in answer["details"]["causes"]}


def test_a_stored_version_stays(cluster: FakeCluster) -> None:
    cluster.request("POST", CRDS, definition())
    _, made = cluster.request("GET", ONE)
    made["spec"]["versions"] = [{**made["spec"]["versions"][1], "storage": True}]
    status, answer = cluster.request("PUT", ONE, made)
    assert (status, answer["details"]["causes"][0]["field"]) == (422, "status.storedVersions[0]")
    assert cluster.request("PATCH", ONE, {"spec": {"scope": "Cluster"}}, headers=MERGE)[0] == 422


@pytest.mark.parametrize(
    "change",
    [
        {"conversion": {"strategy": "Webhook"}},
        {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"x-kubernetes-validations": [{"rule": "true"}]}}}]},
    ],
)
def test_what_needs_a_real_server_is_refused_loudly(cluster: FakeCluster, change: Object) -> None:
    status, answer = cluster.request("POST", CRDS, definition(**change))
    assert (status, answer["reason"]) == (501, "NotImplemented")


def test_rules_can_be_skipped() -> None:
    cluster = FakeCluster(ClusterSettings(skip_rules=True))
    body = definition()
    body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["x-kubernetes-validations"] = [{"rule": "true"}]
    assert cluster.request("POST", CRDS, body)[0] == 201


SCHEMA: Object = {
    "size": {"type": "integer", "minimum": 1, "maximum": 10, "multipleOf": 1},
    "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
    "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5, "minLength": 2},
    "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set", "minItems": 1, "maxItems": 2},
    "ports": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port"],
        "items": {
            "type": "object",
            "required": ["port"],
            "properties": {"port": {"type": "integer"}, "name": {"type": "string", "default": "x"}},
        },
    },
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "either": {"x-kubernetes-int-or-string": True},
    "when": {"type": "string", "format": "date-time"},
    "map": {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
    "maybe": {"type": "string", "nullable": True},
    "share": {"type": "number", "exclusiveMinimum": True, "minimum": 0, "exclusiveMaximum": True, "maximum": 1},
    "some": {
        "type": "object",
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        "not": {"required": ["c"]},
        "x-kubernetes-preserve-unknown-fields": True,
    },
    "one": {
        "type": "object",
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        "allOf": [{"required": ["z"]}],
        "x-kubernetes-preserve-unknown-fields": True,
    },
    "embedded": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": {"type": "object"}}},
}


@pytest.fixture
def widgets(cluster: FakeCluster) -> FakeCluster:
    assert cluster.request("POST", CRDS, definition(SCHEMA))[0] == 201
    return cluster


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"size": 0}, ("FieldValueInvalid", "spec.size")),
        ({"size": 11}, ("FieldValueInvalid", "spec.size")),
        ({"size": "x"}, ("FieldValueTypeInvalid", "spec.size")),
        ({"size": 1.5}, ("FieldValueTypeInvalid", "spec.size")),
        ({"color": "green"}, ("FieldValueNotSupported", "spec.color")),
        ({"name": "toolong"}, ("FieldValueTooLong", "spec.name")),
        ({"name": "a"}, ("FieldValueInvalid", "spec.name")),
        ({"name": "AB"}, ("FieldValueInvalid", "spec.name")),
        ({"tags": []}, ("FieldValueInvalid", "spec.tags")),
        ({"tags": ["a", "b", "c"]}, ("FieldValueTooMany", "spec.tags")),
        ({"tags": ["a", "a"]}, ("FieldValueDuplicate", "spec.tags[1]")),
        ({"ports": [{"port": 1}, {"port": 1}]}, ("FieldValueDuplicate", "spec.ports[1]")),
        ({"ports": [{"name": "x"}]}, ("FieldValueRequired", "spec.ports[0].port")),
        ({"either": True}, ("FieldValueTypeInvalid", "spec.either")),
        ({"when": "soon"}, ("FieldValueInvalid", "spec.when")),
        ({"when": "2020-01-01"}, ("FieldValueInvalid", "spec.when")),
        ({"map": {"a": "b"}}, ("FieldValueTypeInvalid", "spec.map.a")),
        ({"map": {"a": 1, "b": 1, "c": 1}}, ("FieldValueTooMany", "spec.map")),
        ({"share": 0}, ("FieldValueInvalid", "spec.share")),
        ({"share": 1}, ("FieldValueInvalid", "spec.share")),
        ({"some": {}}, ("FieldValueInvalid", "spec.some")),
        ({"some": {"a": 1, "c": 1}}, ("FieldValueInvalid", "spec.some")),
        ({"one": {"a": 1, "b": 1, "z": 1}}, ("FieldValueInvalid", "spec.one")),
        ({"one": {"a": 1}}, ("FieldValueRequired", "spec.one.z")),
    ],
)
def test_an_object_is_validated(widgets: FakeCluster, spec: Object, expected: tuple[str, str]) -> None:
    status, answer = widgets.request("POST", WIDGETS, widget("w", **spec))
    assert status == 422, answer
    assert expected in [(cause["reason"], cause["field"]) for cause in answer["details"]["causes"]]


def test_an_object_is_pruned_and_completed(widgets: FakeCluster) -> None:
    spec = {
        "what": 1,
        "ports": [{"port": 1, "x": 2}],
        "free": {"a": {"b": 1}},
        "color": None,
        "maybe": None,
        "either": "x",
        "map": {"a": 1},
        "size": 2.0,
        "when": "2020-01-01T00:00:00Z",
        "embedded": {"kind": "X", "spec": {}, "y": 1},
        "some": {"a": 1},
    }
    _, made = widgets.request("POST", WIDGETS, widget("w", **spec))
    kept = {
        "ports": [{"port": 1, "name": "x"}],
        "free": {"a": {"b": 1}},
        "color": "red",
        "maybe": None,
        "either": "x",
        "map": {"a": 1},
        "size": 2,
        "when": "2020-01-01T00:00:00Z",
        "embedded": {"kind": "X", "spec": {}},
        "some": {"a": 1},
    }
    assert made["spec"] == kept
    assert widgets.request("POST", f"{WIDGETS}?fieldValidation=Strict", widget("v", what=1))[0] == 400


@pytest.mark.parametrize(("form", "good", "bad"), [("date", "2020-01-01", "x"), ("ipv4", "1.2.3.4", "x"), ("email", "a@b", "x"), ("byte", "AAA=", "!"), ("uuid", "0" * 32, "x"), ("other", "x", None)])  # fmt: skip
def test_formats(form: str, good: str, bad: str | None) -> None:
    schema = {"type": "string", "format": form}
    assert list(schema_problems(schema, good, "x")) == []
    assert bad is None or len(list(schema_problems(schema, bad, "x"))) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"metadata": {"name": "w"}}, "Object 'Kind' is missing"),
        (widget("w", "example.org/v1beta1"), "does not match the expected API version"),
        ({**widget("w"), "kind": "Other"}, "cannot be handled as a Widget"),
    ],
)
def test_a_body_of_another_kind_is_refused(widgets: FakeCluster, body: Object, message: str) -> None:
    status, answer = widgets.request("POST", WIDGETS, body)
    assert status == 400
    assert message in answer["message"]


def test_two_versions_show_the_same_object(widgets: FakeCluster) -> None:
    widgets.request("POST", WIDGETS, widget("w", size=1))
    other = WIDGETS.replace("/v1/", "/v1beta1/")
    _, found = widgets.request("GET", f"{other}/w")
    assert (found["apiVersion"], found["spec"]["size"]) == ("example.org/v1beta1", 1)
    assert {item["apiVersion"] for item in widgets.request("GET", other)[1]["items"]} == {"example.org/v1beta1"}


def test_writing_custom_objects(widgets: FakeCluster) -> None:
    _, made = widgets.request("POST", WIDGETS, widget("w", size=1))
    status, answer = widgets.request("PUT", f"{WIDGETS}/w", widget("w", size=2))
    assert (status, answer["details"]["causes"][0]["field"]) == (422, "metadata.resourceVersion")
    made["spec"]["size"] = 2
    _, made = widgets.request("PUT", f"{WIDGETS}/w", made)
    assert made["metadata"]["generation"] == 2
    assert widgets.request("PATCH", f"{WIDGETS}/w", {}, headers=STRATEGIC)[0] == 415
    assert widgets.request("PATCH", f"{WIDGETS}/w", {"spec": {"size": 11}}, headers=MERGE)[0] == 422
    _, made = widgets.request(
        "PATCH",
        f"{WIDGETS}/w/status",
        [{"op": "add", "path": "/status", "value": {"replicas": 3, "selector": "a=b"}}],
        headers=JSON_PATCH,
    )
    assert (made["status"], made["metadata"]["generation"]) == ({"replicas": 3, "selector": "a=b"}, 2)
    assert widgets.request("GET", f"{WIDGETS}/w/scale")[1]["status"] == {"replicas": 3, "selector": "a=b"}
    assert widgets.request("PATCH", f"{WIDGETS}/v?fieldManager=m", widget("v", size=1), headers=APPLY)[0] == 201
    assert widgets.request("GET", f"{WIDGETS}?fieldSelector=spec.size=1")[0] == 400


def test_a_definition_goes_with_its_objects(widgets: FakeCluster) -> None:
    held = widget("w")
    held["metadata"]["finalizers"] = ["x/y"]
    widgets.request("POST", WIDGETS, held)
    widgets.request("POST", WIDGETS, widget("free"))
    _, gone = widgets.request("DELETE", ONE)
    assert gone["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert conditions(gone)["Terminating"] == "True"
    assert [item["metadata"]["name"] for item in widgets.request("GET", WIDGETS)[1]["items"]] == ["w"]
    assert widgets.request("POST", WIDGETS, widget("late"))[0] == 405
    widgets.request("PATCH", f"{WIDGETS}/w", {"metadata": {"finalizers": []}}, headers=MERGE)
    assert widgets.request("GET", ONE)[0] == 404
    assert widgets.request("GET", WIDGETS)[0] == 404
