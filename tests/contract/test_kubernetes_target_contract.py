"""The Kubernetes target keeps the promises of the target contract: on the public contract alone, over a cluster in this process."""

import contextlib
import threading

import pytest

from gitops_core.context import SystemClock
from gitops_core.interfaces import Query, TargetChange
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.model.values import freeze, thaw
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.contexts import make_context
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster
from gitops_core.testing.target_contract import Example, TargetContract

pytestmark = pytest.mark.slow


def config_map(data, namespace="shop", name="site"):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def service(port, name="site"):
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"ports": [{"name": "http", "port": port}], "selector": {"app": name}},
    }  # fmt: skip


class Wire:
    """A connection whose reads and writes are separate calls, so that the suite can stand in between."""

    def __init__(self, connection):
        self._connection = connection
        self.written = 0

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def request(self, request, timeout):
        return self.read(request, timeout) if request.method == "GET" or is_trial(request) else self.write(request, timeout)

    def read(self, request, timeout):
        return self._connection.request(request, timeout)

    def write(self, request, timeout):
        self.written += 1
        return self._connection.request(request, timeout)


def is_trial(request):
    return ("dryRun", "All") in request.query


class TestKubernetesTarget(TargetContract):
    text_pointer = "/data/text"
    undeclared = ("/data/theirs", "x")
    page_size = 20
    conditional_writes = False  # server-side apply asks who owns a field, not which version was seen

    @pytest.fixture(autouse=True)
    def _clusters(self):
        self.clusters = {}
        yield
        for cluster, _ in self.clusters.values():
            cluster.close()

    def make_target(self):
        cluster = FakeCluster(ClusterSettings(log_size=8)).__enter__()
        for name in ("shop", "prod"):
            cluster.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        wire = Wire(cluster.connection())
        target = KubernetesTarget(wire, KubernetesSettings(page=20))
        self.clusters[id(target)] = cluster, wire
        return target

    def examples(self):
        body = config_map({"a": "1", "b": "2", "text": "t"})
        edited = config_map({"a": "10", "b": "20", "text": "t"})
        reduced = config_map({"a": "1", "text": "t"})
        other = config_map({"a": "1"}, namespace="prod")
        return [
            Example(body, edited, reduced=reduced),
            Example(other, config_map({"a": "2"}, namespace="prod")),
            Example(service(80), service(81)),
        ]

    def external_edit(self, target, key, body):
        live = self.asked(target, "GET", key)
        metadata = {**live["metadata"], "managedFields": live["metadata"]["managedFields"]}
        self.asked(target, "PUT", key, {**live, **thaw(body), "metadata": metadata})

    def external_remove(self, target, key):
        self.asked(target, "DELETE", key)

    def asked(self, target, method, key, body=None):
        plural = {"ConfigMap": "configmaps", "Service": "services"}[key.kind]
        path = f"/api/v1/namespaces/{key.namespace}/{plural}/{key.name}?fieldManager=somebody"
        status, answer = self.clusters[id(target)][0].request(method, path, body)
        assert status == 200, answer
        return answer

    def api_reads(self, target):
        return [(self.clusters[id(target)][1], "read")]

    def api_writes(self, target):
        return [(self.clusters[id(target)][1], "write")]

    def writes(self, target):
        return self.clusters[id(target)][1].written

    # -- what only a target that watches promises ---------------------------------------------------------------------------
    @contextlib.contextmanager
    def watching(self, target, *names):
        """Make objects of ours called *names*, and watch them and one that is not there; stopped after the block."""
        ctx = context_of_a_watch()
        keys = [ResourceKey("", "ConfigMap", "shop", name) for name in (*names, "absent")]
        for name in names:
            target.create(ctx, change_of(config_map({"a": "1"}, name=name)))
        stream = target.watch(ctx, Query(frozenset(keys)))
        try:
            yield ctx, stream
        finally:
            ctx.cancel.set()
            stream.close()

    def test_a_watch_yields_what_is_there_and_what_is_not_then_what_changes_and_what_vanishes(self):
        target = self.make_target()
        with self.watching(target, "a", "b") as (_, stream):
            assert told(stream, 3) == {("a", Live), ("b", Live), ("absent", ResourceKey)}
            self.external_edit(target, key_of("a"), config_map({"a": "2"}, name="a"))
            assert told(stream, 1) == {("a", Live)}
            self.external_remove(target, key_of("b"))
            assert told(stream, 1) == {("b", ResourceKey)}

    def test_a_watch_that_is_stopped_ends_and_leaves_no_thread_behind(self):
        target = self.make_target()
        with self.watching(target, "a") as (ctx, stream):
            told(stream, 2)
            ctx.cancel.set()
            assert list(stream) == []
        assert [thread for thread in threading.enumerate() if thread.name == "watch ConfigMap"] == []

    def test_objects_in_two_namespaces_are_watched_together_or_apart(self):
        for scope in ("cluster", "namespace"):
            target = self.make_target()
            cluster, wire = self.clusters[id(target)]
            narrow = KubernetesTarget(wire, KubernetesSettings(scope=scope))
            ctx = context_of_a_watch()
            keys = frozenset(ResourceKey("", "ConfigMap", namespace, "x") for namespace in ("shop", "prod"))
            stream = narrow.watch(ctx, Query(keys))
            seen = {(next(stream).namespace) for _ in keys}
            assert seen == {"shop", "prod"}
            assert list(narrow.observe(ctx, Query(keys))) == []
            assert narrow.etag(ctx) is not None
            ctx.cancel.set()
            assert list(stream) == []
            assert narrow.etag(ctx) is None
            assert cluster.requests.count("list", "configmaps") == (1 if scope == "cluster" else 2)

    def test_a_kind_that_the_server_does_not_have_is_told_and_the_others_are_watched(self):
        target = self.make_target()
        ctx = context_of_a_watch()
        keys = frozenset({key_of("a"), ResourceKey("no.example.org", "Nothing", "shop", "x")})
        stream = target.watch(ctx, Query(keys))
        seen = [next(stream), next(stream)]
        ctx.cancel.set()
        stream.close()
        assert [u.kind for u in seen if isinstance(u, Unreadable)] == [("no.example.org", "Nothing")]
        assert key_of("a") in seen


def context_of_a_watch():
    """Real time, and an end to it: a watch that says nothing fails a test and does not hang it."""
    clock = SystemClock()
    return make_context(clock=clock, cancel=threading.Event(), deadline=clock.monotonic() + 20.0)


def key_of(name):
    return ResourceKey("", "ConfigMap", "shop", name)


def change_of(body):
    return TargetChange(key=key_of(body["metadata"]["name"]), action=Action.CREATE, desired=freeze(body))


def told(stream, count):
    """Return what the next *count* answers of a watch are about, and of which type they are."""
    found = [next(stream) for _ in range(count)]
    return {(item.key.name if isinstance(item, Live) else item.name, type(item)) for item in found}
