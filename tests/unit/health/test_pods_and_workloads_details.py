"""What is said about several containers of a Pod, and what counts when a workload leaves a number out."""

from __future__ import annotations

import pytest

from gitops_core.health import HealthOptions, HealthRules, Observed, assess
from gitops_core.health.pods import pod
from gitops_core.health.rules import worst
from gitops_core.health.storage import claim
from gitops_core.health.workloads import daemon_set, deployment, replica_set, stateful_set
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Live, key_of
from gitops_core.testing.builders.resources import manifest

NOW = 1_767_225_600.0
HEALTHY = Health(True, HealthStatus.HEALTHY)
CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}
EXITED = {"terminated": {"exitCode": 1}}


def observed(body, **facts):
    return Observed(Live(key_of(body), body), now=NOW, **facts)


def container(name, state=None, last=None):
    return {"name": name, "state": state or {"running": {}}, **({"lastState": last} if last else {})}


def pod_with(*containers, phase="Running", init=(), **status):
    body = manifest("v1/Pod", "web", status={"phase": phase, "initContainerStatuses": list(init), **status})
    return pod(observed({**body, "status": {**body["status"], "containerStatuses": list(containers)}}))


def said(health):
    return health.reason, health.message


# -- Pods ----------------------------------------------------------------------------------------------------------------------------


def test_only_the_containers_that_were_restarted_are_named():
    health = pod_with(container("a", last=EXITED), container("b"), container("c", last=EXITED))
    assert said(health) == ("ContainerRestarted", "not ready after a restart: a, c")


def test_a_pod_that_is_not_ready_and_was_never_restarted_is_on_its_way():
    assert said(pod_with(container("a"))) == ("PodRunningNotReady", "")


def test_an_init_container_that_needed_a_second_run_is_past():
    assert said(pod_with(container("a"), init=[container("i", last=EXITED)])) == ("PodRunningNotReady", "")


@pytest.mark.parametrize("phase", ["Pending", "Running"])
def test_every_container_that_crashes_is_named_and_no_other(phase):
    health = pod_with(container("b", CRASHING), container("c"), phase=phase, init=[container("a", CRASHING)])
    assert said(health) == ("ContainerCrashLooping", "a, b")


def test_every_container_that_cannot_start_is_named_with_its_message_or_its_reason():
    wrong = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    mute = {"waiting": {"reason": "CreateContainerConfigError"}}
    health = pod_with(container("a", wrong), container("b", mute), container("c"), phase="Pending")
    assert said(health) == ("ErrImagePull", "a: no such image; b: CreateContainerConfigError")


def test_a_container_that_waits_for_no_reason_is_not_wrong():
    assert said(pod_with(container("a", {"waiting": {"message": "hm"}}), phase="Pending")) == ("PodPending", "")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ({"exitCode": 3}, "a: Error, exit code 3"),
        ({"exitCode": 137, "reason": "OOMKilled", "message": "canary"}, "a: OOMKilled, exit code 137"),
        ({"exitCode": 0}, ""),
        ({}, ""),
    ],
)
def test_a_failed_pod_names_how_its_container_ended_and_never_its_log(end, words):
    assert said(pod_with(container("a", {"terminated": end}), phase="Failed")) == ("PodFailed", words)


def test_a_failed_pod_names_the_container_that_failed_first():
    health = pod_with(
        container("b", EXITED), phase="Failed", init=[container("z", {"terminated": {"exitCode": 0}}), container("a", EXITED)]
    )
    assert health.message == "a: Error, exit code 1"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"message": "node is low on memory", "reason": "Evicted"}, "node is low on memory"),
        ({"reason": "Evicted"}, "Evicted"),
    ],
)
def test_what_the_pod_says_itself_comes_before_how_a_container_ended(status, words):
    assert pod_with(container("a", EXITED), phase="Failed", **status).message == words


def test_a_container_without_a_name_is_called_none():
    assert pod_with({"state": CRASHING}).message == "None"


# -- workloads -----------------------------------------------------------------------------------------------------------------------


def workload(kind, status, **spec):
    return observed(manifest(f"apps/v1/{kind}", "web", spec=spec, status=status))


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        (
            deployment,
            {
                "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1,
                "conditions": [{"type": "Available", "status": "True"}],
            },
        ),
        (stateful_set, {"replicas": 1, "readyReplicas": 1, "currentReplicas": 1}),
        (replica_set, {"replicas": 1, "fullyLabeledReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}),
    ],
)  # fmt: skip
def test_a_workload_that_does_not_say_how_many_wants_one(rule, status):
    kind = {deployment: "Deployment", stateful_set: "StatefulSet", replica_set: "ReplicaSet"}[rule]
    assert rule(workload(kind, status)) == HEALTHY
    counts = [name for name in status if name != "conditions" and (rule, name) != (replica_set, "replicas")]
    for count in counts:
        assert rule(workload(kind, {name: value for name, value in status.items() if name != count})).message == "0 of 1"


