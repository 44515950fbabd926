"""What a server refuses for good reasons: sizes, labels, references, fields that never change."""

from __future__ import annotations

from typing import Any

import pytest
from objects import configmap, configmaps, deployment, deployments, secret, secrets, service, services
from raw_api import Answer, RawApi

RBAC = "/apis/rbac.authorization.k8s.io/v1"


def causes(answer: Answer) -> list[tuple[str, str]]:
    body = answer.expect(422).body
    assert body["reason"] == "Invalid"
    return [(cause["reason"], cause["field"]) for cause in body["details"]["causes"]]


# -- limits --------------------------------------------------------------------------------------------------------------


def test_annotations_have_a_total_size(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("fits", annotations={"a": "x" * 262_143})).expect(201)
    answer = api.post(configmaps(ns), configmap("big", annotations={"a": "x" * 262_144}))
    assert causes(answer) == [("FieldValueTooLong", "metadata.annotations")]
    assert "may not be more than 262144 bytes" in answer.body["message"]


def test_a_config_map_has_a_size(api: RawApi, ns: str) -> None:
    answer = api.post(configmaps(ns), configmap("big", {"a": "x" * 1_048_577}))
    assert [reason for reason, _ in causes(answer)] == ["FieldValueTooLong"]


def test_an_object_has_a_size(api: RawApi, ns: str) -> None:
    body = deployment("big")
    body["spec"]["template"]["spec"]["containers"][0]["args"] = ["x" * 1_600_000]
    answer = api.post(deployments(ns), body)
    assert answer.status in {413, 500}
    assert "too large" in answer.body["message"]


def test_a_request_has_a_size(api: RawApi, ns: str) -> None:
    answer = api.post(configmaps(ns), configmap("big", {"a": "x" * 3_200_000})).expect(413)
    assert answer.body["reason"] == "RequestEntityTooLarge"


@pytest.mark.parametrize("key", ["-a", "a/b/c", "UPPER.example/" + "x" * 64, "a b", ""])
def test_a_bad_label_key_is_invalid(api: RawApi, ns: str, key: str) -> None:
    assert ("FieldValueInvalid", "metadata.labels") in causes(api.post(configmaps(ns), configmap("one", labels={key: "x"})))


@pytest.mark.parametrize("value", ["-a", "a b", "x" * 64, "a/b"])
def test_a_bad_label_value_is_invalid(api: RawApi, ns: str, value: str) -> None:
    assert {field for _, field in causes(api.post(configmaps(ns), configmap("one", labels={"a": value})))} == {"metadata.labels"}


@pytest.mark.parametrize("key", ["a b", "a/b", "", "x" * 254, ".."])
def test_a_bad_key_of_a_config_map_is_invalid(api: RawApi, ns: str, key: str) -> None:
    found = causes(api.post(configmaps(ns), configmap("one", {key: "x"})))
    assert {field for _, field in found} == {f"data[{key}]"}


def test_a_bad_annotation_key_is_invalid(api: RawApi, ns: str) -> None:
    assert causes(api.post(configmaps(ns), configmap("one", annotations={"a b": "x"}))) == [
        ("FieldValueInvalid", "metadata.annotations")
    ]


# -- what belongs together -----------------------------------------------------------------------------------------------


def test_a_selector_selects_its_own_pods(api: RawApi, ns: str) -> None:
    body = deployment("web")
    body["spec"]["selector"]["matchLabels"] = {"app": "other"}
    assert causes(api.post(deployments(ns), body)) == [("FieldValueInvalid", "spec.template.metadata.labels")]


def test_a_deployment_needs_containers(api: RawApi, ns: str) -> None:
    body = deployment("web")
    body["spec"]["template"]["spec"]["containers"] = []
    assert causes(api.post(deployments(ns), body)) == [("FieldValueRequired", "spec.template.spec.containers")]


def test_a_deployment_needs_a_selector(api: RawApi, ns: str) -> None:
    body = deployment("web")
    del body["spec"]["selector"]
    assert ("FieldValueRequired", "spec.selector") in causes(api.post(deployments(ns), body))


def test_replicas_are_not_negative(api: RawApi, ns: str) -> None:
    assert causes(api.post(deployments(ns), deployment("web", replicas=-1))) == [("FieldValueInvalid", "spec.replicas")]


def test_names_of_containers_differ(api: RawApi, ns: str) -> None:
    body = deployment("web")
    body["spec"]["template"]["spec"]["containers"] *= 2
    assert causes(api.post(deployments(ns), body)) == [("FieldValueDuplicate", "spec.template.spec.containers[1].name")]


def test_several_mistakes_are_told_at_once(api: RawApi, ns: str) -> None:
    body = deployment("web", replicas=-1)
    body["spec"]["template"]["spec"]["containers"][0]["image"] = ""
    found = causes(api.post(deployments(ns), body))
    assert {field for _, field in found} == {"spec.replicas", "spec.template.spec.containers[0].image"}


def test_a_service_needs_ports(api: RawApi, ns: str) -> None:
    body = service("web")
    body["spec"]["ports"] = []
    assert causes(api.post(services(ns), body)) == [("FieldValueRequired", "spec.ports")]


