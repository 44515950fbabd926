"""Kinds that are defined in the cluster: when they are served, what their schemas do, several versions of one."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from objects import owned
from raw_api import JSON_PATCH, MERGE, RawApi

from servers import Cluster, unique

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 10},
        "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "nick": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "parts": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["id"],
            "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "weight": {"type": "integer"}}},
        },
        "plain": {"type": "array", "items": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
        "port": {"x-kubernetes-int-or-string": True},
        "maybe": {"type": "string", "nullable": True},
    },
}  # fmt: skip


class Kind:
    """A kind of the test's own, with an API to its objects in one namespace."""

    def __init__(self, api: RawApi, group: str, ns: str) -> None:
        self.api = api
        self.group = group
        self.ns = ns

    def path(self, name: str = "", version: str = "v1") -> str:
        """Return the path of the objects, or of one."""
        return f"/apis/{self.group}/{version}/namespaces/{self.ns}/widgets/{name}".rstrip("/")

    def widget(self, name: str, version: str = "v1", **spec: Any) -> dict[str, Any]:
        """Return an object."""
        return {
            "apiVersion": f"{self.group}/{version}",
            "kind": "Widget",
            "metadata": {"name": name},
            "spec": {"size": 1, **spec},
        }

    def create(self, **spec: Any) -> dict[str, Any]:
        """Create an object named ``one``."""
        found: dict[str, Any] = self.api.post(self.path(), self.widget("one", **spec)).expect(201).body
        return found

    def invalid(self, **spec: Any) -> list[tuple[str, str]]:
        """Return reason and field of every cause for which an object is refused."""
        answer = self.api.post(self.path(), self.widget("one", **spec)).expect(422)
        assert answer.body["reason"] == "Invalid"
        return [(cause["reason"], cause["field"]) for cause in answer.body["details"]["causes"]]


def version(name: str, *, served: bool = True, storage: bool = True, **more: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"spec": copy.deepcopy(SPEC), "status": {"type": "object", "properties": {"ready": {"type": "integer"}}}},
    }
    subresources = {
        "status": {},
        "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.ready"},
    }
    return {
        "name": name, "served": served, "storage": storage, "schema": {"openAPIV3Schema": schema}, "subresources": subresources, **more,
    }  # fmt: skip


def definition(group: str, *versions: dict[str, Any], **names: Any) -> dict[str, Any]:
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList", **names},
        "versions": list(versions),
    }
    metadata = {"name": f"widgets.{group}"}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata, "spec": spec}


def install(api: RawApi, body: dict[str, Any]) -> None:
    """Create a definition and wait until its kind is served."""
    api.post(CRDS, body).expect(201)
    group, version = body["spec"]["group"], body["spec"]["versions"][0]["name"]
    deadline = time.monotonic() + 20
    while api.get(f"/apis/{group}/{version}/widgets").status != 200 or api.get(f"/apis/{group}/{version}").status != 200:
        assert time.monotonic() < deadline, "the kind is not served"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def installed() -> dict[tuple[str, int], str]:
    """The groups that are there already, by server and number of versions: a real server takes two seconds to serve one."""
    return {}


def shared(installed: dict[tuple[str, int], str], cluster: Cluster, ns: str, *versions: dict[str, Any]) -> Kind:
    """Return the kind with these versions at a server."""
    where = (cluster.name, len(versions))
    if where not in installed:
        group = f"{unique('g')}.example.org"
        install(cluster.admin, definition(group, *versions, shortNames=["wd"], categories=["all"]))
        installed[where] = group
    return Kind(cluster.admin, installed[where], ns)


@pytest.fixture
def kind(installed: dict[tuple[str, int], str], cluster: Cluster, ns: str) -> Kind:
    """A kind with one version."""
    return shared(installed, cluster, ns, version("v1"))


@pytest.fixture
def two(installed: dict[tuple[str, int], str], cluster: Cluster, ns: str) -> Kind:
    """A kind with two versions."""
    return shared(installed, cluster, ns, version("v1"), version("v2", storage=False))