def test_a_daemon_set_for_no_node_is_well_and_one_for_one_node_wants_one():
    done = dict.fromkeys(["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"], 1)
    body = manifest("apps/v1/DaemonSet", "web", status={"desiredNumberScheduled": 1, "observedGeneration": 1, **done})
    body = {**body, "metadata": {**body["metadata"], "generation": 1}}
    assert daemon_set(observed(body)) == HEALTHY
    for count in done:
        status = {name: value for name, value in body["status"].items() if name != count}
        assert daemon_set(observed({**body, "status": status})).message == "0 of 1"


@pytest.mark.parametrize(
    ("partition", "updated", "health"),
    [(0, 3, HEALTHY), (1, 2, HEALTHY), (0, 2, "2 of 3"), (1, 1, "1 of 2"), (2, 0, "0 of 1")],
)
def test_a_partition_asks_for_the_ordinals_above_it_only(partition, updated, health):
    status = {"replicas": 3, "readyReplicas": 3, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": "b"}
    strategy = {"rollingUpdate": {"partition": partition}}
    found = stateful_set(workload("StatefulSet", status, replicas=3, updateStrategy=strategy))
    assert found == health or said(found) == ("PartitionRollout", health)


def test_a_stateful_set_between_two_revisions_names_both():
    status = {"replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "currentRevision": "web-1", "updateRevision": "web-2"}
    assert said(stateful_set(workload("StatefulSet", status))) == ("RevisionMismatch", "at web-1, going to web-2")


def rolled_out(progress=None, available="True", **spec):
    counts = dict.fromkeys(["replicas", "updatedReplicas", "availableReplicas", "readyReplicas"], 1)
    conditions = [{"type": "Available", "status": available, "message": "too few"}, *([progress] if progress else [])]
    return deployment(workload("Deployment", {**counts, "conditions": conditions}, **spec))


def test_what_the_conditions_of_a_deployment_say_is_passed_on():
    progress = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": "it is progressing"}
    assert said(rolled_out(progress, progressDeadlineSeconds=600)) == ("ReplicaSetNotAvailable", "it is progressing")
    assert said(rolled_out(available="False")) == ("DeploymentNotAvailable", "too few")


@pytest.mark.parametrize(
    ("deadline", "health"), [(2**31 - 1, HEALTHY), (2**31 - 2, "ReplicaSetNotAvailable"), (0, "ReplicaSetNotAvailable")]
)
def test_only_the_largest_deadline_means_none(deadline, health):
    found = rolled_out(progressDeadlineSeconds=deadline)
    assert health in (found, found.reason)


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_a_deadline_asks_for_a_condition_that_is_true(status):
    progress = {"type": "Progressing", "status": status, "reason": "NewReplicaSetAvailable"}
    assert rolled_out(progress, progressDeadlineSeconds=600).reason == "ReplicaSetNotAvailable"


def test_a_paused_deployment_is_suspended_only_by_true_itself():
    assert rolled_out(paused=True) == Health(True, HealthStatus.SUSPENDED, "Paused")
    assert rolled_out(paused="yes") == HEALTHY


def test_pods_that_are_one_too_many_are_counted():
    status = {"replicas": 5, "fullyLabeledReplicas": 5, "availableReplicas": 5, "readyReplicas": 5}
    assert said(replica_set(workload("ReplicaSet", status, replicas=2))) == ("ExtraPods", "3 to be terminated")


# -- claims and wholes ---------------------------------------------------------------------------------------------------------------


def test_a_claim_without_a_class_waits_for_nobody_unless_every_class_does():
    waiting = manifest("v1/PersistentVolumeClaim", "data", status={"phase": "Pending"})
    assert claim(observed(waiting, options=HealthOptions(first_consumer_classes={"local"}))).reason == "NotBound"
    assert claim(observed(waiting, options=HealthOptions(first_consumer_classes={"*"}))).reason == "WaitForFirstConsumer"


def test_a_bound_claim_is_well_by_its_own_rule():
    assert claim(observed(manifest("v1/PersistentVolumeClaim", "data", status={"phase": "Bound"}))) == HEALTHY


def test_the_health_of_a_whole_of_nothing_is_healthy():
    assert worst([]) == HEALTHY


def test_a_rule_that_returns_something_else_makes_the_object_unknown():
    rules = HealthRules().with_rule("", "Pod", lambda _: True)
    health = assess(observed(manifest("v1/Pod", "web")).live, now=NOW, rules=rules)
    assert said(health) == ("RuleFailed", "the health rule for Pod returned bool, not a Health or None")


def test_a_rule_of_yours_leaves_the_rules_as_they_were():
    rules = HealthRules()
    changed = rules.with_rule("", "Pod", lambda _: HEALTHY)
    body = manifest("v1/Pod", "web")
    assert assess(observed(body).live, now=NOW, rules=changed) == HEALTHY
    assert assess(observed(body).live, now=NOW, rules=rules).status == HealthStatus.UNKNOWN
