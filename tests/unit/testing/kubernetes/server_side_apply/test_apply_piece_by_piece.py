"""The parts of server-side apply that no recorded story reaches, and the edges of those that one does."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from gitops_core.testing.kubernetes.server_side_apply import (
    ApplyConflicts,
    InvalidApply,
    MissingKeys,
    Shape,
    Writer,
    apply_patch,
    schema_of,
    track_update,
)
from gitops_core.testing.kubernetes.server_side_apply.comparing import compare
from gitops_core.testing.kubernetes.server_side_apply.elements import element_of, spelled
from gitops_core.testing.kubernetes.server_side_apply.field_sets import contains, element_order, intersection, of_paths, ordered
from gitops_core.testing.kubernetes.server_side_apply.last_applied import ANNOTATION
from gitops_core.testing.kubernetes.server_side_apply.removing import remove
from gitops_core.testing.kubernetes.server_side_apply.schemas import Node

CONFIG_MAP = schema_of("", "ConfigMap")
DEPLOYMENT = schema_of("apps", "Deployment")
NOW = "2026-01-01T00:00:00Z"


def by(manager: str, api_version: str = "v1") -> Writer:
    return Writer(manager, api_version, NOW)


def config(data: Any = None, **metadata: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it", **metadata}}
    return body if data is None else {**body, "data": data}


def test_a_built_in_kind_has_a_schema_in_each_of_its_versions_and_in_the_newest() -> None:
    assert (
        "targetCPUUtilizationPercentage"
        in schema_of("autoscaling", "HorizontalPodAutoscaler", version="v1").root.fields["spec"].fields
    )
    assert "metrics" in schema_of("autoscaling", "HorizontalPodAutoscaler").root.fields["spec"].fields


def test_an_unknown_kind_is_refused_with_the_cure() -> None:
    with pytest.raises(LookupError, match="no built-in kind Thing in group 'core'; give crd_schema"):
        schema_of("", "Thing")


def test_a_schema_knows_what_a_strategic_merge_patch_does() -> None:
    pod = DEPLOYMENT.root.fields["spec"].fields["template"].fields["spec"]
    assert (pod.fields["volumes"].merge_key, pod.fields["volumes"].patch_strategy) == ("name", "merge,retainKeys")
    ports = pod.fields["containers"].element.fields["ports"]  # type: ignore[union-attr]
    assert ports.keys == (("containerPort", 0), ("protocol", "TCP"))
    assert ports.merge_key == "containerPort"


def test_types_that_hold_themselves_are_described_once() -> None:
    definition = schema_of("apiextensions.k8s.io", "CustomResourceDefinition")
    version = definition.root.fields["spec"].fields["versions"].element
    assert version is not None
    schema = version.fields["schema"].fields["openAPIV3Schema"]
    assert schema.fields["properties"].element is not None
    assert schema.fields["properties"].element.fields["properties"].element is schema.fields["properties"].element


def test_the_servers_empty_object_has_the_structures_that_are_always_there() -> None:
    assert DEPLOYMENT.empty == {
        "metadata": {},
        "spec": {"selector": None, "strategy": {}, "template": {"metadata": {}, "spec": {"containers": None}}},
        "status": {},
    }


def test_a_custom_resource_without_a_schema_is_merged_by_what_its_values_are() -> None:
    schema = schema_of("example.com", "Thing", {})
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "it"}, "spec": {"a": {"b": [1]}}}
    live = apply_patch(None, thing, writer=by("alice", "example.com/v1"), schema=schema)
    assert live["metadata"]["managedFields"][0]["fieldsV1"] == {"f:spec": {".": {}, "f:a": {".": {}, "f:b": {}}}}


def test_a_definition_with_a_status_subresource_gives_status_to_nobody_else() -> None:
    structural = {"type": "object", "properties": {"status": {"type": "object", "properties": {"phase": {"type": "string"}}}}}
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "it"}, "status": {"phase": "Ready"}}
    with_it = schema_of("example.com", "Thing", structural, status=True)
    without = schema_of("example.com", "Thing", structural)
    writer = by("alice", "example.com/v1")
    assert "managedFields" not in track_update(None, thing, writer=writer, schema=with_it)["metadata"]
    assert "managedFields" in track_update(None, thing, writer=writer, schema=without)["metadata"]
    assert "managedFields" not in apply_patch(None, thing, writer=writer, schema=with_it)["metadata"]


@pytest.mark.parametrize("annotation", ["", "no JSON", "[]", '{"apiVersion": "v2", "data": {"a": "1"}}'])
def test_an_annotation_that_is_no_configuration_of_this_version_gives_kubectl_nothing(annotation: str) -> None:
    before = track_update(None, config({"a": "1"}, annotations={ANNOTATION: annotation}), writer=by("editor"), schema=CONFIG_MAP)
    with pytest.raises(ApplyConflicts, match=r'conflict with "editor" using v1: \.data\.a'):
        apply_patch(before, config({"a": "2"}), writer=by("kubectl"), schema=CONFIG_MAP)


def test_the_annotation_that_kubectl_renews_has_lists_and_escapes() -> None:
    last = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it"}}
    before = track_update(None, config(None, annotations={ANNOTATION: json.dumps(last)}), writer=by("editor"), schema=CONFIG_MAP)
    after = apply_patch(before, config({"a": "<&>"}, finalizers=["x/y"]), writer=by("kubectl"), schema=CONFIG_MAP)
    text = after["metadata"]["annotations"][ANNOTATION]
    assert '"data":{"a":"\\u003c\\u0026\\u003e"}' in text
    assert config({"a": "<&>"}, finalizers=["x/y"]) == json.loads(text)


def test_nothing_that_comes_in_is_changed() -> None:
    live = apply_patch(None, config({"a": "1", "b": "2"}, labels={"x": "y"}), writer=by("alice"), schema=CONFIG_MAP)
    second = config({"b": "3"}, labels={"z": "1"})
    kept, sent = copy.deepcopy(live), copy.deepcopy(second)
    apply_patch(live, second, writer=by("alice"), schema=CONFIG_MAP)
    track_update(live, {**second, "metadata": {**second["metadata"]}}, writer=by("editor"), schema=CONFIG_MAP)
    assert (kept, sent) == (live, second)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"template": {"spec": {"containers": [{"name": "a", "args": ["x", 5]}]}}}, ".args[1]: expected string, got &value"),
        ({"template": {"spec": {"containers": [{"name": "a", "args": "x"}]}}}, ".args: expected list, got &{x}"),
        (
            {"template": {"spec": {"containers": [{"name": {"a": [True]}}]}}},
            'Value:map[string]interface {}{"a":[]interface {}{true}}}',
        ),
        ({"template": {"spec": {"hostAliases": [{"ip": "1", "hostnames": [{}]}]}}}, ".hostnames[0]: expected string, got &value"),
        (
            {"template": {"spec": {"volumes": [{"name": "a", "emptyDir": [None, True]}]}}},
            ".emptyDir: expected map, got &{[<nil> true]}",
        ),
        ({"template": {"metadata": {"labels": {"a": {"b": 1}}}}}, ".labels.a: expected string"),
        ({"replicas": True}, ".spec.replicas: expected numeric (int or float), got bool"),
        ({"template": {"spec": {"tolerations": [5]}}}, ".tolerations[0]: expected map, got &{5}"),
        ({"template": {"spec": {"containers": [5]}}}, ".containers: element 0: associative list with keys may not have non-map"),
        ({"template": {"spec": {"containers": [{"name": "a"}, {"name": "a"}]}}}, 'duplicate entries for key [name="a"]'),
        ({"nothing": 1}, ".spec.nothing: field not declared in schema"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused_with_the_path(spec: Any, problem: str) -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it"}, "spec": spec}
    with pytest.raises(InvalidApply) as refused:
        apply_patch(None, body, writer=by("alice", "apps/v1"), schema=DEPLOYMENT)
    assert problem in str(refused.value)
    assert len(refused.value.problems) == 1


def test_several_problems_are_one_each_a_line() -> None:
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it"}, "spec": {"a": 1, "b": 2}}
    with pytest.raises(InvalidApply, match=r"^errors:\n  \.spec\.a: field not declared in schema\n  \.spec\.b: field"):
        apply_patch(None, body, writer=by("alice", "apps/v1"), schema=DEPLOYMENT)


def test_any_json_may_stand_where_a_kind_takes_any_json() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "default": {"x": [1, None]}, "enum": ["a", 1]}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    body = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "it"},
        "spec": {"versions": [version]},
    }
    kind = schema_of("apiextensions.k8s.io", "CustomResourceDefinition")
    assert [version] == apply_patch(None, body, writer=by("a", "apiextensions.k8s.io/v1"), schema=kind)["spec"]["versions"]


def test_an_item_takes_the_default_of_a_key_that_it_leaves_out_and_needs_one_key() -> None:
    node = Node(Shape.KEYED, keys=(("port", None), ("protocol", "TCP")))
    assert element_of({"port": 80}, node) == 'k:{"port":80,"protocol":"TCP"}'
    some = Node(Shape.KEYED, keys=(("a", None), ("b", None)))
    assert element_of({"b": 1}, some) == 'k:{"b":1}'
    with pytest.raises(MissingKeys, match=r'omits all key fields \["a" "b"\]'):
        element_of({}, some)
    assert [element_of({"a": 1, "b": one}, some) for one in (True, 1)] == ['k:{"a":1,"b":true}', 'k:{"a":1,"b":1}']


def test_paths_are_spelled_as_in_a_status() -> None:
    assert spelled(("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}')) == '.spec.ports[port=80,protocol="TCP"]'
    assert spelled(("f:metadata", "f:finalizers", 'v:"a/b"')) == '.metadata.finalizers[="a/b"]'
    assert spelled(("f:list", "i:2")) == ".list[2]"


def test_elements_are_ordered_by_kind_and_numbers_by_value() -> None:
    mixed = ["i:10", 'v:"a"', "v:true", "v:9", "v:10", 'v:{"x":1}', "i:2", 'k:{"p":9}', 'k:{"p":80}', "f:b", "f:a", "."]
    expected = [".", "f:a", "f:b", 'k:{"p":9}', 'k:{"p":80}', "v:9", "v:10", 'v:"a"', "v:true", 'v:{"x":1}', "i:2", "i:10"]
    assert expected == sorted(mixed, key=element_order)
    assert list(ordered({'k:{"p":9}': {}, 'k:{"p":80}': {}, "f:a": {}}, as_text=True)) == ["f:a", 'k:{"p":80}', 'k:{"p":9}']


def test_a_set_contains_its_members_and_not_what_leads_to_them() -> None:
    fields = of_paths([("f:a", "f:b"), ("f:c",)])
    assert contains(fields, "f:a", "f:b")
    assert not contains(fields, "f:a")
    assert not contains(fields, "f:x", "f:y")
    assert not contains(fields)
    assert intersection(fields, {"f:a": {".": {}, "f:b": {}}}) == {"f:a": {"f:b": {}}}


def test_what_is_one_value_is_gone_when_a_part_of_it_is_removed() -> None:
    node = Node(
        Shape.MAP, fields={"one": Node(Shape.MAP, atomic=True), "list": Node(Shape.ATOMIC_LIST), "text": Node(Shape.SCALAR)}
    )
    fields = {"f:one": {"f:a": {}}, "f:list": {"i:0": {}}, "f:text": {"f:a": {}}}
    assert remove({"one": {"a": 1}, "list": [1], "text": "x"}, fields, node) == {"one": None, "list": None, "text": None}


def test_a_boolean_is_another_value_than_a_number() -> None:
    differences = compare({"a": True, "b": {"c": 1}}, {"a": 1, "b": {"c": 1.0}}, schema_of("x", "Y", {}).root)
    assert differences.changed == {"f:a": {}}


def test_null_over_a_map_or_list_that_has_something_changes_nothing() -> None:
    live = apply_patch(None, config({"a": "1"}, finalizers=["x/y"]), writer=by("alice"), schema=CONFIG_MAP)
    after = apply_patch(live, {**config(None, finalizers=None), "data": None}, writer=by("bob"), schema=CONFIG_MAP)
    assert (after["data"], after["metadata"]["finalizers"]) == ({"a": "1"}, ["x/y"])


def test_a_change_through_scale_has_no_time() -> None:
    writer = Writer("scaler", "apps/v1", NOW, "scale")
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it"}, "spec": {"replicas": 1}}
    before = apply_patch(None, body, writer=by("alice", "apps/v1"), schema=DEPLOYMENT)
    after = apply_patch(before, {**body, "spec": {"replicas": 2}}, writer=writer, schema=DEPLOYMENT, force=True)
    entry = {"manager": "scaler", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1"}
    assert [{**entry, "fieldsV1": {"f:spec": {"f:replicas": {}}}, "subresource": "scale"}] == after["metadata"]["managedFields"]


def test_null_is_another_value_than_an_empty_map_or_list() -> None:
    node = Node(Shape.MAP, fields={"map": Node(Shape.MAP), "set": Node(Shape.SET)})
    differences = compare({"map": {}, "set": []}, {"map": None, "set": None}, node)
    assert differences.changed == {"f:map": {}, "f:set": {}}
    assert differences.removed == {}
