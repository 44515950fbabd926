"""What SQLite and the operating system throw, as errors of ours: one row for each condition."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from gitops_core.errors import ConfigError, GitOpsError, StateCorrupt, StateUnavailable

_MOVE_AWAY: Final = "stop every engine that uses it, move it and its -wal file away; the next pass adopts what it finds"


@attrs.frozen
class Failure:
    """
    What a foreign error means.

    Attributes:
        error: Which of ours.
        meaning: What is wrong, in words.
        cure: What to do about it.
    """

    error: type[GitOpsError]
    meaning: str
    cure: str

    def about(self, path: Path, detail: str) -> GitOpsError:
        """Return the error for the state file at *path*."""
        return self.error(f"state file {path}: {self.meaning} ({detail}); {self.cure}")


_FULL: Final = Failure(StateUnavailable, "no space is left", "free some, or raise the quota; nothing of this write was kept")
_READ_ONLY: Final = Failure(
    StateUnavailable, "not writable", "give this user write access to the file, to its -wal and -shm files, and to its directory"
)
_UNREACHABLE: Final = Failure(
    StateUnavailable, "cannot be opened", "check that its directory exists and that this user may use it"
)
_TOO_MANY: Final = Failure(StateUnavailable, "no more files can be opened", "raise the limit of open files")
_BROKEN_DISK: Final = Failure(StateUnavailable, "reading or writing failed", "check the disk and its file system")
_CORRUPT: Final = Failure(StateCorrupt, "not a readable state file", _MOVE_AWAY)
_OTHER: Final = Failure(StateUnavailable, "SQLite failed", "see the detail; tried again on the next pass")

SQLITE_FAILURES: Final = {
    sqlite3.SQLITE_BUSY: Failure(
        StateUnavailable, "another process keeps it locked", "end that process, or raise SqliteStore(busy_timeout=...)"
    ),
    sqlite3.SQLITE_LOCKED: Failure(StateUnavailable, "another connection keeps it locked", "tried again on the next pass"),
    sqlite3.SQLITE_NOMEM: Failure(StateUnavailable, "no memory is left", "free some"),
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _UNREACHABLE,
    sqlite3.SQLITE_IOERR: _BROKEN_DISK,
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: _CORRUPT,
    sqlite3.SQLITE_ERROR: Failure(StateCorrupt, "its tables are not those of its version", _MOVE_AWAY),
    sqlite3.SQLITE_CONSTRAINT: Failure(StateCorrupt, "its rows break their own rules", _MOVE_AWAY),
}
"""By primary result code. Source: https://sqlite.org/rescode.html."""

OS_FAILURES: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.ENOENT: _UNREACHABLE,
    errno.ENOTDIR: _UNREACHABLE,
    errno.EISDIR: Failure(ConfigError, "a directory", "name a file"),
    errno.EMFILE: _TOO_MANY,
    errno.ENFILE: _TOO_MANY,
    errno.EIO: _BROKEN_DISK,
}
"""By ``errno``."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what SQLite or the operating system throws in the block as an error of ours that names *path*."""
    try:
        yield
    except sqlite3.Error as error:
        raise of_sqlite(path, error) from error
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise OS_FAILURES.get(error.errno or 0, _BROKEN_DISK).about(path, detail) from error
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"state file {path}: a key or text is not valid Unicode ({error.reason}); SQLite stores UTF-8"
        ) from error


@contextmanager
def decoding(path: Path, table: str) -> Iterator[None]:
    """Raise StateCorrupt when a row of *table* is not what was written."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise _CORRUPT.about(path, f"a row of {table} does not decode: {type(error).__name__}") from error


def of_sqlite(path: Path, error: sqlite3.Error) -> GitOpsError:
    """Return the error for *error*. Python's own ones have no code: its OperationalError means text that is not UTF-8."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return (_CORRUPT if isinstance(error, sqlite3.OperationalError) else _OTHER).about(path, str(error))
    return SQLITE_FAILURES.get(code & 0xFF, _OTHER).about(path, getattr(error, "sqlite_errorname", str(code)))
