"""Many applications, one stream for each kind: what a controller pays for watching, and what it hears."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from shops import OWNER, Requests, Shop, config, deployment, new_namespace

from gitops_core.context import SystemClock
from gitops_core.interfaces import Query
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.contexts import make_context

PATIENCE = 30.0  # seconds; nobody waits that long unless something is broken


class Watch:
    """A controller's watch of some keys, in a thread of its own."""

    def __init__(self, target: KubernetesTarget, keys: Any) -> None:
        self.ctx = make_context(application="", owner=OWNER, clock=SystemClock(), cancel=threading.Event())
        self.told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, args=(target, Query(frozenset(keys))))
        self.thread.start()

    def _run(self, target: KubernetesTarget, query: Query) -> None:
        for item in target.watch(self.ctx, query):
            self.told.put(item)

    def hear(self, count: int) -> list[Any]:
        return [self.told.get(timeout=PATIENCE) for _ in range(count)]

    def until(self, is_it: Any) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            item = self.told.get(timeout=PATIENCE)
            if is_it(item):
                return item
        raise AssertionError("it was not told in time")

    def close(self) -> None:
        self.ctx.cancel.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def watching() -> Iterator[Any]:
    begun: list[Watch] = []

    def begin(target: KubernetesTarget, keys: Any) -> Watch:
        begun.append(Watch(target, keys))
        return begun[-1]

    yield begin
    for watch in begun:
        watch.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("watch ") and t.is_alive()]


@pytest.fixture
def first(cluster: Any) -> Shop:
    return Shop(cluster=cluster, namespace=new_namespace(cluster))


def keys_of(shop: Shop) -> set[ResourceKey]:
    return set(shop.store.inventory(shop.app.id).entries)


def neighbour(shop: Shop, name: str, namespace: str = "", *, own_target: bool = False) -> Shop:
    """Return another application that uses the same connection, through the same target or one of its own."""
    namespace = namespace or shop.namespace
    target = shop.target
    if own_target:
        target = KubernetesTarget(target._access.connection, KubernetesSettings(namespace=namespace))
    return attrs.evolve(shop, name=name, namespace=namespace, bodies=(), target=target)


def neighbours(first: Shop, count: int, *, own_target: bool) -> list[Shop]:
    """Return *count* applications, in three namespaces, each with an object of two kinds, converged and in sync."""
    spaces = [first.namespace, *(new_namespace(first.cluster) for _ in range(2 if count > 2 else 0))]
    shops = [neighbour(first, f"app-{n}", spaces[n % len(spaces)], own_target=own_target) for n in range(count)]
    for number, shop in enumerate(shops):
        shop.converge(*(placed(body, shop.namespace) for body in (config(f"settings-{number}"), deployment(f"web-{number}"))))
    first.requests.since()
    return shops


def placed(body: dict[str, Any], namespace: str) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "namespace": namespace}}


def quiet(shops: list[Shop], requests: Requests) -> dict[str, int]:
    """Return what a pass of each costs once each has looked again."""
    for shop in shops:
        for _ in range(2):
            assert shop.reconcile().status == "in-sync"
    requests.since()
    for shop in shops:
        assert shop.reconcile().status == "in-sync"
    return requests.since()


@pytest.mark.parametrize("count", [1, 10, pytest.param(100, marks=pytest.mark.slow)])
def test_any_number_of_applications_cost_one_stream_for_each_kind_and_their_quiet_passes_nothing(
    first: Shop, watching: Any, count: int
) -> None:
    shops = neighbours(first, count, own_target=False)
    watch = watching(first.target, set().union(*map(keys_of, shops)))
    assert {item.key for item in watch.hear(2 * count)} == set().union(*map(keys_of, shops))
    stands(first, kinds=2)
    assert quiet(shops, first.requests) == {}


