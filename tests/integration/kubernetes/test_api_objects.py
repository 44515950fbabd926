"""Objects are created, read, replaced and refused; every refusal is a Status that says why."""

from __future__ import annotations

import re
from typing import Any

import pytest
from objects import configmap, configmaps, deployment, deployments, namespaces, secret, secrets, service, services
from raw_api import Answer, RawApi


def refusal(answer: Answer) -> tuple[int, str, dict[str, Any]]:
    """Return status code, reason and details of a refusal, after looking at what every Status has."""
    body = answer.body
    assert (body["kind"], body["apiVersion"], body["status"]) == ("Status", "v1", "Failure"), body
    assert body["code"] == answer.status
    return answer.status, body.get("reason", ""), body.get("details", {})


def test_a_created_object_gets_identity(api: RawApi, ns: str) -> None:
    found = api.post(configmaps(ns), configmap("one")).expect(201).body
    metadata = found["metadata"]
    assert (found["kind"], found["apiVersion"]) == ("ConfigMap", "v1")
    assert (metadata["name"], metadata["namespace"]) == ("one", ns)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", metadata["uid"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["creationTimestamp"])
    assert int(metadata["resourceVersion"]) > 0


def test_the_path_gives_the_namespace_and_the_server_the_kind(api: RawApi, ns: str) -> None:
    found = api.post(configmaps(ns), {"metadata": {"name": "bare"}, "data": {"a": "b"}}).expect(201).body
    assert (found["kind"], found["apiVersion"], found["metadata"]["namespace"]) == ("ConfigMap", "v1", ns)


def test_what_was_created_can_be_read(api: RawApi, ns: str) -> None:
    created = api.post(configmaps(ns), configmap("one")).expect(201).body
    assert api.get(configmaps(ns, "one")).expect(200).body == created


def test_what_the_server_decides_is_not_taken_from_the_client(api: RawApi, ns: str) -> None:
    wanted = configmap(
        "one", uid="mine", creationTimestamp="2001-01-01T00:00:00Z", selfLink="/x", deletionTimestamp="2001-01-01T00:00:00Z"
    )
    found = api.post(configmaps(ns), wanted).expect(201).body["metadata"]
    assert found["uid"] != "mine"
    assert not found["creationTimestamp"].startswith("2001")
    assert "selfLink" not in found
    assert "deletionTimestamp" not in found


def test_a_name_can_be_made_up(api: RawApi, ns: str) -> None:
    body = {"metadata": {"generateName": "job-"}}
    found = api.post(configmaps(ns), body).expect(201).body["metadata"]
    assert re.fullmatch(r"job-[a-z0-9]{5}", found["name"])
    assert found["generateName"] == "job-"


