"""Users, impersonation, roles, reviews, and the granting of permissions."""

from __future__ import annotations

from typing import Any

import pytest
from fake_cluster_bodies import APPLY, CONFIG_MAPS, DEPLOYMENTS, config_map

from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster, HttpRequest

Object = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
def guarded() -> FakeCluster:
    return FakeCluster(ClusterSettings(rbac=True, users={"bob": ("devs",)}))


def allow(cluster: FakeCluster, subject: Object, *rules: Object, name: str = "r", namespace: str = "default") -> None:
    where = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
    prefix = "" if namespace else "cluster"
    kind = "Role" if namespace else "ClusterRole"
    assert cluster.request("POST", f"{where}/{prefix}roles", {"metadata": {"name": name}, "rules": list(rules)})[0] == 201
    ref = {"kind": kind, "name": name}
    assert (
        cluster.request(
            "POST", f"{where}/{prefix}rolebindings", {"metadata": {"name": name}, "roleRef": ref, "subjects": [subject]}
        )[0]
        == 201
    )


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> Object:
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split(), **more}


USER = {"kind": "User", "name": "alice"}


@pytest.mark.parametrize(
    ("method", "path", "message", "details"),
    [
        ("GET", CONFIG_MAPS, 'configmaps is forbidden: User "alice" cannot list resource "configmaps" in API group "" in the namespace "default"', {"kind": "configmaps"}),
        ("GET", f"{DEPLOYMENTS}/x", 'deployments.apps "x" is forbidden: User "alice" cannot get resource "deployments" in API group "apps" in the namespace "default"', {"name": "x", "group": "apps", "kind": "deployments"}),
        ("GET", f"{DEPLOYMENTS}/x/status", 'deployments.apps "x" is forbidden: User "alice" cannot get resource "deployments/status" in API group "apps" in the namespace "default"', {"name": "x", "group": "apps", "kind": "deployments"}),
        ("GET", "/api/v1/nodes", 'nodes is forbidden: User "alice" cannot list resource "nodes" in API group "" at the cluster scope', {"kind": "nodes"}),
        ("GET", "/api/v1/things", 'things is forbidden: User "alice" cannot list resource "things" in API group "" at the cluster scope', {"kind": "things"}),
        ("GET", "/metrics", 'forbidden: User "alice" cannot get path "/metrics"', {}),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_forbidden(guarded: FakeCluster, method: str, path: str, message: str, details: Object) -> None:
    status, answer = guarded.request(method, path, user="alice")
    assert (status, answer["reason"], answer["message"], answer["details"]) == (403, "Forbidden", message, details)


@pytest.mark.parametrize(
    ("subject", "user"),
    [(USER, "alice"), ({"kind": "Group", "name": "devs"}, "bob"), ({"kind": "ServiceAccount", "name": "sa"}, "system:serviceaccount:default:sa"), ({"kind": "Group", "name": "system:authenticated"}, "anyone")],
)  # fmt: skip
def test_bindings_name_users_groups_and_service_accounts(guarded: FakeCluster, subject: Object, user: str) -> None:
    allow(guarded, subject, rule("list", "configmaps"))
    assert guarded.request("GET", CONFIG_MAPS, user=user)[0] == 200
    assert guarded.request("GET", "/api/v1/configmaps", user=user)[0] == 403
    assert guarded.request("GET", "/api/v1/namespaces/other/configmaps", user=user)[0] == 403


@pytest.mark.parametrize(
    ("given", "path", "status"),
    [
        (rule("get", "configmaps", resourceNames=["one"]), f"{CONFIG_MAPS}/one", 200),
        (rule("get", "configmaps", resourceNames=["one"]), f"{CONFIG_MAPS}/two", 403),
        (rule("list", "configmaps", resourceNames=["one"]), f"{CONFIG_MAPS}?fieldSelector=metadata.name=one", 200),
        (rule("*", "*", "*"), CONFIG_MAPS, 200),
        (rule("get", "*/scale", "apps"), f"{DEPLOYMENTS}/x/scale", 404),
        (rule("get", "deployments", "apps"), f"{DEPLOYMENTS}/x/scale", 403),
        ({"verbs": ["get"], "nonResourceURLs": ["/metrics*"]}, "/metrics/x", 404),
    ],
)
def test_rules_cover_what_they_name(guarded: FakeCluster, given: Object, path: str, status: int) -> None:
    guarded.request("POST", CONFIG_MAPS, config_map("one"))
    allow(guarded, USER, given, namespace="")
    assert guarded.request("GET", path, user="alice")[0] == status


def test_roles_are_put_together(guarded: FakeCluster) -> None:
    allow(guarded, USER, name="all", namespace="")
    whole = {"metadata": {"name": "all"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"in": "all"}}]}}
    guarded.request("PUT", f"{RBAC}/clusterroles/all", whole)
    assert guarded.request("GET", CONFIG_MAPS, user="alice")[0] == 403
    guarded.request(
        "POST",
        f"{RBAC}/clusterroles",
        {"metadata": {"name": "part", "labels": {"in": "all"}}, "rules": [rule("list", "configmaps")]},
    )
    assert guarded.request("GET", CONFIG_MAPS, user="alice")[0] == 200


def test_what_an_apply_creates_must_be_allowed_to_be_created(guarded: FakeCluster) -> None:
    allow(guarded, USER, rule("patch", "configmaps"))
    body = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}
    status, answer = guarded.request("PATCH", f"{CONFIG_MAPS}/one?fieldManager=m", body, user="alice", headers=APPLY)
    assert status == 403
    assert 'cannot create resource "configmaps"' in answer["message"]


