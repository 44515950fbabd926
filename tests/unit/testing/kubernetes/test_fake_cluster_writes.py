"""Create, replace, patch, apply and delete, and why they are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_cluster_bodies import APPLY, CONFIG_MAPS, DEPLOYMENTS, JSON_PATCH, MERGE, STRATEGIC, config_map, pod_spec, workload

from gitops_core.testing.kubernetes import Admission, AdmissionRequest, Denied, FakeCluster, HttpRequest, HttpResponse

Object = dict[str, Any]


def causes(answer: Object) -> list[tuple[str, str]]:
    return [(cause["reason"], cause.get("field", "")) for cause in answer["details"]["causes"]]


def test_an_object_gets_identity(cluster: FakeCluster) -> None:
    status, answer = cluster.request("POST", CONFIG_MAPS, config_map("one"), headers={"user-agent": "tests/1.0"})
    assert status == 201
    assert answer["metadata"]["uid"]
    assert answer["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"
    assert [entry["manager"] for entry in answer["metadata"]["managedFields"]] == ["tests"]


def test_a_name_is_made_of_its_beginning(cluster: FakeCluster) -> None:
    _, answer = cluster.request("POST", CONFIG_MAPS, {"metadata": {"generateName": "x-"}})
    assert answer["metadata"]["name"].startswith("x-")
    assert len(answer["metadata"]["name"]) == 7


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        (CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "other"}}, 400, "the namespace of the provided object does not match"),
        (CONFIG_MAPS, {"kind": "Secret", "metadata": {"name": "a"}}, 400, "cannot be handled as a ConfigMap"),
        (CONFIG_MAPS, [], 400, "the object provided is unrecognized"),
        (CONFIG_MAPS, b"{", 400, "json parse error"),
        (CONFIG_MAPS, b"a: [", 400, "json parse error"),
        (CONFIG_MAPS, {"metadata": {"name": "a", "resourceVersion": "5"}}, 500, "resourceVersion should not be set"),
        ("/api/v1/namespaces/none/configmaps", config_map("a"), 404, 'namespaces "none" not found'),
        (CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"x": 1}}, 400, "Go struct field ConfigMap.data of type string"),
        (CONFIG_MAPS, {"metadata": {"name": 5}}, 400, "Go struct field ObjectMeta.metadata.name of type string"),
        (CONFIG_MAPS, {"metadata": {"name": "a"}, "data": []}, 400, "cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string"),
        (DEPLOYMENTS, {"metadata": {"name": "a"}, "spec": {"replicas": 1.5}}, 400, "DeploymentSpec.spec.replicas of type int32"),
        (DEPLOYMENTS, {"metadata": {"name": "a"}, "spec": {"paused": "x"}}, 400, "DeploymentSpec.spec.paused of type bool"),
        (DEPLOYMENTS, {"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": {}}}}}, 400, "PodSpec.spec.template.spec.containers of type []v1.Container"),
        ("/api/v1/namespaces/default/secrets", {"metadata": {"name": "a"}, "data": {"x": "!"}}, 400, "illegal base64 data at input byte 0"),
        ("/api/v1/namespaces/default/limitranges", {"metadata": {"name": "a"}, "spec": {"limits": [{"max": {"cpu": True}}]}}, 400, "of type string"),
        ("/api/v1/namespaces/default/pods/x/exec", {}, 501, "FakeCluster does not support the subresource exec"),
        ("/api/v1/namespaces/default/bindings", {}, 501, "FakeCluster does not support creating bindings"),
        (f"{CONFIG_MAPS}?dryRun=Some", config_map("a"), 422, 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
        (f"{CONFIG_MAPS}?fieldValidation=Some", config_map("a"), 422, "fieldValidation: Unsupported value"),
        (f"{CONFIG_MAPS}?fieldManager={'x' * 129}", config_map("a"), 422, "fieldManager: Too long"),
        (f"{CONFIG_MAPS}/a", config_map("a"), 405, "does not allow this method"),
    ],
)  # fmt: skip
def test_a_create_is_refused(cluster: FakeCluster, path: str, body: Any, status: int, message: str) -> None:
    found, answer = cluster.request("POST", path, body, headers={"content-type": "application/json"})
    assert (found, answer["status"]) == (status, "Failure")
    assert message in answer["message"]


def test_a_body_of_another_type_is_refused(cluster: FakeCluster) -> None:
    status, answer = cluster.request("POST", CONFIG_MAPS, config_map("a"), headers={"content-type": "text/plain"})
    assert (status, answer["reason"]) == (415, "UnsupportedMediaType")


def test_a_body_may_be_yaml(cluster: FakeCluster) -> None:
    status, answer = cluster.request("POST", CONFIG_MAPS, b"metadata: {name: a}\n", headers={"content-type": "application/yaml"})
    assert (status, answer["metadata"]["name"]) == (201, "a")


def test_a_name_can_be_taken_once(cluster: FakeCluster) -> None:
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    status, answer = cluster.request("POST", CONFIG_MAPS, config_map("one"))
    assert (status, answer["reason"], answer["details"]) == (409, "AlreadyExists", {"name": "one", "kind": "configmaps"})


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, ("FieldValueRequired", "metadata.name")),
        ({"name": "A_"}, ("FieldValueInvalid", "metadata.name")),
        ({"name": "x" * 254}, ("FieldValueInvalid", "metadata.name")),
        ({"name": "a", "labels": {"a b": "x"}}, ("FieldValueInvalid", "metadata.labels")),
        ({"name": "a", "labels": {"a": "x y"}}, ("FieldValueInvalid", "metadata.labels")),
        ({"name": "a", "labels": {"a": "x" * 64}}, ("FieldValueInvalid", "metadata.labels")),
        ({"name": "a", "labels": {"x" * 64: "x"}}, ("FieldValueInvalid", "metadata.labels")),
        ({"name": "a", "labels": {"A_/b": "x"}}, ("FieldValueInvalid", "metadata.labels")),
        ({"name": "a", "labels": {"a/": "x"}}, ("FieldValueInvalid", "metadata.labels")),
        ({"name": "a", "annotations": {"a": "x" * 270_000}}, ("FieldValueTooLong", "metadata.annotations")),
        ({"name": "a", "finalizers": ["x"]}, ("FieldValueInvalid", "metadata.finalizers[0]")),
        ({"name": "a", "ownerReferences": [{"kind": "A", "name": "a", "uid": "1"}]}, ("FieldValueInvalid", "metadata.ownerReferences[0].apiVersion")),
        ({"name": "a", "ownerReferences": [{"apiVersion": "v1", "kind": "A", "name": "a", "uid": str(i), "controller": True} for i in range(2)]}, ("FieldValueInvalid", "metadata.ownerReferences")),
    ],
)  # fmt: skip
def test_metadata_is_checked(cluster: FakeCluster, metadata: Object, expected: tuple[str, str]) -> None:
    status, answer = cluster.request("POST", CONFIG_MAPS, {"metadata": metadata})
    assert status == 422
    assert expected in causes(answer)


@pytest.mark.parametrize("name", ["a/b", "a%b", ".."])
def test_roles_may_have_almost_any_name(cluster: FakeCluster, name: str) -> None:
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    assert cluster.request("POST", path, {"metadata": {"name": "system:x"}})[0] == 201
    assert cluster.request("POST", path, {"metadata": {"name": name}})[0] == 422


BATCH, CORE = "/apis/batch/v1/namespaces/default", "/api/v1/namespaces/default"
JOB = {"metadata": {"name": "a"}, "spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}}


@pytest.mark.parametrize(
    ("path", "spec", "expected"),
    [
        (DEPLOYMENTS, {}, ("FieldValueRequired", "spec.selector")),
        (DEPLOYMENTS, {**workload("a")["spec"], "selector": {"matchLabels": {"x": "y"}}}, ("FieldValueInvalid", "spec.template.metadata.labels")),
        (DEPLOYMENTS, {**workload("a")["spec"], "replicas": -1}, ("FieldValueInvalid", "spec.replicas")),
        (f"{CORE}/pods", {}, ("FieldValueRequired", "spec.containers")),
        (f"{CORE}/pods", {"containers": [{}]}, ("FieldValueRequired", "spec.containers[0].image")),
        (f"{CORE}/pods", {"containers": [{"name": "c", "image": "i", "imagePullPolicy": "X"}]}, ("FieldValueNotSupported", "spec.containers[0].imagePullPolicy")),
        (f"{CORE}/pods", {"containers": [{"name": "c", "image": "i"}] * 2}, ("FieldValueDuplicate", "spec.containers[1].name")),
        (f"{CORE}/pods", {"containers": [{"name": "c", "image": "i", "ports": [{}]}]}, ("FieldValueRequired", "spec.containers[0].ports[0].containerPort")),
        (f"{CORE}/pods", {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 70_000}]}]}, ("FieldValueInvalid", "spec.containers[0].ports[0].containerPort")),
        (f"{CORE}/pods", {"containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/"}]}]}, ("FieldValueNotFound", "spec.containers[0].volumeMounts[0].name")),
        (f"{CORE}/services", {}, ("FieldValueRequired", "spec.ports")),
        (f"{CORE}/services", {"ports": [{"port": 0}]}, ("FieldValueInvalid", "spec.ports[0].port")),
        (f"{CORE}/services", {"ports": [{"port": 1}, {"port": 2}]}, ("FieldValueRequired", "spec.ports[0].name")),
        (f"{BATCH}/jobs", {"template": {"spec": pod_spec()}}, ("FieldValueRequired", "spec.template.spec.restartPolicy")),
        (f"{BATCH}/jobs", {"completions": -1, "template": {"spec": pod_spec(restartPolicy="Never")}}, ("FieldValueInvalid", "spec.completions")),
        (f"{BATCH}/cronjobs", {"jobTemplate": {"spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}}}, ("FieldValueRequired", "spec.schedule")),
        ("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", {}, ("FieldValueInvalid", "spec.maxReplicas")),
        ("/apis/networking.k8s.io/v1/namespaces/default/ingresses", {}, ("FieldValueInvalid", "spec")),
        ("/apis/networking.k8s.io/v1/namespaces/default/ingresses", {"rules": [{"http": {"paths": [{"path": "/"}]}}]}, ("FieldValueRequired", "spec.rules[0].http.paths[0].pathType")),
        ("/apis/coordination.k8s.io/v1/namespaces/default/leases", {"leaseDurationSeconds": 0}, ("FieldValueInvalid", "spec.leaseDurationSeconds")),
    ],
)  # fmt: skip
def test_a_specification_is_checked(cluster: FakeCluster, path: str, spec: Object, expected: tuple[str, str]) -> None:
    status, answer = cluster.request("POST", path, {"metadata": {"name": "a"}, "spec": spec})
    assert status == 422, answer
    assert expected in causes(answer)


@pytest.mark.parametrize(
    ("path", "body", "patch", "expected"),
    [
        (CONFIG_MAPS, config_map("a", immutable=True), {"data": {"a": "2"}}, ("FieldValueForbidden", "data")),
        (CONFIG_MAPS, config_map("a", immutable=True), {"immutable": False}, ("FieldValueForbidden", "immutable")),
        (f"{CORE}/secrets", {"metadata": {"name": "a"}}, {"type": "x"}, ("FieldValueInvalid", "type")),
        (f"{CORE}/services", {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}}, {"spec": {"clusterIP": "10.0.0.1"}}, ("FieldValueInvalid", "spec.clusterIPs[0]")),
        (DEPLOYMENTS, workload("a"), {"spec": {"selector": {"matchLabels": {"x": "y"}}}}, ("FieldValueInvalid", "spec.selector")),
        ("/apis/apps/v1/namespaces/default/statefulsets", workload("a"), {"spec": {"serviceName": "x"}}, ("FieldValueForbidden", "spec")),
        (f"{BATCH}/jobs", JOB, {"spec": {"completions": 7}}, ("FieldValueInvalid", "spec.completions")),
        ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {"metadata": {"name": "a"}, "roleRef": {"kind": "ClusterRole", "name": "x"}}, {"roleRef": {"name": "y"}}, ("FieldValueInvalid", "roleRef")),
        (f"{CORE}/persistentvolumeclaims", {"metadata": {"name": "a"}, "spec": {"accessModes": ["ReadWriteOnce"]}}, {"spec": {"accessModes": ["ReadWriteMany"]}}, ("FieldValueForbidden", "spec")),
        ("/api/v1/persistentvolumes", {"metadata": {"name": "a"}, "spec": {"hostPath": {"path": "/x"}}}, {"spec": {"hostPath": {"path": "/y"}}}, ("FieldValueForbidden", "spec.persistentvolumesource")),
        (f"{CORE}/pods", {"metadata": {"name": "a"}, "spec": pod_spec()}, {"spec": {"nodeName": "x"}}, ("FieldValueForbidden", "spec")),
        ("/apis/storage.k8s.io/v1/storageclasses", {"metadata": {"name": "a"}, "provisioner": "x"}, {"provisioner": "y"}, ("FieldValueInvalid", "provisioner")),
        ("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "a"}, "value": 1}, {"value": 2}, ("FieldValueForbidden", "value")),
        (CONFIG_MAPS, config_map("a"), {"metadata": {"uid": "1"}}, ("FieldValueInvalid", "metadata.uid")),
    ],
)  # fmt: skip
def test_what_is_immutable_stays(cluster: FakeCluster, path: str, body: Object, patch: Object, expected: tuple[str, str]) -> None:
    assert cluster.request("POST", path, body)[0] == 201
    status, answer = cluster.request("PATCH", f"{path}/a", patch, headers=MERGE)
    assert status == 422, answer
    assert expected in causes(answer)


def test_unknown_and_duplicate_fields_are_refused_warned_of_or_ignored(cluster: FakeCluster) -> None:
    body = b'{"metadata":{"name":"%s"},"dataa":{},"data":{"a":"1","a":"2"}}'
    for validation, status in (("Strict", 400), ("Warn", 201), ("Ignore", 201)):
        asked = HttpRequest.of(
            "POST", f"{CONFIG_MAPS}?fieldValidation={validation}", body.replace(b"%s", validation.lower().encode())
        )
        answer = cluster.handle(asked)
        assert isinstance(answer, HttpResponse)
        assert answer.status == status
        warned = [value for name, value in answer.headers if name == "Warning"]
        assert len(warned) == (2 if validation == "Warn" else 0)
    assert (
        b'unknown field \\"dataa\\", duplicate field \\"data.a\\"'
        in cluster.handle(HttpRequest.of("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", body)).body
    )  # type: ignore[union-attr]


def test_a_dry_run_keeps_nothing(cluster: FakeCluster) -> None:
    assert cluster.request("POST", f"{CONFIG_MAPS}?dryRun=All", config_map("one"))[0] == 201
    assert cluster.request("GET", f"{CONFIG_MAPS}/one")[0] == 404
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    assert cluster.request("PATCH", f"{CONFIG_MAPS}/one?dryRun=All", {"data": {"a": "2"}}, headers=MERGE)[1]["data"] == {"a": "2"}
    assert cluster.request("DELETE", f"{CONFIG_MAPS}/one?dryRun=All")[0] == 200
    assert cluster.request("GET", f"{CONFIG_MAPS}/one")[1]["data"] == {"a": "1"}


def test_a_replacement_names_the_version_it_replaces(cluster: FakeCluster) -> None:
    _, before = cluster.request("POST", CONFIG_MAPS, config_map("one"))
    assert cluster.request("PUT", f"{CONFIG_MAPS}/one", {**before, "data": {"a": "2"}})[0] == 200
    status, answer = cluster.request("PUT", f"{CONFIG_MAPS}/one", {**before, "data": {"a": "3"}})
    assert (status, answer["reason"]) == (409, "Conflict")


@pytest.mark.parametrize(
    ("metadata", "status", "message"),
    [
        ({"name": "two"}, 400, "does not match the name on the URL"),
        ({"name": "one", "uid": "1"}, 409, "Precondition failed: UID in precondition: 1"),
        ({"name": "one", "resourceVersion": "abc"}, 500, "strconv.ParseUint"),
    ],
)
def test_a_replacement_is_refused(cluster: FakeCluster, metadata: Object, status: int, message: str) -> None:
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    found, answer = cluster.request("PUT", f"{CONFIG_MAPS}/one", {"metadata": metadata})
    assert found == status
    assert message in answer["message"]


def test_an_update_that_changes_nothing_keeps_the_version(cluster: FakeCluster) -> None:
    _, before = cluster.request("POST", DEPLOYMENTS, workload("w"))
    _, after = cluster.request("PUT", f"{DEPLOYMENTS}/w", workload("w"))
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    _, after = cluster.request("PATCH", f"{DEPLOYMENTS}/w", {"metadata": {"labels": {"x": "y"}}}, headers=MERGE)
    assert after["metadata"]["generation"] == 1
    _, after = cluster.request("PATCH", f"{DEPLOYMENTS}/w", {"metadata": {"annotations": {"x": "y"}}}, headers=MERGE)
    assert after["metadata"]["generation"] == 2


def test_the_status_has_a_door_of_its_own(cluster: FakeCluster) -> None:
    _, made = cluster.request("POST", DEPLOYMENTS, workload("w"))
    _, made = cluster.request("PUT", f"{DEPLOYMENTS}/w", {**made, "status": {"replicas": 3}})
    assert made["status"] == {}
    patch = {"spec": {"replicas": 9}, "status": {"replicas": 3}}
    _, made = cluster.request("PATCH", f"{DEPLOYMENTS}/w/status", patch, headers=MERGE)
    assert (made["spec"]["replicas"], made["status"], made["metadata"]["generation"]) == (1, {"replicas": 3}, 1)


def test_replicas_have_a_door_of_their_own(cluster: FakeCluster) -> None:
    expressions = [{"key": key, "operator": operator, "values": ["b"]} for key, operator in (("a", "In"), ("x", "NotIn"))]
    expressions += [{"key": "a", "operator": "Exists"}, {"key": "y", "operator": "DoesNotExist"}]
    cluster.request("POST", DEPLOYMENTS, workload("w", selector={"matchLabels": {"a": "b"}, "matchExpressions": expressions}))
    _, found = cluster.request("GET", f"{DEPLOYMENTS}/w/scale")
    assert (found["kind"], found["spec"], found["status"]) == (
        "Scale",
        {"replicas": 1},
        {"replicas": 0, "selector": "a=b,a in (b),x notin (b),a,!y"},
    )
    assert cluster.request("PUT", f"{DEPLOYMENTS}/w/scale", {"spec": {"replicas": 3}})[1]["spec"] == {"replicas": 3}
    assert cluster.request("PATCH", f"{DEPLOYMENTS}/w/scale", {"spec": {"replicas": 0}}, headers=MERGE)[1]["spec"] == {}
    assert cluster.request("PUT", f"{DEPLOYMENTS}/w/scale", {"spec": {"replicas": -1}})[0] == 422
    stale = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 1}}
    assert cluster.request("PUT", f"{DEPLOYMENTS}/w/scale", stale)[0] == 409


@pytest.mark.parametrize(
    ("operations", "data"),
    [
        ([{"op": "add", "path": "/data/c~1", "value": "3"}], 422),
        ([{"op": "add", "path": "/data/c", "value": "3"}], {"a": "1", "c": "3"}),
        ([{"op": "copy", "from": "/data/a", "path": "/data/c"}], {"a": "1", "c": "1"}),
        ([{"op": "move", "from": "/data/a", "path": "/data/c"}], {"c": "1"}),
        ([{"op": "replace", "path": "/data/c", "value": "3"}], {"a": "1", "c": "3"}),
        ([{"op": "test", "path": "/data/a", "value": "1"}], {"a": "1"}),
        ([{"op": "test", "path": "/data/a", "value": "2"}], 422),
        ([{"op": "remove", "path": "/data/none"}], 422),
        ([{"op": "what", "path": "/data/a"}], 422),
        ([{"op": "remove", "path": "data"}], 422),
        ([1], 400),
        ({}, 400),
        ([{"op": "test", "path": "", "value": {}}] * 10_001, 413),
    ],
)
def test_json_patch(cluster: FakeCluster, operations: Any, data: Any) -> None:
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    status, answer = cluster.request("PATCH", f"{CONFIG_MAPS}/one", operations, headers=JSON_PATCH)
    assert (answer["data"] if status == 200 else status) == data


def test_json_patch_reaches_into_lists(cluster: FakeCluster) -> None:
    cluster.request("POST", DEPLOYMENTS, workload("w"))
    here = "/spec/template/spec/containers"
    added = [
        {"op": "add", "path": f"{here}/0", "value": {"name": "x", "image": "x"}},
        {"op": "add", "path": f"{here}/-", "value": {"name": "y", "image": "y"}},
    ]
    changed = [
        *added,
        {"op": "replace", "path": f"{here}/2/image", "value": "z"},
        {"op": "replace", "path": f"{here}/1", "value": {"name": "d", "image": "d"}},
        {"op": "remove", "path": f"{here}/0"},
    ]
    _, made = cluster.request("PATCH", f"{DEPLOYMENTS}/w", changed, headers=JSON_PATCH)
    assert [(each["name"], each["image"]) for each in made["spec"]["template"]["spec"]["containers"]] == [("d", "d"), ("y", "z")]
    beyond = [{"op": "remove", "path": f"{here}/9"}]
    assert cluster.request("PATCH", f"{DEPLOYMENTS}/w", beyond, headers=JSON_PATCH)[0] == 422
    whole = [{"op": "replace", "path": "", "value": {**made, "spec": {**made["spec"], "replicas": 4}}}]
    assert cluster.request("PATCH", f"{DEPLOYMENTS}/w", whole, headers=JSON_PATCH)[1]["spec"]["replicas"] == 4


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": [{"name": "c", "image": "new"}]}, [("c", "new"), ("d", "d")]),
        ({"containers": [{"name": "e", "image": "e"}]}, [("c", "i"), ("d", "d"), ("e", "e")]),
        ({"containers": [{"name": "c", "$patch": "delete"}]}, [("d", "d")]),
        ({"containers": [{"name": "e", "image": "e"}, {"$patch": "replace"}]}, [("e", "e")]),
        ({"$setElementOrder/containers": [{"name": "d"}, {"name": "c"}]}, [("d", "d"), ("c", "i")]),
        ({"containers": [{"image": "e"}]}, 400),
        ({"containers": [{"name": "c", "$patch": "what"}]}, 400),
    ],
)
def test_strategic_merge_patch_knows_the_keys_of_lists(cluster: FakeCluster, spec: Object, expected: Any) -> None:
    body = workload("w")
    body["spec"]["template"]["spec"]["containers"].append({"name": "d", "image": "d"})
    cluster.request("POST", DEPLOYMENTS, body)
    status, made = cluster.request("PATCH", f"{DEPLOYMENTS}/w", {"spec": {"template": {"spec": spec}}}, headers=STRATEGIC)
    found = (
        [(each["name"], each["image"]) for each in made["spec"]["template"]["spec"]["containers"]] if status == 200 else status
    )
    assert found == expected


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"data": {"a": None, "b": "2"}}, {"data": {"b": "2"}}),
        ({"data": {"$patch": "replace", "b": "2"}}, {"data": {"b": "2"}}),
        ({"data": {"$patch": "delete"}}, {}),
        ({"data": {"$patch": "merge", "b": "2"}}, {"data": {"a": "1", "b": "2"}}),
    ],
)
def test_strategic_merge_patch_of_maps(cluster: FakeCluster, patch: Object, expected: Object) -> None:
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    status, made = cluster.request("PATCH", f"{CONFIG_MAPS}/one", patch, headers=STRATEGIC)
    assert status == 200, made
    assert {name: item for name, item in made.items() if name == "data"} == expected


def test_strategic_merge_patch_of_sets_and_of_unions(cluster: FakeCluster) -> None:
    body = workload("w", strategy={"type": "RollingUpdate"})
    body["metadata"]["finalizers"] = ["a/a", "a/b"]
    cluster.request("POST", DEPLOYMENTS, body)
    patch = {
        "metadata": {"finalizers": ["a/c"], "$deleteFromPrimitiveList/finalizers": ["a/a"]},
        "spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}, "selector": {"matchLabels": {"a": "b"}}},
    }
    _, made = cluster.request("PATCH", f"{DEPLOYMENTS}/w", patch, headers=STRATEGIC)
    assert made["metadata"]["finalizers"] == ["a/b", "a/c"]
    assert made["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("headers", "query", "body", "status"),
    [
        ({"content-type": "text/plain"}, "", {}, 415),
        (MERGE, "", [], 400),
        (MERGE, "", b"{", 400),
        (MERGE, "?force=true", {}, 422),
        (APPLY, "", {}, 422),
        (APPLY, "?fieldManager=m", {}, 400),
        (APPLY, "?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two"}}, 400),
        (APPLY, "?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"managedFields": [{}]}}, 400),
        (APPLY, "?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap", "dataa": {}}, 500),
        (APPLY, "?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "9"}}, 409),
        (APPLY, "?fieldManager=m&force=true", {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "9"}}, 200),
        (MERGE, "", {"data": {"a": 1}}, 422),
        (MERGE, "?fieldValidation=Strict", {"dataa": {"a": "1"}}, 422),
    ],
)
def test_a_patch_is_refused(cluster: FakeCluster, headers: Object, query: str, body: Any, status: int) -> None:
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    assert cluster.request("PATCH", f"{CONFIG_MAPS}/one{query}", body, headers=headers)[0] == status


def test_apply_creates_updates_and_removes(cluster: FakeCluster) -> None:
    path = f"{CONFIG_MAPS}/one?fieldManager=m"
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "resourceVersion": "3"},
        "data": {"a": "1", "b": "2"},
    }
    assert cluster.request("PATCH", path, body, headers=APPLY)[0] == 201
    _, made = cluster.request("PATCH", path, {**body, "metadata": {}, "data": {"a": "1"}}, headers=APPLY)
    assert made["data"] == {"a": "1"}
    gone = {**body, "metadata": {"uid": "1"}}
    assert cluster.request("PATCH", f"{CONFIG_MAPS}/two?fieldManager=m", gone, headers=APPLY)[0] == 409
    status = {"apiVersion": "apps/v1", "kind": "Deployment", "status": {"replicas": 2}}
    cluster.request("POST", DEPLOYMENTS, workload("w"))
    _, made = cluster.request("PATCH", f"{DEPLOYMENTS}/w/status?fieldManager=m", status, headers=APPLY)
    assert made["status"] == {"replicas": 2}


def test_big_things_are_refused(cluster: FakeCluster) -> None:
    assert cluster.request("POST", CONFIG_MAPS, {"metadata": {"name": "a"}, "data": {"a": "x" * 1_048_577}})[0] == 422
    secret = {"metadata": {"name": "a"}, "data": {"a": "AAAA" * 400_000}}
    assert cluster.request("POST", f"{CORE}/secrets", secret)[0] == 422
    body = workload("w")
    body["spec"]["template"]["spec"]["containers"][0]["args"] = ["x" * 1_600_000]
    assert "request is too large" in cluster.request("POST", DEPLOYMENTS, body)[1]["message"]
    assert cluster.request("POST", CONFIG_MAPS, b" " * 3_200_000)[0] == 413


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"preconditions": {"uid": "1"}}, 409),
        ({"preconditions": {"resourceVersion": "1"}}, 409),
        ({"propagationPolicy": "What"}, 422),
        ({"dryRun": ["All"]}, 200),
        ({"orphanDependents": True}, 200),
        (None, 200),
    ],
)
def test_a_delete_has_options(cluster: FakeCluster, body: Any, status: int) -> None:
    cluster.request("POST", CONFIG_MAPS, config_map("one"))
    assert cluster.request("DELETE", f"{CONFIG_MAPS}/one", body)[0] == status


def test_finalizers_hold_an_object(cluster: FakeCluster) -> None:
    cluster.request("POST", CONFIG_MAPS, {"metadata": {"name": "one", "finalizers": ["x/y"]}})
    _, gone = cluster.request("DELETE", f"{CONFIG_MAPS}/one")
    assert gone["metadata"]["deletionTimestamp"]
    assert (
        cluster.request("DELETE", f"{CONFIG_MAPS}/one")[1]["metadata"]["resourceVersion"] == gone["metadata"]["resourceVersion"]
    )
    assert cluster.request("PATCH", f"{CONFIG_MAPS}/one", {"metadata": {"finalizers": ["x/z"]}}, headers=MERGE)[0] == 422
    assert cluster.request("PATCH", f"{CONFIG_MAPS}/one", {"metadata": {"finalizers": None}}, headers=MERGE)[0] == 200
    assert cluster.request("GET", f"{CONFIG_MAPS}/one")[0] == 404
    assert cluster.request("DELETE", f"{CONFIG_MAPS}/one")[0] == 404
    assert cluster.request("PUT", f"{CONFIG_MAPS}/one", config_map("one"))[0] == 404


def test_a_collection_is_deleted_by_what_selects(cluster: FakeCluster) -> None:
    for name in "abc":
        cluster.request("POST", CONFIG_MAPS, {"metadata": {"name": name, "labels": {"n": name}}})
    _, gone = cluster.request("DELETE", f"{CONFIG_MAPS}?labelSelector=n%20in%20(a,b)")
    assert [item["metadata"]["name"] for item in gone["items"]] == ["a", "b"]
    assert len(cluster.request("GET", CONFIG_MAPS)[1]["items"]) == 1


def test_admission_changes_and_refuses(cluster: FakeCluster) -> None:
    seen: list[AdmissionRequest] = []

    def stamp(request: AdmissionRequest) -> Object | None:
        seen.append(request)
        made = json.loads(json.dumps(request.object))
        made["metadata"].setdefault("labels", {})["seen"] = request.operation.lower()
        return made if request.name != "left" else None

    def deny(request: AdmissionRequest) -> None:
        if request.operation == "DELETE" or (request.object or {}).get("data", {}).get("a") == "bad":
            raise Denied("not today")

    cluster.admit(Admission(name="stamp.example.org", mutating=stamp, kinds={"ConfigMap"}))
    cluster.admit(Admission(name="deny.example.org", validating=deny, operations={"CREATE", "UPDATE", "DELETE"}))
    assert cluster.request("POST", CONFIG_MAPS, config_map("one"))[1]["metadata"]["labels"] == {"seen": "create"}
    assert "labels" not in cluster.request("POST", CONFIG_MAPS, config_map("left"))[1]["metadata"]
    status, answer = cluster.request("PATCH", f"{CONFIG_MAPS}/one?dryRun=All", {"data": {"a": "bad"}}, headers=MERGE)
    assert (status, answer["message"]) == (403, 'admission webhook "deny.example.org" denied the request: not today')
    assert cluster.request("DELETE", f"{CONFIG_MAPS}/one")[0] == 403
    assert [(each.operation, each.user, each.dry_run) for each in seen] == [
        ("CREATE", "admin", False),
        ("CREATE", "admin", False),
        ("UPDATE", "admin", True),
    ]


@pytest.mark.parametrize(
    ("path", "body", "patch"),
    [
        (f"{CORE}/services", {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}}, {"metadata": {"labels": {"a": "b"}}}),
        ("/apis/apps/v1/namespaces/default/statefulsets", workload("a"), {"spec": {"replicas": 3}}),
        ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {"metadata": {"name": "a"}, "roleRef": {"kind": "ClusterRole", "name": "x"}}, {"subjects": [{"kind": "User", "name": "x"}]}),
        ("/api/v1/persistentvolumes", {"metadata": {"name": "a"}, "spec": {"hostPath": {"path": "/x"}}}, {"spec": {"capacity": {"storage": "1Gi"}}}),
        (f"{CORE}/pods", {"metadata": {"name": "a"}, "spec": pod_spec()}, {"spec": {"containers": [{"name": "c", "image": "new"}]}}),
        ("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "a"}, "value": 1}, {"description": "x"}),
        (f"{BATCH}/jobs", JOB, {"spec": {"suspend": True}}),
    ],
)  # fmt: skip
def test_what_may_change_changes(cluster: FakeCluster, path: str, body: Object, patch: Object) -> None:
    _, before = cluster.request("POST", path, body)
    status, after = cluster.request("PATCH", f"{path}/a", patch, headers=STRATEGIC)
    assert status == 200, after
    assert after["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]


def test_a_bound_claim_may_grow(cluster: FakeCluster) -> None:
    path = f"{CORE}/persistentvolumeclaims"
    body = {"metadata": {"name": "a"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    cluster.request("POST", path, body)
    more = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    assert cluster.request("PATCH", f"{path}/a", more, headers=MERGE)[0] == 422
    cluster.request("PATCH", f"{path}/a/status", {"status": {"phase": "Bound"}}, headers=MERGE)
    assert cluster.request("PATCH", f"{path}/a", more, headers=MERGE)[0] == 200
