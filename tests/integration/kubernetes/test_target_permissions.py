"""``rbac_for`` names exactly what a pass needs: with it everything goes, without any verb of it something does not."""

from __future__ import annotations

from typing import Any

import pytest
from shops import Shop, config, deployment, new_namespace, secret, service

from gitops_core import Options
from gitops_core.engine.following import Following
from gitops_core.rbac import Rbac, rbac_for

API = "rbac.authorization.k8s.io"
DEPLOYER = {"kind": "User", "name": "deployer"}


@pytest.fixture
def shop(cluster: Any) -> Shop:
    return Shop(cluster=cluster, namespace=new_namespace(cluster))


EVERYTHING = (
    config("settings"),
    deployment("web"),
    service("web"),
    secret("keys", password="correct horse"),
    config("whole", {"example.org/strategy": "replace"}),
)


def granted(shop: Shop, rbac: Rbac) -> None:
    """Give the roles, and nothing else, to the deployer."""
    for manifest in (*rbac.roles, *rbac.bound_to(DEPLOYER)):
        plural = f"{manifest['kind'].lower()}s"
        shop.apply_as("admin", plural, manifest, API)


def bare(shop: Shop) -> Shop:
    """Return the same application as the deployer, who may do nothing yet."""
    return shop.another("shop", user="deployer")


def test_a_whole_life_goes_under_exactly_these_roles(shop: Shop) -> None:
    shop.declare(*EVERYTHING)
    rbac = rbac_for(shop.app, store=shop.store)
    assert [(role["kind"], role["metadata"]["namespace"]) for role in rbac.roles] == [("Role", shop.namespace)]
    granted(shop, rbac)
    ours = bare(shop)
    ours.declare(*EVERYTHING)
    assert ours.reconcile().ok
    ours.edit("configmaps", "settings", {"data": {"colour": "red"}})
    ours.edit("configmaps", "whole", {"data": {"colour": "red"}})
    assert ours.reconcile().ok
    assert ours.plan().is_empty
    with Following(ours.app, store=ours.store, runtime=ours.runtime):
        assert ours.reconcile().status == "in-sync"
    ours.declare(*EVERYTHING[:2])
    assert ours.reconcile().ok
    assert ours.destroy().ok
    assert 403 not in {status for _, _, status in ours.requests.paths}


def test_each_verb_of_the_roles_is_needed(shop: Shop) -> None:
    """Taken away one at a time; ``watch`` only makes waiting quick, so that lists stand in for it."""
    shop.declare(config("settings"))
    [role] = rbac_for(shop.app, store=shop.store).roles
    [rule] = role["rules"]
    assert rule == {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "verbs": ["create", "delete", "get", "list", "patch", "watch"],
    }
    for verb in ("create", "delete", "get", "patch"):
        lacking = {**role, "rules": [{**rule, "verbs": [other for other in rule["verbs"] if other != verb]}]}
        granted(shop, Rbac((lacking,)))
        ours = bare(shop)
        ours.options = Options(wait=False, attempts=1)
        ours.declare(config("settings"))
        passed = [ours.reconcile().ok]
        ours.edit("configmaps", "settings", {"data": {"colour": "red"}}) if passed[0] else None
        passed += [ours.reconcile().ok, ours.destroy().ok]
        assert not all(passed), verb
        granted(shop, Rbac((role,)))
        ours.destroy()


def test_what_is_owned_and_not_declared_any_more_may_be_deleted_and_nothing_else(shop: Shop) -> None:
    shop.converge(config("settings"), service("web"))
    shop.declare(config("settings"))
    rules = {
        tuple(rule["resources"]): rule["verbs"] for role in rbac_for(shop.app, store=shop.store).roles for rule in role["rules"]
    }
    assert rules[("services",)] == ["delete", "get", "list", "watch"]


def test_without_pruning_nothing_may_be_deleted(shop: Shop) -> None:
    shop.options = Options(wait=False, prune=False)
    shop.declare(config("settings"))
    [role] = rbac_for(shop.app, store=shop.store).roles
    assert "delete" not in role["rules"][0]["verbs"]


def test_whoever_declares_roles_must_be_allowed_to_grant_them_and_kinds_without_a_namespace_need_a_cluster_role(
    shop: Shop,
) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{shop.namespace}-inner"}}
    role = {"apiVersion": f"{API}/v1", "kind": "Role", "metadata": {"name": "reader"}, "rules": []}
    shop.declare(namespace, role)
    rbac = rbac_for(shop.app, store=shop.store)
    assert [role["kind"] for role in rbac.roles] == ["ClusterRole", "Role"]
    assert "escalate" in rbac.roles[1]["rules"][0]["verbs"]
    assert "kind: ClusterRole" in rbac.text()


def test_a_kind_that_the_server_does_not_have_is_named(shop: Shop) -> None:
    shop.declare(config("settings"), {"apiVersion": "no.example.org/v1", "kind": "Nothing", "metadata": {"name": "x"}})
    assert rbac_for(shop.app, store=shop.store).unknown == (("no.example.org", "Nothing"),)
