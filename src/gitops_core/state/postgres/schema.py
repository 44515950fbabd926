"""
The tables of the PostgreSQL store and the steps from each version to the next.

A new schema runs every step from the first: what was upgraded and what was created are the same by construction.
Long texts are never in an index, whose rows PostgreSQL limits to a third of a page: an object is found by the digest of its key.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from gitops_core.errors import ConfigError, StateCorrupt
from gitops_core.postgres_api.addresses import Address, Connection
from gitops_core.postgres_api.sessions import transaction

SALT_BYTES: Final = 32

_META: Final = ["version", "salt", "memo_bytes"]
_VERSION_1: Final = (
    "CREATE TABLE meta (version integer NOT NULL, salt bytea NOT NULL, memo_bytes bigint NOT NULL DEFAULT 0)",
    """CREATE TABLE applications (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE,
        serial bigint NOT NULL DEFAULT 0, term bigint NOT NULL DEFAULT 0, orders text NOT NULL DEFAULT '{}',
        journal_seq bigint NOT NULL DEFAULT 0) WITH (fillfactor = 70)""",
    """CREATE TABLE entries (
        application bigint NOT NULL, object bytea NOT NULL, world bytea,
        api_group text NOT NULL, kind text NOT NULL, namespace text NOT NULL, name text NOT NULL,
        scope text NOT NULL, state text NOT NULL, shape bytea, facts text NOT NULL,
        PRIMARY KEY (application, object))""",
    "CREATE INDEX entries_by_object ON entries (world, object) WHERE world IS NOT NULL",
    "CREATE TABLE shapes (application bigint NOT NULL, id bytea NOT NULL, pointers text NOT NULL, PRIMARY KEY (application, id))",
    """CREATE TABLE intents (
        application bigint NOT NULL, object bytea NOT NULL,
        api_group text NOT NULL, kind text NOT NULL, namespace text NOT NULL, name text NOT NULL, facts text NOT NULL,
        PRIMARY KEY (application, object))""",
    """CREATE TABLE journal (
        application bigint NOT NULL, seq bigint NOT NULL, object bytea NOT NULL,
        api_group text NOT NULL, kind text NOT NULL, namespace text NOT NULL, name text NOT NULL, facts text NOT NULL,
        PRIMARY KEY (application, seq))""",
    "CREATE INDEX journal_by_object ON journal (application, object, seq)",
    "CREATE TABLE passes (application bigint NOT NULL, seq bigint NOT NULL, facts text NOT NULL, PRIMARY KEY (application, seq))",
    """CREATE TABLE memos (
        id bytea PRIMARY KEY, seq bigint GENERATED ALWAYS AS IDENTITY, stored_at double precision NOT NULL,
        size bigint NOT NULL, value bytea NOT NULL)""",
    "CREATE INDEX memos_by_age ON memos (stored_at, seq)",
)


def digest(*texts: str) -> bytes:
    """Return the address of *texts* in an index: 16 bytes, different for different texts. Cost: about 1 us."""
    joined = "".join([f"{len(text)}:{text}" for text in texts])
    return hashlib.blake2b(joined.encode(), digest_size=16).digest()


def lock_number(schema: str, what: str) -> int:
    """Return the number of an advisory lock: 64 bits with a sign."""
    return int.from_bytes(hashlib.sha256(f"{schema}\0{what}".encode()).digest()[:8], signed=True)


def _create(connection: Connection) -> None:
    for statement in _VERSION_1:
        connection.execute(statement)
    connection.execute("INSERT INTO meta (version, salt) VALUES (0, %s)", (secrets.token_bytes(SALT_BYTES),))


STEPS: Final = (_create,)
"""``STEPS[n]`` makes version n + 1 of version n. Steps know rows, never model classes: those move on."""

VERSION: Final = len(STEPS)


def version_of(connection: Connection, address: Address) -> int:
    """
    Return the version of the schema, 0 where there is none. Writes nothing.

    Raises:
        ConfigError: The tables of another program. STALL.
        StateCorrupt: Written by a newer version of this library. STALL.

    Cost: one statement, two for a schema that is there.
    """
    sql = """SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                            WHERE n.nspname = %(schema)s AND c.relname = 'meta'),
                    EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %(schema)s),
                    (SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                     JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = %(schema)s AND c.relname = 'meta' AND a.attname = ANY(%(meta)s))"""
    found = connection.execute(sql, {"schema": address.schema, "meta": _META}).fetchone()
    ours, anything, columns = found or (False, False, 0)
    if anything and not (ours and columns == len(_META)):
        raise ConfigError(f"{address.place}: holds the tables of another program; name another schema")
    rows = connection.execute("SELECT version FROM meta").fetchall() if ours else [(0,)]
    if len(rows) != 1:
        raise StateCorrupt(f"{address.place}: its table meta has {len(rows)} rows instead of one; restore it from a backup")
    version = int(rows[0][0])
    if version > VERSION:
        raise StateCorrupt(
            f"{address.place}: written by a newer version (schema {version}, this one knows up to {VERSION}); "
            "upgrade gitops-core, or name another schema; nothing was written"
        )
    return version


def prepare(connection: Connection, address: Address) -> None:
    """Bring the schema to :data:`VERSION`, one process at a time: all steps happen, or none."""
    if version_of(connection, address) == VERSION:
        return
    schema = address.schema
    with transaction(connection, together=False):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number(schema, "upgrade"),))
        version = version_of(connection, address)
        if version == 0 and not connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone():
            connection.execute(f'CREATE SCHEMA "{schema}"')  # a name that needs no quotes, see PostgresSettings
        for number, step in enumerate(STEPS[version:], version + 1):
            step(connection)
            connection.execute("UPDATE meta SET version = %s", (number,))
