"""The state store for engines on several machines that share a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

from gitops_core.errors import StateCorrupt
from gitops_core.interfaces import StateStore
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Holder, Inventory, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.postgres_api.sessions import Sessions
from gitops_core.state.postgres import records as tables
from gitops_core.state.postgres import schema
from gitops_core.state.postgres.inventories import Inventories
from gitops_core.state.postgres.locks import SessionLocks
from gitops_core.state.postgres.settings import PostgresSettings, address_of


class PostgresStore(StateStore):
    """
    State in one schema of a PostgreSQL database, version 14 or later.

    Connections are made at the first call, and again after :meth:`close`, after a fork and after the server was restarted, so a
    store can be made anywhere and kept for ever. Stores of one schema, in any number of processes, see each other's writes at once.
    Applications are held by advisory locks of sessions: an address of PgBouncer must pool sessions, not transactions.

    Args:
        conninfo: Where the database is, as libpq has it: ``host=db dbname=state`` or a URL; what it leaves out comes from libpq's
            own places (``PGHOST``, ``~/.pgpass``, a service file). Never shown: it may hold a password.
        settings: Schema, limits and times.

    Raises:
        ConfigError: *conninfo* is not a connection string. STALL.
        MissingExtra: psycopg is not installed; raised when this module is imported. STALL.

    Cost: an unchanged inventory is one SELECT of one round trip; a write two round trips, however many entries.
    """

    def __init__(self, conninfo: str, settings: PostgresSettings = PostgresSettings()) -> None:
        self.settings: Final = settings
        self._sessions = Sessions(address_of(conninfo, settings), schema.prepare, settings.connections)
        self._inventories = Inventories(self._sessions)
        self._locks = SessionLocks(self._sessions, settings.abandoned_after)

    def salt(self) -> bytes:
        """Return the salt that was made together with the schema."""
        found = tables.read_salt(self._sessions)
        if len(found) != schema.SALT_BYTES:
            raise StateCorrupt(
                f"{self._sessions.address.place}: its salt is gone; restore it from a backup, or name another schema"
            )
        return found

    def exclusive(self, application: str, timeout: float) -> AbstractContextManager[None]:
        """Keep other threads, processes and machines out, by an advisory lock; writes go through the session that has it."""
        return self._locks.hold(application, timeout)

    def inventory(self, application: str) -> Inventory:
        """Return the inventory; the same object as long as nobody changes it."""
        return self._inventories.read(application)

    def update_inventory(self, application: str, update: InventoryUpdate, *, serial: int) -> Inventory:
        """Apply *update* in one transaction, if nobody wrote since *serial*."""
        return self._inventories.update(application, update, serial)

    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> Mapping[ResourceKey, Holder]:
        """Return who else has each of *objects*. Cost: one or two round trips, about 5 us an object by index."""
        return self._inventories.holders(application, objects)

    def neighbours(self, application: str, scopes: Collection[str]) -> Sequence[str]:
        """Return the other applications that have an object in one of *scopes*. Cost: one scan of an index per scope."""
        return self._inventories.neighbours(application, scopes)

    def append_journal(self, application: str, records: Sequence[JournalRecord]) -> None:
        """Add *records* in one transaction."""
        if records:
            tables.append_journal(self._sessions, application, records, self.settings.journal_limit)

    def journal(self, application: str, key: ResourceKey | None = None, limit: int = 100) -> Sequence[JournalRecord]:
        """Return the newest records first."""
        return tables.read_journal(self._sessions, application, key, limit)

    def record_pass(self, application: str, record: PassRecord, *, keep: int) -> None:
        """Add *record*, or count it as a repetition."""
        tables.record_pass(self._sessions, application, record, keep)

    def history(self, application: str, limit: int = 20) -> Sequence[PassRecord]:
        """Return the newest passes first."""
        return tables.read_history(self._sessions, application, limit)

    def get_memo(self, space: str, key: str, *, not_before: float) -> bytes | None:
        """Return the value if it is young enough."""
        return tables.read_memo(self._sessions, space, key, not_before)

    def put_memo(self, space: str, key: str, value: bytes, *, now: float) -> None:
        """Remember *value*."""
        tables.write_memo(self._sessions, (space, key), value, now, self.settings.memo_limit)

    def applications(self) -> Sequence[str]:
        """Return every application that was ever written to, sorted."""
        return tables.all_applications(self._sessions)

    def forget(self, application: str) -> None:
        """Remove everything about *application*."""
        tables.forget(self._sessions, application)
        self._inventories.forget(application)

    def close(self) -> None:
        """End the connections, and with them what is held through them; the next call opens new ones."""
        self._sessions.close()
