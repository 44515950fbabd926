"""Who may do what: tokens, roles, impersonation, reviews; and Leases, by which one of several is chosen."""

from __future__ import annotations

from typing import Any

import pytest
from objects import configmap, configmaps, deployment, deployments, namespaces
from raw_api import RawApi

from servers import Cluster, unique

RBAC = "/apis/rbac.authorization.k8s.io/v1"


def role(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "rules": list(rules)}


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **more}


def binding(name: str, kind: str, user: str) -> dict[str, Any]:
    subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [subject],
    }


def grant(api: RawApi, ns: str, user: str, *rules: dict[str, Any]) -> None:
    """Let a user do something in a namespace."""
    name = unique("grant")
    api.post(f"{RBAC}/namespaces/{ns}/roles", role(name, *rules)).expect(201)
    api.post(f"{RBAC}/namespaces/{ns}/rolebindings", binding(name, "Role", user)).expect(201)


def act_as(user: str, *groups: str) -> dict[str, str]:
    return {"impersonate-user": user, **({"impersonate-group": groups[0]} if groups else {})}


# -- tokens --------------------------------------------------------------------------------------------------------------


def test_a_wrong_token_is_401(api: RawApi, ns: str) -> None:
    answer = api.get(configmaps(ns), headers={"authorization": "Bearer wrong"}).expect(401)
    assert (answer.body["kind"], answer.body["reason"], answer.body["message"]) == ("Status", "Unauthorized", "Unauthorized")


def test_no_token_is_anonymous(api: RawApi, ns: str) -> None:
    answer = api.get(configmaps(ns), headers={"authorization": ""})
    assert answer.status in {401, 403}


def test_one_can_ask_who_one_is(cluster: Cluster) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    found = cluster.api("alice").post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review).expect(201).body
    assert found["status"]["userInfo"]["username"] == "alice"
    assert {"developers", "system:authenticated"} <= set(found["status"]["userInfo"]["groups"])


# -- refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "verb", "name"),
    [("GET", "list", ""), ("GET", "get", "one"), ("POST", "create", ""), ("PUT", "update", "one"), ("PATCH", "patch", "one"),
     ("DELETE", "delete", "one"), ("DELETE", "deletecollection", "")],
)  # fmt: skip
def test_a_refusal_names_user_verb_and_resource(cluster: Cluster, ns: str, method: str, verb: str, name: str) -> None:
    body = None if method in {"GET", "DELETE"} else configmap("one")
    content_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
    answer = cluster.api("carol").call(method, configmaps(ns, name), body, content_type=content_type).expect(403)
    subject = f'configmaps "{name}" is' if name else "configmaps is"
    assert answer.body["reason"] == "Forbidden"
    assert answer.body["message"] == (
        f'{subject} forbidden: User "carol" cannot {verb} resource "configmaps" in API group "" in the namespace "{ns}"'
    )
    assert answer.body["details"] == {"kind": "configmaps", **({"name": name} if name else {})}


def test_a_refusal_to_watch(cluster: Cluster, ns: str) -> None:
    answer = cluster.api("carol").get(configmaps(ns), query={"watch": "1"}).expect(403)
    assert 'cannot watch resource "configmaps"' in answer.body["message"]


def test_a_refusal_names_the_group(cluster: Cluster, ns: str) -> None:
    answer = cluster.api("carol").get(deployments(ns, "web")).expect(403)
    assert answer.body["message"] == (
        f'deployments.apps "web" is forbidden: User "carol" cannot get resource "deployments" in API group "apps" '
        f'in the namespace "{ns}"'
    )
    assert answer.body["details"] == {"name": "web", "group": "apps", "kind": "deployments"}


def test_a_refusal_at_the_cluster_scope(cluster: Cluster) -> None:
    answer = cluster.api("carol").get(namespaces()).expect(403)
    assert answer.body["message"] == (
        'namespaces is forbidden: User "carol" cannot list resource "namespaces" in API group "" at the cluster scope'
    )


def test_a_refusal_names_the_subresource(cluster: Cluster, ns: str) -> None:
    answer = cluster.api("carol").patch(f"{deployments(ns, 'web')}/scale", {}).expect(403)
    assert 'cannot patch resource "deployments/scale" in API group "apps"' in answer.body["message"]


def test_discovery_is_for_everybody_who_is_known(cluster: Cluster) -> None:
    cluster.api("carol").get("/apis").expect(200)
    cluster.api("carol").get("/version").expect(200)


