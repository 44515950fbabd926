"""
State in a PostgreSQL database, for engines on several machines that share one.

``store`` is what you import; ``settings`` says which database; ``sessions`` lends connections, and with them the locks that
``locks`` takes; ``schema`` makes the tables; ``inventories`` and ``records`` read and write them; ``failures`` says what the
server's errors mean; ``driver`` loads psycopg.
"""

from gitops_core.state.postgres.settings import PostgresSettings
from gitops_core.state.postgres.store import PostgresStore

__all__ = ["PostgresSettings", "PostgresStore"]