def test_a_port_is_a_port(api: RawApi, ns: str) -> None:
    found = causes(api.post(services(ns), service("web", [{"name": "http", "port": 70_000}])))
    assert ("FieldValueInvalid", "spec.ports[0].port") in found


def test_several_ports_need_names(api: RawApi, ns: str) -> None:
    found = causes(api.post(services(ns), service("web", [{"port": 80}, {"port": 81}])))
    assert {("FieldValueRequired", "spec.ports[0].name"), ("FieldValueRequired", "spec.ports[1].name")} <= set(found)


# -- fields that never change --------------------------------------------------------------------------------------------


def test_the_selector_of_a_deployment_never_changes(api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    labels = {"app": "web", "more": "x"}
    change = {"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}}
    answer = api.patch(deployments(ns, "web"), change)
    assert causes(answer) == [("FieldValueInvalid", "spec.selector")]
    assert answer.body["details"]["causes"][0]["message"].endswith("field is immutable")


def test_the_selector_never_changes_by_apply_either(api: RawApi, ns: str) -> None:
    api.apply(deployments(ns, "web"), deployment("web"), "first").expect(201)
    body = deployment("web")
    body["spec"]["selector"]["matchLabels"] = body["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    answer = api.apply(deployments(ns, "web"), body, "first")
    assert causes(answer) == [("FieldValueInvalid", "spec.selector")]


def test_the_address_of_a_service_never_changes(api: RawApi, ns: str) -> None:
    api.post(services(ns), service("web")).expect(201)
    answer = api.patch(services(ns, "web"), {"spec": {"clusterIP": "10.0.0.250", "clusterIPs": ["10.0.0.250"]}})
    assert {field for _, field in causes(answer)} == {"spec.clusterIPs[0]"}
    assert "may not change once set" in answer.body["message"]


def test_the_type_of_a_secret_never_changes(api: RawApi, ns: str) -> None:
    api.post(secrets(ns), secret("one", type="a.example/b")).expect(201)
    assert causes(api.patch(secrets(ns, "one"), {"type": "a.example/c"})) == [("FieldValueInvalid", "type")]


@pytest.mark.parametrize(("plural", "field"), [("configmaps", "data"), ("secrets", "data")])
def test_an_immutable_object_never_changes(api: RawApi, ns: str, plural: str, field: str) -> None:
    path = f"/api/v1/namespaces/{ns}/{plural}"
    api.post(path, {"metadata": {"name": "one"}, "immutable": True, "data": {"a": "YQ=="}}).expect(201)
    assert causes(api.patch(f"{path}/one", {"data": {"a": "Yg=="}})) == [("FieldValueForbidden", field)]
    assert causes(api.patch(f"{path}/one", {"immutable": None})) == [("FieldValueForbidden", "immutable")]
    api.patch(f"{path}/one", {"metadata": {"labels": {"x": "y"}}}).expect(200)


def test_the_role_of_a_binding_never_changes(api: RawApi, ns: str) -> None:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"}
    path = f"{RBAC}/namespaces/{ns}/rolebindings"
    api.post(path, {"metadata": {"name": "one"}, "roleRef": reference, "subjects": []}).expect(201)
    answer = api.patch(f"{path}/one", {"roleRef": {"name": "two"}})
    assert causes(answer) == [("FieldValueInvalid", "roleRef")]
    assert "cannot change roleRef" in answer.body["message"]


def test_the_pods_of_a_job_never_change(api: RawApi, ns: str) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "one", "image": "one:1"}]}}
    path = f"/apis/batch/v1/namespaces/{ns}/jobs"
    api.post(path, {"metadata": {"name": "one"}, "spec": {"template": template}}).expect(201)
    change = {"spec": {"template": {"spec": {"containers": [{"name": "one", "image": "one:2"}]}}}}
    assert causes(api.patch(f"{path}/one", change)) == [("FieldValueInvalid", "spec.template")]


def test_most_of_a_stateful_set_never_changes(api: RawApi, ns: str) -> None:
    body = deployment("web")
    body = {"metadata": {"name": "web"}, "spec": {**body["spec"], "serviceName": "web"}}
    path = f"/apis/apps/v1/namespaces/{ns}/statefulsets"
    api.post(path, body).expect(201)
    answer = api.patch(f"{path}/web", {"spec": {"serviceName": "other"}})
    assert causes(answer) == [("FieldValueForbidden", "spec")]
    assert "updates to statefulset spec for fields other than" in answer.body["message"]
    api.patch(f"{path}/web", {"spec": {"replicas": 2}}).expect(200)


def test_a_claim_never_shrinks(api: RawApi, ns: str) -> None:
    path = f"/api/v1/namespaces/{ns}/persistentvolumeclaims"
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    api.post(path, {"metadata": {"name": "one"}, "spec": spec}).expect(201)
    found = causes(api.patch(f"{path}/one", {"spec": {"accessModes": ["ReadOnlyMany"]}}))
    assert found == [("FieldValueForbidden", "spec")]


def test_the_provisioner_of_a_storage_class_never_changes(api: RawApi, ns: str) -> None:
    path = "/apis/storage.k8s.io/v1/storageclasses"
    api.post(path, {"metadata": {"name": ns}, "provisioner": "a.example/b"}).expect(201)
    assert ("FieldValueInvalid", "provisioner") in causes(api.patch(f"{path}/{ns}", {"provisioner": "a.example/c"}))
