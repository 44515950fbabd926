"""What SqliteStore does beyond the contract: what it writes, what it remembers, what it refuses."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import warnings
from contextlib import closing

import attrs
import pytest

from gitops_core.errors import ConfigError, StateCorrupt, StateUnavailable
from gitops_core.model.history import JournalRecord
from gitops_core.model.inventory import EntryState, Intent, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state import inventories, sqlite
from gitops_core.state.sqlite import SqliteStore
from gitops_core.testing.filled import filled

APP = "example.org/demo/edge"


def entry(number, **fields):
    return InventoryEntry(ResourceKey("", "ConfigMap", "", f"c{number}"), EntryState.APPLIED, scope="world", **fields)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.sqlite3"


@pytest.fixture
def store(path):
    with SqliteStore(path) as store:
        yield store


@pytest.fixture
def statements(store):
    """Every statement that the store's connection runs from here on."""
    store.salt()
    seen = []
    store._open.database.connection.set_trace_callback(seen.append)
    return seen


def ask(path, query):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_store_without_a_file_is_refused(path):
    with pytest.raises(ConfigError, match="MemoryStore"):
        SqliteStore(path)


def test_a_directory_is_refused(tmp_path):
    with SqliteStore(tmp_path) as store, pytest.raises(ConfigError, match="name a file"):
        store.salt()


def test_a_relative_path_means_the_same_file_wherever_the_process_goes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SqliteStore("s") as store:
        salt = store.salt()
        store.close()
        monkeypatch.chdir("/")
        assert store.salt() == salt


def test_an_unchanged_inventory_costs_one_select(store, statements):
    written = store.update_inventory(APP, InventoryUpdate(put=(entry(1),)), serial=0)
    statements.clear()
    assert store.inventory(APP) is written
    assert statements == [f"SELECT id, serial FROM applications WHERE name = '{APP}'"]


def test_an_update_writes_the_rows_that_differ_and_reads_none(store, statements):
    store.update_inventory(
        APP, InventoryUpdate(put=tuple(map(entry, range(50))), open_intents=(Intent(entry(1).key, "k"),)), serial=0
    )
    statements.clear()
    same = (entry(3), entry(4), entry(4, version="odd"), entry(4))
    update = InventoryUpdate(
        put=(*same, entry(5, version="2")), drop=(entry(6).key, entry(99).key), open_intents=(Intent(entry(1).key, "k"),)
    )
    store.update_inventory(APP, update, serial=1)
    verbs = [" ".join(text.split()[:4]).rstrip("(") for text in statements]
    assert verbs == [
        "BEGIN IMMEDIATE",
        "SELECT id, serial FROM",
        "UPDATE entries SET state",
        "DELETE FROM entries WHERE",
        "UPDATE applications SET serial",
        "COMMIT",
    ]


def test_an_id_that_comes_back_changes_one_column(path, store, statements):
    store.update_inventory(APP, InventoryUpdate(put=(entry(1), entry(2))), serial=0)
    statements.clear()
    after = store.update_inventory(APP, InventoryUpdate(put=(entry(1).with_id("u-1"), entry(2))), serial=1)
    assert [text.split(" WHERE")[0] for text in statements if "entries" in text] == ["UPDATE entries SET id = 'u-1'"]
    with SqliteStore(path) as other:
        assert other.inventory(APP) == after
    assert after.entries[entry(1).key].id == "u-1"


def test_an_object_in_another_world_is_found_there_and_no_longer_here(store):
    store.update_inventory(APP, InventoryUpdate(put=(entry(1),)), serial=0)
    store.update_inventory(APP, InventoryUpdate(put=(attrs.evolve(entry(1), scope="moon"),)), serial=1)
    assert store.holders("other", [("world", entry(1).key)]) == {}
    assert store.holders("other", [("moon", entry(1).key)]).keys() == {entry(1).key}


