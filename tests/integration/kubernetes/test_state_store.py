"""State in the cluster, on a cluster: the store contract, permissions, several processes, kill -9, and 50,000 entries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest
from state_writer_in_a_cluster import APP, OWNER, entry

from gitops_core.errors import Disposition, StateLocked, StateUnavailable
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.requests import Request
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import InventoryUpdate
from gitops_core.state.kubernetes import KubernetesStore, StoreSettings, permissions
from gitops_core.state.kubernetes.names import digest
from gitops_core.testing.filled import filled
from gitops_core.testing.store_contract import PersistentStoreContract
from gitops_core.testing.store_examples import OTHER, SITE, many, owned, put

WRITER = Path(__file__).with_name("state_writer_in_a_cluster.py")


@pytest.fixture
def connect(cluster, tmp_path):
    """Makes connections, which end with the test; every request is noted."""
    made = []
    asked = []

    def connect(user="admin"):
        settings = ConnectionSettings(on_request=lambda method, path, seconds, status: asked.append(method))
        made.append(Connection.from_kubeconfig(cluster.kubeconfig(tmp_path, user), settings=settings))
        return made[-1]

    connect.asked = asked
    yield connect
    for connection in made:
        connection.close()


def in_the_cluster(connection, ns, **settings):
    return KubernetesStore(connection, OWNER, ns, settings=StoreSettings(**settings))


class TestKubernetesStoreOnACluster(PersistentStoreContract):
    """The same promises as every store's, on either server."""

    @pytest.fixture(autouse=True)
    def _connected(self, connect, ns):
        self.make_store = lambda: in_the_cluster(connect(), ns)

    def make_store(self):
        raise NotImplementedError

    def reopen(self, store):
        return self.make_store()


def test_a_quiet_pass_costs_two_requests(connect, ns):
    """Counted on the connection, where nothing can hide."""
    store = in_the_cluster(connect(), ns)
    for number in range(3):
        connect.asked.clear()
        with store.exclusive(APP, 0.0):
            store.salt()
            inventory = store.inventory(APP)
            if not number:
                store.update_inventory(APP, put(*many(500)), serial=inventory.serial)
            store.record_pass(APP, filled(PassRecord), keep=5)
    assert connect.asked == ["PATCH", "PATCH"]


@pytest.mark.slow
def test_two_processes_lose_no_update(cluster, connect, ns, tmp_path):
    """Each adds its entries one by one, by serial alone; all of them are there at the end."""
    writers = [start(cluster, ns, tmp_path, 25, name) for name in ("a", "b")]
    for writer in writers:
        assert writer.communicate(timeout=120)[0].splitlines()[-1] == "end"
    inventory = in_the_cluster(connect(), ns).inventory(APP)
    expected = {e.key: e for e in (entry(name, number) for name in ("a", "b") for number in range(25))}
    assert (dict(inventory.entries), inventory.serial) == (expected, 50)


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 4, 9, 15])
def test_a_process_killed_while_writing_loses_nothing_acknowledged(cluster, connect, ns, tmp_path, after):
    """What it had been told is stored is stored, and at most one update more; the next writer goes on and clears up."""
    writer = start(cluster, ns, tmp_path, 10_000, "a")
    lines = [writer.stdout.readline() for _ in range(after)]
    os.kill(writer.pid, signal.SIGKILL)
    with writer:  # read here and not by communicate(), which does not see what readline has buffered
        lines += writer.stdout.read().splitlines()
    acknowledged = len([line for line in lines if line.startswith("ack")])
    store = in_the_cluster(connect(), ns)
    inventory = store.inventory(APP)
    assert inventory.serial in (acknowledged, acknowledged + 1)
    assert dict(inventory.entries) == {e.key: e for e in (entry("a", n) for n in range(inventory.serial))}
    store.update_inventory(APP, put(*many(3_000)), serial=inventory.serial)
    found = cluster.admin.get(f"/api/v1/namespaces/{ns}/configmaps?labelSelector=example.org/state=inventory").expect(200)
    named = {segment.name for segment in store._inventories.known(APP).segments}
    assert {item["metadata"]["name"] for item in found.body["items"]} == named


