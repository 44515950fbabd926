"""Several processes share one state file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from gitops_core.errors import StateLocked
from gitops_core.model.inventory import InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.sqlite import SqliteStore

APP = "example.org/demo/edge"

ADD_ENTRIES = """
import sys
from gitops_core.errors import StateConflict
from gitops_core.model.inventory import InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.sqlite import SqliteStore

path, me, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store, done, refused = SqliteStore(path), 0, 0
salt = store.salt()
sys.stdin.read(1)
while done < count:
    entry = InventoryEntry(ResourceKey("", "ConfigMap", me, str(done)))
    try:
        store.update_inventory("example.org/demo/edge", InventoryUpdate(put=(entry,)), serial=store.inventory("example.org/demo/edge").serial)
    except StateConflict:
        refused += 1
        continue
    done += 1
store.close()
print(salt.hex())
"""

HOLD_LOCK = """
import sys
from gitops_core.state.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
with store.exclusive("example.org/demo/edge", 10.0):
    store.salt()
    print("held", flush=True)
    sys.stdin.read(1)
store.close()
"""


def run(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_processes_that_write_at_once_lose_no_update_and_agree_on_the_salt(tmp_path):
    """Three processes make the file together, then add 100 entries each by compare-and-swap."""
    path = tmp_path / "new" / "state.sqlite3"
    processes = [run(ADD_ENTRIES, path, name, 100) for name in "abc"]
    salts = {process.communicate("x", timeout=120)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    with SqliteStore(path) as store:
        inventory = store.inventory(APP)
        assert {store.salt().hex()} == salts
    assert inventory.serial == 300
    assert inventory.entries.keys() == {ResourceKey("", "ConfigMap", name, str(i)) for name in "abc" for i in range(100)}


@pytest.mark.parametrize("end", ["released", "killed"])
def test_a_lock_of_another_process_keeps_us_out_until_it_lets_go_or_dies(tmp_path, end):
    holder = run(HOLD_LOCK, tmp_path / "s")
    assert holder.stdout.readline() == "held\n"
    with SqliteStore(tmp_path / "s") as store:
        with pytest.raises(StateLocked, match=f"{APP}: process {holder.pid} works on it"), store.exclusive(APP, 0.05):
            pass
        with store.exclusive("example.org/demo/other", 0.05):  # only that application is held
            entry = InventoryEntry(ResourceKey("", "ConfigMap", "", "site"))
            store.update_inventory("example.org/demo/other", InventoryUpdate(put=(entry,)), serial=0)
        if end == "killed":
            os.kill(holder.pid, signal.SIGKILL)
        holder.communicate("x", timeout=30)
        with store.exclusive(APP, 5.0):
            assert store.update_inventory(APP, InventoryUpdate(put=(entry,)), serial=0).serial == 1
    assert holder.returncode == (-signal.SIGKILL if end == "killed" else 0)
