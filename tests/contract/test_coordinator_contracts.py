"""All coordinators keep the promises of the contract; on real servers in tests/integration/coordination."""

from contextlib import contextmanager

from gitops_core.coordination.kubernetes import KubernetesLeases
from gitops_core.coordination.local import LocalCoordinator
from gitops_core.errors import Transient
from gitops_core.model.applications import Owner
from gitops_core.testing.coordinator_contract import CoordinatorContract
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster
from gitops_core.testing.kubernetes.direct import DirectConnection


class TestLocalCoordinator(CoordinatorContract):
    def make_coordinator(self):
        if not hasattr(self, "coordinator"):
            self.coordinator = LocalCoordinator()
        return self.coordinator


class TestKubernetesLeases(CoordinatorContract):
    """On a FakeCluster without a socket: each member on a connection of its own."""

    def make_coordinator(self):
        if not hasattr(self, "cluster"):
            self.cluster, self.connections = FakeCluster(ClusterSettings(clock=self.clock)), []
        self.connections.append(DirectConnection(self.cluster))
        return KubernetesLeases(self.connections[-1], Owner("example.org", "engine"), "default")

    @contextmanager
    def unreachable(self):
        def fail(_request):
            raise Transient("the network is down")

        for connection in self.connections:
            connection.before = fail
        yield
        for connection in self.connections:
            connection.before = lambda _request: None