def test_an_unknown_path_is_refused_before_it_is_not_found(cluster: Cluster) -> None:
    answer = cluster.api("carol").get("/secret/place").expect(403)
    assert answer.body["message"] == 'forbidden: User "carol" cannot get path "/secret/place"'


# -- roles ---------------------------------------------------------------------------------------------------------------


def test_a_role_allows_in_its_namespace(cluster: Cluster, api: RawApi, ns: str) -> None:
    grant(api, ns, "carol", rule("get list", "configmaps"))
    carol = cluster.api("carol")
    carol.get(configmaps(ns)).expect(200)
    carol.get(configmaps("default")).expect(403)
    carol.post(configmaps(ns), configmap("one")).expect(403)


def test_a_role_may_be_for_one_name(cluster: Cluster, api: RawApi, ns: str) -> None:
    grant(api, ns, "carol", rule("get patch", "configmaps", resourceNames=["one"]))
    api.post(configmaps(ns), configmap("one")).expect(201)
    api.post(configmaps(ns), configmap("two")).expect(201)
    cluster.api("carol").get(configmaps(ns, "one")).expect(200)
    cluster.api("carol").get(configmaps(ns, "two")).expect(403)
    cluster.api("carol").get(configmaps(ns)).expect(403)


def test_a_role_for_one_name_allows_to_list_it(cluster: Cluster, api: RawApi, ns: str) -> None:
    grant(api, ns, "carol", rule("list", "configmaps", resourceNames=["one"]))
    api.post(configmaps(ns), configmap("one")).expect(201)
    found = cluster.api("carol").get(configmaps(ns), query={"fieldSelector": "metadata.name=one"}).expect(200).body
    assert len(found["items"]) == 1


def test_subresources_are_allowed_apart(cluster: Cluster, api: RawApi, ns: str) -> None:
    grant(api, ns, "carol", rule("get patch", "deployments/scale", "apps"))
    api.post(deployments(ns), deployment("web")).expect(201)
    cluster.api("carol").patch(f"{deployments(ns, 'web')}/scale", {"spec": {"replicas": 2}}).expect(200)
    cluster.api("carol").patch(deployments(ns, "web"), {"spec": {"replicas": 3}}).expect(403)


def test_applying_what_is_not_there_needs_create_too(cluster: Cluster, api: RawApi, ns: str) -> None:
    grant(api, ns, "carol", rule("get patch", "configmaps"))
    answer = cluster.api("carol").apply(configmaps(ns, "one"), configmap("one")).expect(403)
    assert 'cannot create resource "configmaps"' in answer.body["message"] or "create" in answer.body["message"]
    api.post(configmaps(ns), configmap("one"), query={"fieldManager": "tests"}).expect(201)
    cluster.api("carol").apply(configmaps(ns, "one"), configmap("one", labels={"a": "b"})).expect(200)


def test_a_cluster_role_allows_everywhere(cluster: Cluster, api: RawApi, ns: str) -> None:
    name = unique("readers")
    api.post(f"{RBAC}/clusterroles", role(name, rule("get list", "services"))).expect(201)
    api.post(f"{RBAC}/clusterrolebindings", binding(name, "ClusterRole", "carol")).expect(201)
    cluster.api("carol").get("/api/v1/services").expect(200)
    cluster.api("carol").get(f"/api/v1/namespaces/{ns}/services").expect(200)
    api.delete(f"{RBAC}/clusterrolebindings/{name}").expect(200)
    cluster.api("carol").get("/api/v1/services").expect(403)


def test_a_group_can_be_bound(cluster: Cluster, api: RawApi, ns: str) -> None:
    name = unique("group")
    api.post(f"{RBAC}/namespaces/{ns}/roles", role(name, rule("*", "*", "*"))).expect(201)
    subject = {"kind": "Group", "name": "operators", "apiGroup": "rbac.authorization.k8s.io"}
    api.post(f"{RBAC}/namespaces/{ns}/rolebindings", {**binding(name, "Role", "x"), "subjects": [subject]}).expect(201)
    cluster.api("bob").post(configmaps(ns), configmap("one")).expect(201)
    cluster.api("alice").get(configmaps(ns, "one")).expect(403)