def test_a_second_object_of_the_name_is_refused(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    answer = api.post(configmaps(ns), configmap("one"))
    assert refusal(answer) == (409, "AlreadyExists", {"name": "one", "kind": "configmaps"})
    assert answer.body["message"] == 'configmaps "one" already exists'


def test_a_missing_object_is_named(api: RawApi, ns: str) -> None:
    answer = api.get(configmaps(ns, "none"))
    assert refusal(answer) == (404, "NotFound", {"name": "none", "kind": "configmaps"})
    assert answer.body["message"] == 'configmaps "none" not found'


def test_a_missing_object_of_a_group_is_named_with_it(api: RawApi, ns: str) -> None:
    answer = api.get(deployments(ns, "none"))
    assert refusal(answer) == (404, "NotFound", {"name": "none", "group": "apps", "kind": "deployments"})
    assert answer.body["message"] == 'deployments.apps "none" not found'


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_a_missing_object_cannot_be_written(api: RawApi, ns: str, method: str) -> None:
    answer = api.call(
        method,
        configmaps(ns, "none"),
        {},
        content_type="application/merge-patch+json" if method == "PATCH" else "application/json",
    )
    assert refusal(answer)[:2] == (404, "NotFound")


def test_a_missing_object_cannot_be_replaced(api: RawApi, ns: str) -> None:
    """A ConfigMap may be created by PUT in no current version: see AllowCreateOnUpdate."""
    assert refusal(api.put(configmaps(ns, "none"), configmap("none")))[:2] == (404, "NotFound")


def test_a_missing_namespace_is_named(api: RawApi) -> None:
    answer = api.post(configmaps("nowhere"), configmap("one"))
    assert refusal(answer) == (404, "NotFound", {"name": "nowhere", "kind": "namespaces"})
    assert answer.body["message"] == 'namespaces "nowhere" not found'


def test_a_list_in_a_missing_namespace_is_empty(api: RawApi) -> None:
    assert api.get(configmaps("nowhere")).expect(200).body["items"] == []


def test_an_unknown_kind_is_404_without_details(api: RawApi, ns: str) -> None:
    answer = api.get(f"/api/v1/namespaces/{ns}/unicorns")
    assert answer.status == 404


def test_a_name_in_the_body_must_be_that_of_the_path(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    answer = api.put(configmaps(ns, "one"), configmap("two"))
    assert refusal(answer)[:2] == (400, "BadRequest")
    assert answer.body["message"] == "the name of the object (two) does not match the name on the URL (one)"


def test_a_namespace_in_the_body_must_be_that_of_the_path(api: RawApi, ns: str) -> None:
    answer = api.post(configmaps(ns), configmap("one", namespace="default"))
    assert refusal(answer)[:2] == (400, "BadRequest")
    assert answer.body["message"] == "the namespace of the provided object does not match the namespace sent on the request"


@pytest.mark.parametrize(
    ("kind", "version"), [("Secret", "v1"), ("ConfigMap", "v2"), ("ConfigMap", "apps/v1")]
)  # fmt: skip
def test_a_kind_in_the_body_must_be_that_of_the_path(api: RawApi, ns: str, kind: str, version: str) -> None:
    answer = api.post(configmaps(ns), {**configmap("one"), "kind": kind, "apiVersion": version})
    assert refusal(answer)[:2] == (400, "BadRequest")


def test_an_object_needs_a_name(api: RawApi, ns: str) -> None:
    answer = api.post(configmaps(ns), {"metadata": {}})
    status, reason, details = refusal(answer)
    assert (status, reason, details["kind"]) == (422, "Invalid", "ConfigMap")
    assert [(cause["reason"], cause["field"]) for cause in details["causes"]] == [("FieldValueRequired", "metadata.name")]
    assert details["causes"][0]["message"] == "Required value: name or generateName is required"


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "dash-", "a" * 254, "two..dots"])
def test_a_bad_name_is_invalid(api: RawApi, ns: str, name: str) -> None:
    status, reason, details = refusal(api.post(configmaps(ns), configmap(name)))
    assert (status, reason, details["name"], details["kind"]) == (422, "Invalid", name, "ConfigMap")
    assert {(cause["reason"], cause["field"]) for cause in details["causes"]} == {("FieldValueInvalid", "metadata.name")}


def test_names_of_services_are_stricter(api: RawApi, ns: str) -> None:
    status, reason, details = refusal(api.post(services(ns), service("dotted.name")))
    assert (status, reason) == (422, "Invalid")
    assert details["causes"][0]["field"] == "metadata.name"


def test_a_body_that_is_no_json_is_a_bad_request(api: RawApi, ns: str) -> None:
    assert refusal(api.post(configmaps(ns), b"{not json"))[:2] == (400, "BadRequest")


def test_an_empty_body_is_refused(api: RawApi, ns: str) -> None:
    assert refusal(api.post(configmaps(ns), b"")) == (400, "BadRequest", {})


def test_an_unknown_content_type_is_415(api: RawApi, ns: str) -> None:
    assert refusal(api.post(configmaps(ns), b"x", content_type="text/plain"))[:2] == (415, "UnsupportedMediaType")


def test_an_unknown_accept_is_406(api: RawApi, ns: str) -> None:
    assert refusal(api.get(configmaps(ns), accept="text/csv"))[:2] == (406, "NotAcceptable")


def test_yaml_is_taken_too(api: RawApi, ns: str) -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: '1'}\n"
    found = api.post(configmaps(ns), body, content_type="application/yaml").expect(201).body
    assert found["data"] == {"a": "1"}


def test_a_method_that_no_resource_has_is_405(api: RawApi, ns: str) -> None:
    assert api.put(configmaps(ns), configmap("one")).status == 405


