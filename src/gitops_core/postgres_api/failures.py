"""What psycopg and the server throw, as errors of ours: one row for each condition, by SQLSTATE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from gitops_core.errors import ConfigError, Disposition, GitOpsError, StateConflict, StateCorrupt, StateUnavailable
from gitops_core.postgres_api.driver import psycopg

_NEW_SCHEMA: Final = "name another schema, or rename this one away: its tables are made anew"


@attrs.frozen
class Failure:
    """
    What a foreign error means.

    Attributes:
        error: Which of ours.
        meaning: What is wrong, in words.
        cure: What to do about it.
        disposition: Where it is not the class's.
    """

    error: type[GitOpsError]
    meaning: str
    cure: str
    disposition: Disposition | None = None

    def about(self, place: str, detail: str) -> GitOpsError:
        """Return the error for the database *place*."""
        return self.error(f"{place}: {self.meaning} ({detail}); {self.cure}", disposition=self.disposition)


def _stalled(meaning: str, cure: str) -> Failure:
    return Failure(StateUnavailable, meaning, cure, Disposition.STALL)


_AGAIN: Final = "tried again by itself"
_GONE: Final = Failure(
    StateUnavailable,
    "the connection is gone or cannot be made",
    "check server, network, database, role and password; " + _AGAIN,
)
_CROSSED: Final = Failure(StateConflict, "another transaction crossed this one", "nothing of it was kept; " + _AGAIN)
_SPACE: Final = Failure(StateUnavailable, "the server has run out of something", "give it more; nothing of this write was kept")
_TABLES: Final = Failure(StateCorrupt, "its tables are not those of its version", _NEW_SCHEMA)
_ROWS: Final = Failure(StateCorrupt, "its rows break their own rules", _NEW_SCHEMA)
_BROKEN: Final = Failure(StateCorrupt, "the server finds its data damaged", "restore it from a backup, or " + _NEW_SCHEMA)
_STOPPING: Final = Failure(StateUnavailable, "the server stops, starts, or ended our session", _AGAIN)
_OTHER: Final = Failure(StateUnavailable, "PostgreSQL failed", "see the server's log; " + _AGAIN)

READ_ONLY: Final = Failure(
    StateUnavailable,
    "read-only: a replica, or set so",
    "name the primary, or several hosts with target_session_attrs=read-write; " + _AGAIN,
)
"""
RETRY: a failover ends this condition without anybody's change, when the address leads to the new primary or the replica is promoted.
The session is given up, so that the next call asks the address anew.
"""

SQLSTATES: Final = {
    "08": _GONE,
    "22": Failure(ConfigError, "a key or text that PostgreSQL cannot store", "it holds no NUL character in a text"),
    "23": _ROWS,
    "25006": READ_ONLY,
    "25P03": _STOPPING,
    "25P04": _STOPPING,
    "28": _stalled("the server does not let us in", "check role, password and pg_hba.conf"),
    "3D000": _stalled("there is no such database", "create it, or name another"),
    "3F000": _TABLES,
    "40001": _CROSSED,
    "40P01": _CROSSED,
    "42501": _stalled("this role may not", "GRANT CREATE ON DATABASE to it, or make it the owner of the schema"),
    "42": _TABLES,
    "53": _SPACE,
    "53300": Failure(StateUnavailable, "too many connections", "raise max_connections, or open fewer; " + _AGAIN),
    "54": Failure(ConfigError, "a text is larger than PostgreSQL takes", "use a shorter one"),
    "55P03": Failure(StateUnavailable, "another session keeps a row locked", "end that session; " + _AGAIN),
    "57014": Failure(StateUnavailable, "a statement took too long", "raise the timeout, or look why; " + _AGAIN),
    "57": _STOPPING,
    "58": Failure(StateUnavailable, "the server's disk or file system failed", "check it; see the server's log"),
    "XX001": _BROKEN,
    "XX002": _BROKEN,
}
"""
By code, or else by class (the first two).

A right that is missing is StateUnavailable that stalls, not Denied: the engine takes every StateError for the store's, and every
TargetError, which Denied is, for the target's.

Source: PostgreSQL, "Appendix A. PostgreSQL Error Codes".
"""

_ENDS_SESSION: Final = ("08", "25006", "25P03", "25P04", "57P")


def of_psycopg(place: str, error: psycopg.Error) -> GitOpsError:
    """Return the error for *error*. What the server says is left to the cause: it may quote what it was given."""
    code = error.sqlstate
    if code is None:
        return _without_code(place, error)
    return SQLSTATES.get(code, SQLSTATES.get(code[:2], _OTHER)).about(place, f"SQLSTATE {code}")


def _without_code(place: str, error: psycopg.Error) -> GitOpsError:
    """What psycopg finds by itself has no code: text that does not fit is a DataError, the rest is about the connection."""
    if isinstance(error, psycopg.DataError):
        return SQLSTATES["22"].about(place, type(error).__name__)
    return (_GONE if isinstance(error, psycopg.OperationalError) else _OTHER).about(place, type(error).__name__)


def ends_session(error: BaseException) -> bool:
    """Tell whether the session is of no use after *error*, whatever libpq has noticed of it."""
    code = getattr(error, "sqlstate", None)
    return isinstance(error, psycopg.Error) and code is not None and code.startswith(_ENDS_SESSION)


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise what psycopg throws in the block as an error of ours that names *place*."""
    try:
        yield
    except psycopg.Error as error:
        raise of_psycopg(place, error) from error
    except UnicodeEncodeError as error:
        raise ConfigError(f"{place}: a key or text is not valid Unicode ({error.reason}); PostgreSQL stores UTF-8") from error


@contextmanager
def decoding(place: str, table: str) -> Iterator[None]:
    """Raise StateCorrupt when a row of *table* is not what was written."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise _ROWS.about(place, f"a row of {table} does not decode: {type(error).__name__}") from error
