"""Which database, and how long anything may take."""

from __future__ import annotations

import math
import os
import re
from typing import Any, Final

import attrs

from gitops_core.errors import ConfigError, Disposition, StateUnavailable
from gitops_core.state.postgres.driver import psycopg
from gitops_core.state.postgres.failures import translated
from gitops_core.state.rules import JOURNAL_LIMIT, MEMO_LIMIT

_SCHEMA: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_KEEPALIVE: Final = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


@attrs.frozen
class PostgresSettings:
    """
    How a :class:`~gitops_core.state.postgres.store.PostgresStore` uses its database.

    Attributes:
        schema: The schema that holds the tables; made when missing. One for each state: lower case letters, digits, ``_``.
        connections: Sessions opened at most; each is opened when needed.
        connect_timeout: Seconds to wait for a connection to be made; at least 2, as libpq has it.
        timeout: Seconds that a statement may take, a row may be locked by others, and a session may be waited for.
        abandoned_after: Seconds without a word from the session that holds an application, after which who waits for it may end
            that session: a process that was stopped, not killed, holds nothing up for longer.
        journal_limit: Journal records kept for each application.
        memo_limit: Bytes of memos kept; the oldest go first.

    Raises:
        ConfigError: A number that makes no sense, or a schema name that would need quotes. STALL.
    """

    schema: str = "gitops_core"
    connections: int = 4
    connect_timeout: float = 10.0
    timeout: float = 30.0
    abandoned_after: float = 300.0
    journal_limit: int = JOURNAL_LIMIT
    memo_limit: int = MEMO_LIMIT

    def __attrs_post_init__(self) -> None:
        if not _SCHEMA.fullmatch(self.schema):
            raise ConfigError(f"schema {self.schema!r}: use lower case letters, digits and _, not beginning with a digit or pg_")
        for name in ("connections", "connect_timeout", "timeout", "abandoned_after"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"PostgresSettings.{name} is {value!r}; give a number above 0")


@attrs.frozen
class Database:
    """
    A database that can be opened.

    Attributes:
        conninfo: As libpq has it; never shown.
        settings: How to use it.
        place: How messages call it: no password, no user.
    """

    conninfo: str = attrs.field(repr=False)
    settings: PostgresSettings
    place: str

    @classmethod
    def of(cls, conninfo: str, settings: PostgresSettings) -> Database:
        """
        Return the database of *conninfo*.

        Raises:
            ConfigError: Not a connection string. STALL.
        """
        try:
            facts = psycopg.conninfo.conninfo_to_dict(conninfo)
        except psycopg.Error:
            raise ConfigError(  # without its cause: libpq quotes what it does not understand, perhaps a password
                "not a PostgreSQL connection string (it is not shown: it may hold a password); "
                "see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING"
            ) from None
        host = facts.get("host") or facts.get("hostaddr") or facts.get("service") or "the default host"
        place = f"PostgreSQL database {facts.get('dbname') or '(default)'} on {host}, schema {settings.schema}"
        return cls(conninfo, settings, place)

    def open(self) -> psycopg.Connection[Any]:
        """
        Return a new connection, with a limit on everything that could take for ever.

        Raises:
            StateUnavailable: No connection could be made; or a replica, which cannot be written (STALL).
            ConfigError: The database's encoding is not UTF-8. STALL.

        Cost: what libpq needs, and one statement.
        """
        given = psycopg.conninfo.conninfo_to_dict(self.conninfo)
        limit = max(2, math.ceil(self.settings.connect_timeout))
        options: dict[str, Any] = {
            **_KEEPALIVE,
            "tcp_user_timeout": 30_000,
            "application_name": f"gitops_core {os.getpid()}",
            "connect_timeout": limit,
            **given,
            "client_encoding": "UTF8",
        }
        connection = psycopg.Connection.connect(**options, autocommit=True)
        try:
            self._settle(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _settle(self, connection: psycopg.Connection[Any]) -> None:
        milliseconds = str(math.ceil(self.settings.timeout * 1000))
        wanted = {
            "search_path": self.settings.schema,
            "statement_timeout": milliseconds,
            "lock_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
            "idle_session_timeout": "0",
            "synchronous_commit": "on",
            "default_transaction_isolation": "read committed",
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        }
        sets = ", ".join(["set_config(%s, %s, false)"] * len(wanted))
        values = [text for pair in wanted.items() for text in pair]
        sql = f"SELECT pg_is_in_recovery(), current_setting('server_encoding'), {sets}"  # why: constants only
        replica, encoding = (connection.execute(sql, values).fetchone() or (False, ""))[:2]
        if encoding != "UTF8":
            raise ConfigError(f"{self.place}: its encoding is {encoding}; create the database with ENCODING 'UTF8'")
        if replica:
            raise StateUnavailable(
                f"{self.place}: a replica, which cannot be written; name the primary, or several hosts with "
                "target_session_attrs=read-write",
                disposition=Disposition.STALL,
            )

    def opened(self) -> psycopg.Connection[Any]:
        """Return :meth:`open`'s connection, with foreign errors translated."""
        with translated(self.place):
            return self.open()