@pytest.mark.parametrize("change", [{"id": "u-1"}, {"version": "2"}])
def test_an_entry_that_somebody_took_out_of_the_file_is_missed(path, store, change):
    """A write that changes no row would be an object that nobody knows any more."""
    store.update_inventory(APP, InventoryUpdate(put=(entry(1),)), serial=0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM entries")
    with pytest.raises(StateUnavailable, match="entries are gone"):
        store.update_inventory(APP, InventoryUpdate(put=(attrs.evolve(entry(1), **change),)), serial=1)
    assert store.inventory(APP).entries == {}


def test_a_change_by_another_handle_is_read_again(path, store):
    store.update_inventory(APP, InventoryUpdate(put=(entry(1),)), serial=0)
    with SqliteStore(path) as other:
        after = other.update_inventory(APP, InventoryUpdate(put=(entry(2),)), serial=1)
    assert store.inventory(APP) == after
    assert store.update_inventory(APP, InventoryUpdate(drop=(entry(1).key,)), serial=2).entries.keys() == {entry(2).key}


def test_equal_shapes_are_one_row_and_one_object_in_memory(path, store):
    declared = [("/data/x", f"/data/{n}") for n in range(3)]
    entries = tuple(entry(i, declared=tuple(map(str, declared[i % 3]))) for i in range(300))
    written = store.update_inventory(APP, InventoryUpdate(put=entries), serial=0)
    with SqliteStore(path) as other:
        for inventory in (written, other.inventory(APP)):
            assert len({id(e.declared) for e in inventory.entries.values()}) == 3
    assert [json.loads(p) for (p,) in ask(path, "SELECT pointers FROM shapes ORDER BY pointers")] == [list(d) for d in declared]


def test_shapes_nobody_has_are_swept(path, store, monkeypatch):
    monkeypatch.setattr(inventories, "_SWEEP_EVERY", 3)
    for serial, name in enumerate("abcd"):
        store.update_inventory(APP, InventoryUpdate(put=(entry(1, declared=(f"/{name}",)),)), serial=serial)
    assert sorted(ask(path, "SELECT pointers FROM shapes")) == [('["/c"]',), ('["/d"]',)]
    store.update_inventory(APP, InventoryUpdate(put=(entry(1, declared=("/b",)),)), serial=4)
    with SqliteStore(path) as other:
        assert other.inventory(APP).entries[entry(1).key].declared == ("/b",)
    store.forget(APP)
    assert ask(path, "SELECT * FROM shapes") == []


def test_shapes_in_memory_are_bounded(store, monkeypatch):
    monkeypatch.setattr(inventories, "_SHAPES_IN_MEMORY", 5)
    entries = tuple(entry(i, declared=(f"/{i}",)) for i in range(20))
    inventory = store.update_inventory(APP, InventoryUpdate(put=entries), serial=0)
    for i in range(3):
        inventory = store.update_inventory(
            APP, InventoryUpdate(put=(entry(i, declared=("/n", str(i))),)), serial=inventory.serial
        )
    assert len(store._open.inventories._shapes) <= 6
    store.close()
    assert store.inventory(APP) == inventory


def test_holders_asks_by_index_in_batches(store, monkeypatch):
    monkeypatch.setattr(inventories, "_ASKED_AT_ONCE", 7)
    entries = tuple(map(entry, range(50)))
    store.update_inventory("other", InventoryUpdate(put=entries), serial=0)
    assert store.holders(APP, [("world", e.key) for e in entries]).keys() == {e.key for e in entries}
    connection = store._open.database.connection
    seen = []
    connection.set_trace_callback(seen.append)
    store.holders(APP, [("world", entries[0].key)])
    (query,) = (text for text in seen if "asked" in text)
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    assert "SEARCH e USING INDEX entries_by_object (scope=? AND kind=? AND namespace=? AND name=? AND api_group=?)" in plan


def test_the_only_application_has_no_neighbours_to_look_for(store, statements):
    store.update_inventory(APP, InventoryUpdate(put=tuple(map(entry, range(50)))), serial=0)
    statements.clear()
    assert store.holders(APP, [("world", entry(i).key) for i in range(50)]) == {}
    assert len(statements) == 3


def test_the_oldest_journal_records_go_first(path):
    with SqliteStore(path, journal_limit=3) as store:
        records = [attrs.evolve(filled(JournalRecord), time=float(i)) for i in range(8)]
        for batch in (records[:2], records[2:3], records[3:]):
            store.append_journal(APP, batch)
        store.append_journal("other", records[:1])
        assert list(store.journal(APP)) == records[:4:-1]
        assert list(store.journal("other")) == records[:1]


def test_the_oldest_memos_go_first_and_a_too_large_one_is_not_kept(path):
    with SqliteStore(path, memo_limit=10) as store:
        for number in (3, 1, 2):
            store.put_memo("s", str(number), b"four", now=float(number))
        store.put_memo("s", "2", b"x" * 11, now=9.0)
        assert [store.get_memo("s", str(n), not_before=0.0) for n in (1, 2, 3)] == [None, None, b"four"]
        store.put_memo("s", "0", b"", now=0.0)
        store.put_memo("s", "4", b"x" * 9, now=4.0)
    assert ask(path, "SELECT value FROM meta WHERE name = 'memo_bytes'") == [(9,)]
    assert ask(path, "SELECT key FROM memos") == [("4",)]


@pytest.mark.parametrize(("durable", "expected"), [(False, 1), (True, 2)])
def test_durable_waits_for_the_disk(path, durable, expected):
    """1 is NORMAL: the write-ahead log is synced when it is folded in; 2 is FULL: at each commit."""
    with SqliteStore(path, durable=durable) as store:
        store.salt()
        connection = store._open.database.connection
        assert connection.execute("PRAGMA synchronous").fetchone() == (expected,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_lost_its_log_mode_gets_it_back(path, store):
    """A copy made by VACUUM INTO is whole, but not in WAL mode."""
    store.update_inventory(APP, InventoryUpdate(put=(entry(1),)), serial=0)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(path.with_name("copy")),))
    assert ask(path.with_name("copy"), "PRAGMA journal_mode") == [("delete",)]
    with SqliteStore(path.with_name("copy")) as copy:
        assert copy.inventory(APP) == store.inventory(APP)
    assert ask(path.with_name("copy"), "PRAGMA journal_mode") == [("wal",)]


