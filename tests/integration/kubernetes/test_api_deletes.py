"""Deletes: preconditions, finalizers, propagation, collections, namespaces that terminate."""

from __future__ import annotations

from typing import Any

import pytest
from objects import configmap, configmaps, deployment, deployments, namespaces
from raw_api import RawApi

from servers import Cluster

FINALIZER = "x.example/hold"


@pytest.fixture
def one(api: RawApi, ns: str) -> dict[str, Any]:
    """A ConfigMap."""
    found: dict[str, Any] = api.post(configmaps(ns), configmap("one")).expect(201).body
    return found


@pytest.fixture
def held(api: RawApi, ns: str) -> str:
    """The path of a ConfigMap with a finalizer, which was deleted."""
    api.post(configmaps(ns), configmap("held", finalizers=[FINALIZER])).expect(201)
    api.delete(configmaps(ns, "held")).expect(200)
    return configmaps(ns, "held")


def options(**fields: Any) -> dict[str, Any]:
    return {"kind": "DeleteOptions", "apiVersion": "v1", **fields}


def test_a_delete_answers_with_a_status(api: RawApi, ns: str, one: dict[str, Any]) -> None:
    found = api.delete(configmaps(ns, "one")).expect(200).body
    assert (found["kind"], found["status"]) == ("Status", "Success")
    assert found["details"] == {"name": "one", "kind": "configmaps", "uid": one["metadata"]["uid"]}
    api.get(configmaps(ns, "one")).expect(404)


def test_a_second_delete_finds_nothing(api: RawApi, ns: str, one: dict[str, Any]) -> None:
    api.delete(configmaps(ns, "one")).expect(200)
    assert api.delete(configmaps(ns, "one")).expect(404).body["reason"] == "NotFound"


def test_a_name_can_be_used_again_with_another_uid(api: RawApi, ns: str, one: dict[str, Any]) -> None:
    api.delete(configmaps(ns, "one")).expect(200)
    assert api.post(configmaps(ns), configmap("one")).expect(201).body["metadata"]["uid"] != one["metadata"]["uid"]


# -- preconditions -------------------------------------------------------------------------------------------------------


def test_the_right_uid_deletes(api: RawApi, ns: str, one: dict[str, Any]) -> None:
    api.delete(configmaps(ns, "one"), options(preconditions={"uid": one["metadata"]["uid"]})).expect(200)


def test_another_uid_conflicts(api: RawApi, ns: str, one: dict[str, Any]) -> None:
    answer = api.delete(configmaps(ns, "one"), options(preconditions={"uid": "other"})).expect(409)
    assert answer.body["reason"] == "Conflict"
    uid = one["metadata"]["uid"]
    assert f"the UID in the precondition (other) does not match the UID in record ({uid})" in answer.body["message"]
    api.get(configmaps(ns, "one")).expect(200)


def test_an_old_version_conflicts(api: RawApi, ns: str, one: dict[str, Any]) -> None:
    api.patch(configmaps(ns, "one"), {"data": {"b": "2"}}).expect(200)
    old = one["metadata"]["resourceVersion"]
    answer = api.delete(configmaps(ns, "one"), options(preconditions={"resourceVersion": old})).expect(409)
    assert answer.body["reason"] == "Conflict"
    assert f"the ResourceVersion in the precondition ({old}) does not match" in answer.body["message"]


def test_the_current_version_deletes(api: RawApi, ns: str, one: dict[str, Any]) -> None:
    version = one["metadata"]["resourceVersion"]
    api.delete(configmaps(ns, "one"), options(preconditions={"resourceVersion": version})).expect(200)


# -- finalizers ----------------------------------------------------------------------------------------------------------


def test_a_finalizer_holds_the_object(api: RawApi, held: str) -> None:
    metadata = api.get(held).expect(200).body["metadata"]
    assert metadata["deletionTimestamp"]
    assert metadata["deletionGracePeriodSeconds"] == 0
    assert metadata["finalizers"] == [FINALIZER]


def test_a_held_delete_answers_with_the_object(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("held", finalizers=[FINALIZER])).expect(201)
    found = api.delete(configmaps(ns, "held")).expect(200).body
    assert (found["kind"], found["metadata"]["finalizers"]) == ("ConfigMap", [FINALIZER])


def test_the_last_finalizer_lets_it_go(api: RawApi, held: str) -> None:
    api.patch(held, {"metadata": {"finalizers": None}}).expect(200)
    api.get(held).expect(404)


def test_a_dying_object_can_be_changed(api: RawApi, held: str) -> None:
    assert api.patch(held, {"data": {"b": "2"}}).expect(200).body["data"]["b"] == "2"


def test_a_dying_object_takes_no_more_finalizers(api: RawApi, held: str) -> None:
    answer = api.patch(held, {"metadata": {"finalizers": [FINALIZER, "x.example/more"]}}).expect(422)
    assert answer.body["details"]["causes"][0]["field"] == "metadata.finalizers"
    assert "no new finalizers can be added if the object is being deleted" in answer.body["message"]


def test_a_second_delete_of_a_dying_object_changes_nothing(api: RawApi, held: str) -> None:
    before = api.get(held).body
    api.delete(held).expect(200)
    assert api.get(held).body["metadata"]["deletionTimestamp"] == before["metadata"]["deletionTimestamp"]


