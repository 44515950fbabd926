"""State in the cluster beside state in a file: requests, sizes, and what a change of one entry costs of what all of them cost."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.measuring import Report, Samples, Scale, Spent, fraction, measure, times
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.identities import Credentials
from gitops_core.kubernetes_api.requests import Request
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.model.applications import Owner
from gitops_core.model.history import PassRecord
from gitops_core.model.inventory import EntryState, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes import KubernetesStore
from gitops_core.state.sqlite import SqliteStore

APP, OWNER, NAMESPACE = "example.org/demo/edge", Owner("example.org", "engine"), "gitops-state"
CHANGES: Final = 200
ENTRIES: Final = 5  # times the documents of the other benchmarks: the limit that the store was made for
ONE: Final = 1 / 20
SERVERS: Final = Path(__file__).resolve().parents[1] / "tests" / "integration" / "kubernetes"


def run(scale: Scale) -> Report:
    """Write all entries, read them in another process' store, change some one by one, make quiet passes; on each server there is."""
    entries = [entry(number) for number in range(ENTRIES * scale.documents)]
    report = Report(f"State of {len(entries):,} entries in the cluster")
    for name, connecting in (("fake cluster", fake()), ("kube-apiserver", real())):
        with connecting as server:
            if server is None:
                report.notes.append(f"There was no {name} to measure on.")
                continue
            samples = Samples()
            for turn in range(scale.repetitions):
                episode, counts = story(server, entries, f"{NAMESPACE}-{turn}")
                samples.add(episode)
            add(report, name, samples, (counts, len(entries)))
    report.notes.append(
        "In one process with the fake cluster, whose work is in the times; the real server is another process on the same machine. "
        "Entries have ids and digests that cannot be packed, and 25 declared pointers in five shapes."
    )
    return report


def add(report: Report, name: str, samples: Samples, facts: tuple[dict[str, int], int]) -> None:
    """Write what was found on one server."""
    counts, documents = facts
    one = samples.ratio("change one", "write all", "wall") / CHANGES
    report.add(
        f"{name}: one change of {documents:,}, of the time that writing all took", fraction(one), fraction(ONE), is_met=one <= ONE
    )
    for what in ("write all", "read all", "change one"):
        report.add(f"{name}: {what}, against SQLite", times([samples.ratio(what, f"{what}, SQLite", "wall")]))
    quiet = counts["requests of a quiet pass"]
    report.add(f"{name}: requests of a quiet pass", str(quiet), "2", is_met=quiet <= 2)
    largest = counts["largest object, bytes"]
    report.add(f"{name}: largest object", f"{largest / 1024:.0f} KiB", "1,024 KiB", is_met=largest <= 1024 * 1024)
    report.counts.update({f"{name}, {what}": count for what, count in counts.items()})


def story(server: Server, entries: list[InventoryEntry], namespace: str) -> tuple[dict[str, Spent], dict[str, int]]:
    """Return what everything took, and what was counted."""
    server.make_namespace(namespace)
    stores = [KubernetesStore(server.connection, OWNER, namespace) for _ in range(2)]
    spent: dict[str, Spent] = {}
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as closing:
        files = [closing.enter_context(SqliteStore(Path(home) / "state.sqlite3")) for _ in range(2)]
        for suffix, (writer, reader) in (("", stores), (", SQLite", files)):
            server.requests = 0
            update = InventoryUpdate(put=tuple(entries))
            spent[f"write all{suffix}"], inventory = measure(lambda: writer.update_inventory(APP, update, serial=0))  # noqa: B023  # why: called before the next turn
            counts.setdefault("requests to write all", server.requests)
            spent[f"read all{suffix}"], found = measure(lambda: reader.inventory(APP))  # noqa: B023  # why: as above
            assert found == inventory
            server.requests = 0
            spent[f"change one{suffix}"], _ = measure(lambda: change(writer, inventory))  # noqa: B023  # why: as above
            counts.setdefault(f"requests for {CHANGES} changes", server.requests)
    server.requests = 0
    quiet_pass(stores[0])
    server.requests = 0
    quiet_pass(stores[0])
    counts["requests of a quiet pass"] = server.requests
    sizes = server.sizes(namespace)
    counts.update({"objects": len(sizes), "bytes": sum(sizes), "largest object, bytes": max(sizes)})
    stores[0].forget(APP)
    return spent, counts


def change(store: Any, inventory: Inventory) -> None:
    """Change some entries one by one, as a pass that finds drift does."""
    for key in list(inventory.entries)[:CHANGES]:
        update = InventoryUpdate(put=(attrs.evolve(inventory.entries[key], version="changed"),))
        inventory = store.update_inventory(APP, update, serial=inventory.serial)


def quiet_pass(store: Any) -> None:
    """Do what the engine does when nothing has changed."""
    with store.exclusive(APP, 0.0):
        store.inventory(APP)
        store.record_pass(APP, PassRecord("p", 1.0, 2.0, "r", "in_sync"), keep=20)


def entry(number: int) -> InventoryEntry:
    """An entry as an engine writes it."""
    told = [hashlib.sha256(f"{what} {number}".encode()).hexdigest() for what in ("id", "desired", "live")]
    key = ResourceKey("apps", "Deployment", f"team-{number % 50}", f"service-{number}")
    pointers = tuple(f"/spec/template/spec/field-{field}" for field in range(25 + number % 5))
    return InventoryEntry(
        key, EntryState.APPLIED, id=told[0][:32], desired=told[1], version=str(100_000 + 7 * number), live=told[2], declared=pointers,
        checked_at=1_700_000_000.0 + number, settled=True, scope="https://10.0.0.1:6443", path=f"apps/team-{number % 50}.yaml",
        revision="9" * 40,
    )  # fmt: skip


class Server:
    """An API server that is there, and how often it was asked."""

    def __init__(self, url: str, credentials: Credentials) -> None:
        self.requests = 0
        self.connection = Connection.explicit(url, credentials=credentials, settings=ConnectionSettings(on_request=self._count))

    def make_namespace(self, name: str) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.connection.request(Request("POST", "/api/v1/namespaces", body=body), 10)

    def sizes(self, namespace: str) -> list[int]:
        """Return the bytes that each ConfigMap of the store holds."""
        query = (("labelSelector", "example.org/state"),)
        found = self.connection.request(Request("GET", f"/api/v1/namespaces/{namespace}/configmaps", query), 60).body["items"]
        return [sum(len(text) * 3 // 4 for text in (item.get("binaryData") or {}).values()) for item in found]

    def _count(self, *_facts: object) -> None:
        self.requests += 1


@contextlib.contextmanager
def fake() -> Iterator[Server | None]:
    """The fake cluster, over loopback."""
    from gitops_core.testing.kubernetes import FakeCluster

    with FakeCluster() as cluster:
        server = Server(cluster.url, Credentials(token=cluster.token("admin")))
        yield server
        server.connection.close()


@contextlib.contextmanager
def real() -> Iterator[Server | None]:
    """The real server of the tests, if it can be had."""
    sys.path.insert(0, str(SERVERS))
    try:
        import real_server
    except ImportError:
        yield None
        return
    finally:
        sys.path.remove(str(SERVERS))
    with contextlib.ExitStack() as running:
        try:
            found = running.enter_context(real_server.start())
        except real_server.Unavailable:
            yield None
            return
        server = Server(found.url, Credentials(token=found.token("admin"), ca_file=found.ca_file))
        yield server
        server.connection.close()
