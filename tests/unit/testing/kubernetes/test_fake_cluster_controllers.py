"""What happens by itself: namespaces are emptied, garbage is collected, scripts make workloads progress."""

from __future__ import annotations

from typing import Any

import pytest
from fake_cluster_bodies import CONFIG_MAPS, DEPLOYMENTS, MERGE, config_map, pod_spec, workload

from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster
from gitops_core.testing.kubernetes.scripts import FunctionScript, JobRun, Look, Rollout

Object = dict[str, Any]
JOBS = "/apis/batch/v1/namespaces/default/jobs"


def owned(name: str, *owners: Object, **more: Any) -> Object:
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": each["metadata"]["name"], "uid": each["metadata"]["uid"], **more}
        for each in owners
    ]
    return {"metadata": {"name": name, "ownerReferences": references}}


def exists(cluster: FakeCluster, name: str) -> bool:
    return cluster.request("GET", f"{CONFIG_MAPS}/{name}")[0] == 200


def test_a_namespace_is_emptied_and_goes(cluster: FakeCluster) -> None:
    cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "n"}})
    here = "/api/v1/namespaces/n/configmaps"
    cluster.request("POST", here, {"metadata": {"name": "held", "finalizers": ["x/y"]}})
    cluster.request("POST", here, config_map("free"))
    _, gone = cluster.request("DELETE", "/api/v1/namespaces/n")
    assert gone["status"] == {"phase": "Terminating"}
    assert [item["metadata"]["name"] for item in cluster.request("GET", here)[1]["items"]] == ["held"]
    status, answer = cluster.request("POST", here, config_map("late"))
    assert (status, answer["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    cluster.request("PATCH", f"{here}/held", {"metadata": {"finalizers": None}}, headers=MERGE)
    assert cluster.request("GET", "/api/v1/namespaces/n")[0] == 404


def test_without_its_controller_a_namespace_waits_for_finalize() -> None:
    cluster = FakeCluster(ClusterSettings(namespace_controller=False))
    _, made = cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": "n"}})
    assert (
        cluster.request("PATCH", "/api/v1/namespaces/n", {"spec": {"finalizers": []}}, headers=MERGE)[1]["spec"] == made["spec"]
    )
    cluster.request("DELETE", "/api/v1/namespaces/n")
    _, found = cluster.request("GET", "/api/v1/namespaces/n")
    assert cluster.request("PUT", "/api/v1/namespaces/n/finalize", {**found, "spec": {}})[0] == 200
    assert cluster.request("GET", "/api/v1/namespaces/n")[0] == 404


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_stay(cluster: FakeCluster, name: str) -> None:
    assert cluster.request("DELETE", f"/api/v1/namespaces/{name}")[0] == 403


def test_dependents_go_with_their_owner(cluster: FakeCluster) -> None:
    _, owner = cluster.request("POST", CONFIG_MAPS, config_map("owner"))
    _, other = cluster.request("POST", CONFIG_MAPS, config_map("other"))
    cluster.request("POST", CONFIG_MAPS, owned("one", owner))
    cluster.request("POST", CONFIG_MAPS, owned("two", owner, other))
    cluster.request("DELETE", f"{CONFIG_MAPS}/owner")
    assert not exists(cluster, "one")
    _, two = cluster.request("GET", f"{CONFIG_MAPS}/two")
    assert [each["name"] for each in two["metadata"]["ownerReferences"]] == ["other"]


def test_what_nobody_owns_any_more_goes_at_once(cluster: FakeCluster) -> None:
    stranger = {"metadata": {"name": "none", "uid": "1"}}
    cluster.request("POST", CONFIG_MAPS, owned("one", stranger))
    assert not exists(cluster, "one")


def test_orphans_stay_without_their_owner(cluster: FakeCluster) -> None:
    _, owner = cluster.request("POST", CONFIG_MAPS, config_map("owner"))
    cluster.request("POST", CONFIG_MAPS, owned("one", owner))
    _, gone = cluster.request("DELETE", f"{CONFIG_MAPS}/owner?propagationPolicy=Orphan")
    assert gone["metadata"]["finalizers"] == ["orphan"]
    assert not exists(cluster, "owner")
    assert "ownerReferences" not in cluster.request("GET", f"{CONFIG_MAPS}/one")[1]["metadata"]


def test_in_the_foreground_dependents_go_first(cluster: FakeCluster) -> None:
    _, owner = cluster.request("POST", CONFIG_MAPS, config_map("owner"))
    held = owned("one", owner, blockOwnerDeletion=True)
    held["metadata"]["finalizers"] = ["x/y"]
    cluster.request("POST", CONFIG_MAPS, held)
    cluster.request("DELETE", f"{CONFIG_MAPS}/owner", {"propagationPolicy": "Foreground"})
    assert exists(cluster, "owner")
    cluster.request("PATCH", f"{CONFIG_MAPS}/one", {"metadata": {"finalizers": None}}, headers=MERGE)
    assert not exists(cluster, "one")
    assert not exists(cluster, "owner")


def test_without_collection_dependents_stay() -> None:
    cluster = FakeCluster(ClusterSettings(garbage_collection=False))
    _, owner = cluster.request("POST", CONFIG_MAPS, config_map("owner"))
    cluster.request("POST", CONFIG_MAPS, owned("one", owner))
    cluster.request("DELETE", f"{CONFIG_MAPS}/owner")
    assert exists(cluster, "one")


def later(cluster: FakeCluster, seconds: float) -> None:
    assert isinstance(cluster.clock, VirtualClock)
    cluster.clock.advance(seconds)


def reasons(value: Object) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in value["status"].get("conditions", ())}


def test_a_deployment_progresses_step_by_step(cluster: FakeCluster) -> None:
    cluster.request("POST", DEPLOYMENTS, workload("w", replicas=4))
    cluster.script(Rollout(seconds=10, steps=2))
    seen = []
    for _ in range(4):
        _, found = cluster.request("GET", f"{DEPLOYMENTS}/w")
        seen.append(found["status"].get("readyReplicas", 0))
        later(cluster, 4)
    assert seen == [0, 0, 2, 4]
    assert reasons(found) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    cluster.request("PATCH", f"{DEPLOYMENTS}/w", {"spec": {"replicas": 2}}, headers=MERGE)
    _, found = cluster.request("GET", f"{DEPLOYMENTS}/w")
    assert (found["status"]["observedGeneration"], found["status"].get("readyReplicas", 0)) == (2, 0)
    later(cluster, 60)
    cluster.settle()
    version = cluster.request("GET", f"{DEPLOYMENTS}/w")[1]["metadata"]["resourceVersion"]
    later(cluster, 60)
    assert cluster.request("GET", f"{DEPLOYMENTS}/w")[1]["metadata"]["resourceVersion"] == version


def test_a_deployment_gets_stuck(cluster: FakeCluster) -> None:
    cluster.script(Rollout(stuck=True))
    cluster.request("POST", DEPLOYMENTS, workload("w", progressDeadlineSeconds=30))
    assert reasons(cluster.request("GET", f"{DEPLOYMENTS}/w")[1])["Progressing"] == ("True", "ReplicaSetUpdated")
    later(cluster, 30)
    assert reasons(cluster.request("GET", f"{DEPLOYMENTS}/w")[1])["Progressing"] == ("False", "ProgressDeadlineExceeded")


@pytest.mark.parametrize(
    ("plural", "count"), [("statefulsets", "readyReplicas"), ("daemonsets", "numberReady"), ("replicasets", "readyReplicas")]
)
def test_other_workloads_become_ready(cluster: FakeCluster, plural: str, count: str) -> None:
    path = f"/apis/apps/v1/namespaces/default/{plural}"
    cluster.script(Rollout(seconds=5))
    cluster.request("POST", path, workload("w"))
    assert cluster.request("GET", f"{path}/w")[1]["status"][count] == 0
    later(cluster, 5)
    assert cluster.request("GET", f"{path}/w")[1]["status"][count] == 1
    cluster.request("DELETE", f"{path}/w")


@pytest.mark.parametrize(("fails", "expected"), [(False, "Complete"), (True, "Failed")])
def test_a_job_ends(cluster: FakeCluster, fails: bool, expected: str) -> None:
    cluster.script(JobRun(seconds=5, fails=fails))
    cluster.request("POST", JOBS, {"metadata": {"name": "j"}, "spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}})
    assert cluster.request("GET", f"{JOBS}/j")[1]["status"]["active"] == 1
    later(cluster, 5)
    _, found = cluster.request("GET", f"{JOBS}/j")
    assert list(reasons(found)) == [expected]
    later(cluster, 5)
    cluster.request("PATCH", f"{JOBS}/j", {"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
    assert cluster.request("GET", f"{JOBS}/j")[1]["status"] == found["status"]


def test_a_suspended_job_waits(cluster: FakeCluster) -> None:
    cluster.script(JobRun())
    cluster.request(
        "POST",
        JOBS,
        {"metadata": {"name": "j"}, "spec": {"suspend": True, "template": {"spec": pod_spec(restartPolicy="Never")}}},
    )
    assert reasons(cluster.request("GET", f"{JOBS}/j")[1]) == {"Suspended": ("True", "JobSuspended")}


def test_a_script_of_your_own(cluster: FakeCluster) -> None:
    def mark(value: Object, age: float) -> Look:
        return Look({**value, "data": {"age": str(int(age))}}, None if age >= 2 else 1)

    cluster.script(FunctionScript({"ConfigMap"}, mark))
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    assert cluster.request("GET", f"{CONFIG_MAPS}/one")[1]["data"] == {"age": "0"}
    later(cluster, 1)
    assert cluster.request("GET", f"{CONFIG_MAPS}/one")[1]["data"] == {"age": "1"}


def test_scripts_that_never_rest_are_a_defect_of_the_test(cluster: FakeCluster) -> None:
    numbers = iter(range(100_000))
    cluster.script(FunctionScript({"ConfigMap"}, lambda value, _age: Look({**value, "data": {"n": str(next(numbers))}})))
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    with pytest.raises(RuntimeError, match="do not come to rest"):
        cluster.settle()