def test_nobody_grants_more_than_he_has(cluster: Cluster, api: RawApi, ns: str) -> None:
    grant(api, ns, "carol", rule("create update", "roles", "rbac.authorization.k8s.io"))
    answer = cluster.api("carol").post(f"{RBAC}/namespaces/{ns}/roles", role("more", rule("get", "secrets"))).expect(403)
    assert "is attempting to grant RBAC permissions not currently held" in answer.body["message"]


def test_one_can_ask_what_one_may_do(cluster: Cluster, api: RawApi, ns: str) -> None:
    grant(api, ns, "carol", rule("get", "configmaps"))
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    for verb, allowed in (("get", True), ("delete", False)):
        attributes = {"namespace": ns, "verb": verb, "group": "", "resource": "configmaps"}
        found = cluster.api("carol").post(path, {"spec": {"resourceAttributes": attributes}}).expect(201).body
        assert found["status"]["allowed"] is allowed


# -- impersonation -------------------------------------------------------------------------------------------------------


def test_an_administrator_may_act_as_somebody(api: RawApi, ns: str) -> None:
    answer = api.get(configmaps(ns), headers=act_as("mallory")).expect(403)
    assert 'User "mallory" cannot list' in answer.body["message"]


def test_groups_come_with_the_name(api: RawApi, ns: str) -> None:
    api.get(configmaps(ns), headers=act_as("mallory", "system:masters")).expect(200)


def test_a_service_account_may_be_acted_as(api: RawApi, ns: str) -> None:
    answer = api.get(configmaps(ns), headers=act_as(f"system:serviceaccount:{ns}:robot")).expect(403)
    assert f'User "system:serviceaccount:{ns}:robot" cannot list' in answer.body["message"]


def test_others_may_not_act_as_somebody(cluster: Cluster, ns: str) -> None:
    answer = cluster.api("carol").get(configmaps(ns), headers=act_as("admin")).expect(403)
    assert answer.body["reason"] == "Forbidden"
    assert 'User "carol" cannot impersonate' in answer.body["message"]  # since 1.36: "impersonate-on:user-info:list"


def test_whom_one_may_act_as_can_be_granted(cluster: Cluster, api: RawApi, ns: str) -> None:
    name = unique("acting")
    api.post(f"{RBAC}/clusterroles", role(name, rule("impersonate", "users", resourceNames=["dave"]))).expect(201)
    api.post(f"{RBAC}/clusterrolebindings", binding(name, "ClusterRole", "carol")).expect(201)
    answer = cluster.api("carol").get(configmaps(ns), headers=act_as("dave")).expect(403)
    assert 'User "dave" cannot list' in answer.body["message"]
    assert 'User "carol" cannot impersonate' in cluster.api("carol").get(configmaps(ns), headers=act_as("admin")).body["message"]
    api.delete(f"{RBAC}/clusterrolebindings/{name}").expect(200)


# -- Leases --------------------------------------------------------------------------------------------------------------


def lease(name: str, holder: str) -> dict[str, Any]:
    spec = {
        "holderIdentity": holder,
        "leaseDurationSeconds": 15,
        "renewTime": "2026-01-02T03:04:05.678900Z",
        "leaseTransitions": 0,
    }
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}


def leases(ns: str, name: str = "") -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{ns}/leases/{name}".rstrip("/")


def test_a_lease_keeps_microseconds(api: RawApi, ns: str) -> None:
    found = api.post(leases(ns), lease("one", "me")).expect(201).body
    assert found["spec"]["renewTime"] == "2026-01-02T03:04:05.678900Z"


def test_one_of_two_takes_a_lease(api: RawApi, ns: str) -> None:
    api.post(leases(ns), lease("one", "me")).expect(201)
    api.post(leases(ns), lease("one", "other")).expect(409)


def test_one_of_two_renews_a_lease(api: RawApi, ns: str) -> None:
    seen = api.post(leases(ns), lease("one", "me")).expect(201).body
    api.put(leases(ns, "one"), {**seen, "spec": {**seen["spec"], "holderIdentity": "other"}}).expect(200)
    answer = api.put(leases(ns, "one"), {**seen, "spec": {**seen["spec"], "leaseDurationSeconds": 20}}).expect(409)
    assert answer.body["reason"] == "Conflict"


def test_a_lease_lasts_longer_than_nothing(api: RawApi, ns: str) -> None:
    body = lease("one", "me")
    body["spec"]["leaseDurationSeconds"] = 0
    answer = api.post(leases(ns), body).expect(422)
    assert answer.body["details"]["causes"][0]["field"] == "spec.leaseDurationSeconds"
