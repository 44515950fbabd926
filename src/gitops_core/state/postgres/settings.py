"""Which database, and how long anything may take."""

from __future__ import annotations

import math

import attrs

from gitops_core.errors import ConfigError
from gitops_core.postgres_api.addresses import Address, refuse_odd_schema
from gitops_core.state.rules import JOURNAL_LIMIT, MEMO_LIMIT


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
        refuse_odd_schema(self.schema)
        for name in ("connections", "connect_timeout", "timeout", "abandoned_after"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"PostgresSettings.{name} is {value!r}; give a number above 0")


def address_of(conninfo: str, settings: PostgresSettings) -> Address:
    """Return where the state is; raises ConfigError when *conninfo* is not a connection string. STALL."""
    return Address(conninfo, settings.schema, "gitops_core", settings.timeout, settings.connect_timeout)
