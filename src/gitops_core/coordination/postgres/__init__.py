"""Members of several machines, on two tables of PostgreSQL."""

from gitops_core.coordination.postgres.coordinator import PostgresCoordinator

__all__ = ["PostgresCoordinator"]
