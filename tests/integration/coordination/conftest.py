"""The servers that members agree through."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import postgres_server


@pytest.fixture(scope="session")
def postgres_dsn():
    """The connection string of a throw-away PostgreSQL server."""
    with postgres_server.serving() as dsn:
        yield dsn
