"""The Kubernetes target from the first apply to the last delete, on a cluster: what is done, what is asked, what is said."""

from __future__ import annotations

from typing import Any

import pytest
from shops import Shop, config, deployment, new_namespace, secret, service

from gitops_core import Options
from gitops_core.model.applications import IgnoreRule


@pytest.fixture
def shop(cluster: Any) -> Shop:
    return Shop(cluster=cluster, namespace=new_namespace(cluster))


def statuses(result: Any) -> dict[str, str]:
    return {o.key.name: str(o.status) for o in result.outcomes}


EVERYTHING = (config("settings"), deployment("web"), service("web"), secret("keys", password="correct horse"))


def test_a_second_pass_finds_everything_in_sync_with_one_list_for_each_kind(shop: Shop) -> None:
    shop.converge(*EVERYTHING)
    second = shop.reconcile()
    assert second.status == "in-sync"
    assert shop.requests.since() == {"GET": 4}


def test_created_updated_and_deleted_are_one_write_each(shop: Shop) -> None:
    shop.declare(*EVERYTHING)
    assert shop.reconcile().ok
    assert shop.requests.since()["PATCH"] == 4
    shop.declare(config("settings", colour="blue"), deployment("web"), service("web"))
    assert shop.reconcile().ok
    writes = {method: count for method, count in shop.requests.since().items() if method != "GET"}
    assert writes == {"PATCH": 1, "DELETE": 1}
    assert shop.get("configmaps", "settings")["data"] == {"colour": "blue"}
    assert shop.get("secrets", "keys") is None


def test_a_full_comparison_finds_neither_defaults_nor_quantities_nor_string_data(shop: Shop) -> None:
    """Everything is compared anew, for no memo is young enough."""
    shop.options = Options(wait=False, memo_age=0.0)
    shop.converge(*EVERYTHING)
    plan = shop.plan()
    assert [(str(c.key), c.diff) for c in plan.changes] == []
    assert shop.reconcile().status == "in-sync"


def test_an_edit_by_hand_is_drift_that_names_the_editor_and_is_repaired_with_two_requests(shop: Shop) -> None:
    shop.converge(*EVERYTHING)
    shop.edit("deployments", "web", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}}, group="apps")
    assert shop.plan().is_empty, "nobody declared that field"
    shop.edit("configmaps", "settings", {"data": {"colour": "red"}})
    [change] = shop.plan().changes
    [diff] = change.diff
    assert (diff.pointer, diff.before, diff.after, diff.manager) == ("/data/colour", '"red"', '"green"', "kubectl-edit")
    shop.requests.since()
    assert statuses(shop.reconcile()) == {"settings": "done"}
    assert shop.requests.since()["PATCH"] == 1
    assert shop.get("configmaps", "settings")["data"] == {"colour": "green"}


def test_a_field_of_a_container_that_was_edited_is_repaired_and_the_rest_stays(shop: Shop) -> None:
    shop.converge(deployment("web"))
    containers = shop.get("deployments", "web", "apps")["spec"]["template"]["spec"]["containers"]
    containers[0]["image"] = "nginx:evil"
    containers.append({"name": "sidecar", "image": "envoy:1"})
    shop.edit("deployments", "web", {"spec": {"template": {"spec": {"containers": containers}}}}, group="apps")
    [change] = shop.plan().changes
    assert [(d.label, d.manager) for d in change.diff] == [("spec.template.spec.containers[name=web].image", "kubectl-edit")]
    assert shop.reconcile().ok
    found = shop.get("deployments", "web", "apps")["spec"]["template"]["spec"]["containers"]
    assert {c["name"]: c["image"] for c in found} == {"web": "nginx:1.27", "sidecar": "envoy:1"}


def test_a_field_that_is_no_longer_declared_goes_away(shop: Shop) -> None:
    shop.converge(config("settings", colour="green", size="large"))
    shop.declare(config("settings", colour="green"))
    [change] = shop.plan().changes
    assert [(d.pointer, d.op) for d in change.diff] == [("/data/size", "remove")]
    assert shop.reconcile().ok
    assert shop.get("configmaps", "settings")["data"] == {"colour": "green"}
    assert shop.reconcile().status == "in-sync"


def test_a_deleted_object_is_made_again(shop: Shop) -> None:
    shop.converge(*EVERYTHING)
    shop.delete("services", "web")
    [change] = shop.plan().changes
    assert (change.action, change.reason) == ("create", "gone from the target since it was applied")
    assert shop.reconcile().ok
    assert shop.get("services", "web") is not None


def test_a_status_that_changes_costs_no_body(shop: Shop) -> None:
    shop.converge(deployment("web"))
    path = shop.path("deployments", "web/status", "apps")
    shop.cluster.api().call(
        "PATCH", path, {"status": {"observedGeneration": 1, "replicas": 1}}, content_type="application/merge-patch+json"
    ).expect(200)
    assert shop.reconcile().status == "in-sync"
    assert shop.requests.since() == {"GET": 1}


def test_a_replica_count_that_is_ignored_belongs_to_the_autoscaler(shop: Shop) -> None:
    shop.options = Options(wait=False, ignore=(IgnoreRule(pointers={"/spec/replicas"}, kinds={"Deployment"}),))
    shop.converge(deployment("web", replicas=2))
    shop.edit("deployments", "web", {"spec": {"replicas": 5}}, group="apps", manager="autoscaler")
    assert shop.plan().is_empty
    shop.declare(deployment("web", image="nginx:1.28", replicas=2))
    assert shop.reconcile().ok
    live = shop.get("deployments", "web", "apps")
    assert (live["spec"]["replicas"], live["spec"]["template"]["spec"]["containers"][0]["image"]) == (5, "nginx:1.28")
    assert {e["manager"] for e in live["metadata"]["managedFields"] if "f:replicas" in e["fieldsV1"].get("f:spec", {})} == {
        "autoscaler"
    }


def test_marks_that_somebody_removed_are_put_back(shop: Shop) -> None:
    shop.converge(config("settings"))
    shop.edit("configmaps", "settings", {"metadata": {"labels": None}})
    [change] = shop.plan().changes
    assert [d.note for d in change.diff] == ["somebody removed our mark"]
    assert shop.reconcile().ok
    assert "example.org/owned-by" in shop.get("configmaps", "settings")["metadata"]["labels"]
    assert shop.reconcile().status == "in-sync"


def test_destroy_leaves_what_is_not_ours(shop: Shop) -> None:
    shop.create("configmaps", config("theirs"))
    shop.converge(*EVERYTHING)
    assert shop.destroy().ok
    assert shop.get("configmaps", "theirs") is not None
    assert [shop.get("configmaps", "settings"), shop.get("services", "web"), shop.get("secrets", "keys")] == [None] * 3