def test_an_object_of_the_wrong_type_is_a_bad_request(api: RawApi, ns: str) -> None:
    answer = api.post(deployments(ns), {**deployment("web"), "spec": {"replicas": "three"}})
    assert refusal(answer)[:2] == (400, "BadRequest")
    assert "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32" in answer.body["message"]


# -- replacing -----------------------------------------------------------------------------------------------------------


def test_a_replacement_replaces_all_of_it(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one", {"a": "1", "b": "2"}, labels={"x": "y"})).expect(201)
    found = api.put(configmaps(ns, "one"), configmap("one", {"b": "3"})).expect(200).body
    assert found["data"] == {"b": "3"}
    assert "labels" not in found["metadata"]


def test_a_replacement_keeps_identity_and_moves_the_version(api: RawApi, ns: str) -> None:
    before = api.post(configmaps(ns), configmap("one")).expect(201).body["metadata"]
    after = api.put(configmaps(ns, "one"), configmap("one", {"b": "3"})).expect(200).body["metadata"]
    assert (after["uid"], after["creationTimestamp"]) == (before["uid"], before["creationTimestamp"])
    assert int(after["resourceVersion"]) > int(before["resourceVersion"])


def test_a_replacement_that_changes_nothing_keeps_the_version(api: RawApi, ns: str) -> None:
    before = api.post(configmaps(ns), configmap("one")).expect(201).body
    after = api.put(configmaps(ns, "one"), before).expect(200).body
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_a_replacement_of_an_old_version_conflicts(api: RawApi, ns: str) -> None:
    before = api.post(configmaps(ns), configmap("one")).expect(201).body
    api.put(configmaps(ns, "one"), configmap("one", {"a": "2"})).expect(200)
    answer = api.put(configmaps(ns, "one"), {**before, "data": {"a": "3"}})
    assert refusal(answer) == (409, "Conflict", {"name": "one", "kind": "configmaps"})
    assert answer.body["message"] == (
        'Operation cannot be fulfilled on configmaps "one": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


def test_a_replacement_with_another_uid_conflicts(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    answer = api.put(configmaps(ns, "one"), configmap("one", {"b": "2"}, uid="00000000-0000-0000-0000-000000000000"))
    assert refusal(answer)[:2] == (409, "Conflict")
    assert "Precondition failed: UID in precondition:" in answer.body["message"]


def test_a_version_that_is_no_number_is_an_internal_error(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    answer = api.put(configmaps(ns, "one"), configmap("one", resourceVersion="abc"))
    assert (answer.status, answer.body["message"]) == (500, 'strconv.ParseUint: parsing "abc": invalid syntax')


def test_a_version_on_create_is_refused(api: RawApi, ns: str) -> None:
    answer = api.post(configmaps(ns), configmap("one", resourceVersion="5"))
    assert answer.status == 500
    assert "resourceVersion should not be set on objects to be created" in answer.body["message"]


# -- dry run and field validation ----------------------------------------------------------------------------------------


def test_a_dry_run_creates_nothing(api: RawApi, ns: str) -> None:
    found = api.post(configmaps(ns), configmap("one"), query={"dryRun": "All"}).expect(201).body
    assert found["metadata"]["uid"]
    assert "resourceVersion" not in found["metadata"]
    api.get(configmaps(ns, "one")).expect(404)


def test_a_dry_run_of_a_replacement_changes_nothing(api: RawApi, ns: str) -> None:
    before = api.post(configmaps(ns), configmap("one")).expect(201).body
    found = api.put(configmaps(ns, "one"), configmap("one", {"b": "2"}), query={"dryRun": "All"}).expect(200).body
    assert found["data"] == {"b": "2"}
    assert api.get(configmaps(ns, "one")).body == before


def test_a_dry_run_of_a_delete_deletes_nothing(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    api.delete(configmaps(ns, "one"), query={"dryRun": "All"}).expect(200)
    api.get(configmaps(ns, "one")).expect(200)


def test_a_dry_run_finds_what_exists(api: RawApi, ns: str) -> None:
    api.post(configmaps(ns), configmap("one")).expect(201)
    assert refusal(api.post(configmaps(ns), configmap("one"), query={"dryRun": "All"}))[:2] == (409, "AlreadyExists")


def test_only_all_is_a_dry_run(api: RawApi, ns: str) -> None:
    status, reason, details = refusal(api.post(configmaps(ns), configmap("one"), query={"dryRun": "Some"}))
    assert (status, reason) == (422, "Invalid")
    assert details["causes"][0]["field"] == "dryRun"


def test_unknown_fields_are_dropped_with_a_warning(api: RawApi, ns: str) -> None:
    answer = api.post(configmaps(ns), {**configmap("one"), "dada": {"a": "b"}}).expect(201)
    assert "dada" not in answer.body
    assert answer.headers["warning"] == '299 - "unknown field \\"dada\\""'


def test_unknown_fields_can_be_ignored(api: RawApi, ns: str) -> None:
    answer = api.post(configmaps(ns), {**configmap("one"), "dada": {}}, query={"fieldValidation": "Ignore"}).expect(201)
    assert "warning" not in answer.headers


def test_unknown_fields_can_be_an_error(api: RawApi, ns: str) -> None:
    answer = api.post(deployments(ns), {**deployment("web"), "sepc": {}}, query={"fieldValidation": "Strict"})
    assert refusal(answer)[:2] == (400, "BadRequest")
    assert 'strict decoding error: unknown field "sepc"' in answer.body["message"]


def test_unknown_fields_deep_down_are_named_by_their_path(api: RawApi, ns: str) -> None:
    body = deployment("web")
    body["spec"]["template"]["spec"]["containers"][0]["imagePolicy"] = "x"
    answer = api.post(deployments(ns), body, query={"fieldValidation": "Strict"})
    assert 'unknown field "spec.template.spec.containers[0].imagePolicy"' in answer.body["message"]


def test_duplicate_fields_are_an_error_when_strict(api: RawApi, ns: str) -> None:
    body = b'{"metadata":{"name":"one"},"data":{"a":"1"},"data":{"a":"2"}}'
    answer = api.post(configmaps(ns), body, query={"fieldValidation": "Strict"})
    assert refusal(answer)[:2] == (400, "BadRequest")
    assert 'duplicate field "data"' in answer.body["message"]


# -- generation, status, scale -------------------------------------------------------------------------------------------


def test_generation_counts_changes_of_the_spec(api: RawApi, ns: str) -> None:
    assert api.post(deployments(ns), deployment("web")).expect(201).body["metadata"]["generation"] == 1
    assert api.patch(deployments(ns, "web"), {"spec": {"replicas": 2}}).expect(200).body["metadata"]["generation"] == 2


def test_generation_does_not_count_labels(api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    found = api.patch(deployments(ns, "web"), {"metadata": {"labels": {"a": "b"}}}).expect(200).body
    assert found["metadata"]["generation"] == 1


def test_config_maps_have_no_generation(api: RawApi, ns: str) -> None:
    assert "generation" not in api.post(configmaps(ns), configmap("one")).expect(201).body["metadata"]


def test_status_is_dropped_outside_of_its_subresource(api: RawApi, ns: str) -> None:
    found = api.post(deployments(ns), {**deployment("web"), "status": {"replicas": 5}}).expect(201).body
    assert found["status"] == {}
    found = api.patch(deployments(ns, "web"), {"status": {"replicas": 5}}).expect(200).body
    assert found["status"] == {}


def test_the_status_subresource_takes_only_status(api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    wanted = {"spec": {"replicas": 9}, "status": {"replicas": 1, "observedGeneration": 1}}
    found = api.patch(f"{deployments(ns, 'web')}/status", wanted).expect(200).body
    assert found["spec"]["replicas"] == 1
    assert found["status"] == {"replicas": 1, "observedGeneration": 1}
    assert found["metadata"]["generation"] == 1


def test_a_status_can_be_replaced(api: RawApi, ns: str) -> None:
    before = api.post(deployments(ns), deployment("web")).expect(201).body
    status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2}
    found = api.put(f"{deployments(ns, 'web')}/status", {**before, "status": status}).expect(200).body
    assert found["status"] == status


def test_scale_is_a_view_of_replicas(api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web", replicas=3)).expect(201)
    found = api.get(f"{deployments(ns, 'web')}/scale").expect(200).body
    assert (found["kind"], found["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert found["spec"] == {"replicas": 3}
    assert found["status"] == {"replicas": 0, "selector": "app=web"}


def test_scale_can_be_written(api: RawApi, ns: str) -> None:
    api.post(deployments(ns), deployment("web")).expect(201)
    api.patch(f"{deployments(ns, 'web')}/scale", {"spec": {"replicas": 4}}).expect(200)
    found = api.get(deployments(ns, "web")).body
    assert (found["spec"]["replicas"], found["metadata"]["generation"]) == (4, 2)


# -- defaults and conversions --------------------------------------------------------------------------------------------


def test_a_deployment_gets_its_defaults(api: RawApi, ns: str) -> None:
    spec = api.post(deployments(ns), deployment("web", replicas=None)).expect(201).body["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], pod["dnsPolicy"], pod["schedulerName"]) == ("Always", "ClusterFirst", "default-scheduler")
    assert (pod["terminationGracePeriodSeconds"], pod["securityContext"]) == (30, {})
    assert pod["containers"] == [
        {
            "name": "web", "image": "web:1", "imagePullPolicy": "IfNotPresent", "resources": {},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        }
    ]  # fmt: skip


def test_the_pull_policy_follows_the_tag(api: RawApi, ns: str) -> None:
    found = api.post(deployments(ns), deployment("web", image="web:latest")).expect(201).body
    assert found["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "Always"


def test_a_service_gets_its_defaults(api: RawApi, ns: str) -> None:
    spec = api.post(services(ns), service("web")).expect(201).body["spec"]
    assert spec["ports"] == [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}]
    assert (spec["type"], spec["sessionAffinity"], spec["internalTrafficPolicy"]) == ("ClusterIP", "None", "Cluster")
    assert spec["clusterIP"].startswith("10.")
    assert spec["clusterIPs"] == [spec["clusterIP"]]


def test_a_node_port_is_chosen(api: RawApi, ns: str) -> None:
    body = service("web")
    body["spec"]["type"] = "NodePort"
    spec = api.post(services(ns), body).expect(201).body["spec"]
    assert 30000 <= spec["ports"][0]["nodePort"] <= 32767


def test_string_data_of_a_secret_becomes_data(api: RawApi, ns: str) -> None:
    found = api.post(secrets(ns), secret("one", stringData={"a": "b"}, data={"c": "ZA=="})).expect(201).body
    assert found["data"] == {"a": "Yg==", "c": "ZA=="}
    assert "stringData" not in found
    assert found["type"] == "Opaque"


def test_secret_data_must_be_base64(api: RawApi, ns: str) -> None:
    assert refusal(api.post(secrets(ns), secret("one", data={"a": "***"})))[:2] == (400, "BadRequest")


def test_quantities_are_made_canonical(api: RawApi, ns: str) -> None:
    body = deployment("web")
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1000m", "memory": "1024Mi"}}
    found = api.post(deployments(ns), body).expect(201).body
    container = found["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}


def test_null_values_are_as_good_as_absent(api: RawApi, ns: str) -> None:
    found = api.post(configmaps(ns), {"metadata": {"name": "one", "labels": None}, "data": None}).expect(201).body
    assert "data" not in found
    assert "labels" not in found["metadata"]


def test_empty_maps_are_left_out(api: RawApi, ns: str) -> None:
    body = {"metadata": {"name": "one", "annotations": {}}, "data": {}}
    found = api.post(configmaps(ns), body).expect(201).body
    assert "data" not in found
    assert "annotations" not in found["metadata"]


def test_a_namespace_gets_its_label_and_finalizer(api: RawApi, ns: str) -> None:
    found = api.get(namespaces(ns)).expect(200).body
    assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": ns}
    assert found["spec"] == {"finalizers": ["kubernetes"]}
    assert found["status"] == {"phase": "Active"}


@pytest.mark.parametrize("group", ["autoscaling/v1", "autoscaling/v2"])
def test_one_object_is_served_in_each_version_of_its_kind(api: RawApi, ns: str, group: str) -> None:
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 3,
        "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
        ],
    }
    body = {"metadata": {"name": "web"}, "spec": spec}
    api.post(f"/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers", body).expect(201)
    found = api.get(f"/apis/{group}/namespaces/{ns}/horizontalpodautoscalers/web").expect(200).body
    assert found["apiVersion"] == group
    if group.endswith("v1"):
        assert found["spec"]["targetCPUUtilizationPercentage"] == 70
