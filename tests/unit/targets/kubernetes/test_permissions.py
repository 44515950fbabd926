"""The roles a pass needs: what is alike shares a rule, what is not does not."""

from __future__ import annotations

import pytest

from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.targets.kubernetes.permissions import Need, binding, roles

RBAC = "rbac.authorization.k8s.io"
READS = ["get", "list", "watch"]


def info(kind, group="", plural="", namespaced=True):
    return KindInfo(group, "v1", kind, plural or f"{kind.lower()}s", namespaced)


CONFIG, SECRET, DEPLOYMENT = info("ConfigMap"), info("Secret"), info("Deployment", "apps")


def rules(*needs):
    [role] = roles(needs, name="shop")
    return role["rules"]


@pytest.mark.parametrize(
    ("need", "more"),
    [
        (Need(CONFIG, "shop"), {"create", "patch", "delete"}),
        (Need(CONFIG, "shop", deleted=False), {"create", "patch"}),
        (Need(CONFIG, "shop", overwritten=True, deleted=False), {"create", "patch", "update"}),
        (Need(CONFIG, "shop", declared=False), {"delete"}),
        (Need(CONFIG, "shop", declared=False, deleted=False), set()),
        (Need(info("Role", RBAC), "shop", deleted=False), {"create", "patch", "escalate"}),
        (Need(info("RoleBinding", RBAC), "shop", deleted=False), {"create", "patch", "bind"}),
        (Need(info("Role", RBAC), "shop", declared=False), {"delete"}),
        (Need(info("Role", "example.org"), "shop", deleted=False), {"create", "patch"}),
    ],
)
def test_a_need_gives_the_verbs_that_it_takes_and_no_others(need, more):
    [rule] = rules(need)
    assert rule["verbs"] == sorted({*READS, *more})


def test_kinds_with_the_same_verbs_in_one_group_share_a_rule():
    found = rules(Need(SECRET, "shop"), Need(CONFIG, "shop"), Need(DEPLOYMENT, "shop"), Need(CONFIG, "shop"))
    assert [(r["apiGroups"], r["resources"]) for r in found] == [([""], ["configmaps", "secrets"]), (["apps"], ["deployments"])]


def test_the_verbs_of_all_objects_of_a_kind_are_united():
    [rule] = rules(Need(CONFIG, "shop", deleted=False), Need(CONFIG, "shop", declared=False))
    assert rule["verbs"] == sorted({*READS, "create", "patch", "delete"})


def test_kinds_with_other_verbs_have_rules_of_their_own():
    found = rules(Need(CONFIG, "shop"), Need(SECRET, "shop", deleted=False))
    assert sorted(r["resources"] for r in found) == [["configmaps"], ["secrets"]]
    assert all(("delete" in r["verbs"]) == (r["resources"] == ["configmaps"]) for r in found)


def test_every_namespace_has_a_role_and_what_lives_in_none_a_cluster_role():
    found = roles([Need(CONFIG, "b"), Need(CONFIG, "a"), Need(info("Namespace", namespaced=False), "")], name="shop")
    assert [(r["kind"], r["metadata"]) for r in found] == [
        ("ClusterRole", {"name": "shop"}),
        ("Role", {"name": "shop", "namespace": "a"}),
        ("Role", {"name": "shop", "namespace": "b"}),
    ]
    assert all(r["apiVersion"] == f"{RBAC}/v1" for r in found)


def test_the_same_needs_in_any_order_give_the_same_roles():
    needs = [Need(CONFIG, "a"), Need(SECRET, "a", deleted=False), Need(DEPLOYMENT, "b")]
    assert roles(needs, name="shop") == roles(reversed(needs), name="shop")


@pytest.mark.parametrize(
    ("subject", "written"),
    [
        (
            {"kind": "ServiceAccount", "name": "gitops", "namespace": "x"},
            {"kind": "ServiceAccount", "name": "gitops", "namespace": "x"},
        ),
        ({"kind": "User", "name": "ann"}, {"apiGroup": RBAC, "kind": "User", "name": "ann"}),
        ({"kind": "Group", "name": "ops"}, {"apiGroup": RBAC, "kind": "Group", "name": "ops"}),
    ],
)
def test_a_binding_gives_a_role_to_a_subject(subject, written):
    [role] = roles([Need(CONFIG, "a")], name="shop")
    found = binding(role, subject)
    assert (found["kind"], found["metadata"]) == ("RoleBinding", {"name": "shop", "namespace": "a"})
    assert found["roleRef"] == {"apiGroup": RBAC, "kind": "Role", "name": "shop"}
    assert found["subjects"] == [written]
