"""Journal, history and memos in SQLite: what is written once and read rarely."""

# ruff: noqa: S608  # why: only constants are pasted into SQL; every value is bound

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final

from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.resources import ResourceKey
from gitops_core.state.codec import Codec
from gitops_core.state.database import Database
from gitops_core.state.failures import decoding
from gitops_core.state.inventories import application_row, sweep_shapes
from gitops_core.state.rules import repetition

_RECORDS: Final = Codec(JournalRecord, apart=("key",))
_PASSES: Final = Codec(PassRecord)

_KEY: Final = "api_group, kind, namespace, name"
_BY_NAME: Final = "application = (SELECT id FROM applications WHERE name = ?)"


def append_journal(database: Database, application: str, records: Sequence[JournalRecord], limit: int) -> None:
    """Add *records* and drop what is older than the newest *limit*."""
    with database.writing() as connection:
        row = application_row(connection, application)
        (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM journal WHERE application = ?", (row,)).fetchone()
        connection.executemany(
            f"INSERT INTO journal (application, seq, {_KEY}, facts) VALUES (?,?,?,?,?,?,?)",
            (
                (row, last + n, *r.key, facts)
                for n, (r, facts) in enumerate(zip(records, _RECORDS.dump_all(records), strict=True), 1)
            ),
        )
        connection.execute("DELETE FROM journal WHERE application = ? AND seq <= ?", (row, last + len(records) - limit))


def read_journal(database: Database, application: str, key: ResourceKey | None, limit: int) -> tuple[JournalRecord, ...]:
    """Return the newest records first, by index."""
    of_key = "" if key is None else " AND api_group = ? AND kind = ? AND namespace = ? AND name = ?"
    found = database.connection.execute(
        f"SELECT {_KEY}, facts FROM journal WHERE {_BY_NAME}{of_key} ORDER BY seq DESC LIMIT ?",
        (application, *(key or ()), max(limit, 0)),
    )
    with decoding(database.path, "journal"):
        return tuple(_RECORDS.load(facts, key=ResourceKey(*of)) for *of, facts in found)


def record_pass(database: Database, application: str, record: PassRecord, keep: int) -> None:
    """Add *record*, or count it as a repetition of the newest."""
    with database.writing() as connection:
        row = application_row(connection, application)
        newest = connection.execute(
            "SELECT seq, facts FROM passes WHERE application = ? ORDER BY seq DESC LIMIT 1", (row,)
        ).fetchone()
        seq, last = (newest[0], _pass(database, newest[1])) if newest else (0, None)
        repeated = repetition(last, record)
        seq = seq if repeated else seq + 1
        connection.execute("INSERT OR REPLACE INTO passes VALUES (?, ?, ?)", (row, seq, _PASSES.dump(repeated or record)))
        connection.execute("DELETE FROM passes WHERE application = ? AND seq <= ?", (row, seq - max(keep, 0)))


def read_history(database: Database, application: str, limit: int) -> tuple[PassRecord, ...]:
    """Return the newest passes first."""
    found = database.connection.execute(
        f"SELECT facts FROM passes WHERE {_BY_NAME} ORDER BY seq DESC LIMIT ?", (application, max(limit, 0))
    )
    return tuple(_pass(database, facts) for (facts,) in found)


def _pass(database: Database, facts: str) -> PassRecord:
    with decoding(database.path, "passes"):
        return _PASSES.load(facts)


def read_memo(database: Database, space: str, key: str, not_before: float) -> bytes | None:
    """Return the value if it is young enough."""
    found = database.connection.execute(
        "SELECT value FROM memos WHERE space = ? AND key = ? AND stored_at >= ?", (space, key, not_before)
    ).fetchone()
    return bytes(found[0]) if found else None


def write_memo(database: Database, place: tuple[str, str], value: bytes, now: float, limit: int) -> None:
    """Remember *value* and drop the oldest memos beyond *limit* bytes in all; a value larger than that is not kept."""
    with database.writing() as connection:
        total = _total(connection) - _drop(connection, "space = ? AND key = ?", place)
        if len(value) <= limit:
            connection.execute("INSERT INTO memos (space, key, stored_at, value) VALUES (?,?,?,?)", (*place, now, value))
            total += len(value)
        while total > limit:
            total -= _drop(connection, "id = (SELECT id FROM memos ORDER BY stored_at, id LIMIT 1)", ())
        connection.execute("UPDATE meta SET value = ? WHERE name = 'memo_bytes'", (total,))


def _total(connection: Connection) -> int:
    total: int = connection.execute("SELECT value FROM meta WHERE name = 'memo_bytes'").fetchone()[0]
    return total


def _drop(connection: Connection, which: str, values: tuple[Any, ...]) -> int:
    """Delete at most one memo and return its size."""
    found = connection.execute(f"SELECT id, length(value) FROM memos WHERE {which}", values).fetchone()
    if found is None:
        return 0
    connection.execute("DELETE FROM memos WHERE id = ?", (found[0],))
    return int(found[1])


def all_applications(database: Database) -> tuple[str, ...]:
    """Return every application, sorted."""
    return tuple(name for (name,) in database.connection.execute("SELECT name FROM applications ORDER BY name"))


def forget(database: Database, application: str) -> None:
    """Remove every row about *application*."""
    with database.writing() as connection:
        for table in ("entries", "intents", "journal", "passes"):
            connection.execute(f"DELETE FROM {table} WHERE {_BY_NAME}", (application,))
        connection.execute("DELETE FROM applications WHERE name = ?", (application,))
        sweep_shapes(connection)
