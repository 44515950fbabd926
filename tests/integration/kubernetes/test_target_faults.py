"""What goes wrong between the target and an API server in this process: watches, discovery, narrow roles, secrets in every error."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from typing import Any

import pytest
from shops import OWNER, Shop, config, deployment, secret, service

from gitops_core import Application, Options, plan, reconcile
from gitops_core.engine.following import Following
from gitops_core.engine.runtime import Runtime
from gitops_core.engine.sinks import ListSink
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.faults.kinds import Corrupt, Fail
from gitops_core.testing.faults.plan import FaultPlan
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster
from gitops_core.testing.kubernetes.faults import unavailable
from gitops_core.testing.worlds import OPEN
from servers import FakeServer

PATIENCE = 20.0  # seconds; nobody waits that long unless something is broken
GROUP = "rbac.authorization.k8s.io"


def make(cluster: FakeCluster, path: str, body: dict[str, Any]) -> None:
    status, answer = cluster.request("POST", path, body)
    assert status == 201, answer


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    from gitops_core.context import SystemClock

    with FakeCluster(ClusterSettings(clock=SystemClock(), rbac=True, users={"admin": ("system:masters",)})) as found:
        for name in ("shop", "depot"):
            make(found, "/api/v1/namespaces", {"metadata": {"name": name}})
        yield found


@pytest.fixture
def shop(cluster: FakeCluster) -> Shop:
    return Shop(cluster=FakeServer(cluster), namespace="shop")


def within(body: dict[str, Any], namespace: str) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}


# -- narrow roles ------------------------------------------------------------------------------------------------------------------


def test_many_objects_that_moved_in_two_namespaces_are_read_with_roles_for_these_two(cluster: FakeCluster, shop: Shop) -> None:
    """A list of all namespaces is denied: not only which objects there are, also their bodies are read namespace by namespace."""
    everything = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
    for namespace in ("shop", "depot"):
        root = f"/apis/{GROUP}/v1/namespaces/{namespace}"
        make(cluster, f"{root}/roles", {"metadata": {"name": "all"}, "rules": [everything]})
        reference = {"apiGroup": GROUP, "kind": "Role", "name": "all"}
        subjects = [{"apiGroup": GROUP, "kind": "User", "name": "deployer"}]
        make(cluster, f"{root}/rolebindings", {"metadata": {"name": "all"}, "roleRef": reference, "subjects": subjects})
    shop.user = "deployer"
    bodies = [within(config(f"c{i}"), namespace) for namespace in ("shop", "depot") for i in range(6)]
    shop.converge(*bodies)
    for body in bodies:
        place = f"/api/v1/namespaces/{body['metadata']['namespace']}/configmaps/{body['metadata']['name']}"
        status, _ = cluster.request(
            "PATCH", place, {"data": {"colour": "red"}}, headers={"content-type": "application/merge-patch+json"}
        )
        assert status == 200
    shop.requests.since()
    found = shop.plan()
    assert [(str(c.key.namespace), str(c.action), len(c.diff)) for c in found.changes] == [("depot", "update", 1)] * 6 + [
        ("shop", "update", 1)
    ] * 6
    assert shop.reconcile().ok
    assert shop.plan().is_empty


# -- discovery ---------------------------------------------------------------------------------------------------------------------


def test_a_server_whose_kinds_cannot_be_found_out_leaves_everything_as_it_is(cluster: FakeCluster, shop: Shop) -> None:
    shop.converge(config("settings"), config("dropped"), deployment("web"))
    shop.declare(config("settings", colour="blue"), deployment("web"))
    fresh = shop.another("shop", options=Options(wait=False, attempts=1))
    fresh.bodies = shop.bodies
    wire = FaultPlan([Fail(key="/api*", error=unavailable())])
    cluster.inject(wire)
    result = fresh.reconcile()
    assert wire.injected
    assert not result.ok
    cluster.inject(None)
    data = {name: shop.get("configmaps", name)["data"] for name in ("settings", "dropped")}
    assert data == {"settings": {"colour": "green"}, "dropped": {"colour": "green"}}
    assert {k.name for k in fresh.store.inventory(fresh.app.id).entries} == {"settings", "dropped", "web"}
    again = shop.another("shop")
    again.bodies = shop.bodies
    assert again.reconcile().ok
    assert shop.get("configmaps", "dropped") is None
    assert shop.get("configmaps", "settings")["data"] == {"colour": "blue"}


@pytest.mark.parametrize("verb", ["list", "get"])
def test_one_kind_that_cannot_be_read_is_not_pruned_and_the_others_go_on(cluster: FakeCluster, shop: Shop, verb: str) -> None:
    shop.options = Options(wait=False, attempts=1, handover=0.0)
    shop.converge(config("settings"), config("dropped"), deployment("web"), service("gone"))
    shop.declare(config("settings", colour="blue"))
    cluster.inject(FaultPlan([Fail(verb, key="deployments.apps/*", error=unavailable())]))
    result = shop.reconcile()
    cluster.inject(None)
    assert shop.get("services", "gone") is None
    assert shop.get("configmaps", "dropped") is None
    assert shop.get("configmaps", "settings")["data"] == {"colour": "blue"}
    if verb == "list":
        assert not result.ok
        assert shop.get("deployments", "web", "apps") is not None
        assert "web" in {key.name for key in shop.store.inventory(shop.app.id).entries}
    assert shop.reconcile().ok
    assert shop.get("deployments", "web", "apps") is None


# -- watches -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["cut", "compacted"])
def test_a_watch_that_is_cut_or_too_old_begins_again_and_nothing_is_missed(cluster: FakeCluster, shop: Shop, harm: str) -> None:
    shop.converge(config("settings"))
    found: queue.SimpleQueue[frozenset[Any]] = queue.SimpleQueue()
    cluster.inject(FaultPlan([Corrupt("watch", times=1)]) if harm == "cut" else None)
    with Following(shop.app, store=shop.store, on_change=found.put):
        assert found.get(timeout=PATIENCE)
        shop.edit("configmaps", "settings", {"data": {"colour": "red"}})
        if harm == "compacted":
            cluster.compact()
        assert found.get(timeout=PATIENCE)
        result = shop.reconcile()
        assert result.ok
        assert shop.get("configmaps", "settings")["data"] == {"colour": "green"}


# -- secrets -------------------------------------------------------------------------------------------------------------------------

CANARIES = {
    "declared": "canary-declared-3f9a", "drifted": "canary-drifted-81c2", "earlier": "canary-earlier-7b60", "theirs": "canary-theirs-d2e5",
}  # fmt: skip


def canary_forms() -> list[str]:
    from base64 import b64encode

    return [form for text in CANARIES.values() for form in (text, b64encode(text.encode()).decode())]


class Witness:
    """One application, with everything it ever said."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.sink = ListSink()
        self.store = MemoryStore()
        self.connection = cluster.connection()
        self.said: list[str] = []

    def pass_of(self, *bodies: dict[str, Any], **options: Any) -> Any:
        app = Application(
            name="shop", owner=OWNER, source=MemorySource({}), renderer=MemoryRenderer(bodies), guard=OPEN,
            target=KubernetesTarget(self.connection, KubernetesSettings(namespace="shop")),
            options=Options(wait=False, verify_timeout=1.0, memo_age=0.0, attempts=1, **options),
        )  # fmt: skip
        runtime = Runtime(sinks=(self.sink,))
        shown = plan(app, store=self.store, runtime=runtime)
        result = reconcile(app, store=self.store, runtime=runtime)
        entries = self.store.inventory(app.id)
        self.said += [str(shown), repr(shown), json.dumps(shown.to_json()), repr(result), str(result), repr(entries)]
        self.said += [repr(self.store.history(app.id)), repr(app), *map(repr, self.sink.events)]
        for failure in result.failures:
            self.said += [repr(failure), str(failure)]
        return result

    def check(self) -> None:
        everything = "\n".join(self.said)
        assert len(everything) > 1000
        assert [form for form in canary_forms() if form in everything] == []


