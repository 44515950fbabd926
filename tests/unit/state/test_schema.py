"""A file of any known version is brought up to date; any other is refused and left as it is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gitops_core.errors import ConfigError, StateCorrupt
from gitops_core.model.inventory import EntryState, Holder, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state import schema, shapes
from gitops_core.state.sqlite import SqliteStore

SITE, WEB = ResourceKey("", "ConfigMap", "", "site"), ResourceKey("apps", "Deployment", "shop", "web")

VERSION_1 = (Path(__file__).parent / "version_1.sql").read_text()


def make(path, script):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


def ask(path, query):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def old(tmp_path):
    return make(tmp_path / "state.sqlite3", VERSION_1)


def test_everything_of_version_1_is_there_after_the_upgrade(old):
    bare, declared = ResourceKey("", "ConfigMap", "", "bare"), ("/data/a", "/kind")
    with SqliteStore(old) as store:
        assert store.inventory("a/b/c") == Inventory(
            "a/b/c",
            {
                SITE: InventoryEntry(SITE, EntryState.APPLIED, desired="d1", declared=declared, protected=True, scope="world"),
                WEB: InventoryEntry(WEB, EntryState.PLANNED, declared=declared, scope="world"),
                bare: InventoryEntry(bare, EntryState.DELETING),
            },
            {SITE: Intent(SITE, "k")},
            12,
        )
        assert store.salt() == bytes(range(32))
        assert [record.action for record in store.journal("a/b/c", SITE)] == ["create"]
        assert [record.status for record in store.history("a/b/c")] == ["in-sync"]
        assert store.get_memo("s", "k", not_before=5.0) == b"\x01\x02"
        assert store.holders("x", [("world", WEB)]) == {WEB: Holder("a/b/c", EntryState.PLANNED)}
        assert store.update_inventory("a/b/c", InventoryUpdate(drop=(SITE,)), serial=12).serial == 13


def test_the_upgrade_shares_equal_shapes(old):
    with SqliteStore(old) as store:
        store.salt()
    assert ask(old, "SELECT id, pointers FROM shapes") == [(shapes.shape_id(("/data/a", "/kind")), '["/data/a", "/kind"]')]
    assert [json.loads(facts) for (facts,) in ask(old, "SELECT facts FROM entries WHERE name = 'web'")] == [
        {"from_the_future": 1}
    ]


def test_the_upgrade_parts_ids_from_facts(old):
    make(old, """UPDATE entries SET facts = '{"id":"u-1","desired":"d1"}' WHERE name = 'site'""")
    with SqliteStore(old) as store:
        assert {key.name: (e.id, e.desired) for key, e in store.inventory("a/b/c").entries.items()} == {
            "site": ("u-1", "d1"), "web": ("", ""), "bare": ("", "")
        }  # fmt: skip
    assert ask(old, "SELECT name, id, facts FROM entries WHERE id != ''") == [("site", "u-1", '{"desired":"d1"}')]


def test_an_upgraded_file_has_the_tables_of_a_new_one(old, tmp_path):
    with SqliteStore(old) as store, SqliteStore(tmp_path / "new") as new:
        assert store.salt() != new.salt()
    wanted = "SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m, pragma_table_info(m.name) c ORDER BY 1, c.cid"
    assert ask(old, wanted) == ask(tmp_path / "new", wanted)
    assert ask(old, "PRAGMA user_version") == ask(tmp_path / "new", "PRAGMA user_version") == [(schema.VERSION,)]


def test_a_step_that_fails_undoes_all_of_them(old, monkeypatch):
    """Half an upgrade would be a file of no version at all."""

    def fail(connection):
        connection.execute("CREATE TABLE half_done (x)")
        raise sqlite3.OperationalError("power cut")

    before = ask(old, "SELECT * FROM sqlite_master")
    with monkeypatch.context() as patch, SqliteStore(old) as store:
        patch.setattr(schema, "STEPS", (*schema.STEPS, fail))
        patch.setattr(schema, "VERSION", len(schema.STEPS))
        with pytest.raises(StateCorrupt):
            store.salt()
    assert ask(old, "SELECT * FROM sqlite_master") == before
    assert ask(old, "PRAGMA user_version") == [(1,)]
    with SqliteStore(old) as store:
        assert store.inventory("a/b/c").serial == 12


def test_two_stores_that_upgrade_at_once_do_it_once(old):
    """Whoever waited for the other finds nothing left to do."""
    with SqliteStore(old) as first, SqliteStore(old) as second:
        assert first.inventory("a/b/c") == second.inventory("a/b/c")


@pytest.mark.parametrize("version", [schema.VERSION + 1, 999])
def test_a_newer_version_is_refused_and_not_touched(old, version):
    make(old, f"PRAGMA user_version = {version}")
    before = old.read_bytes()
    with SqliteStore(old) as store, pytest.raises(StateCorrupt, match=f"schema {version}.*upgrade gitops-core"):
        store.salt()
    assert old.read_bytes() == before


@pytest.mark.parametrize(
    "script", ["CREATE TABLE theirs (x)", "PRAGMA application_id = 42", "PRAGMA user_version = 2; CREATE TABLE theirs (x)"]
)
def test_another_programs_database_is_refused_and_not_touched(tmp_path, script):
    path = make(tmp_path / "theirs.db", script)
    before = path.read_bytes()
    with SqliteStore(path) as store, pytest.raises(ConfigError, match="another program"):
        store.update_inventory("a", InventoryUpdate(), serial=0)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_state_file(tmp_path):
    (tmp_path / "state").touch()
    with SqliteStore(tmp_path / "state") as store:
        assert len(store.salt()) == 32