def test_a_definition_is_established(kind: Kind) -> None:
    found = kind.api.get(f"{CRDS}/widgets.{kind.group}").expect(200).body
    conditions = {condition["type"]: condition["status"] for condition in found["status"]["conditions"]}
    assert (conditions["NamesAccepted"], conditions["Established"]) == ("True", "True")
    assert found["status"]["storedVersions"] == ["v1"]
    assert found["status"]["acceptedNames"]["plural"] == "widgets"


def test_a_kind_is_not_served_before_its_definition(api: RawApi, ns: str) -> None:
    api.get(f"/apis/none.example.org/v1/namespaces/{ns}/widgets").expect(404)


def test_a_new_kind_is_in_discovery(kind: Kind) -> None:
    found = {each["name"]: each for each in kind.api.get(f"/apis/{kind.group}/v1").expect(200).body["resources"]}
    widget = found["widgets"]
    assert (widget["kind"], widget["namespaced"], widget["shortNames"]) == ("Widget", True, ["wd"])
    assert {"widgets/status", "widgets/scale"} <= set(found)


def test_the_name_of_a_definition_follows_from_its_names(api: RawApi) -> None:
    body = definition(f"{unique('g')}.example.org", version("v1"))
    body["metadata"]["name"] = "other.example.org"
    answer = api.post(CRDS, body).expect(422)
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["metadata.name"]


def test_exactly_one_version_is_stored(api: RawApi) -> None:
    body = definition(f"{unique('g')}.example.org", version("v1"), version("v2"))
    answer = api.post(CRDS, body).expect(422)
    assert "spec.versions" in {cause["field"] for cause in answer.body["details"]["causes"]}


def test_a_schema_is_needed(api: RawApi) -> None:
    without = version("v1")
    del without["schema"]
    api.post(CRDS, definition(f"{unique('g')}.example.org", without)).expect(422)


def test_a_structural_schema_needs_types(api: RawApi) -> None:
    body = definition(f"{unique('g')}.example.org", version("v1"))
    body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["untyped"] = {}
    answer = api.post(CRDS, body).expect(422)
    assert any("type" in cause["field"] for cause in answer.body["details"]["causes"])


def test_the_group_of_a_definition_cannot_change(kind: Kind) -> None:
    answer = kind.api.patch(f"{CRDS}/widgets.{kind.group}", {"spec": {"scope": "Cluster"}}).expect(422)
    assert "spec.scope" in {cause["field"] for cause in answer.body["details"]["causes"]}


def test_a_deleted_definition_takes_its_kind_away(api: RawApi, ns: str) -> None:
    kind = Kind(api, f"{unique('g')}.example.org", ns)
    install(api, definition(kind.group, version("v1")))
    kind.api.delete(f"{CRDS}/widgets.{kind.group}").expect(200)
    deadline = time.monotonic() + 20
    while kind.api.get(kind.path()).status != 404:
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- objects -------------------------------------------------------------------------------------------------------------


def test_objects_are_created_and_listed(kind: Kind) -> None:
    found = kind.create()
    assert (found["kind"], found["apiVersion"]) == ("Widget", f"{kind.group}/v1")
    listed = kind.api.get(kind.path()).expect(200).body
    assert listed["kind"] == "WidgetList"
    assert [item["kind"] for item in listed["items"]] == ["Widget"]  # unlike those of built-in lists, they say what they are


def test_a_missing_object_is_named_with_its_group(kind: Kind) -> None:
    answer = kind.api.get(kind.path("none")).expect(404)
    assert answer.body["details"] == {"name": "none", "group": kind.group, "kind": "widgets"}


def test_unknown_fields_are_pruned(kind: Kind) -> None:
    assert "dada" not in kind.create(dada="x")["spec"]


def test_unknown_fields_are_pruned_with_a_warning(kind: Kind) -> None:
    answer = kind.api.post(kind.path(), kind.widget("one", dada="x")).expect(201)
    assert answer.headers["warning"] == '299 - "unknown field \\"spec.dada\\""'


def test_unknown_fields_are_an_error_when_strict(kind: Kind) -> None:
    answer = kind.api.post(kind.path(), kind.widget("one", dada="x"), query={"fieldValidation": "Strict"}).expect(400)
    assert 'strict decoding error: unknown field "spec.dada"' in answer.body["message"]