def test_no_value_of_a_secret_gets_into_anything_that_is_said(cluster: FakeCluster) -> None:
    from base64 import b64encode

    path = "/api/v1/namespaces/shop/secrets"
    merge = {"content-type": "application/merge-patch+json"}
    drifted, declared = (b64encode(CANARIES[name].encode()).decode() for name in ("drifted", "declared"))
    witness = Witness(cluster)
    assert witness.pass_of(secret("keys", password=CANARIES["earlier"])).ok
    assert cluster.request("PATCH", f"{path}/keys", {"data": {"password": drifted}}, headers=merge)[0] == 200
    assert witness.pass_of(secret("keys", password=CANARIES["declared"])).ok
    assert cluster.request("GET", f"{path}/keys")[1]["data"] == {"password": declared}
    # as data, by another name, and gone again
    plain = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "data": {"token": declared}}
    assert witness.pass_of(plain).ok
    # invalid: the server repeats values in its refusals
    broken = {**plain, "data": {"token": f"%%{CANARIES['declared']}"}}
    assert not witness.pass_of(broken).ok
    assert not witness.pass_of({**plain, "type": 7}).ok
    assert not witness.pass_of({**plain, "data": {"bad key/": declared}}).ok
    # conflicting: another manager owns the field
    theirs = b64encode(CANARIES["theirs"].encode()).decode()
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "data": {"token": theirs}}
    apply = {"content-type": "application/apply-patch+yaml"}
    assert cluster.request("PATCH", f"{path}/keys?fieldManager=vault&force=true", body, headers=apply)[0] == 200
    witness.pass_of(plain)
    assert witness.pass_of(plain, conflicts="take").ok
    # refused by the server, in the middle of an answer, and pruned
    cluster.inject(FaultPlan([Corrupt("patch", times=1)]))
    witness.pass_of(secret("keys", password=CANARIES["earlier"]))
    cluster.inject(None)
    witness.pass_of(config("settings"))
    witness.check()
    witness.connection.close()
