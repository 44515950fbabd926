"""
Writes state and dies where it is told: what test_sqlite_crash.py drives.

Reads ``path cut`` lines. For each it forks a child that works on that state file, kills itself with SIGKILL at the *cut*-th
point (0: never), and says ``ack <serial>`` on standard output after each acknowledged update. A point is every SQL statement,
every operation on a lock file, and the moment between an update and its acknowledgement.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import signal
import sqlite3
import sys

from gitops_core.model.inventory import EntryState, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.sqlite import SqliteStore

APP = "example.org/demo/edge"


def update(serial: int) -> InventoryUpdate:
    """The update that is based on *serial*: a pure function, so that the parent knows what must be there."""
    keys = [ResourceKey("", "ConfigMap", "", f"c{(serial * 3 + i) % 10}") for i in range(4)]
    put = tuple(
        InventoryEntry(key, EntryState.APPLIED, version=str(serial), declared=(f"/{serial % 3}",), scope="w") for key in keys[:3]
    )
    return InventoryUpdate(put, (keys[3],), (Intent(keys[0], f"k{serial}"),), (keys[1],))


def inventory_at(serial: int) -> Inventory:
    """What is stored after *serial* updates."""
    inventory = Inventory(APP)
    for number in range(serial):
        inventory = update(number).apply_to(inventory)
    return inventory


def work(path: str, cut: int) -> None:
    """Write until killed; with a cut, four updates at most."""
    points = itertools.count(1)

    def point(*_args: object) -> None:
        if next(points) == cut:
            os.kill(os.getpid(), signal.SIGKILL)

    connect, flock = sqlite3.connect, fcntl.flock

    def traced_connect(*args, **options):
        connection = connect(*args, **options)
        connection.set_trace_callback(point)
        return connection

    def traced_flock(*args):
        point()
        flock(*args)
        point()

    sqlite3.connect, fcntl.flock = traced_connect, traced_flock
    store = SqliteStore(path)
    with store.exclusive(APP, 10.0):
        serial = store.inventory(APP).serial
        for _ in range(4) if cut else itertools.count():
            serial = store.update_inventory(APP, update(serial), serial=serial).serial
            point()
            os.write(1, f"ack {serial}\n".encode())
    store.close()


def main() -> None:
    for line in sys.stdin:
        path, cut = line.rsplit(" ", 1)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(path, int(cut))
                status = 0
            finally:
                os._exit(status)
        os.write(1, f"pid {child}\n".encode())
        os.write(1, f"end {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())


if __name__ == "__main__":
    main()
