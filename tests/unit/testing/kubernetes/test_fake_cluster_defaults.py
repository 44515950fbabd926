"""Objects of built-in kinds come back as a 1.36 server gave them back: defaults, quantities, what is dropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_cluster_bodies import config_map, pod_spec, template, workload

from gitops_core.testing.kubernetes import FakeCluster
from gitops_core.testing.kubernetes.quantities import canonical, is_quantity

GOLDEN = json.loads((Path(__file__).parent / "answers_of_a_real_server.json").read_text())
OWN = ("uid", "resourceVersion", "creationTimestamp", "managedFields")


def comparable(value: Any) -> Any:
    """Without what differs from run to run: ids, times, addresses and node ports."""
    value = json.loads(json.dumps(value))
    uid = value["metadata"].get("uid", "")
    for name in OWN:
        value["metadata"].pop(name, None)
    spec = value.get("spec") or {}
    if value["kind"] == "Service" and spec.get("clusterIP") not in {None, "None"}:
        spec["clusterIP"], spec["clusterIPs"] = "IP", ["IP"]
    if value["kind"] == "Service":
        for port in spec.get("ports", ()):
            port.pop("nodePort", None)
    (value.get("status") or {}).pop("lastPhaseTransitionTime", None)
    return json.loads(json.dumps(value).replace(uid or "no uid", "UID"))


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['answer']['kind']}-{case['answer']['metadata']['name']}")
def test_an_object_is_completed_as_a_real_server_completes_it(cluster: FakeCluster, case: dict[str, Any]) -> None:
    status, answer = cluster.request("POST", case["path"], case["body"])
    assert status == 201, answer
    assert comparable(answer) == comparable(case["answer"])


@pytest.mark.parametrize(
    ("written", "kept"),
    [("1000m", "1"), ("1024Mi", "1Gi"), ("0.5", "500m"), ("1.5Gi", "1536Mi"), ("100m", "100m"), ("2048", "2048"), ("1e3", "1e3"),
     ("12e4", "120e3"), ("0", "0"), ("1000", "1k"), (1, "1"), ("3000n", "3u"), ("nonsense", "nonsense"), ("-1Ki", "-1Ki"), ("0.5Ki", "512")],
)  # fmt: skip
def test_quantities_are_spelled_canonically(written: str | int, kept: str) -> None:
    assert canonical(written) == kept
    assert is_quantity(written) == (written != "nonsense")


def test_nulls_and_empty_maps_are_dropped(cluster: FakeCluster) -> None:
    _, answer = cluster.request("POST", "/api/v1/namespaces/default/configmaps", config_map("a", binaryData={}, immutable=None))
    assert {"binaryData", "immutable"} & set(answer) == set()


@pytest.mark.parametrize(
    ("image", "policy"), [("i", "Always"), ("i:latest", "Always"), ("r:5000/i:1", "IfNotPresent"), ("r:5000/i", "Always"), ("i@sha256:0", "IfNotPresent")]
)  # fmt: skip
def test_the_pull_policy_follows_the_tag(cluster: FakeCluster, image: str, policy: str) -> None:
    body = workload("w")
    body["spec"]["template"]["spec"]["containers"][0]["image"] = image
    _, answer = cluster.request("POST", "/apis/apps/v1/namespaces/default/deployments", body)
    assert answer["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_what_a_pod_says_about_volumes_probes_and_ports_is_completed(cluster: FakeCluster) -> None:
    volumes = [
        {"name": "empty"},
        {
            "name": "api",
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"path": "t"}},
                    {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                ]
            },
        },
        {"name": "down", "downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"name": "claim", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}},
    ]
    container = {
        "name": "c",
        "image": "i",
        "ports": [{"containerPort": 80}],
        "readinessProbe": {"grpc": {"port": 1}},
        "lifecycle": {"preStop": {"httpGet": {"port": 1}}},
        "resources": {"limits": {"cpu": 1}},
    }
    spec = {"containers": [container], "volumes": volumes, "hostNetwork": True, "serviceAccountName": "sa"}
    _, answer = cluster.request("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "p"}, "spec": spec})
    made = answer["spec"]
    assert made["containers"][0]["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]
    assert made["containers"][0]["readinessProbe"]["grpc"]["service"] == ""
    assert made["containers"][0]["lifecycle"]["preStop"]["httpGet"] == {"path": "/", "port": 1, "scheme": "HTTP"}
    assert made["containers"][0]["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}
    assert made["serviceAccount"] == "sa"
    assert made["volumes"][0] == {"name": "empty", "emptyDir": {}}
    assert made["volumes"][1]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] == 3600
    assert made["volumes"][2]["downwardAPI"]["items"][0]["fieldRef"]["apiVersion"] == "v1"
    assert answer["status"] == {"phase": "Pending", "qosClass": "Burstable"}


def test_a_pod_with_equal_limits_and_requests_is_guaranteed(cluster: FakeCluster) -> None:
    spec = {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}
    _, answer = cluster.request("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "p"}, "spec": spec})
    assert answer["status"]["qosClass"] == "Guaranteed"


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/apis/apps/v1/namespaces/default/deployments", workload("x", strategy={"type": "Recreate"}), {"strategy": {"type": "Recreate"}}),
        ("/apis/apps/v1/namespaces/default/statefulsets", workload("x", updateStrategy={"type": "OnDelete"}), {"updateStrategy": {"type": "OnDelete"}}),
        ("/apis/apps/v1/namespaces/default/daemonsets", workload("x", updateStrategy={"type": "OnDelete"}), {"updateStrategy": {"type": "OnDelete"}}),
        ("/apis/apps/v1/namespaces/default/replicasets", workload("x"), {"replicas": 1}),
        ("/api/v1/namespaces/default/replicationcontrollers", {"metadata": {"name": "x"}, "spec": {"template": template()}}, {"selector": {"a": "b"}}),
        ("/apis/batch/v1/namespaces/default/jobs", {"metadata": {"name": "x"}, "spec": {"parallelism": 2, "template": {"spec": pod_spec(restartPolicy="Never")}, "podFailurePolicy": {"rules": []}}}, {"podReplacementPolicy": "Failed", "parallelism": 2}),
        ("/api/v1/namespaces/default/services", {"metadata": {"name": "x"}, "spec": {"ports": [{"port": 1}], "sessionAffinity": "ClientIP"}}, {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}),
        ("/apis/storage.k8s.io/v1/csidrivers", {"metadata": {"name": "x"}, "spec": {}}, {"attachRequired": True}),
    ],
)  # fmt: skip
def test_a_specification_has_its_defaults(
    cluster: FakeCluster, path: str, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    status, answer = cluster.request("POST", path, body)
    assert status == 201, answer
    assert {name: answer["spec"].get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "x"}, "value": 1}, {"preemptionPolicy": "PreemptLowerPriority"}),
        ("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {"metadata": {"name": "x"}, "addressType": "IPv4", "ports": [{"port": 1}]}, {"ports": [{"name": "", "port": 1, "protocol": "TCP"}]}),
        ("/api/v1/namespaces/default/endpoints", {"metadata": {"name": "x"}, "subsets": [{"ports": [{"port": 1}]}]}, {"subsets": [{"ports": [{"port": 1, "protocol": "TCP"}]}]}),
        ("/api/v1/namespaces/default/podtemplates", {"metadata": {"name": "x"}, "template": template()}, {}),
    ],
)  # fmt: skip
def test_an_object_has_its_defaults(cluster: FakeCluster, path: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    status, answer = cluster.request("POST", path, body)
    assert status == 201, answer
    assert {name: answer.get(name) for name in expected} == expected


def test_webhooks_have_their_defaults(cluster: FakeCluster) -> None:
    hook = {
        "name": "a.b.c",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "s", "namespace": "n"}},
        "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
    }
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    _, answer = cluster.request("POST", path, {"metadata": {"name": "x"}, "webhooks": [hook]})
    made = answer["webhooks"][0]
    assert (made["failurePolicy"], made["timeoutSeconds"], made["reinvocationPolicy"], made["rules"][0]["scope"]) == (
        "Fail",
        10,
        "Never",
        "*",
    )
    assert made["clientConfig"]["service"]["port"] == 443


def test_a_service_keeps_its_address_and_node_ports_when_it_is_replaced(cluster: FakeCluster) -> None:
    path = "/api/v1/namespaces/default/services"
    body = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    _, before = cluster.request("POST", path, body)
    _, after = cluster.request("PUT", f"{path}/s", body)
    assert after["spec"] == before["spec"]


def test_a_daemon_set_counts_the_changes_of_its_template(cluster: FakeCluster) -> None:
    path = "/apis/apps/v1/namespaces/default/daemonsets"
    body = workload("d")
    cluster.request("POST", path, body)
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "new"
    _, after = cluster.request("PUT", f"{path}/d", body)
    assert after["metadata"]["annotations"] == {"deprecated.daemonset.template.generation": "2"}
    assert after["metadata"]["generation"] == 2