def test_a_deletion_cannot_be_taken_back(api: RawApi, held: str) -> None:
    found = api.patch(held, {"metadata": {"deletionTimestamp": None}}).expect(200).body
    assert found["metadata"]["deletionTimestamp"]


def test_a_finalizer_needs_a_domain(api: RawApi, ns: str) -> None:
    answer = api.post(configmaps(ns), configmap("one", finalizers=["hold"])).expect(422)
    assert answer.body["details"]["causes"][0]["field"].startswith("metadata.finalizers")


# -- propagation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
def test_propagation_leaves_a_finalizer_for_the_garbage_collector(api: RawApi, ns: str, policy: str, finalizer: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    found = api.delete(deployments(ns, "web"), options(propagationPolicy=policy)).expect(200).body
    assert found["metadata"]["finalizers"] == [finalizer]
    assert found["metadata"]["deletionTimestamp"]


def test_background_propagation_deletes_at_once(api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    assert api.delete(deployments(ns, "web"), options(propagationPolicy="Background")).expect(200).body["status"] == "Success"
    api.get(deployments(ns, "web")).expect(404)


def test_propagation_can_be_a_query_parameter(api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    found = api.delete(deployments(ns, "web"), query={"propagationPolicy": "Foreground"}).expect(200).body
    assert found["metadata"]["finalizers"] == ["foregroundDeletion"]


def test_an_unknown_propagation_is_invalid(api: RawApi, ns: str, one: dict[str, Any]) -> None:
    answer = api.delete(configmaps(ns, "one"), options(propagationPolicy="Sideways")).expect(422)
    assert answer.body["details"]["causes"][0]["field"] == "propagationPolicy"


# -- collections ---------------------------------------------------------------------------------------------------------


def test_a_collection_is_deleted_at_once(api: RawApi, ns: str) -> None:
    for name in ("a", "b", "c"):
        api.post(configmaps(ns), configmap(name, labels={"x": name})).expect(201)
    api.delete(configmaps(ns), query={"labelSelector": "x in (a,b)"}).expect(200)
    assert [item["metadata"]["name"] for item in api.get(configmaps(ns)).body["items"]] == ["c"]


def test_a_dry_run_of_a_collection_deletes_nothing(api: RawApi, ns: str, one: dict[str, Any]) -> None:
    api.delete(configmaps(ns), query={"dryRun": "All"}).expect(200)
    api.get(configmaps(ns, "one")).expect(200)


# -- namespaces ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def dying(api: RawApi, ns: str) -> str:
    """A namespace with a ConfigMap, which was deleted."""
    api.post(configmaps(ns), configmap("one")).expect(201)
    api.delete(namespaces(ns)).expect(200)
    return ns


def test_a_deleted_namespace_terminates(api: RawApi, dying: str) -> None:
    found = api.get(namespaces(dying)).expect(200).body
    assert found["status"]["phase"] == "Terminating"
    assert found["metadata"]["deletionTimestamp"]
    assert found["spec"]["finalizers"] == ["kubernetes"]


def test_nothing_is_created_in_a_terminating_namespace(api: RawApi, dying: str) -> None:
    answer = api.post(configmaps(dying), configmap("two")).expect(403)
    assert answer.body["reason"] == "Forbidden"
    assert answer.body["message"] == (
        f'configmaps "two" is forbidden: unable to create new content in namespace {dying} because it is being terminated'
    )
    assert answer.body["details"] == {
        "name": "two", "kind": "configmaps",
        "causes": [
            {"reason": "NamespaceTerminating", "message": f"namespace {dying} is being terminated", "field": "metadata.namespace"}
        ],
    }  # fmt: skip


def test_nothing_is_applied_into_a_terminating_namespace(api: RawApi, dying: str) -> None:
    answer = api.apply(configmaps(dying, "two"), configmap("two")).expect(403)
    assert answer.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"


def test_what_is_in_a_terminating_namespace_can_be_changed_and_deleted(api: RawApi, dying: str) -> None:
    api.patch(configmaps(dying, "one"), {"data": {"b": "2"}}).expect(200)
    api.delete(configmaps(dying, "one")).expect(200)


def test_a_second_delete_of_a_namespace_conflicts_or_is_taken(api: RawApi, dying: str) -> None:
    api.delete(namespaces(dying)).expect(200, 409)


def test_a_namespace_goes_with_its_last_finalizer(cluster: Cluster, api: RawApi, dying: str) -> None:
    api.delete(configmaps(dying, "one")).expect(200)
    cluster.finish_namespace(dying)
    api.get(namespaces(dying)).expect(404)


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_cannot_be_deleted(api: RawApi, name: str) -> None:
    answer = api.delete(namespaces(name)).expect(403)
    assert answer.body["reason"] == "Forbidden"
    assert "this namespace may not be deleted" in answer.body["message"]


def test_the_finalizers_of_a_namespace_are_not_changed_by_an_update(api: RawApi, ns: str) -> None:
    assert api.patch(namespaces(ns), {"spec": {"finalizers": []}}).expect(200).body["spec"] == {"finalizers": ["kubernetes"]}