def test_what_is_free_is_kept(kind: Kind) -> None:
    assert kind.create(free={"any": {"thing": [1]}})["spec"]["free"] == {"any": {"thing": [1]}}


def test_defaults_are_filled_in(kind: Kind) -> None:
    assert kind.create()["spec"]["color"] == "red"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"size": None}, [("FieldValueRequired", "spec.size")]),
        ({"size": 0}, [("FieldValueInvalid", "spec.size")]),
        ({"size": 11}, [("FieldValueInvalid", "spec.size")]),
        ({"size": "big"}, [("FieldValueTypeInvalid", "spec.size")]),
        ({"size": 1.5}, [("FieldValueTypeInvalid", "spec.size")]),
        ({"color": "blue"}, [("FieldValueNotSupported", "spec.color")]),
        ({"nick": "UPPER"}, [("FieldValueInvalid", "spec.nick")]),
        ({"nick": "toolong"}, [("FieldValueTooLong", "spec.nick")]),
        ({"tags": ["a", "a"]}, [("FieldValueDuplicate", "spec.tags[1]")]),
        ({"tags": "a"}, [("FieldValueTypeInvalid", "spec.tags")]),
        ({"parts": [{"weight": 1}]}, [("FieldValueRequired", "spec.parts[0].id")]),
        ({"parts": [{"id": "a"}, {"id": "a"}]}, [("FieldValueDuplicate", "spec.parts[1]")]),
        ({"port": []}, [("FieldValueTypeInvalid", "spec.port")]),
    ],
)
def test_a_schema_refuses(kind: Kind, spec: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert set(expected) <= set(kind.invalid(**spec))


@pytest.mark.parametrize(
    "spec", [{"port": 80}, {"port": "http"}, {"maybe": "x"}, {"tags": ["a", "b"]}, {"whole": {"a": "b"}}, {"size": 10}]
)  # fmt: skip
def test_a_schema_allows(kind: Kind, spec: dict[str, Any]) -> None:
    found = kind.create(**spec)["spec"]
    assert {key: found[key] for key in spec} == spec


def test_null_is_kept_where_it_is_allowed(kind: Kind) -> None:
    assert kind.create(maybe=None)["spec"]["maybe"] is None


def test_null_becomes_the_default(kind: Kind) -> None:
    assert kind.create(color=None)["spec"]["color"] == "red"


def test_generation_counts_the_spec_only(kind: Kind) -> None:
    assert kind.create()["metadata"]["generation"] == 1
    assert kind.api.patch(kind.path("one"), {"spec": {"size": 2}}).expect(200).body["metadata"]["generation"] == 2
    assert kind.api.patch(kind.path("one"), {"metadata": {"labels": {"a": "b"}}}).expect(200).body["metadata"]["generation"] == 2


def test_status_has_its_subresource(kind: Kind) -> None:
    kind.create()
    assert "status" not in kind.api.patch(kind.path("one"), {"status": {"ready": 1}}).expect(200).body
    found = kind.api.patch(f"{kind.path('one')}/status", {"status": {"ready": 1}, "spec": {"size": 5}}).expect(200).body
    assert (found["status"], found["spec"]["size"], found["metadata"]["generation"]) == ({"ready": 1}, 1, 1)


def test_scale_has_its_subresource(kind: Kind) -> None:
    kind.create(size=3)
    assert kind.api.get(f"{kind.path('one')}/scale").expect(200).body["spec"] == {"replicas": 3}
    kind.api.patch(f"{kind.path('one')}/scale", {"spec": {"replicas": 4}}).expect(200)
    assert kind.api.get(kind.path("one")).body["spec"]["size"] == 4


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(MERGE, {"spec": {"size": 2}}), (JSON_PATCH, [{"op": "replace", "path": "/spec/size", "value": 2}])],
)
def test_objects_can_be_patched(kind: Kind, content_type: str, body: Any) -> None:
    kind.create()
    assert kind.api.patch(kind.path("one"), body, content_type).expect(200).body["spec"]["size"] == 2


def test_strategic_merge_is_for_built_in_kinds(kind: Kind) -> None:
    kind.create()
    answer = kind.api.patch(kind.path("one"), {"spec": {"size": 2}}, "application/strategic-merge-patch+json").expect(415)
    assert answer.body["reason"] == "UnsupportedMediaType"