def test_everybody_may_discover(guarded: FakeCluster) -> None:
    assert guarded.request("GET", "/api/v1", user="alice")[0] == 200
    assert guarded.handle(HttpRequest.of("GET", "/version")).status == 200
    assert guarded.handle(HttpRequest.of("GET", "/api/v1")).status == 403
    assert guarded.handle(HttpRequest.of("GET", "/as/alice/api/v1")).status == 200


def test_a_token_that_is_none_is_refused(guarded: FakeCluster) -> None:
    status, answer = guarded.request("GET", "/api", headers={"authorization": "Bearer x"})
    assert (status, answer["reason"]) == (401, "Unauthorized")


def test_impersonation_needs_permission(guarded: FakeCluster) -> None:
    allow(guarded, {"kind": "User", "name": "carol"}, rule("list", "configmaps"))
    who = {"impersonate-user": "carol", "impersonate-group": "a\nb"}
    assert guarded.request("GET", CONFIG_MAPS, headers=who)[0] == 200
    assert 'cannot impersonate resource "users"' in guarded.request("GET", CONFIG_MAPS, user="alice", headers=who)[1]["message"]
    allow(guarded, USER, rule("impersonate", "users"), name="imp", namespace="")
    assert 'cannot impersonate resource "groups"' in guarded.request("GET", CONFIG_MAPS, user="alice", headers=who)[1]["message"]
    assert guarded.request("GET", CONFIG_MAPS, user="alice", headers={"impersonate-user": "carol"})[0] == 200
    account = {"impersonate-user": "system:serviceaccount:default:sa"}
    assert (
        'resource "serviceaccounts" in API group "" in the namespace "default"'
        in guarded.request("GET", CONFIG_MAPS, user="alice", headers=account)[1]["message"]
    )
    assert guarded.request("GET", CONFIG_MAPS, headers={"impersonate-group": "a"})[0] == 400


def test_nobody_grants_more_than_they_have(guarded: FakeCluster) -> None:
    allow(guarded, USER, rule("create update", "roles rolebindings", "rbac.authorization.k8s.io"), rule("get", "pods"))
    roles, bindings = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
    assert guarded.request("POST", roles, {"metadata": {"name": "a"}, "rules": [rule("get", "pods")]}, user="alice")[0] == 201
    more = {
        "metadata": {"name": "b"},
        "rules": [rule("get list", "secrets", resourceNames=["x"]), {"verbs": ["get"], "nonResourceURLs": ["/x"]}],
    }
    status, answer = guarded.request("POST", roles, more, user="alice")
    assert status == 403
    assert '{APIGroups:["" ], Resources' not in answer["message"]
    assert '{APIGroups:[""], Resources:["secrets"], ResourceNames:["x"], Verbs:["get" "list"]}' in answer["message"]
    guarded.request("POST", roles, more)
    binding = {"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "b"}, "subjects": [USER]}
    assert guarded.request("POST", bindings, binding, user="alice")[0] == 403
    allow(
        guarded,
        USER,
        rule("bind", "roles", "rbac.authorization.k8s.io"),
        rule("escalate", "roles", "rbac.authorization.k8s.io"),
        name="may",
    )
    assert guarded.request("POST", bindings, binding, user="alice")[0] == 201
    assert guarded.request("PUT", f"{roles}/a", {**more, "metadata": {"name": "a"}}, user="alice")[0] == 200
    unknown = {"metadata": {"name": "c"}, "roleRef": {"kind": "ClusterRole", "name": "none"}}
    assert guarded.request("POST", bindings, unknown, user="alice")[0] == 201


REVIEWS = "/apis/authorization.k8s.io/v1"


def test_reviews_answer_who_and_whether(guarded: FakeCluster) -> None:
    allow(guarded, USER, rule("list", "configmaps"))
    wish = {"verb": "list", "resource": "configmaps", "namespace": "default"}
    _, me = guarded.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, user="bob")
    assert me["status"]["userInfo"] == {"username": "bob", "groups": ["devs", "system:authenticated"]}
    mine = {"spec": {"resourceAttributes": wish}}
    assert guarded.request("POST", f"{REVIEWS}/selfsubjectaccessreviews", mine, user="alice")[1]["status"] == {"allowed": True}
    assert guarded.request("POST", f"{REVIEWS}/selfsubjectaccessreviews", mine, user="bob")[1]["status"] == {"allowed": False}
    path = {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/api"}}}
    assert guarded.request("POST", f"{REVIEWS}/selfsubjectaccessreviews", path, user="bob")[1]["status"] == {"allowed": True}
    theirs = {"spec": {"user": "alice", "groups": ["x"], "resourceAttributes": wish}}
    assert guarded.request("POST", f"{REVIEWS}/subjectaccessreviews", theirs)[1]["status"] == {"allowed": True}
    assert guarded.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {})[0] == 501
    _, rules = guarded.request("POST", f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}, user="alice")
    assert rule("list", "configmaps") in rules["status"]["resourceRules"]


def test_without_roles_everybody_may_do_everything(cluster: FakeCluster) -> None:
    assert cluster.request("GET", "/api/v1/secrets", user="alice")[0] == 200
    _, answer = cluster.request("POST", f"{REVIEWS}/selfsubjectaccessreviews", {"spec": {}}, user="alice")
    assert answer["status"] == {"allowed": True}
    assert cluster.request("POST", f"{REVIEWS}/selfsubjectrulesreviews", {}, user="alice")[1]["status"]["resourceRules"]
