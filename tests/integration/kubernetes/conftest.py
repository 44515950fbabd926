"""The servers that the tests of the Kubernetes API run on: the fake one, and a real one where there is one."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import real_server as real  # here and not later: it keeps the environment that every test hides
from differences import DIFFERENCES
from raw_api import RawApi

import servers


def case(item: pytest.Item) -> str:
    """Return the name of a case of the suite without the server that it runs on."""
    return re.sub(r"\[(fake|real)(-|\])", lambda found: "[" if found[2] == "-" else "", item.name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect the fake to fail where it is known to differ, and nowhere else."""
    for item in items:
        on_fake = getattr(getattr(item, "callspec", None), "params", {}).get("cluster") == "fake"
        if on_fake and (found := DIFFERENCES.get(case(item))):
            reason = f"FakeCluster: {found.fake}; the real server: {found.real}; {found.why}"
            item.add_marker(pytest.mark.xfail(reason=reason, strict=found.always))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Skip a test that asks a server for what it cannot do, and say so."""
    try:
        yield
    except real.Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def real_server() -> Iterator[real.RealServer]:
    """A real kube-apiserver, one for each test process, started by the first test that asks for it."""
    try:
        starting = real.start()
        server = starting.__enter__()
    except real.Unavailable as reason:
        pytest.skip(str(reason))
    try:
        yield server
    finally:
        starting.__exit__(None, None, None)


@pytest.fixture(scope="session")
def fake_server() -> Iterator[servers.FakeServer]:
    """A FakeCluster, one for each test process."""
    with servers.fake() as server:
        yield server


@pytest.fixture(params=["fake", pytest.param("real", marks=[pytest.mark.slow, pytest.mark.needs_kube_apiserver])])
def cluster(request: pytest.FixtureRequest) -> servers.Cluster:
    """Each of the two servers; a test that takes it says what is true of both."""
    found: servers.Cluster = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
def api(cluster: servers.Cluster) -> RawApi:
    """An administrator's plain HTTP client."""
    return cluster.admin


@pytest.fixture
def ns(api: RawApi) -> str:
    """A namespace of the test's own."""
    name = servers.unique("case")
    api.post("/api/v1/namespaces", {"metadata": {"name": name}}).expect(201)
    return name