def test_a_replacement_needs_a_version(kind: Kind) -> None:
    kind.create()
    answer = kind.api.put(kind.path("one"), kind.widget("one", size=2)).expect(422)
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["metadata.resourceVersion"]


def test_a_version_that_is_forgotten_is_410(cluster: Cluster, kind: Kind) -> None:
    """The server keeps no history of a kind from before it knew it, even of versions that are not compacted."""
    kind.create()
    cluster.compact()
    answer = kind.api.call("GET", kind.path(), query={"watch": "1", "resourceVersion": "2", "timeoutSeconds": 1}).expect(200)
    event = json.loads(answer.body) if isinstance(answer.body, str) else answer.body
    assert event["type"] == "ERROR"
    assert (event["object"]["kind"], event["object"]["code"], event["object"]["reason"]) == ("Status", 410, "Expired")


# -- server-side apply ---------------------------------------------------------------------------------------------------


def spec_owned(kind: Kind, **spec: Any) -> Any:
    found = kind.api.apply(kind.path("one"), kind.widget("one", **spec), "first").expect(200, 201).body
    return owned(found, "first")["f:spec"]


def test_keyed_lists_are_owned_by_key(kind: Kind) -> None:
    found = spec_owned(kind, parts=[{"id": "a", "weight": 1}])
    assert found["f:parts"] == {'k:{"id":"a"}': {".": {}, "f:id": {}, "f:weight": {}}}


def test_sets_are_owned_by_value(kind: Kind) -> None:
    assert spec_owned(kind, tags=["a", "b"])["f:tags"] == {'v:"a"': {}, 'v:"b"': {}}


def test_other_lists_are_owned_whole(kind: Kind) -> None:
    assert spec_owned(kind, plain=["a", "b"])["f:plain"] == {}


def test_atomic_maps_are_owned_whole(kind: Kind) -> None:
    assert spec_owned(kind, whole={"a": "b"})["f:whole"] == {}


def test_free_maps_are_owned_key_by_key(kind: Kind) -> None:
    assert spec_owned(kind, free={"a": {"b": 1}})["f:free"] == {"f:a": {".": {}, "f:b": {}}}


def test_two_appliers_share_a_keyed_list(kind: Kind) -> None:
    kind.api.apply(kind.path("one"), kind.widget("one", parts=[{"id": "a"}]), "first").expect(201)
    found = kind.api.apply(kind.path("one"), kind.widget("one", parts=[{"id": "b"}]), "second").expect(200).body
    assert [part["id"] for part in found["spec"]["parts"]] == ["a", "b"]


def test_defaults_of_a_schema_are_owned_by_nobody(kind: Kind) -> None:
    assert "f:color" not in spec_owned(kind)


# -- versions ------------------------------------------------------------------------------------------------------------


def test_an_object_is_served_in_every_version(two: Kind) -> None:
    two.create()
    assert two.api.get(two.path("one", "v2")).expect(200).body["apiVersion"] == f"{two.group}/v2"


def test_a_version_that_is_not_served_is_404(two: Kind) -> None:
    two.api.get(two.path("one", "v3")).expect(404)


def test_a_version_in_the_body_must_be_that_of_the_path(two: Kind) -> None:
    assert two.api.post(two.path(), two.widget("one", "v2")).expect(400).body["reason"] == "BadRequest"


def test_the_preferred_version_is_the_newest_stable_one(two: Kind) -> None:
    found = two.api.get(f"/apis/{two.group}").expect(200).body
    assert found["preferredVersion"]["version"] == "v2"
    assert [each["version"] for each in found["versions"]] == ["v2", "v1"]


def test_applying_in_another_version_keeps_what_is_owned(two: Kind) -> None:
    two.api.apply(two.path("one"), two.widget("one", nick="x"), "first").expect(201)
    found = two.api.apply(two.path("one", "v2"), two.widget("one", "v2"), "first").expect(200).body
    assert "nick" not in found["spec"]
    assert [entry["apiVersion"] for entry in found["metadata"]["managedFields"]] == [f"{two.group}/v2"]
