"""What a server says about itself: versions, groups, kinds, OpenAPI."""

from __future__ import annotations

import json
from typing import Any

import pytest
from raw_api import RawApi

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def resources(api: RawApi, path: str) -> dict[str, Any]:
    return {found["name"]: found for found in api.get(path).expect(200).body["resources"]}


def test_the_version_is_a_current_one(api: RawApi) -> None:
    found = api.get("/version").expect(200).body
    assert found["major"] == "1"
    assert int(found["minor"].rstrip("+")) >= 30
    assert found["gitVersion"].startswith(f"v1.{found['minor']}")


def test_the_core_group_has_one_version(api: RawApi) -> None:
    found = api.get("/api").expect(200).body
    assert found["kind"] == "APIVersions"
    assert found["versions"] == ["v1"]


def test_groups_are_listed_with_a_preferred_version(api: RawApi) -> None:
    found = api.get("/apis").expect(200).body
    assert (found["kind"], found["apiVersion"]) == ("APIGroupList", "v1")
    groups = {group["name"]: group for group in found["groups"]}
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert {"groupVersion": "apps/v1", "version": "v1"} in groups["apps"]["versions"]


@pytest.mark.parametrize(
    "group",
    [
        "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps", "authentication.k8s.io",
        "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io",
        "events.k8s.io", "networking.k8s.io", "node.k8s.io", "policy", "rbac.authorization.k8s.io", "scheduling.k8s.io",
        "storage.k8s.io",
    ],
)  # fmt: skip
def test_a_group_is_there(api: RawApi, group: str) -> None:
    assert group in {found["name"] for found in api.get("/apis").expect(200).body["groups"]}


def test_one_group_can_be_asked_for(api: RawApi) -> None:
    found = api.get("/apis/apps").expect(200).body
    assert (found["kind"], found["name"]) == ("APIGroup", "apps")


@pytest.mark.parametrize("path", ["/apis/no.example", "/apis/apps/v9", "/api/v9"])
def test_an_unknown_group_or_version_is_404(api: RawApi, path: str) -> None:
    api.get(path).expect(404)


@pytest.mark.parametrize(
    ("path", "plural", "singular", "kind", "namespaced", "short"),
    [
        ("/api/v1", "configmaps", "configmap", "ConfigMap", True, ["cm"]),
        ("/api/v1", "namespaces", "namespace", "Namespace", False, ["ns"]),
        ("/api/v1", "persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", True, ["pvc"]),
        ("/api/v1", "persistentvolumes", "persistentvolume", "PersistentVolume", False, ["pv"]),
        ("/api/v1", "secrets", "secret", "Secret", True, None),
        ("/api/v1", "serviceaccounts", "serviceaccount", "ServiceAccount", True, ["sa"]),
        ("/api/v1", "services", "service", "Service", True, ["svc"]),
        ("/apis/apps/v1", "daemonsets", "daemonset", "DaemonSet", True, ["ds"]),
        ("/apis/apps/v1", "deployments", "deployment", "Deployment", True, ["deploy"]),
        ("/apis/apps/v1", "statefulsets", "statefulset", "StatefulSet", True, ["sts"]),
        ("/apis/autoscaling/v2", "horizontalpodautoscalers", "horizontalpodautoscaler", "HorizontalPodAutoscaler", True, ["hpa"]),
        ("/apis/batch/v1", "cronjobs", "cronjob", "CronJob", True, ["cj"]),
        ("/apis/batch/v1", "jobs", "job", "Job", True, None),
        ("/apis/coordination.k8s.io/v1", "leases", "lease", "Lease", True, None),
        ("/apis/networking.k8s.io/v1", "ingresses", "ingress", "Ingress", True, ["ing"]),
        ("/apis/networking.k8s.io/v1", "networkpolicies", "networkpolicy", "NetworkPolicy", True, ["netpol"]),
        ("/apis/policy/v1", "poddisruptionbudgets", "poddisruptionbudget", "PodDisruptionBudget", True, ["pdb"]),
        ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", "clusterrole", "ClusterRole", False, None),
        ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", "rolebinding", "RoleBinding", True, None),
        ("/apis/storage.k8s.io/v1", "storageclasses", "storageclass", "StorageClass", False, ["sc"]),
        (
            "/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", "customresourcedefinition",
            "CustomResourceDefinition", False, ["crd", "crds"],
        ),
    ],
)  # fmt: skip
def test_a_kind_has_its_names_and_scope(
    api: RawApi, path: str, plural: str, singular: str, kind: str, namespaced: bool, short: list[str] | None
) -> None:
    found = resources(api, path)[plural]
    assert (found["singularName"], found["kind"], found["namespaced"]) == (singular, kind, namespaced)
    assert found.get("shortNames") == short


def test_kinds_name_their_verbs(api: RawApi) -> None:
    expected = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    assert sorted(resources(api, "/apis/apps/v1")["deployments"]["verbs"]) == expected
    assert sorted(resources(api, "/api/v1")["services"]["verbs"]) == expected
    assert sorted(resources(api, "/apis/authorization.k8s.io/v1")["selfsubjectaccessreviews"]["verbs"]) == ["create"]


def test_subresources_are_listed_beside_their_kind(api: RawApi) -> None:
    found = resources(api, "/apis/apps/v1")
    assert sorted(found["deployments/status"]["verbs"]) == ["get", "patch", "update"]
    scale = found["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_discovery_comes_in_one_document_if_asked_for(api: RawApi, path: str) -> None:
    answer = api.get(path, accept=f"{AGGREGATED},application/json").expect(200)
    assert answer.body["kind"] == "APIGroupDiscoveryList"
    assert answer.body["apiVersion"] == "apidiscovery.k8s.io/v2"
    assert "APIGroupDiscoveryList" in answer.headers["content-type"]


def test_the_one_document_says_the_same_of_a_kind(api: RawApi) -> None:
    groups = {group["metadata"].get("name", ""): group for group in api.get("/apis", accept=AGGREGATED).body["items"]}
    version = next(version for version in groups["apps"]["versions"] if version["version"] == "v1")
    found = next(resource for resource in version["resources"] if resource["resource"] == "deployments")
    assert found["responseKind"]["kind"] == "Deployment"
    assert (found["scope"], found["singularResource"], found["shortNames"]) == ("Namespaced", "deployment", ["deploy"])
    assert sorted(sub["subresource"] for sub in found["subresources"]) == ["scale", "status"]


def test_openapi_v3_is_indexed_by_group_and_version(api: RawApi) -> None:
    found = json.loads(api.text("/openapi/v3"))["paths"]
    assert {"api/v1", "apis/apps/v1"} <= set(found)
    assert found["apis/apps/v1"]["serverRelativeURL"].startswith("/openapi/v3/apis/apps/v1")


def test_ready_and_live(api: RawApi) -> None:
    assert api.text("/readyz") == "ok"
    assert api.text("/livez") == "ok"