@pytest.mark.parametrize("count", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_so_they_do_with_a_target_for_each_over_one_connection(first: Shop, watching: Any, count: int) -> None:
    shops = neighbours(first, count, own_target=True)
    everywhere = watching(shops[0].target, set().union(*map(keys_of, shops)))
    everywhere.hear(2 * count)
    stands(first, kinds=2)
    for shop in shops:
        watch = watching(shop.target, keys_of(shop))
        assert {item.key for item in watch.hear(2)} == keys_of(shop)
    assert first.requests.since() == {}, "what is watched already needs no stream of its own"
    assert quiet(shops, first.requests) == {}


def test_streams_of_single_namespaces_give_way_to_one_of_all(first: Shop, watching: Any) -> None:
    other = neighbour(first, "other", new_namespace(first.cluster), own_target=True)
    first.converge(config("settings"))
    other.converge(config("settings"))
    one = watching(first.target, keys_of(first))
    one.hear(1)
    stands(first, kinds=1)
    two = watching(other.target, keys_of(other))
    two.hear(1)
    one.hear(1)  # from who has taken the place of its own stream
    stands(first, kinds=1)
    deadline = time.monotonic() + PATIENCE
    while len([t for t in threading.enumerate() if t.name == "watch ConfigMap"]) > 1:
        assert time.monotonic() < deadline, "the stream that nobody needs goes on"
        time.sleep(0.05)
    for shop, watch in ((first, one), (other, two)):
        shop.edit("configmaps", "settings", {"data": {"colour": "red"}})
        assert watch.hear(1)[0].key in keys_of(shop)


def test_a_drift_is_told_once_for_all_and_only_its_application_has_work(first: Shop, watching: Any) -> None:
    shops = neighbours(first, 3, own_target=False)
    watch = watching(first.target, set().union(*map(keys_of, shops)))
    watch.hear(6)
    stands(first, kinds=2)
    assert quiet(shops, first.requests) == {}
    shops[1].edit("configmaps", "settings-1", {"data": {"colour": "red"}})
    [told] = watch.hear(1)
    assert (told.key.name, told.owner) == ("settings-1", shops[1].app.id)
    assert told.body["data"] == {"colour": "red"}
    first.requests.since()
    assert [shops[n].reconcile().status for n in (0, 2)] == ["in-sync"] * 2
    assert first.requests.since() == {}
    assert [str(c.key.name) for c in shops[1].reconcile().plan.changes] == ["settings-1"]
    assert first.requests.since().get("PATCH") == 1


@pytest.mark.parametrize("kind", ["labels", "annotations"])
def test_an_object_that_lost_its_mark_is_told_and_gets_it_back(first: Shop, watching: Any, kind: str) -> None:
    first.converge(config("settings"))
    watch = watching(first.target, keys_of(first))
    [there] = watch.hear(1)
    stands(first, kinds=1)
    assert quiet([first], first.requests) == {}
    mark = "example.org/owned-by" if kind == "labels" else "example.org/owner"
    first.edit("configmaps", "settings", {"metadata": {kind: {mark: None}}})
    [told] = watch.hear(1)
    assert told == there.key if kind == "labels" else told.owner == ""
    result = first.reconcile()
    assert [c.action for c in result.plan.changes] != [], "a quiet pass would have overlooked it"
    assert result.ok, result.text()
    assert mark in first.get("configmaps", "settings")["metadata"][kind]


def test_an_object_that_is_deleted_is_told_by_its_key_and_made_again(first: Shop, watching: Any) -> None:
    first.converge(config("settings"))
    watch = watching(first.target, keys_of(first))
    [there] = watch.hear(1)
    assert isinstance(there, Live)
    first.delete("configmaps", "settings")
    assert watch.hear(1) == [there.key]
    assert first.reconcile().ok
    assert watch.until(lambda item: isinstance(item, Live)).key == there.key


def test_who_may_not_look_at_all_namespaces_watches_each_by_itself(first: Shop, watching: Any) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "watcher"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "create", "patch"]}],
    }  # fmt: skip
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "watcher"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "watcher"},
        "subjects": [{"kind": "User", "name": "deployer", "apiGroup": "rbac.authorization.k8s.io"}],
    }  # fmt: skip
    ours = first.another("shop", user="deployer")
    other = neighbour(ours, "other", new_namespace(first.cluster), own_target=True)
    for shop in (first, neighbour(first, "other", other.namespace)):
        shop.apply_as("admin", "roles", role, "rbac.authorization.k8s.io")
        shop.apply_as("admin", "rolebindings", binding, "rbac.authorization.k8s.io")
    ours.converge(config("settings"))
    other.converge(config("settings"))
    watch = watching(ours.target, keys_of(ours) | keys_of(other))
    told = watch.hear(2)
    assert {item.key for item in told if isinstance(item, Live)} == keys_of(ours) | keys_of(other)
    other.edit("configmaps", "settings", {"data": {"colour": "red"}})
    assert watch.hear(1)[0].key in keys_of(other)


def test_a_kind_that_comes_later_is_watched_as_soon_as_the_server_has_it(first: Shop, watching: Any) -> None:
    group = "later.example.org"
    plural = f"late{first.namespace.replace('-', '')}s"
    key = ResourceKey(group, plural.capitalize(), first.namespace, "one")
    first.converge(config("settings"))
    watch = watching(first.target, {key} | keys_of(first))
    told = watch.hear(2)
    assert [item.kind for item in told if isinstance(item, Unreadable)] == [(group, key.kind)]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"plural": plural, "singular": plural, "kind": key.kind, "listKind": f"{key.kind}List"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }  # fmt: skip
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    first.cluster.api().post(path, definition).expect(201)
    try:
        assert watch.until(lambda item: item == key)
    finally:
        first.cluster.api().call("DELETE", f"{path}/{plural}.{group}")


def stands(shop: Shop, kinds: int) -> None:
    """Wait until each kind has been listed and is being watched from there on: two requests each, and no more; then count anew."""
    deadline = time.monotonic() + PATIENCE
    while shop.requests.counts["GET"] < 2 * kinds:
        assert time.monotonic() < deadline, "the watches do not stand"
        time.sleep(0.05)
    assert shop.requests.counts == {"GET": 2 * kinds}, shop.requests.paths
    shop.requests.since()
