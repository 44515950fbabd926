"""The Kubernetes target keeps the promises of the target contract: on the public contract alone, over a cluster in this process."""

import pytest

from gitops_core.model.values import thaw
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster
from gitops_core.testing.target_contract import Example, TargetContract


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
