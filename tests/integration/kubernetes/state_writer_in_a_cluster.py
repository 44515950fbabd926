"""
Writes state in a cluster until it is killed: what test_state_store.py starts.

Usage: ``state_writer_in_a_cluster.py KUBECONFIG NAMESPACE COUNT``. Says ``ack <serial>`` on standard output after each acknowledged
update, and ``end`` after COUNT of them. It works without the lease, by serials alone, so that several of them meet.
"""

from __future__ import annotations

import os
import sys

from gitops_core.errors import StateConflict
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.model.applications import Owner
from gitops_core.model.inventory import EntryState, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.kubernetes import KubernetesStore, inventories

APP, OWNER = "example.org/demo/edge", Owner("example.org", "engine")


def entry(writer: str, number: int) -> InventoryEntry:
    """What a writer writes as its update of that number."""
    return InventoryEntry(
        ResourceKey("", "ConfigMap", writer, str(number)), EntryState.APPLIED, scope="world", version=f"{number}" * 20
    )


def main() -> None:
    """Write, and try again at each conflict."""
    kubeconfig, namespace, count, writer = sys.argv[1:]
    inventories.TOP_CHARACTERS = 1_500  # a segment every few updates
    store = KubernetesStore(Connection.from_kubeconfig(kubeconfig), OWNER, namespace)
    done = 0
    while done < int(count):
        serial = store.inventory(APP).serial
        try:
            store.update_inventory(APP, InventoryUpdate(put=(entry(writer, done),)), serial=serial)
        except StateConflict:
            continue
        os.write(1, f"ack {done}\n".encode())
        done += 1
    os.write(1, b"end\n")


if __name__ == "__main__":
    main()