def test_what_a_fork_inherits_is_left_open_and_unused(store):
    """The hook that runs in a child, run here so that it can be looked at."""
    store.salt()
    inherited = store._open
    with store._lock:
        store._after_fork()
        assert store.salt()  # a lock of its own
    assert store._open is not inherited
    inherited.database.connection.execute("SELECT 1")  # not closed: that would be the parent's business
    sqlite._ABANDONED.remove(inherited)
    inherited.database.close()


def test_an_exception_in_the_middle_of_a_write_undoes_it(store, monkeypatch):
    store.update_inventory(APP, InventoryUpdate(put=(entry(1),)), serial=0)

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(inventories, "_write_intents", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.update_inventory(APP, InventoryUpdate(put=(entry(2),)), serial=1)
    assert store.inventory(APP).entries.keys() == {entry(1).key}
    assert store.update_inventory(APP, InventoryUpdate(put=(entry(3),)), serial=1).entries.keys() == {entry(1).key, entry(3).key}


def test_a_closed_store_opens_again(store):
    salt = store.salt()
    store.close()
    store.close()
    assert store.salt() == salt


@pytest.mark.parametrize(
    ("damage", "read"),
    [
        ("UPDATE entries SET facts = 'no json'", lambda s: s.inventory(APP)),
        ("UPDATE entries SET facts = '[]'", lambda s: s.inventory(APP)),
        ("UPDATE entries SET state = 'lost'", lambda s: s.inventory(APP)),
        ("UPDATE entries SET state = 'lost'", lambda s: s.holders("x", [("world", entry(1).key)])),
        ("UPDATE entries SET declared = x'00'", lambda s: s.inventory(APP)),
        ("UPDATE entries SET facts = CAST(x'ff' AS TEXT)", lambda s: s.inventory(APP)),
        ("UPDATE shapes SET pointers = '7'", lambda s: s.inventory(APP)),
        ("UPDATE intents SET facts = '{}'", lambda s: s.inventory(APP)),
        ("UPDATE journal SET facts = '{}'", lambda s: s.journal(APP)),
        ("UPDATE passes SET facts = 'x'", lambda s: s.history(APP)),
        ("UPDATE meta SET value = 1 WHERE name = 'salt'", lambda s: s.salt()),
        ("DELETE FROM meta", lambda s: s.salt()),
        ("DROP TABLE entries", lambda s: s.inventory(APP)),
        ("DROP TABLE memos", lambda s: s.get_memo("s", "k", not_before=0.0)),
    ],
)
def test_damaged_rows_are_corrupt_and_named(path, damage, read):
    from gitops_core.model.history import PassRecord

    with SqliteStore(path) as store:
        update = InventoryUpdate(put=(entry(1, declared=("/a",)),), open_intents=(Intent(entry(1).key, "k"),))
        store.update_inventory(APP, update, serial=0)
        store.append_journal(APP, [filled(JournalRecord)])
        store.record_pass(APP, filled(PassRecord), keep=2)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(damage)
    with SqliteStore(path) as store, pytest.raises(StateCorrupt, match=r"move .* away"):
        read(store)


def test_a_key_that_is_not_unicode_is_refused_by_rule(store):
    bad = InventoryEntry(ResourceKey("", "ConfigMap", "", "\ud800"))
    with pytest.raises(ConfigError, match="Unicode"):
        store.update_inventory(APP, InventoryUpdate(put=(bad,)), serial=0)
    assert store.inventory(APP).serial == 0


@pytest.mark.parametrize("replacement", [False, True])
def test_a_file_that_is_removed_or_replaced_while_open_is_noticed_before_anything_is_lost(path, store, replacement):
    store.update_inventory(APP, InventoryUpdate(put=(entry(1),)), serial=0)
    path.rename(path.with_name("moved"))
    if replacement:
        with SqliteStore(path) as other:
            other.update_inventory(APP, InventoryUpdate(put=(entry(2),)), serial=0)
    with pytest.raises(StateUnavailable, match="removed or replaced"):
        store.update_inventory(APP, InventoryUpdate(put=(entry(3),)), serial=1)
    assert store.inventory(APP).entries.keys() == ({entry(2).key} if replacement else set())


def test_many_threads_use_one_store(store):
    """Every thread writes an application of its own through one connection, and reads the others'."""
    failed = []

    def work(number):
        try:
            for serial in range(20):
                store.update_inventory(f"app-{number}", InventoryUpdate(put=(entry(serial),)), serial=serial)
                store.put_memo("s", f"{number}/{serial}", b"x", now=1.0)
                store.holders(f"app-{number}", [("world", entry(0).key)])
        except Exception as error:  # noqa: BLE001  # why: shown by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [len(store.inventory(name).entries) for name in store.applications()] == [20] * 6


def test_importing_the_store_loads_no_client():
    code = "import sys, gitops_core.state.default; print({'dulwich', 'kubernetes', 'yaml', 'tenacity', 'jsonpatch'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert out.strip() == "set()"


def test_a_forked_child_opens_a_connection_of_its_own_and_harms_nothing(path, store):
    """The child neither uses nor closes what it inherited: not the connection, not the lock, not a thread's half-held state."""
    store.update_inventory(APP, InventoryUpdate(put=(entry(1),)), serial=0)
    inherited = store._open
    store._lock.acquire()  # as if another thread were in the middle of a call while we fork
    with store.exclusive("held by the parent", 1.0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a test runner may have threads of its own
            child = os.fork()
        if child == 0:
            os._exit(_in_the_child(store, inherited))
        store._lock.release()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with (
            SqliteStore(path) as other,
            pytest.raises(Exception, match="held by the parent"),
            other.exclusive("held by the parent", 0.0),
        ):
            pass
    assert store.inventory(APP).entries.keys() == {entry(1).key, entry(2).key}


def _in_the_child(store, inherited):
    try:
        after = store.update_inventory(APP, InventoryUpdate(put=(entry(2),)), serial=1)
        with store.exclusive(APP, 1.0):
            return 0 if after.serial == 2 and store._open is not inherited else 1
    except BaseException:  # noqa: BLE001  # why: only the exit code crosses back
        return 2
