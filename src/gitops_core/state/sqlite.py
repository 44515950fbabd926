"""
The embedded default: state in one SQLite file, shared by threads and processes, safe against ``kill -9``.

What is stored, where, and how durable it is: ``docs/reference/state.md``.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import attrs

from gitops_core.errors import ConfigError, StateCorrupt, StateUnavailable
from gitops_core.interfaces import StateStore
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Holder, Inventory, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state import records as tables
from gitops_core.state import schema
from gitops_core.state.database import Database, lock_directory
from gitops_core.state.failures import translated
from gitops_core.state.inventories import Inventories
from gitops_core.state.locks import ProcessLocks
from gitops_core.state.rules import JOURNAL_LIMIT, MEMO_LIMIT


def default_path() -> Path:
    """
    Return where state is kept when nobody says: ``$XDG_STATE_HOME/gitops_core/state.sqlite3``, else below ``~/.local/state``.

    Raises:
        ConfigError: This user has no home directory. STALL.

    Source: XDG Base Directory Specification 0.8; a relative ``XDG_STATE_HOME`` is ignored, as it says.
    """
    configured = Path(os.environ.get("XDG_STATE_HOME", ""))
    try:
        base = configured if configured.is_absolute() else Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise ConfigError("this user has no home directory for the state file; set XDG_STATE_HOME, or name a path") from error
    return base / "gitops_core" / "state.sqlite3"


class SqliteStore(StateStore):
    """
    State in one file.

    The file is opened at the first call, and again after :meth:`close`, after a fork and after an error, so a store can be made
    anywhere and kept for ever. Two stores of one path, in one process or in several, see each other's writes at once.

    Args:
        path: The file; :func:`default_path` when left out. Made, with its directories, for this user only.
        durable: Wait for the disk at each write, so that state survives a power failure, too. Without it a write survives the
            death of the process, however it dies, but a power failure may take back the newest ones. About 1-10 ms a write.
        busy_timeout: Seconds to wait while another process writes.
        journal_limit: Journal records kept for each application.
        memo_limit: Bytes of memos kept; the oldest go first.

    Raises:
        ConfigError: *path* names no file. STALL.

    Cost: an unchanged inventory is one SELECT, about 15 us; loading one 13 us an entry, once; an update 15 to 50 us a changed entry.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        durable: bool = False,
        busy_timeout: float = 10.0,
        journal_limit: int = JOURNAL_LIMIT,
        memo_limit: int = MEMO_LIMIT,
    ) -> None:
        if path is not None and os.fspath(path) in ("", ":memory:"):
            raise ConfigError("a state file needs a path; for state in memory use gitops_core.state.memory.MemoryStore")
        self.path: Final = Path(path).absolute() if path is not None else default_path()
        self._durable = durable
        self._busy_timeout = busy_timeout
        self._journal_limit = journal_limit
        self._memo_limit = memo_limit
        self._lock = threading.Lock()
        self._open: _Session | None = None
        self._locks = ProcessLocks(lock_directory(self.path))
        _STORES.add(self)

    def salt(self) -> bytes:
        """Return the salt that was made together with the file."""
        with self._session() as session:
            (found,) = session.database.connection.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone() or (b"",)
        if not isinstance(found, bytes) or len(found) != schema.SALT_BYTES:
            raise StateCorrupt(
                f"state file {self.path}: its salt is gone; move the file away, the next pass adopts what it finds"
            )
        return found

    def exclusive(self, application: str, timeout: float) -> AbstractContextManager[None]:
        """Keep other threads and processes out, by a lock file beside the state file that the kernel guards."""
        return self._locks.hold(application, timeout)

    def inventory(self, application: str) -> Inventory:
        """Return the inventory; the same object as long as nobody changes it."""
        with self._session() as session:
            return session.inventories.read(application)

    def update_inventory(self, application: str, update: InventoryUpdate, *, serial: int) -> Inventory:
        """Apply *update* in one transaction, if nobody wrote since *serial*."""
        with self._session() as session:
            return session.inventories.update(application, update, serial)

    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> Mapping[ResourceKey, Holder]:
        """Return who else has each of *objects*. Cost: about 5 us an object by index; nothing while there is no other application."""
        with self._session() as session:
            return session.inventories.holders(application, objects)

    def neighbours(self, application: str, scopes: Collection[str]) -> Sequence[str]:
        """Return the other applications that have an object in one of *scopes*. Cost: one scan of an index per scope."""
        with self._session() as session:
            return session.inventories.neighbours(application, scopes)

    def append_journal(self, application: str, records: Sequence[JournalRecord]) -> None:
        """Add *records* in one transaction."""
        if records:
            with self._session() as session:
                tables.append_journal(session.database, application, records, self._journal_limit)

    def journal(self, application: str, key: ResourceKey | None = None, limit: int = 100) -> Sequence[JournalRecord]:
        """Return the newest records first."""
        with self._session() as session:
            return tables.read_journal(session.database, application, key, limit)

    def record_pass(self, application: str, record: PassRecord, *, keep: int) -> None:
        """Add *record*, or count it as a repetition."""
        with self._session() as session:
            tables.record_pass(session.database, application, record, keep)

    def history(self, application: str, limit: int = 20) -> Sequence[PassRecord]:
        """Return the newest passes first."""
        with self._session() as session:
            return tables.read_history(session.database, application, limit)

    def get_memo(self, space: str, key: str, *, not_before: float) -> bytes | None:
        """Return the value if it is young enough."""
        with self._session() as session:
            return tables.read_memo(session.database, space, key, not_before)

    def put_memo(self, space: str, key: str, value: bytes, *, now: float) -> None:
        """Remember *value*."""
        with self._session() as session:
            tables.write_memo(session.database, (space, key), value, now, self._memo_limit)

    def applications(self) -> Sequence[str]:
        """Return every application that was ever written to, sorted."""
        with self._session() as session:
            return tables.all_applications(session.database)

    def forget(self, application: str) -> None:
        """Remove everything about *application*; its lock file stays."""
        with self._session() as session:
            tables.forget(session.database, application)
            session.inventories.forget(application)

    def close(self) -> None:
        """Release the file; the next call opens it again."""
        with self._lock, translated(self.path):
            self._discard()

    @contextmanager
    def _session(self) -> Iterator[_Session]:
        """Lend the one connection to one thread for one call."""
        with self._lock, translated(self.path):
            try:
                session = self._open or self._connect()
                session.database.check_in_place()
                yield session
            except (sqlite3.Error, StateUnavailable, StateCorrupt) as error:
                if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                    self._discard()  # whatever it was, the next call starts from what is on disk
                raise

    def _connect(self) -> _Session:
        database = Database(self.path, durable=self._durable, busy_timeout=self._busy_timeout)
        self._open = _Session(database, Inventories(database))
        return self._open

    def _discard(self) -> None:
        session, self._open = self._open, None
        if session is not None:
            session.database.close()

    def _after_fork(self) -> None:
        """In a forked child: a connection must not cross a fork, not even to be closed (https://sqlite.org/howtocorrupt.html, 2.6)."""
        if self._open is not None:
            _ABANDONED.append(self._open)
        self._open = None
        self._lock = threading.Lock()  # perhaps held, by a thread that is not here
        self._locks.after_fork()


@attrs.frozen
class _Session:
    """One open file and what is known of it in memory."""

    database: Database
    inventories: Inventories


_STORES: Final[weakref.WeakSet[SqliteStore]] = weakref.WeakSet()
_ABANDONED: Final[list[_Session]] = []


def _after_fork() -> None:
    for store in _STORES:
        store._after_fork()  # noqa: SLF001  # why: the hook of this very class


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
