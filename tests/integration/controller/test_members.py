"""Three real controllers share twenty applications: one is killed, or stopped for longer than its place lasts."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from crowd import NAMES, Crowd

from gitops_core.context import SystemClock
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster

pytestmark = pytest.mark.slow


@pytest.fixture
def crowd(request, tmp_path):
    facts = {"engine": request.param}
    if request.param == "postgres":
        facts |= {"dsn": request.getfixturevalue("postgres"), "schema": request.getfixturevalue("postgres_schema")}
    with FakeCluster(ClusterSettings(clock=SystemClock(), log_size=200_000)) as cluster:
        kubeconfig = cluster.kubeconfig(tmp_path)
        found = Crowd(tmp_path, lambda path: cluster.request("GET", path)[1], kubeconfig=str(kubeconfig), **facts)
        found.cluster = cluster
        yield found
        found.close()


def creates(cluster):
    objects = (r for r in cluster.requests.log if r.resource == "configmaps" and r.name.startswith("app"))
    return Counter(r.name for r in objects if r.status == 201)


POSTGRES = [pytest.param("postgres", number, marks=pytest.mark.needs_postgres) for number in (signal.SIGKILL, signal.SIGSTOP)]


@pytest.mark.parametrize(
    ("crowd", "number"), [("kubernetes", signal.SIGKILL), ("kubernetes", signal.SIGSTOP), *POSTGRES], indirect=["crowd"]
)
def test_what_a_dead_or_silent_member_held_is_taken_over(crowd, number, request):
    """It happens in the middle of a change to everything; nothing is made twice, nothing is lost, and the time is bounded."""
    crowd.lose("b", number, request)
    assert set(creates(crowd.cluster).values()) == {1}
    assert len(creates(crowd.cluster)) == 3 * len(NAMES)