def start(cluster, ns, directory, count, name):
    command = [sys.executable, str(WRITER), str(cluster.kubeconfig(directory)), ns, str(count), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_lease_of_another_machine_runs_out(connect, ns):
    """Nobody can tell a dead holder from one that sleeps; after its lease somebody else gets in."""
    first, second = (in_the_cluster(connect(), ns, lease=0.5) for _ in range(2))
    with first.exclusive(APP, 0.0):
        first.update_inventory(APP, put(owned(SITE)), serial=0)
        with pytest.raises(StateLocked):
            second.exclusive(APP, 0.1).__enter__()
        with second.exclusive(APP, 5.0):
            assert set(second.inventory(APP).entries) == {SITE}
            with pytest.raises(StateLocked, match="ran out"):
                first.update_inventory(APP, put(owned(SITE)), serial=1)


def test_the_permissions_are_enough_and_needed(cluster, connect, ns):
    """Under exactly these rules everything works; without them the error names the verb and the cure."""
    store = in_the_cluster(connect("deployer"), ns)
    with pytest.raises(StateUnavailable, match=r"permissions\(\)") as caught:
        store.salt()
    assert caught.value.disposition is Disposition.STALL
    assert "get" in str(caught.value)
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}"
    cluster.admin.post(f"{rbac}/roles", {"metadata": {"name": "state"}, "rules": permissions()}).expect(201)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "state"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "deployer"}
    binding = {"metadata": {"name": "state"}, "roleRef": role, "subjects": [subject]}
    cluster.admin.post(f"{rbac}/rolebindings", binding).expect(201)
    wait_until_allowed(store)
    with store.exclusive(APP, 0.0):
        store.update_inventory(APP, put(*many(3_000)), serial=0)
        store.append_journal(APP, [filled(JournalRecord)])
        store.record_pass(APP, filled(PassRecord), keep=1)
    store.put_memo("s", "k", b"v", now=1.0)
    assert store.holders(OTHER, [("world", many(1)[0].key)])
    store.forget(APP)
    assert (list(store.applications()), store.sweep()) == ([], 0)


def wait_until_allowed(store):
    """A server takes a moment to see a new binding."""
    for _ in range(100):
        try:
            store.salt()
        except StateUnavailable:
            time.sleep(0.05)
        else:
            return
    store.salt()


def test_a_namespace_that_is_not_there_is_named(connect):
    with pytest.raises(StateUnavailable, match=r"state in configmaps nowhere/.*create the namespace"):
        in_the_cluster(connect(), "nowhere").update_inventory(APP, put(owned(SITE)), serial=0)


def test_odd_names_of_applications_are_kept_apart(connect, ns):
    """Whatever an embedder calls its applications."""
    names = ["a/b", "a-b", "A/B", "Größe ☃", "x" * 300, "\ud800", ""]
    store = in_the_cluster(connect(), ns)
    for number, name in enumerate(names):
        store.update_inventory(name, put(owned(SITE, f"scope-{number}")), serial=0)
    twin = in_the_cluster(connect(), ns)
    assert list(twin.applications()) == sorted(names)
    assert [twin.inventory(name).entries[SITE].scope for name in names] == [f"scope-{n}" for n in range(len(names))]


@pytest.mark.slow
def test_fifty_thousand_entries(cluster, connect, ns):
    """They are stored whole, no object comes near the limit, and a change of one is one request."""
    store = in_the_cluster(connect(), ns)
    entries = tuple(attrs.evolve(e, id=digest("id", e.key.name), desired=digest(e.key.name)) for e in many(50_000))
    store.update_inventory(APP, put(*entries), serial=0)
    twin = in_the_cluster(connect(), ns)
    assert twin.inventory(APP) == store.inventory(APP)
    connect.asked.clear()
    twin.update_inventory(APP, InventoryUpdate(put=(attrs.evolve(entries[7], version="2"),)), serial=1)
    assert connect.asked == ["PATCH"]
    assert store.inventory(APP) == twin.inventory(APP)
    found = cluster.admin.get(f"/api/v1/namespaces/{ns}/configmaps").expect(200)
    sizes = [sum(map(len, item.get("binaryData", {}).values())) for item in found.body["items"]]
    assert max(sizes) < 300_000
    store.forget(APP)


def test_requests_of_the_store_carry_its_name(connect, ns):
    """Whoever looks at an object sees which field manager wrote it."""
    in_the_cluster(connect(), ns).update_inventory(APP, put(owned(SITE)), serial=0)
    found = connect().request(Request("GET", f"/api/v1/namespaces/{ns}/configmaps"), 10).body["items"]
    managers = {field["manager"] for item in found for field in item["metadata"].get("managedFields", [])}
    assert "engine-state" in managers
