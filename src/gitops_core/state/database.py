"""One open SQLite file: made private, made ours, brought to the current schema, and watched for being moved away."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitops_core.errors import StateUnavailable
from gitops_core.state import schema
from gitops_core.state.locks import ProcessLocks, make_private

_WAL_BYTES = 16 * 1024 * 1024
_PAGE_BYTES = 8192  # so that the declared pointers of a common object, 2 KB, need no page of their own


class Database:
    """
    An open connection. Not safe between threads: its owner holds a lock.

    Args:
        path: The file; made, with its directories, for this user only.
        durable: Wait for the disk at each commit.
        busy_timeout: Seconds to wait for another process's write.
    """

    def __init__(self, path: Path, *, durable: bool, busy_timeout: float) -> None:
        self.path = path
        _make_file(path, busy_timeout)
        self.connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
        try:
            self._file = path.stat()
            self._prepare(durable, busy_timeout)
        except BaseException:
            self.connection.close()
            raise

    def _prepare(self, durable: bool, busy_timeout: float) -> None:
        execute = self.connection.execute
        with self.reading():  # in one view of the file: another process may be making it at this moment
            version = schema.version_of(self.connection, self.path)
        (mode,) = execute("PRAGMA journal_mode").fetchone()
        if version < schema.VERSION or mode != "wal":
            # One process at a time: the switch to WAL does not wait for other connections, it fails.
            with ProcessLocks(lock_directory(self.path)).hold("upgrade", busy_timeout):
                with self.reading():
                    schema.version_of(self.connection, self.path)
                execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # of a new file only
                execute("PRAGMA journal_mode = WAL")
                with self.writing():
                    schema.upgrade(self.connection, self.path)
        execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        execute("PRAGMA trusted_schema = OFF")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See one state of the file in several statements."""
        return self._transaction("BEGIN")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Change the file in several statements that all happen, or none."""
        return self._transaction("BEGIN IMMEDIATE")

    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        self.connection.execute(begin)
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # SQLite ends it by itself after some errors
                self.connection.execute("ROLLBACK")
            raise

    def check_in_place(self) -> None:
        """
        Make sure that what we write can be found again.

        Raises:
            StateUnavailable: The file was removed or replaced while it was open: writes would go nowhere. RETRY, on the file
                that is there then.
        """
        try:
            there = os.path.samestat(self.path.stat(), self._file)
        except FileNotFoundError:
            there = False
        if not there:
            raise StateUnavailable(f"state file {self.path}: removed or replaced while in use; opened anew on the next call")

    def close(self) -> None:
        """Release the file."""
        self.connection.close()


def lock_directory(path: Path) -> Path:
    """Return the directory of the lock files of the state file at *path*."""
    return path.with_name(path.name + ".locks")


def _make_file(path: Path, timeout: float) -> None:
    """
    Make the file and its missing directories, for this user only.

    Never opens a file that may be in use: closing it would drop the locks that SQLite holds on it in this process
    (https://sqlite.org/howtocorrupt.html, 2.2). So whoever finds the file missing or empty waits for its maker here.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and path.stat().st_size:
        return
    make_private(path.parent)
    with ProcessLocks(lock_directory(path)).hold("create", timeout):
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
