"""Members on Leases of a cluster: the contract, permissions, and what the server says of what we write; the clock is virtual."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest

from gitops_core.coordination.kubernetes import KubernetesLeases, permissions
from gitops_core.errors import Denied, Disposition, StateUnavailable
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.identities import Credentials
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member
from gitops_core.testing.contexts import make_context
from gitops_core.testing.coordinator_contract import CoordinatorContract

OWNER = Owner("example.org", "engine")


@pytest.fixture
def connect(cluster, tmp_path):
    """Makes connections, which end with the test."""
    made = []

    def connect(user="admin"):
        made.append(Connection.from_kubeconfig(cluster.kubeconfig(tmp_path, user)))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


class TestKubernetesLeasesOnACluster(CoordinatorContract):
    """The same promises on either server. Who is silent is told by the members' own clocks, so a virtual one will do."""

    crowd = 12

    @pytest.fixture(autouse=True)
    def _connected(self, connect, ns):
        self.connect, self.ns, self.made = connect, ns, []

    def make_coordinator(self):
        self.made.append(KubernetesLeases(self.connect(), OWNER, self.ns))
        return self.made[-1]

    @contextmanager
    def unreachable(self):
        """Nobody listens at the address that they ask."""
        nowhere = Connection.explicit("http://127.0.0.1:9", credentials=Credentials())
        right = [coordinator._caller for coordinator in self.made]
        for coordinator in self.made:
            coordinator._caller = nowhere
        yield
        for coordinator, caller in zip(self.made, right, strict=True):
            coordinator._caller = caller
        nowhere.close()


def test_the_permissions_of_a_member_are_enough_and_needed(cluster, connect, ns):
    """Under exactly these rules members come, stay, are cleared away and leave."""
    coordinator, ctx = KubernetesLeases(connect("deployer"), OWNER, ns), make_context()
    with pytest.raises(Denied, match=r"permissions\(\)") as caught:
        coordinator.beat(ctx, Member("a"))
    assert caught.value.disposition is Disposition.STALL
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}"
    cluster.admin.post(f"{rbac}/roles", {"metadata": {"name": "members"}, "rules": permissions()}).expect(201)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "members"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "deployer"}
    binding = {"metadata": {"name": "members"}, "roleRef": role, "subjects": [subject]}
    cluster.admin.post(f"{rbac}/rolebindings", binding).expect(201)
    first_beat(coordinator, ctx)
    coordinator.beat(ctx, Member("b"))
    for _ in range(8):
        roster = coordinator.beat(ctx, Member("a")).roster
        ctx.clock.advance(coordinator.interval)
    assert roster.ids == ("a",)
    found = cluster.admin.get(f"/apis/coordination.k8s.io/v1/namespaces/{ns}/leases").expect(200).body["items"]
    assert len(found) == 2
    coordinator.leave(ctx, Member("a"))


def first_beat(coordinator, ctx):
    """A server takes a moment to see a new binding."""
    for _ in range(100):
        try:
            return coordinator.beat(ctx, Member("a"))
        except Denied:
            time.sleep(0.05)
    return coordinator.beat(ctx, Member("a"))


def test_a_namespace_without_leases_is_named(connect):
    with pytest.raises(StateUnavailable, match=r"leases nowhere-at-all/.*create the namespace"):
        KubernetesLeases(connect(), OWNER, "nowhere-at-all").beat(make_context(), Member("a"))
