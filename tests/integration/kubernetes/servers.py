"""The two servers that the suite runs on, behind one face."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import real_server as real
from raw_api import RawApi

_numbers = itertools.count(1)


class Cluster(Protocol):
    """What a test may ask of either server."""

    name: str
    admin: RawApi

    def api(self, user: str = "admin") -> RawApi:
        """Return a plain HTTP client for a user."""

    def kubeconfig(self, directory: Path, user: str = "admin") -> Path:
        """Write a kubeconfig for a user."""

    def compact(self) -> int | None:
        """Forget all history."""

    def finish_namespace(self, name: str) -> None:
        """Take the finalizers of a terminating namespace away."""


class FakeServer:
    """A FakeCluster that behaves as a server without controllers does, with roles that count, on the real clock."""

    name = "fake"

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self.admin = self.api()

    def api(self, user: str = "admin") -> RawApi:
        """Return a plain HTTP client for a user."""
        return RawApi(self._cluster.url, token=self._cluster.token(user))

    def kubeconfig(self, directory: Path, user: str = "admin") -> Path:
        """Write a kubeconfig for a user."""
        path: Path = self._cluster.kubeconfig(directory, user)
        return path

    def compact(self) -> None:
        """Forget all history."""
        self._cluster.compact()

    def finish_namespace(self, name: str) -> None:
        """Take the finalizers of a terminating namespace away."""
        real.finish_namespace(self.admin, name)


@contextlib.contextmanager
def fake() -> Iterator[FakeServer]:
    """Start a FakeCluster."""
    from gitops_core.context import SystemClock
    from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster

    settings = ClusterSettings(
        clock=SystemClock(), rbac=True, users=real.USERS, namespace_controller=False, garbage_collection=False
    )
    with FakeCluster(settings) as cluster:
        yield FakeServer(cluster)


def unique(prefix: str) -> str:
    """Return a name that no other test of this process uses."""
    return f"{prefix}-{next(_numbers)}"
