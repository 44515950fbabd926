"""Where a PostgreSQL server is, and connections to it with a limit on everything that could take for ever."""

from __future__ import annotations

import math
import os
import re
from typing import Any, Final, TypeAlias

import attrs

from gitops_core.errors import ConfigError
from gitops_core.postgres_api.driver import psycopg
from gitops_core.postgres_api.failures import READ_ONLY, translated

Connection: TypeAlias = psycopg.Connection[Any]
"""A connection whose rows are tuples."""

_SCHEMA: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_SHORTEST_CONNECT: Final = 2
"""Seconds. Source: libpq, connect_timeout: less than 2 seconds is 2 seconds."""
_PROBES: Final = 3


def refuse_odd_schema(schema: str) -> None:
    """Raise ConfigError (STALL) when *schema* is a name that needs quotes, or one of the server's own."""
    if not _SCHEMA.fullmatch(schema):
        raise ConfigError(
            f"schema {schema!r}: use at most 63 lower case letters, digits and _, not beginning with a digit or pg_"
        )


@attrs.frozen
class Address:
    """
    A schema in a database that can be opened.

    Attributes:
        conninfo: As libpq takes it: ``host=db dbname=gitops user=engine``, or a URL; what it says wins over the limits below. Never
            shown: it may hold a password.
        schema: Where names without a schema are looked for; it need not be there.
        name: What the server's list of sessions shows, with the process's number.
        timeout: Seconds that a statement, a lock, an open transaction without a statement, and silence on the wire may take.
        connect_timeout: Seconds that connecting may take; at least 2, as libpq has it.
        place: How messages call it: no password, no user.
    """

    conninfo: str = attrs.field(repr=False)
    schema: str
    name: str
    timeout: float
    connect_timeout: float
    place: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """
        Read *conninfo*; opens nothing.

        Raises:
            ConfigError: Not a connection string, or an odd schema. STALL.
        """
        refuse_odd_schema(self.schema)
        try:
            facts = psycopg.conninfo.conninfo_to_dict(self.conninfo)
        except psycopg.Error:
            raise ConfigError(  # without its cause: libpq quotes what it does not understand, perhaps a password
                "not a PostgreSQL connection string (it is not shown: it may hold a password); "
                "see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING"
            ) from None
        host = facts.get("host") or facts.get("hostaddr") or facts.get("service") or "the default host"
        place = f"PostgreSQL database {facts.get('dbname') or '(default)'} on {host}, schema {self.schema}"
        object.__setattr__(self, "place", place)

    def parameters(self) -> dict[str, Any]:
        """
        Return what libpq is given.

        A peer that has vanished is noticed after about five sixths of ``timeout``, but a few seconds at least: keep-alives count whole ones.
        """
        return {
            "keepalives": 1,
            **{name.removeprefix("tcp_"): value for name, value in self._keepalives().items()},
            "tcp_user_timeout": math.ceil(self.timeout * 1000),
            "application_name": f"{self.name} {os.getpid()}",
            "connect_timeout": max(_SHORTEST_CONNECT, math.ceil(self.connect_timeout)),
            **psycopg.conninfo.conninfo_to_dict(self.conninfo),
            "client_encoding": "UTF8",
        }

    def open(self) -> Connection:
        """
        Return a new connection in autocommit mode.

        Raises:
            StateUnavailable: No connection could be made; or a replica, which cannot be written. RETRY.
            ConfigError: The database's encoding is not UTF-8. STALL.

        Cost: what libpq needs, and one statement.
        """
        with translated(self.place):
            connection = psycopg.Connection.connect(**self.parameters(), autocommit=True)
            try:
                self._settle(connection)
            except BaseException:
                connection.close()
                raise
            return connection

    def _keepalives(self) -> dict[str, int]:
        """Return the names of the server's settings; libpq's are the same without ``tcp_``."""
        return {
            "tcp_keepalives_idle": max(1, round(self.timeout / 3)),
            "tcp_keepalives_interval": max(1, round(self.timeout / 6)),
            "tcp_keepalives_count": _PROBES,
        }

    def _settle(self, connection: Connection) -> None:
        milliseconds = str(math.ceil(self.timeout * 1000))
        wanted = {
            "search_path": self.schema,
            "statement_timeout": milliseconds,
            "lock_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
            "idle_session_timeout": "0",
            "synchronous_commit": "on",
            "default_transaction_isolation": "read committed",
            **{name: str(value) for name, value in self._keepalives().items()},
        }
        sets = ", ".join(["set_config(%s, %s, false)"] * len(wanted))
        values = [text for pair in wanted.items() for text in pair]
        sql = f"SELECT pg_is_in_recovery(), current_setting('server_encoding'), {sets}"  # why: constants only
        replica, encoding = (connection.execute(sql, values).fetchone() or (False, ""))[:2]
        if encoding != "UTF8":
            raise ConfigError(f"{self.place}: its encoding is {encoding}; create the database with ENCODING 'UTF8'")
        if replica:
            raise READ_ONLY.about(self.place, "it is in recovery")
