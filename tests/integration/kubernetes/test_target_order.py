"""Order, waiting and following on a cluster; kinds that are not there yet, that are broken, or that we may not see."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from shops import Shop, config, deployment, new_namespace, secret

from gitops_core import Options
from gitops_core.engine.following import Following
from gitops_core.targets.kubernetes.settings import KubernetesSettings

pytestmark = pytest.mark.slow

GROUP = "stable.example.org"


@pytest.fixture
def shop(cluster: Any) -> Iterator[Shop]:
    shop = Shop(cluster=cluster, namespace=new_namespace(cluster))
    yield shop
    cluster.api().call("DELETE", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural(shop)}.{GROUP}")


def outcomes(result: Any) -> dict[str, tuple[str, str]]:
    return {o.key.kind: (str(o.status), o.reason) for o in result.outcomes}


def plural(shop: Shop) -> str:
    return f"tabs{shop.namespace.replace('-', '')}"


def definition(shop: Shop) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural(shop), "singular": plural(shop), "kind": kind(shop), "listKind": f"{kind(shop)}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural(shop)}.{GROUP}"},
        "spec": {"group": GROUP, "names": names, "scope": "Namespaced", "versions": [version]},
    }  # fmt: skip


def kind(shop: Shop) -> str:
    return plural(shop).capitalize()


def tab(shop: Shop, name: str = "first") -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1", "kind": kind(shop), "metadata": {"name": name, "namespace": shop.namespace},
        "spec": {"crontab": "* * * * *"},
    }  # fmt: skip


@contextmanager
def meanwhile(action: Any, after: float) -> Iterator[None]:
    """Do something some seconds after the block has begun."""
    timer = threading.Timer(after, action)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def make_ready(shop: Shop, name: str) -> None:
    """Do what the Deployment controller and a kubelet would."""
    status = {
        "observedGeneration": shop.get("deployments", name, "apps")["metadata"]["generation"],
        "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    }  # fmt: skip
    path = shop.path("deployments", f"{name}/status", "apps")
    shop.cluster.api().call("PATCH", path, {"status": status}, content_type="application/merge-patch+json").expect(200)


# -- order -----------------------------------------------------------------------------------------------------------------------


def test_a_definition_is_established_before_its_objects_in_one_pass(shop: Shop) -> None:
    shop.options = Options(health_timeout=20.0)
    shop.declare(tab(shop), definition(shop), config("settings"))
    plan = shop.plan()
    assert plan.unreadable != ()
    [custom] = [c for c in plan.changes if c.key.kind == kind(shop)]
    assert (custom.state, [k.kind for k in custom.depends_on]) == ("ready", ["CustomResourceDefinition"])
    result = shop.reconcile()
    assert result.ok, outcomes(result)
    assert shop.get(plural(shop), "first", GROUP) is not None
    assert shop.reconcile().status == "in-sync"


def test_an_unknown_kind_is_deferred_while_the_rest_goes_on_and_taken_up_when_it_is_known(shop: Shop) -> None:
    shop.declare(tab(shop), config("settings"))
    result = shop.reconcile()
    assert outcomes(result)[kind(shop)][0] == "deferred"
    assert "the server has no such kind" in outcomes(result)[kind(shop)][1]
    assert shop.get("configmaps", "settings") is not None
    other = shop.another("definitions", options=Options(health_timeout=20.0))
    other.converge(definition(shop))
    deadline = time.monotonic() + 20
    while not (result := shop.reconcile()).ok and time.monotonic() < deadline:
        time.sleep(0.5)
    assert result.ok, outcomes(result)
    assert shop.get(plural(shop), "first", GROUP) is not None


def test_objects_go_before_their_definition_and_a_definition_needs_permission(shop: Shop) -> None:
    shop.options = Options(health_timeout=20.0, handover=0.0)
    shop.converge(definition(shop), tab(shop), config("stays"))
    shop.declare(config("stays"))
    plan = shop.plan()
    assert [(c.key.kind, c.state) for c in plan.changes] == [
        (kind(shop), "ready"),
        ("CustomResourceDefinition", "refused"),
    ]


def test_a_namespace_comes_before_what_is_in_it(shop: Shop) -> None:
    name = f"{shop.namespace}-inner"
    inside = config("settings")
    inside["metadata"]["namespace"] = name
    shop.declare(inside, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert [c.key.kind for c in shop.plan().changes] == ["Namespace", "ConfigMap"]
    assert shop.reconcile().ok
    assert shop.cluster.api().get(f"/api/v1/namespaces/{name}/configmaps/settings").status == 200


def test_waves_wait_for_the_wave_before(shop: Shop) -> None:
    shop.declare(config("b", {"example.org/wave": "-1"}), config("a", {"example.org/wave": "2"}), config("c"))
    assert [c.key.name for c in shop.plan().changes] == ["b", "c", "a"]
    assert shop.reconcile().ok


# -- waiting -----------------------------------------------------------------------------------------------------------------------


def test_a_pass_waits_for_health_by_a_watch_and_not_by_an_interval(shop: Shop) -> None:
    shop.options = Options(health_timeout=60.0, health_interval=45.0)
    shop.declare(deployment("web", replicas=1))
    begun = time.monotonic()
    with meanwhile(lambda: make_ready(shop, "web"), 2.0):
        result = shop.reconcile()
    assert result.ok, outcomes(result)
    assert time.monotonic() - begun < 30.0, "an interval of 45 s was waited out"


def test_what_does_not_settle_ends_at_its_deadline_and_says_why(shop: Shop) -> None:
    shop.options = Options(health_timeout=1.5)
    shop.declare(deployment("web", replicas=1), config("settings"))
    result = shop.reconcile()
    assert outcomes(result)["ConfigMap"][0] == "done"
    status, reason = outcomes(result)["Deployment"]
    assert status == "unsettled"
    assert reason.startswith("Progressing")


def test_an_object_says_that_nobody_waits_for_it(shop: Shop) -> None:
    shop.options = Options(health_timeout=60.0)
    shop.declare(deployment("web", notes={"example.org/wait": "false"}, replicas=1))
    assert shop.reconcile().ok


# -- following ---------------------------------------------------------------------------------------------------------------------


def test_what_is_watched_is_not_asked_for_and_a_drift_costs_two_requests(shop: Shop) -> None:
    shop.converge(config("settings"), secret("keys", password="correct horse"), deployment("web"))
    moved = threading.Event()
    with Following(shop.app, store=shop.store, runtime=shop.runtime, on_change=lambda _keys: moved.set()):
        stands(shop, kinds=3)
        for _ in range(3):
            assert shop.reconcile().status == "in-sync"
        assert shop.requests.since() == {}
        moved.clear()
        shop.edit("configmaps", "settings", {"data": {"colour": "red"}})
        assert moved.wait(10)
        result = shop.reconcile()
        assert [str(c.key.name) for c in result.plan.changes] == ["settings"]
        assert result.ok
        assert shop.requests.since() == {"GET": 1, "PATCH": 1}
        assert shop.get("configmaps", "settings")["data"] == {"colour": "green"}
        wait_until(lambda: shop.reconcile().status == "in-sync" and shop.requests.since() == {})


def test_a_storm_of_status_changes_moves_nothing(shop: Shop) -> None:
    shop.converge(deployment("web"))
    with Following(shop.app, store=shop.store, runtime=shop.runtime):
        stands(shop, kinds=1)
        assert shop.reconcile().status == "in-sync"
        path = shop.path("deployments", "web/status", "apps")
        for number in range(20):
            body = {"status": {"observedGeneration": 1, "replicas": number}}
            shop.cluster.api().call("PATCH", path, body, content_type="application/merge-patch+json").expect(200)
        time.sleep(0.5)
        assert shop.reconcile().status == "in-sync"
        assert shop.requests.since() == {}


def stands(shop: Shop, kinds: int) -> None:
    """Wait until each kind has been listed and is being watched from there on: two requests each; then count anew."""
    wait_until(lambda: shop.requests.counts["GET"] >= 2 * kinds)
    shop.requests.since()


def wait_until(true: Any, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


# -- what cannot be seen -------------------------------------------------------------------------------------------------------------


def test_a_kind_that_we_may_not_see_is_unknown_and_the_others_go_on(shop: Shop) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create", "patch", "delete"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "deployer"}, "rules": rules}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "deployer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "User", "name": "deployer", "apiGroup": "rbac.authorization.k8s.io"}],
    }  # fmt: skip
    shop.create("roles", role, "rbac.authorization.k8s.io")
    shop.create("rolebindings", binding, "rbac.authorization.k8s.io")
    shop.user = "deployer"
    shop.declare(config("settings"), secret("keys", password="correct horse"))
    result = shop.reconcile()
    assert outcomes(result)["ConfigMap"] == ("done", "")
    status, reason = outcomes(result)["Secret"]
    assert status == "deferred"
    assert "secrets" in reason
    assert shop.namespace in reason


def test_long_lists_are_read_in_pages(shop: Shop) -> None:
    shop.settings = KubernetesSettings(page=3)
    names = [f"settings-{number}" for number in range(10)]
    shop.converge(*(config(name) for name in names))
    assert shop.reconcile().status == "in-sync"
    assert shop.requests.since() == {"GET": 4}


def test_an_object_that_is_too_large_is_refused_with_its_size_and_the_others_are_made(shop: Shop) -> None:
    shop.declare(config("huge", text="x" * 1_600_000), config("fine"))
    result = shop.reconcile()
    reasons = {o.key.name: (str(o.status), o.reason) for o in result.outcomes}
    assert reasons["fine"][0] == "done"
    assert reasons["huge"][0] == "failed"


def test_no_secret_is_in_what_an_invalid_secret_is_answered_with(shop: Shop) -> None:
    body = secret("keys", password="correct horse battery staple")
    body["data"] = {"bad key!": "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="}
    shop.declare(body)
    result = shop.reconcile()
    assert outcomes(result)["Secret"][0] == "failed"
    text = repr(result) + result.text() + str(shop.plan().to_json())
    assert "correct horse" not in text
    assert "Y29ycmVjdC" not in text


def test_a_schema_that_changes_has_every_object_of_it_compared_anew(shop: Shop) -> None:
    """A new default can make another object of the same declaration, without touching it."""
    shop.options = Options(health_timeout=20.0)
    shop.converge(definition(shop), tab(shop), config("settings"))
    assert shop.reconcile().status == "in-sync"
    api, name = shop.cluster.api(), f"{plural(shop)}.{GROUP}"
    before = index_entry(api)
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    found = api.get(path).expect(200).body
    found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["note"] = {"type": "string"}
    api.put(path, found).expect(200)
    wait_until(lambda: index_entry(api) != before)
    other = shop.another("shop")
    other.declare(*shop.bodies)
    wait_until(lambda: other.reconcile().ok, seconds=30.0)  # the server takes the repaired definition in while we look
    bodies = [path for method, path, _ in other.requests.paths if path.endswith(f"/{plural(shop)}/first")]
    assert bodies, "the object was not looked at although its schema is another one"


def index_entry(api: Any) -> str:
    return str(json.loads(api.text("/openapi/v3"))["paths"].get(f"apis/{GROUP}/v1"))
