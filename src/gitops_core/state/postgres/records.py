"""Journal, history and memos in PostgreSQL: what is written once and read rarely."""

# ruff: noqa: S608  # why: only constants are pasted into SQL; every value is bound

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.resources import ResourceKey
from gitops_core.postgres_api.failures import decoding
from gitops_core.postgres_api.sessions import Sessions, transaction
from gitops_core.state.codec import Codec
from gitops_core.state.postgres.schema import digest
from gitops_core.state.rules import repetition

_RECORDS: Final = Codec(JournalRecord, apart=("key",))
_PASSES: Final = Codec(PassRecord)

_KEY: Final = "api_group, kind, namespace, name"
_BY_NAME: Final = "application = (SELECT id FROM applications WHERE name = %s)"
_JOURNAL_ROW: Final = """
    INSERT INTO applications AS a (name, journal_seq) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET journal_seq = a.journal_seq + excluded.journal_seq RETURNING id, journal_seq"""
_APPLICATION_ROW: Final = """
    INSERT INTO applications AS a (name) VALUES (%s) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id"""
_APPEND: Final = f"""
    INSERT INTO journal (application, seq, object, {_KEY}, facts)
    SELECT %s, new.* FROM unnest(%s::bigint[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) AS new"""
_PUT_RECORD: Final = """
    INSERT INTO passes (application, seq, facts) VALUES (%s, %s, %s)
    ON CONFLICT (application, seq) DO UPDATE SET facts = excluded.facts"""
_PUT_MEMO: Final = "INSERT INTO memos (id, stored_at, size, value) VALUES (%s, %s, %s, %s)"
_OLDEST: Final = """
    WITH aged AS (SELECT id, size, sum(size) OVER (ORDER BY stored_at, seq) - size AS before FROM memos),
         gone AS (DELETE FROM memos WHERE id IN (SELECT id FROM aged WHERE before < %s) RETURNING size)
    SELECT coalesce(sum(size), 0)::bigint FROM gone"""


def append_journal(sessions: Sessions, application: str, records: Sequence[JournalRecord], limit: int) -> None:
    """Add *records* and drop what is older than the newest *limit*. Cost: two round trips."""
    with sessions.lend(application) as connection, transaction(connection):
        row, last = connection.execute(_JOURNAL_ROW, (application, len(records))).fetchone() or (0, 0)
        first = last - len(records) + 1
        rows = [(seq, digest(*r.key), *r.key, _RECORDS.dump(r)) for seq, r in enumerate(records, first)]
        connection.execute(_APPEND, (row, *map(list, zip(*rows, strict=True))))
        connection.execute("DELETE FROM journal WHERE application = %s AND seq <= %s", (row, last - limit))


def read_journal(sessions: Sessions, application: str, key: ResourceKey | None, limit: int) -> tuple[JournalRecord, ...]:
    """Return the newest records first, by index."""
    of_key, values = ("", []) if key is None else (" AND object = %s", [digest(*key)])
    sql = f"SELECT {_KEY}, facts FROM journal WHERE {_BY_NAME}{of_key} ORDER BY seq DESC LIMIT %s"
    with sessions.lend(application) as connection:
        found = connection.execute(sql, (application, *values, max(limit, 0))).fetchall()
    with decoding(sessions.address.place, "journal"):
        return tuple(_RECORDS.load(facts, key=ResourceKey(*of)) for *of, facts in found)


def record_pass(sessions: Sessions, application: str, record: PassRecord, keep: int) -> None:
    """Add *record*, or count it as a repetition of the newest. Cost: two round trips."""
    with sessions.lend(application) as connection, transaction(connection):
        locked = connection.execute(_APPLICATION_ROW, (application,))
        newest = connection.execute(
            f"SELECT seq, facts FROM passes WHERE {_BY_NAME} ORDER BY seq DESC LIMIT 1", (application,)
        ).fetchone()
        (row,) = locked.fetchone() or (0,)
        seq, last = (newest[0], _pass(sessions, newest[1])) if newest else (0, None)
        repeated = repetition(last, record)
        seq = seq if repeated else seq + 1
        connection.execute(_PUT_RECORD, (row, seq, _PASSES.dump(repeated or record)))
        connection.execute("DELETE FROM passes WHERE application = %s AND seq <= %s", (row, seq - max(keep, 0)))


def read_history(sessions: Sessions, application: str, limit: int) -> tuple[PassRecord, ...]:
    """Return the newest passes first."""
    sql = f"SELECT facts FROM passes WHERE {_BY_NAME} ORDER BY seq DESC LIMIT %s"
    with sessions.lend(application) as connection:
        found = connection.execute(sql, (application, max(limit, 0))).fetchall()
    return tuple(_pass(sessions, facts) for (facts,) in found)


def _pass(sessions: Sessions, facts: str) -> PassRecord:
    with decoding(sessions.address.place, "passes"):
        return _PASSES.load(facts)


def read_memo(sessions: Sessions, space: str, key: str, not_before: float) -> bytes | None:
    """Return the value if it is young enough."""
    sql = "SELECT value FROM memos WHERE id = %s AND stored_at >= %s"
    with sessions.lend() as connection:
        found = connection.execute(sql, (digest(space, key), not_before)).fetchone()
    return bytes(found[0]) if found else None


def write_memo(sessions: Sessions, place: tuple[str, str], value: bytes, now: float, limit: int) -> None:
    """Remember *value* and drop the oldest memos beyond *limit* bytes in all; a value larger than that is not kept."""
    with sessions.lend() as connection, transaction(connection):
        locked = connection.execute("SELECT memo_bytes FROM meta FOR UPDATE")
        dropped = connection.execute("DELETE FROM memos WHERE id = %s RETURNING size", (digest(*place),)).fetchone()
        total = _number(locked.fetchone()) - _number(dropped)
        if len(value) <= limit:
            connection.execute(_PUT_MEMO, (digest(*place), now, len(value), value))
            total += len(value)
        if total > limit:
            total -= _number(connection.execute(_OLDEST, (total - limit,)).fetchone())
        connection.execute("UPDATE meta SET memo_bytes = %s", (total,))


def _number(row: tuple[int, ...] | None) -> int:
    return row[0] if row else 0


def all_applications(sessions: Sessions) -> tuple[str, ...]:
    """Return every application, sorted."""
    with sessions.lend() as connection:
        return tuple(name for (name,) in connection.execute("SELECT name FROM applications ORDER BY name"))


def forget(sessions: Sessions, application: str) -> None:
    """Remove every row about *application*."""
    with sessions.lend(application) as connection, transaction(connection):
        found = connection.execute("SELECT id FROM applications WHERE name = %s FOR UPDATE", (application,)).fetchone()
        for table in ("entries", "shapes", "intents", "journal", "passes") if found else ():
            connection.execute(f"DELETE FROM {table} WHERE application = %s", found)
        connection.execute("DELETE FROM applications WHERE id = %s", (found[0] if found else 0,))


def read_salt(sessions: Sessions) -> bytes:
    """Return the salt; empty when it is gone."""
    with sessions.lend() as connection:
        found = connection.execute("SELECT salt FROM meta").fetchone()
    return bytes(found[0]) if found else b""
