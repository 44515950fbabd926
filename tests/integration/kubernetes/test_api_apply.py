"""Server-side apply: who owns which field, and what happens when two want the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from objects import configmap, configmaps, deployment, deployments, managers, owned, service, services
from raw_api import JSON_PATCH, RawApi


def only(name: str, data: dict[str, str] | None, **metadata: Any) -> dict[str, Any]:
    """Return the apply configuration of a ConfigMap with just this data."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}
    return body if data is None else {**body, "data": data}


def pod(name: str, containers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an apply configuration of a Deployment's containers."""
    body = deployment(name, replicas=None)
    body["spec"]["template"]["spec"]["containers"] = containers
    return body


def causes(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(cause["field"], cause["message"]) for cause in body["details"]["causes"]]


@pytest.fixture
def one(api: RawApi, ns: str) -> str:
    """The path of a ConfigMap that the manager ``first`` has applied with two keys."""
    api.apply(configmaps(ns, "one"), only("one", {"a": "1", "b": "2"}), "first").expect(201)
    return configmaps(ns, "one")


# -- creating and owning -------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_created(api: RawApi, ns: str) -> None:
    found = api.apply(configmaps(ns, "one"), only("one", {"a": "1"}), "first").expect(201).body
    assert found["data"] == {"a": "1"}
    assert managers(found) == [("first", "Apply")]


def test_what_is_applied_is_owned(api: RawApi, one: str) -> None:
    assert owned(api.get(one).body, "first") == {"f:data": {"f:a": {}, "f:b": {}}}


def test_an_entry_says_when_and_by_which_version(api: RawApi, one: str) -> None:
    entry = api.get(one).body["metadata"]["managedFields"][0]
    assert (entry["apiVersion"], entry["fieldsType"]) == ("v1", "FieldsV1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["time"])


def test_applying_again_changes_nothing(api: RawApi, one: str) -> None:
    before = api.get(one).body
    assert api.apply(one, only("one", {"a": "1", "b": "2"}), "first").expect(200).body == before


def test_a_field_that_is_no_longer_applied_goes_away(api: RawApi, one: str) -> None:
    found = api.apply(one, only("one", {"a": "1"}), "first").expect(200).body
    assert found["data"] == {"a": "1"}
    assert owned(found, "first") == {"f:data": {"f:a": {}}}


def test_an_empty_configuration_gives_everything_up(api: RawApi, one: str) -> None:
    found = api.apply(one, only("one", None), "first").expect(200).body
    assert "data" not in found
    assert managers(found) == [("first", "Apply")] or managers(found) == []


def test_labels_and_annotations_are_owned_one_by_one(api: RawApi, ns: str) -> None:
    body = only("one", None, labels={"a": "1"}, annotations={"n": "1"})
    found = api.apply(configmaps(ns, "one"), body, "first").expect(201).body
    assert owned(found, "first") == {"f:metadata": {"f:annotations": {"f:n": {}}, "f:labels": {"f:a": {}}}}


def test_identity_is_owned_by_nobody(api: RawApi, ns: str) -> None:
    found = api.apply(configmaps(ns, "one"), only("one", None, namespace=ns), "first").expect(201).body
    assert owned(found, "first") == {}


def test_a_manager_is_needed(api: RawApi, ns: str) -> None:
    answer = api.patch(configmaps(ns, "one"), only("one", {}), "application/apply-patch+yaml")
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["fieldManager"]


def test_a_manager_has_a_longest_name(api: RawApi, ns: str) -> None:
    api.apply(configmaps(ns, "one"), only("one", {}), "m" * 128).expect(201)
    api.apply(configmaps(ns, "two"), only("two", {}), "m" * 129).expect(422)


def test_force_is_for_apply_only(api: RawApi, one: str) -> None:
    answer = api.patch(one, {"data": {"a": "2"}}, query={"force": "true"})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == ["force"]


@pytest.mark.parametrize("missing", ["apiVersion", "kind"])
def test_a_configuration_says_what_it_is(api: RawApi, ns: str, missing: str) -> None:
    body = only("one", {"a": "1"})
    del body[missing]
    assert api.apply(configmaps(ns, "one"), body).status == 400


def test_managed_fields_cannot_be_applied(api: RawApi, ns: str) -> None:
    body = only(
        "one",
        {},
        managedFields=[{"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}],
    )
    answer = api.apply(configmaps(ns, "one"), body).expect(400)
    assert "metadata.managedFields must be nil" in answer.body["message"]


def test_a_version_can_be_asked_for(api: RawApi, one: str) -> None:
    old = api.get(one).body["metadata"]["resourceVersion"]
    api.apply(one, only("one", {"a": "9", "b": "2"}), "first").expect(200)
    answer = api.apply(one, only("one", {"a": "8"}, resourceVersion=old), "first").expect(409)
    assert answer.body["reason"] == "Conflict"


def test_a_uid_can_be_asked_for(api: RawApi, one: str) -> None:
    api.apply(one, only("one", {"a": "1"}, uid=api.get(one).body["metadata"]["uid"]), "first").expect(200)
    answer = api.apply(one, only("one", {"a": "1"}, uid="00000000-0000-0000-0000-000000000000"), "first").expect(422)
    assert {cause["field"] for cause in answer.body["details"]["causes"]} == {"metadata.uid"}


def test_a_uid_keeps_what_is_gone_from_being_created(api: RawApi, ns: str) -> None:
    body = only("none", {"a": "1"}, uid="00000000-0000-0000-0000-000000000000")
    answer = api.apply(configmaps(ns, "none"), body)
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert "uid mismatch" in answer.body["message"]


def test_a_version_does_not_keep_what_is_gone_from_being_created(api: RawApi, ns: str) -> None:
    api.apply(configmaps(ns, "none"), only("none", {"a": "1"}, resourceVersion="1")).expect(201)


def test_a_dry_run_changes_nothing(api: RawApi, one: str) -> None:
    before = api.get(one).body
    found = api.apply(one, only("one", {"a": "9"}), "first", query={"dryRun": "All"}).expect(200).body
    assert found["data"] == {"a": "9"}
    assert api.get(one).body == before


def test_a_dry_run_creates_nothing(api: RawApi, ns: str) -> None:
    found = api.apply(configmaps(ns, "one"), only("one", {"a": "1"}), query={"dryRun": "All"}).expect(201).body
    assert found["data"] == {"a": "1"}
    assert "resourceVersion" not in found["metadata"]
    api.get(configmaps(ns, "one")).expect(404)


# -- conflicts -----------------------------------------------------------------------------------------------------------


def test_another_value_for_an_owned_field_conflicts(api: RawApi, one: str) -> None:
    answer = api.apply(one, only("one", {"a": "9"}), "second").expect(409)
    assert answer.body["reason"] == "Conflict"
    assert answer.body["message"] == 'Apply failed with 1 conflict: conflict with "first": .data.a'
    assert answer.body["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "first"', "field": ".data.a"}
    ]


def test_every_conflict_is_named(api: RawApi, one: str) -> None:
    answer = api.apply(one, only("one", {"a": "9", "b": "9"}), "second").expect(409)
    assert answer.body["message"] == 'Apply failed with 2 conflicts: conflicts with "first":\n- .data.a\n- .data.b'
    assert causes(answer.body) == [(".data.a", 'conflict with "first"'), (".data.b", 'conflict with "first"')]


def test_conflicts_with_several_managers_are_told_apart(api: RawApi, one: str) -> None:
    api.apply(one, only("one", {"c": "3"}), "second").expect(200)
    answer = api.apply(one, only("one", {"a": "9", "c": "9"}), "third").expect(409)
    assert sorted(causes(answer.body)) == [(".data.a", 'conflict with "first"'), (".data.c", 'conflict with "second"')]


def test_a_conflict_with_an_update_says_so(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one", {"a": "1"}), query={"fieldManager": "editor"}).expect(201)
    answer = api.apply(configmaps(ns, "one"), only("one", {"a": "2"}), "first").expect(409)
    assert re.fullmatch(r'conflict with "editor" using v1( at \S+)?', answer.body["details"]["causes"][0]["message"])


def test_a_conflict_changes_nothing(api: RawApi, one: str) -> None:
    before = api.get(one).body
    api.apply(one, only("one", {"a": "9", "z": "9"}), "second").expect(409)
    assert api.get(one).body == before


def test_force_takes_the_field(api: RawApi, one: str) -> None:
    found = api.apply(one, only("one", {"a": "9"}), "second", force=True).expect(200).body
    assert found["data"] == {"a": "9", "b": "2"}
    assert owned(found, "second") == {"f:data": {"f:a": {}}}
    assert owned(found, "first") == {"f:data": {"f:b": {}}}


def test_the_same_value_is_owned_together(api: RawApi, one: str) -> None:
    found = api.apply(one, only("one", {"a": "1"}), "second").expect(200).body
    assert owned(found, "first") == {"f:data": {"f:a": {}, "f:b": {}}}
    assert owned(found, "second") == {"f:data": {"f:a": {}}}


def test_a_field_that_another_owns_too_stays(api: RawApi, one: str) -> None:
    api.apply(one, only("one", {"a": "1"}), "second").expect(200)
    found = api.apply(one, only("one", {"b": "2"}), "first").expect(200).body
    assert found["data"] == {"a": "1", "b": "2"}
    assert owned(found, "first") == {"f:data": {"f:b": {}}}


def test_a_field_owned_together_conflicts_with_the_other(api: RawApi, one: str) -> None:
    api.apply(one, only("one", {"a": "1"}), "second").expect(200)
    assert causes(api.apply(one, only("one", {"a": "2"}), "first").expect(409).body) == [(".data.a", 'conflict with "second"')]


def test_labels_conflict_by_their_path(api: RawApi, ns: str) -> None:
    path = configmaps(ns, "one")
    api.apply(path, only("one", None, labels={"app.example/x": "1"}), "first").expect(201)
    answer = api.apply(path, only("one", None, labels={"app.example/x": "2"}), "second").expect(409)
    assert causes(answer.body) == [(".metadata.labels.app.example/x", 'conflict with "first"')]


def test_items_of_keyed_lists_conflict_by_their_key(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    api.apply(path, deployment("web"), "first").expect(201)
    answer = api.apply(path, deployment("web", image="web:2"), "second").expect(409)
    field = '.spec.template.spec.containers[name="web"].image'
    assert causes(answer.body) == [(field, 'conflict with "first"')]


def test_replicas_can_be_left_to_another(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    api.apply(path, deployment("web", replicas=None), "first").expect(201)
    api.patch(f"{path}/scale", {"spec": {"replicas": 5}}, query={"fieldManager": "scaler"}).expect(200)
    found = api.apply(path, deployment("web", replicas=None, image="web:2"), "first").expect(200).body
    assert found["spec"]["replicas"] == 5


def test_scaling_takes_replicas_from_their_owner(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    api.apply(path, deployment("web", replicas=2), "first").expect(201)
    api.patch(f"{path}/scale", {"spec": {"replicas": 5}}, query={"fieldManager": "scaler"}).expect(200)
    found = api.get(path).body
    entry = next(entry for entry in found["metadata"]["managedFields"] if entry["manager"] == "scaler")
    assert (entry["operation"], entry["subresource"], entry["fieldsV1"]) == ("Update", "scale", {"f:spec": {"f:replicas": {}}})
    assert "f:replicas" not in owned(found, "first")["f:spec"]
    assert causes(api.apply(path, deployment("web", replicas=2), "first").expect(409).body)[0][0] == ".spec.replicas"


# -- updates -------------------------------------------------------------------------------------------------------------


def test_a_create_owns_what_it_sets(api: RawApi, ns: str) -> None:
    found = (
        api.post(configmaps(ns), configmap("one", {"a": "1"}, labels={"x": "y"}), query={"fieldManager": "editor"})
        .expect(201)
        .body
    )
    expected = {"f:data": {".": {}, "f:a": {}}, "f:metadata": {"f:labels": {".": {}, "f:x": {}}}}
    assert owned(found, "editor", "Update") == expected


def test_a_manager_is_made_up_from_the_user_agent(api: RawApi, ns: str) -> None:
    found = api.post(configmaps(ns), configmap("one"), headers={"user-agent": "robot/1.2 (linux)"}).expect(201).body
    assert managers(found) == [("robot", "Update")]


def test_an_update_takes_what_it_changes(api: RawApi, one: str) -> None:
    found = api.patch(one, {"data": {"a": "9"}}, query={"fieldManager": "editor"}).expect(200).body
    assert owned(found, "first") == {"f:data": {"f:b": {}}}
    assert owned(found, "editor", "Update") == {"f:data": {"f:a": {}}}


def test_an_update_that_changes_nothing_owns_nothing(api: RawApi, one: str) -> None:
    found = api.patch(one, {"data": {"a": "1"}}, query={"fieldManager": "editor"}).expect(200).body
    assert managers(found) == [("first", "Apply")]


def test_an_update_that_removes_a_field_takes_it_from_its_owner(api: RawApi, one: str) -> None:
    found = api.patch(one, {"data": {"a": None}}, query={"fieldManager": "editor"}).expect(200).body
    assert owned(found, "first") == {"f:data": {"f:b": {}}}


def test_a_field_changed_by_an_update_conflicts_afterwards(api: RawApi, one: str) -> None:
    api.patch(one, {"data": {"a": "9"}}, query={"fieldManager": "editor"}).expect(200)
    answer = api.apply(one, only("one", {"a": "1", "b": "2"}), "first").expect(409)
    assert [field for field, _ in causes(answer.body)] == [".data.a"]


def test_a_field_removed_by_an_update_comes_back(api: RawApi, one: str) -> None:
    api.patch(one, {"data": {"a": None}}, query={"fieldManager": "editor"}).expect(200)
    assert api.apply(one, only("one", {"a": "1", "b": "2"}), "first").expect(200).body["data"] == {"a": "1", "b": "2"}


def test_one_manager_may_apply_and_update(api: RawApi, one: str) -> None:
    found = api.patch(one, {"data": {"c": "3"}}, query={"fieldManager": "first"}).expect(200).body
    assert sorted(managers(found)) == [("first", "Apply"), ("first", "Update")]
    found = api.apply(one, only("one", {"a": "1"}), "first").expect(200).body
    assert found["data"] == {"a": "1", "c": "3"}


def test_status_is_tracked_by_its_subresource(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    api.apply(path, deployment("web"), "first").expect(201)
    found = api.patch(f"{path}/status", {"status": {"replicas": 1}}, query={"fieldManager": "controller"}).expect(200).body
    entry = next(entry for entry in found["metadata"]["managedFields"] if entry["manager"] == "controller")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:replicas": {}}})


def test_status_can_be_applied(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    api.apply(path, deployment("web"), "first").expect(201)
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": {"replicas": 3}}
    found = api.apply(f"{path}/status", body, "controller").expect(200).body
    assert found["status"]["replicas"] == 3
    assert owned(found, "controller") == {"f:status": {"f:replicas": {}}}


def test_status_is_not_owned_by_an_apply_of_the_whole(api: RawApi, ns: str) -> None:
    body = {**deployment("web"), "status": {"replicas": 3}}
    found = api.apply(deployments(ns, "web"), body, "first").expect(201).body
    assert "f:status" not in owned(found, "first")


def test_managed_fields_can_be_cleared(api: RawApi, one: str) -> None:
    found = api.patch(one, {"metadata": {"managedFields": [{}]}}).expect(200).body
    assert "managedFields" not in found["metadata"]


def test_after_clearing_nobody_conflicts(api: RawApi, one: str) -> None:
    api.patch(one, {"metadata": {"managedFields": [{}]}}).expect(200)
    answer = api.apply(one, only("one", {"a": "9"}), "second")
    if answer.status == 409:
        assert causes(answer.body)[0][1].startswith('conflict with "before-first-apply"')
    else:
        assert answer.body["data"] == {"a": "9", "b": "2"}


def test_an_object_from_before_keeps_an_owner(api: RawApi, one: str) -> None:
    api.patch(one, {"metadata": {"managedFields": [{}]}}).expect(200)
    found = api.apply(one, only("one", {"z": "9"}), "second", force=True).expect(200).body
    assert ("before-first-apply", "Update") in managers(found)


def test_managed_fields_can_be_rewritten(api: RawApi, one: str) -> None:
    """The way to hand fields over: the entry's manager is replaced."""
    operations = [{"op": "replace", "path": "/metadata/managedFields/0/manager", "value": "heir"}]
    found = api.patch(one, operations, JSON_PATCH).expect(200).body
    assert owned(found, "heir") == {"f:data": {"f:a": {}, "f:b": {}}}
    assert owned(found, "first") == {}


# -- lists ---------------------------------------------------------------------------------------------------------------


def test_keyed_items_are_owned_by_their_key(api: RawApi, ns: str) -> None:
    found = api.apply(deployments(ns, "web"), deployment("web"), "first").expect(201).body
    pods = owned(found, "first")["f:spec"]["f:template"]["f:spec"]
    assert pods == {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}, "f:name": {}}}}


def test_two_managers_may_each_have_items_of_a_list(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    api.apply(path, deployment("web"), "first").expect(201)
    body = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "side:1"}]}}},
    }  # fmt: skip
    found = api.apply(path, body, "second").expect(200).body
    assert [each["name"] for each in found["spec"]["template"]["spec"]["containers"]] == ["web", "side"]
    found = api.apply(path, deployment("web", image="web:2"), "first").expect(200).body
    images = {each["name"]: each["image"] for each in found["spec"]["template"]["spec"]["containers"]}
    assert images == {"web": "web:2", "side": "side:1"}


def test_an_item_that_is_no_longer_applied_goes_away(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    two = [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]
    api.apply(path, pod("web", two), "first").expect(201)
    found = api.apply(path, pod("web", two[:1]), "first").expect(200).body
    assert [each["name"] for each in found["spec"]["template"]["spec"]["containers"]] == ["a"]


def test_the_order_of_items_follows_the_configuration(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    two = [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]
    api.apply(path, pod("web", two), "first").expect(201)
    found = api.apply(path, pod("web", two[::-1]), "first").expect(200).body
    assert [each["name"] for each in found["spec"]["template"]["spec"]["containers"]] == ["b", "a"]


def test_a_duplicate_key_is_refused(api: RawApi, ns: str) -> None:
    two = [{"name": "a", "image": "a:1"}, {"name": "a", "image": "a:2"}]
    answer = api.apply(deployments(ns, "web"), pod("web", two), "first")
    assert answer.status in {400, 422, 500}
    assert 'duplicate entries for key [name="a"]' in answer.body["message"]


def test_keys_with_defaults_are_completed(api: RawApi, ns: str) -> None:
    found = api.apply(services(ns, "web"), service("web"), "first").expect(201).body
    ports = owned(found, "first")["f:spec"]["f:ports"]
    assert ports == {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}}


def test_atomic_lists_are_owned_whole(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    container = {"name": "web", "image": "web:1", "args": ["a", "b"]}
    found = api.apply(path, pod("web", [container]), "first").expect(201).body
    item = owned(found, "first")["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']
    assert item["f:args"] == {}
    answer = api.apply(path, pod("web", [{**container, "args": ["a"]}]), "second").expect(409)
    assert causes(answer.body) == [('.spec.template.spec.containers[name="web"].args', 'conflict with "first"')]


def test_atomic_maps_are_owned_whole(api: RawApi, ns: str) -> None:
    found = api.apply(services(ns, "web"), service("web"), "first").expect(201).body
    assert owned(found, "first")["f:spec"]["f:selector"] == {}


def test_sets_are_owned_item_by_item(api: RawApi, ns: str) -> None:
    path = configmaps(ns, "one")
    api.apply(path, only("one", None, finalizers=["x.example/a"]), "first").expect(201)
    found = api.apply(path, only("one", None, finalizers=["x.example/b"]), "second").expect(200).body
    assert sorted(found["metadata"]["finalizers"]) == ["x.example/a", "x.example/b"]
    assert owned(found, "second") == {"f:metadata": {"f:finalizers": {'v:"x.example/b"': {}}}}
    api.patch(path, {"metadata": {"finalizers": None}}).expect(200)


def test_owner_references_are_keyed_by_uid(api: RawApi, one: str, ns: str) -> None:
    uid = api.get(one).body["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "one", "uid": uid}
    found = api.apply(configmaps(ns, "two"), only("two", None, ownerReferences=[reference]), "first").expect(201).body
    assert owned(found, "first")["f:metadata"] == {"f:ownerReferences": {f'k:{{"uid":"{uid}"}}': {}}}


def test_defaults_are_owned_by_nobody(api: RawApi, ns: str) -> None:
    found = api.apply(deployments(ns, "web"), deployment("web", replicas=None), "first").expect(201).body
    assert found["spec"]["replicas"] == 1
    assert "f:replicas" not in owned(found, "first")["f:spec"]


def test_quantities_that_mean_the_same_conflict_only_if_written_differently(api: RawApi, ns: str) -> None:
    path = deployments(ns, "web")
    container = {"name": "web", "image": "web:1", "resources": {"limits": {"cpu": "1000m"}}}
    api.apply(path, pod("web", [container]), "first").expect(201)
    before = api.get(path).body
    assert api.apply(path, pod("web", [container]), "first").expect(200).body == before


def test_unknown_fields_are_refused(api: RawApi, ns: str) -> None:
    answer = api.apply(configmaps(ns, "one"), {**only("one", {}), "dada": {}}, query={"fieldValidation": "Strict"})
    assert answer.status >= 400
    assert "dada" in answer.body["message"]


def test_more_than_ten_updaters_are_merged(api: RawApi, one: str) -> None:
    for number in range(12):
        api.patch(one, {"data": {f"k{number}": "1"}}, query={"fieldManager": f"editor{number}"}).expect(200)
    found = managers(api.get(one).body)
    assert len(found) == 11
    assert ("ancient-changes", "Update") in found
