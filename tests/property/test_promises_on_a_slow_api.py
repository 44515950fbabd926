"""
A cloud that invents ids, takes its time, shows yesterday's listings and throttles, with faults between it and the target.

Promises 1, 3 and 11 on the whole stack: engine, the cloud target of the documentation, faults in the transport, a fake API.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_core.model.applications import Options
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.fake_api import ApiSettings, Paging, RateLimit, States, Takes
from gitops_core.testing.faults import Crash, Crashed, Delay, DropReply, Fail, FaultPlan, Throttle, TimeOut
from gitops_core.testing.worlds import OPEN, World

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "cloud.py"
VERBS = ["create", "list", "update", "delete", "operation"]


def example():
    spec = importlib.util.spec_from_file_location("example_cloud_under_faults", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CLOUD = example()
TIMES = st.sampled_from([Takes(), Takes(seconds=5.0), Takes(requests=2)])
APIS = st.builds(
    ApiSettings,
    paging=st.sampled_from([Paging(size=1), Paging(size=2, snapshot=True), Paging()]),
    lag=st.sampled_from([0.0, 1.0, 20.0]),
    takes=st.fixed_dictionaries(dict.fromkeys(("create", "update", "delete"), TIMES)),
    states=st.just(States(create="starting", update="resizing", delete="terminating", ready="running")),
    rate_limit=st.sampled_from([None, RateLimit(requests=10, seconds=5.0)]),
)
FAULTS = st.lists(
    st.one_of(
        st.builds(
            kind, st.lists(st.sampled_from(VERBS), min_size=1, max_size=2), at=st.sets(st.integers(1, 10), min_size=1), **own
        )
        for kind, own in (
            (Fail, {}),
            (DropReply, {}),
            (TimeOut, {"done": st.booleans()}),
            (Throttle, {"retry_after": st.sampled_from([1.0, 60.0])}),
            (Crash, {"done": st.booleans()}),
            (Delay, {"seconds": st.sampled_from([3.0, 40.0])}),
        )
    ),
    max_size=4,
)
SIZES = st.dictionaries(st.sampled_from(["web-1", "web-2", "web-3"]), st.sampled_from(["small", "large"]), min_size=1)


def machines(sizes: dict[str, str]) -> MemoryRenderer:
    return MemoryRenderer([{"kind": "Machine", "name": n, "zone": "eu-1", "size": s} for n, s in sorted(sizes.items())])


def run(world: World, plan: FaultPlan) -> World:
    try:
        world.reconcile()
    except Crashed:
        plan.restart()
        world = attrs.evolve(world)
    world.clock.advance(60.0)
    return world


def check(api_settings: ApiSettings, faults, first, second) -> None:
    clock = VirtualClock()
    plan = FaultPlan(faults, limit=10, clock=clock)
    api = CLOUD.CloudApi()
    cloud = api.cloud
    cloud.clock, cloud.settings = clock, api_settings
    api.cloud = plan.api(cloud)
    world = World(target=CLOUD.CloudTarget(api), store=MemoryStore(), guard=OPEN, clock=clock, options=Options(deadline=900.0))
    for sizes in (first, second):
        world.renderer = machines(sizes)
        for _ in range(2):
            world = run(world, plan)
    plan.stop()
    for _ in range(4):
        world = run(world, plan)
    result = world.reconcile()
    there = sorted((record["name"], record["size"]) for record in cloud.records.values())
    assert there == sorted(second.items()), f"{plan}\n{result.text()}\n" + "\n".join(map(str, cloud.requests))
    assert result.status == "in-sync", f"{plan}\n{result.text()}"


@settings(max_examples=40)
@given(APIS, FAULTS, SIZES, SIZES)
def test_promise_3_a_slow_late_and_throttling_cloud_ends_with_one_machine_for_each_declaration(
    api_settings, faults, first, second
):
    check(api_settings, faults, first, second)


@pytest.mark.deep
@settings(max_examples=300)
@given(APIS, FAULTS, SIZES, SIZES)
def test_promise_3_on_many_more_clouds(api_settings, faults, first, second):
    check(api_settings, faults, first, second)
