"""What must be there before what."""

from __future__ import annotations

import pytest

from gitops_core.errors import PluginError
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Sensitive, freeze
from gitops_core.planning.annotations import Annotations
from gitops_core.planning.edges import (
    CRD,
    Index,
    band,
    defined_kind,
    defines_group_of,
    is_namespace,
    namespace_of,
    plugin_edges,
    references,
    written_edges,
)  # fmt: skip
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld


def key(text):
    return ResourceKey.parse(text)


def core(kind, name, namespace="shop"):
    return ResourceKey("", kind, namespace, name)


def test_bands_are_keyed_by_group_and_kind():
    order = [
        core("Namespace", "n", ""), core("Secret", "s"), ResourceKey(*CRD, "", "x"), core("Service", "w"), key("apps/Deployment/shop/w"),
        key("networking.k8s.io/Ingress/shop/w"), key("serving.knative.dev/Service/shop/w"),
        key("admissionregistration.k8s.io/MutatingWebhookConfiguration//w"), key("admissionregistration.k8s.io/ValidatingWebhookConfiguration//w"),
    ]  # fmt: skip
    assert order == sorted(order, key=band)
    assert len(order) == len({band(k) for k in order})


def test_a_namespaced_key_names_its_namespace():
    assert core("Namespace", "shop", "") == namespace_of(core("Pod", "x"))
    assert namespace_of(core("Namespace", "shop", "")) is None
    assert is_namespace(core("Namespace", "shop", ""))
    assert not is_namespace(key("other.io/Namespace//shop"))


@pytest.mark.parametrize("body", [{}, {"spec": 1}, {"spec": {"group": "g"}}, {"spec": {"group": "g", "names": {"kind": 1}}}])
def test_a_definition_that_does_not_say_what_it_defines_defines_nothing(body):
    assert defined_kind(body) is None


def test_a_definition_names_group_and_kind():
    assert defined_kind({"spec": {"group": "g.io", "names": {"kind": "Cat"}}}) == ("g.io", "Cat")
    crd = ResourceKey(*CRD, "", "cats.g.io")
    assert defines_group_of(crd, key("g.io/Cat/shop/tom"))
    assert not defines_group_of(crd, key("h.io/Cat/shop/tom"))
    assert not defines_group_of(core("Pod", "cats.g.io"), key("g.io/Cat/shop/tom"))
    assert not defines_group_of(ResourceKey(*CRD, "", "cats"), core("Pod", "x"))


def index():
    world = PlanWorld()
    world.put({"kind": "Zone", "metadata": {"name": "live"}})
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "db", "namespace": "shop"}}
    return Index(world.request(body, {"kind": "Site", "metadata": {"name": "a"}}))


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("Site/a", ["Site/a"]),
        ("Zone/live", ["Zone/live"]),
        ("apps/Deployment/shop/db", ["apps/Deployment/shop/db"]),
        ("Deployment/db", ["apps/Deployment/shop/db"]),
        ("Deployment/shop/db", ["apps/Deployment/shop/db"]),
        ("Deployment/other/db", []),
        ("batch/Deployment/shop/db", []),
        ("Site/b", []),
    ],
)
def test_a_written_dependency_may_leave_out_group_and_own_namespace(named, meant):
    found, missing = written_edges(core("Service", "w"), Annotations(depends_on=(key(named),)), index())
    assert [key(m) for m in meant] == list(found)
    assert ([] if meant else [key(named)]) == list(missing)


def test_what_the_target_says_is_needed_is_asked_with_the_body_in_clear():
    rules = TargetRules(depends_on=lambda body: [("Zone", body["zone"]), ("Zone", "a")])
    assert (key("Zone/a"), key("Zone/z")) == plugin_edges(freeze({"zone": Sensitive("z")}), rules)
    assert plugin_edges({}, TargetRules()) == ()


@pytest.mark.parametrize("returned", [None, [5], [("Zone", "")]])
def test_a_target_that_returns_no_keys_is_told_so(returned):
    with pytest.raises(PluginError, match="depends_on raised"):
        plugin_edges({}, TargetRules(depends_on=lambda _: returned))


def test_references_are_found_by_the_field_names_of_kubernetes():
    body = {
        "spec": {
            "serviceAccountName": "sa",
            "imagePullSecrets": [{"name": "pull"}, {}, "x"],
            "volumes": [
                {"configMap": {"name": "cm"}},
                {"secret": {"secretName": "sec"}},
                {"persistentVolumeClaim": {"claimName": "pvc"}},
            ],
            "containers": [
                {
                    "envFrom": [
                        {"configMapRef": {"name": "env"}},
                        {"secretRef": {}},
                        {"secretRef": {"name": 5}},
                        {"subjects": {"name": "x"}},
                    ]
                }
            ],
            "storageClassName": "fast",
            "clientConfig": {"service": {"name": "hook", "namespace": "system"}},
            "tls": [{"secretName": "cert"}],
        },
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "subjects": [{"kind": "ServiceAccount", "name": "bot", "namespace": "ci"}, {"kind": "User", "name": "me"}],
    }
    found = set(references(core("Thing", "x"), body))
    assert found == {
        core("ServiceAccount", "sa"), core("Secret", "pull"), core("ConfigMap", "cm"), core("Secret", "sec"), core("PersistentVolumeClaim", "pvc"),
        core("ConfigMap", "env"), ResourceKey("storage.k8s.io", "StorageClass", "", "fast"), core("Service", "hook", "system"),
        core("Secret", "cert"), ResourceKey("rbac.authorization.k8s.io", "ClusterRole", "", "admin"),
        ResourceKey("rbac.authorization.k8s.io", "ClusterRole", "shop", "admin"), key("apps/Deployment/shop/web"),
        ResourceKey("apps", "Deployment", "", "web"), core("ServiceAccount", "bot", "ci"),
    }  # fmt: skip
