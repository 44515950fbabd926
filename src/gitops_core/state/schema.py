"""
The tables of the SQLite store and the steps from each version to the next.

A new file runs every step from the first: what was upgraded and what was created are the same by construction.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from gitops_core.errors import ConfigError, StateCorrupt
from gitops_core.state.shapes import shape_row

APPLICATION_ID: Final = 0x676F7073
"""``PRAGMA application_id`` of our files ("gops"): another program's database is never touched."""

SALT_BYTES: Final = 32

_VERSION_1: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE applications (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, serial INTEGER NOT NULL)",
    """CREATE TABLE entries (
        application INTEGER NOT NULL, api_group TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
        scope TEXT NOT NULL, state TEXT NOT NULL, facts TEXT NOT NULL,
        PRIMARY KEY (application, kind, namespace, name, api_group)) WITHOUT ROWID""",
    "CREATE INDEX entries_by_object ON entries (scope, kind, namespace, name, api_group) WHERE scope != ''",
    """CREATE TABLE intents (
        application INTEGER NOT NULL, api_group TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
        facts TEXT NOT NULL,
        PRIMARY KEY (application, kind, namespace, name, api_group)) WITHOUT ROWID""",
    """CREATE TABLE journal (
        application INTEGER NOT NULL, seq INTEGER NOT NULL,
        api_group TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, facts TEXT NOT NULL,
        PRIMARY KEY (application, seq)) WITHOUT ROWID""",
    "CREATE INDEX journal_by_object ON journal (application, kind, namespace, name, api_group, seq)",
    """CREATE TABLE passes (
        application INTEGER NOT NULL, seq INTEGER NOT NULL, facts TEXT NOT NULL,
        PRIMARY KEY (application, seq)) WITHOUT ROWID""",
    """CREATE TABLE memos (
        id INTEGER PRIMARY KEY, space TEXT NOT NULL, key TEXT NOT NULL, stored_at REAL NOT NULL, value BLOB NOT NULL,
        UNIQUE (space, key))""",
    "CREATE INDEX memos_by_age ON memos (stored_at, id)",
)


def _create(connection: sqlite3.Connection) -> None:
    for statement in _VERSION_1:
        connection.execute(statement)
    facts = [("salt", secrets.token_bytes(SALT_BYTES)), ("memo_bytes", 0)]
    connection.executemany("INSERT INTO meta VALUES (?, ?)", facts)


def _facts_of_entries(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield the key and the facts of every entry, read before the first is changed."""
    for *key, text in connection.execute("SELECT application, api_group, kind, namespace, name, facts FROM entries").fetchall():
        yield *key, json.loads(text)


def _share_declared(connection: sqlite3.Connection) -> None:
    """Declared pointers leave the entries, where thousands of objects repeated them, for a table of their own."""
    connection.execute("CREATE TABLE shapes (id BLOB PRIMARY KEY, pointers TEXT NOT NULL) WITHOUT ROWID")
    connection.execute("ALTER TABLE entries ADD COLUMN declared BLOB")
    for *key, facts in _facts_of_entries(connection):
        declared = facts.pop("declared", None)
        if not declared:
            continue
        shape, pointers = shape_row(declared)
        connection.execute("INSERT OR IGNORE INTO shapes VALUES (?, ?)", (shape, pointers))
        connection.execute(
            "UPDATE entries SET facts = ?, declared = ?"
            " WHERE application = ? AND api_group = ? AND kind = ? AND namespace = ? AND name = ?",
            (json.dumps(facts, separators=(",", ":")), shape, *key),
        )


def _part_ids(connection: sqlite3.Connection) -> None:
    """Ids leave the facts for a column: they come back by the hundred, and the rest of the row stays what it is."""
    connection.execute("ALTER TABLE entries ADD COLUMN id TEXT NOT NULL DEFAULT ''")
    for *key, facts in _facts_of_entries(connection):
        known = facts.pop("id", "")
        if known:
            connection.execute(
                "UPDATE entries SET facts = ?, id = ?"
                " WHERE application = ? AND api_group = ? AND kind = ? AND namespace = ? AND name = ?",
                (json.dumps(facts, separators=(",", ":")), known, *key),
            )


def _keep_orders(connection: sqlite3.Connection) -> None:
    """Beside its serial an application has the term it was written under, and what was ordered about it."""
    connection.execute("ALTER TABLE applications ADD COLUMN term INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE applications ADD COLUMN orders TEXT NOT NULL DEFAULT '{}'")


STEPS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (_create, _share_declared, _part_ids, _keep_orders)
"""``STEPS[n]`` makes version n + 1 of version n. Steps know rows, never model classes: those move on."""

VERSION: Final = len(STEPS)


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """
    Return the version of an open file, 0 for an empty one. Writes nothing.

    Raises:
        ConfigError: A database of another program. STALL.
        StateCorrupt: Written by a newer version of this library. STALL.
    """
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner != APPLICATION_ID and (owner or version or tables):
        raise ConfigError(f"state file {path}: a database of another program; name another file")
    if version > VERSION:
        raise StateCorrupt(
            f"state file {path}: written by a newer version (schema {version}, this one knows up to {VERSION}); "
            "upgrade gitops-core, or name another file; nothing was written"
        )
    return int(version)


def upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Bring an open file to :data:`VERSION`. The caller holds a write transaction: all steps happen, or none."""
    for number, step in enumerate(STEPS[version_of(connection, path) :], version_of(connection, path) + 1):
        step(connection)
        connection.execute(f"PRAGMA user_version = {number}")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
