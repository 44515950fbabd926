"""Loads psycopg, which is an extra, and says so where it is missing."""

from __future__ import annotations

from gitops_core.errors import MissingExtra

try:
    import psycopg
except ImportError as error:
    raise MissingExtra(
        "PostgreSQL needs psycopg 3, which is not installed (or has no libpq); pip install 'gitops-core[postgres]'"
    ) from error

__all__ = ["psycopg"]
