"""One session at a PostgreSQL server: opened when needed, opened anew when it broke or the process forked, bounded in all its waits."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import attrs
from attrs.validators import ge

from gitops_core.errors import ConfigError, MissingExtra
from gitops_core.postgres_api.failures import error_of

if TYPE_CHECKING:
    import psycopg

_SHORTEST_CONNECT: Final = 2
"""Source: libpq, connect_timeout: less than 2 seconds is 2 seconds."""


def driver() -> Any:
    """Return the module psycopg; raises MissingExtra without it. STALL."""
    try:
        import psycopg
    except ImportError as error:
        raise MissingExtra("PostgreSQL needs psycopg 3; install gitops-core[postgres]") from error
    return psycopg


@attrs.frozen
class Address:
    """
    Where a server is, and how long to wait for it.

    Attributes:
        conninfo: As libpq takes it: ``host=db dbname=gitops user=engine``, or a URL. Never shown: it may hold a password.
        timeout: Seconds that a statement, a lock, an open transaction without a statement, and silence on the wire may take.
    """

    conninfo: str = attrs.field(repr=False)
    timeout: float = attrs.field(default=5.0, validator=ge(0.1))

    def parameters(self) -> dict[str, Any]:
        """Return the parameters for libpq; raises ConfigError when *conninfo* cannot be read. STALL."""
        psycopg = driver()
        try:
            given = psycopg.conninfo.conninfo_to_dict(self.conninfo)
        except psycopg.ProgrammingError:
            # Not chained: the driver quotes what it could not read.
            raise ConfigError(
                "the connection string of PostgreSQL cannot be read; write it as 'host=... dbname=... user=...'"
            ) from None
        seconds = max(1, round(self.timeout))
        bounds = {"connect_timeout": max(_SHORTEST_CONNECT, seconds), "tcp_user_timeout": int(self.timeout * 1000),
            "keepalives_idle": seconds, "keepalives_interval": 1, "keepalives_count": 3}  # fmt: skip
        return {**bounds, **given}

    def place(self) -> str:
        """Return how messages call it: host and database."""
        known = self.parameters()
        return f"PostgreSQL at {known.get('host', 'the local socket')}, database {known.get('dbname', known.get('user', 'by default'))}"


class Session:
    """
    A session for one thread.

    Args:
        address: Where.
        name: What the server's list of sessions shows.
        schema: Where names without a schema are looked for.
    """

    def __init__(self, address: Address, name: str, schema: str) -> None:
        self.place = address.place()
        self._address = address
        self._name, self._schema = name, schema
        self._connection: psycopg.Connection[Any] | None = None
        self._process = 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[psycopg.Cursor[Any]]:
        """
        Yield a cursor inside of one transaction; it is committed at the end of the block, and rolled back when the block raises.

        Raises:
            GitOpsError: By the table of ``failures``. After one that broke the session the next call opens another.

        Cost: two round trips besides the statements; connecting comes on top the first time.
        """
        psycopg = driver()
        try:
            connection = self._opened()
            with connection.transaction(), connection.cursor() as cursor:
                yield cursor
        except psycopg.Error as error:
            if self._connection is not None and self._connection.broken:
                self.close()
            words = error.diag.message_primary or str(error)
            raise error_of(error.sqlstate, self.place, words) from error

    def _opened(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed or self._process != os.getpid():
            # What the process had before a fork belongs to its parent: it is left alone, not closed.
            parameters = {**self._address.parameters(), "application_name": self._name}
            connection = driver().connect(**parameters, autocommit=True)
            self._connection, self._process = connection, os.getpid()
            bound = f"{int(self._address.timeout * 1000)}ms"
            connection.execute(
                "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false), "
                "set_config('idle_in_transaction_session_timeout', %s, false), set_config('search_path', %s, false)",
                (bound, bound, bound, self._schema),
            )
        return self._connection

    def close(self) -> None:
        """End the session; a later transaction opens another. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None and self._process == os.getpid():
            connection.close()
