"""
State in a PostgreSQL database, for engines on several machines that share one.

``store`` is what you import; ``settings`` says which database; ``locks`` takes applications, each in a session; ``schema`` makes the
tables; ``inventories`` and ``records`` read and write them. Sessions, and what the server's errors mean, are in ``postgres_api``.
"""

from gitops_core.state.postgres.settings import PostgresSettings
from gitops_core.state.postgres.store import PostgresStore

__all__ = ["PostgresSettings", "PostgresStore"]
