"""
Whatever a fault plan does, within a bounded number of faults, the engine ends where it would have ended without them.

Promises 1, 2, 3, 5 and 11 of the design, on plans that Hypothesis makes up over target, source and store at once.
"""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_core.errors import Denied, Invalid
from gitops_core.model.applications import Options
from gitops_core.model.inventory import EntryState
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.faults import Corrupt, Crash, Crashed, Delay, DropReply, Fail, FaultPlan, Throttle, TimeOut
from gitops_core.testing.worlds import OPEN, World, bodies, config

NAMES = ("a", "b", "c", "d")
WRITES = ["create", "update", "delete"]
STORE = [
    "salt", "exclusive", "inventory", "update_inventory", "holders", "neighbours",
    "append_journal", "history", "record_pass", "get_memo", "put_memo",
]  # fmt: skip
ANYTHING = ["observe", "etag", "resolve", "fetch", "list", "read", *WRITES, *STORE]
# What a source hands out is checked by the source, against the ids that Git gives it; nobody behind it can know better.
CORRUPTIBLE = ["observe", "etag", "resolve", "create", "update", "inventory", "history", "get_memo"]


def faults(kind, operations, **facts):
    """Return a strategy of faults; those in a target's calls may be about one object, the others strike any call."""
    at = st.one_of(st.none(), st.integers(1, 6), st.sets(st.integers(1, 12), min_size=2, max_size=4))
    chance = st.sampled_from([1.0, 0.5])
    some = st.lists(st.sampled_from(operations), min_size=1, max_size=3)
    about = st.sampled_from(["ConfigMap/a", "ConfigMap/[abc]"])
    anywhere = st.builds(kind, some, at=at, probability=chance, **facts)
    return anywhere | st.builds(kind, st.just(["observe", *WRITES]), key=about, at=at, probability=chance, **facts)


SECONDS = st.sampled_from([0.5, 20.0, 90.0])
FAULTS = st.one_of(
    faults(Crash, ANYTHING, done=st.booleans()),
    faults(Fail, ANYTHING),
    faults(Fail, WRITES, error=st.sampled_from([Denied, Invalid, RuntimeError])),
    faults(Delay, ANYTHING, seconds=SECONDS),
    faults(DropReply, [o for o in ANYTHING if o != "exclusive"]),
    faults(TimeOut, ANYTHING, done=st.booleans()),
    faults(Throttle, ANYTHING, retry_after=SECONDS),
    faults(Corrupt, CORRUPTIBLE),
)
PLANS = st.builds(FaultPlan, st.lists(FAULTS, min_size=2, max_size=6), seed=st.integers(0, 99), limit=st.integers(1, 15))
STEPS = st.lists(
    st.tuples(st.sampled_from(["declare", "undeclare", "edit", "remove"]), st.sampled_from(NAMES), st.sampled_from("rgb")),
    max_size=8,
)


def faulty_world(plan: FaultPlan) -> tuple[World, FaultPlan, MemoryStore]:
    clock = VirtualClock()
    plan = plan.again(clock)
    world = World(target=plan.target(MemoryTarget(objects=[config("stranger", color="theirs")])), guard=OPEN, clock=clock)
    world.source = plan.source(world.source)
    store = MemoryStore(salt=b"salt")
    world.store = plan.store(store)
    return world, plan, store


def step(world: World, what: str, name: str, color: str, declared: dict) -> None:
    """Change what is declared, or what is there."""
    if what == "declare":
        declared[name] = config(name, color=color)
        world.declare(declared[name])
    elif what == "undeclare" and declared.pop(name, None):
        world.undeclare(f"ConfigMap/{name}")
    elif what == "edit" and f"ConfigMap/{name}" in bodies(world):
        world.memory.edit(f"ConfigMap/{name}", {"data": {"color": color}})
    elif what == "remove" and f"ConfigMap/{name}" in bodies(world):
        world.memory.remove(f"ConfigMap/{name}")


def run(world: World, plan: FaultPlan) -> World:
    """Run a pass; when the process dies in it, return the next process."""
    try:
        world.reconcile()
    except Crashed:
        plan.restart()
        world = attrs.evolve(world)
    world.clock.advance(60.0)
    return world


def check_nothing_is_lost(world: World, store: MemoryStore) -> None:
    """Promise 1: the inventory has every object that we made and did not delete."""
    owned = {str(key) for key in store.inventory(world.app.id).entries}
    assert bodies(world).keys() - {"ConfigMap/stranger"} <= owned


def check_converges(plan: FaultPlan, steps) -> None:
    world, plan, store = faulty_world(plan)
    before = world.memory.snapshot().live
    declared: dict = {}
    for what, name, color in [*(("declare", name, "r") for name in NAMES), *steps]:
        step(world, what, name, color, declared)
        world = run(world, plan)
        check_nothing_is_lost(world, store)
    plan.stop()
    for _ in range(4):
        world = run(world, plan)
    result = world.reconcile()
    there = bodies(world)
    stranger = there.pop("ConfigMap/stranger")
    assert there == {f"ConfigMap/{name}": body for name, body in declared.items()}, f"{plan}\n{result.text()}"
    assert result.status == "in-sync", f"{plan}\n{result.text()}"
    assert stranger == config("stranger", color="theirs")
    assert world.memory.snapshot().live.items() >= before.items(), "promise 2: the stranger is the same object"
    inventory = world.store.inventory(world.app.id)
    assert {key.name for key in inventory.entries} == set(declared)
    assert {entry.state for entry in inventory.entries.values()} <= {EntryState.APPLIED}
    assert inventory.intents == {}
    assert world.plan().is_empty


@given(PLANS, STEPS)
def test_promises_1_2_and_3_after_the_last_fault_a_few_passes_end_where_a_run_without_faults_ends(plan, steps):
    check_converges(plan, steps)


@pytest.mark.deep
@settings(max_examples=600)
@given(PLANS, STEPS)
def test_promises_1_2_and_3_the_same_on_many_more_plans(plan, steps):
    check_converges(plan, steps)


@settings(max_examples=50)
@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)), st.integers(0, 9))
def test_promise_5_what_is_not_struck_converges_while_others_fail_for_ever(failing, unreadable, seed):
    plan = FaultPlan(
        [
            *(Fail(WRITES, key=f"ConfigMap/{name}", error=Denied("403")) for name in sorted(failing)),
            *(Fail("observe", key=f"ConfigMap/{name}") for name in sorted(unreadable)),
            DropReply(WRITES, probability=0.3, times=2),
        ],
        seed=seed,
    )
    world = World(target=plan.target(MemoryTarget()), guard=OPEN)
    world.declare(*(config(name) for name in NAMES))
    for _ in range(3):
        world.reconcile()
    assert set(bodies(world)) == {f"ConfigMap/{name}" for name in set(NAMES) - failing - unreadable}


class Noting(MemoryTarget):
    """Notes when each call comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def observe(self, ctx, query):
        self.times.append(ctx.clock.monotonic())
        return super().observe(ctx, query)

    def create(self, ctx, change):
        self.times.append(ctx.clock.monotonic())
        return super().create(ctx, change)


@settings(max_examples=50)
@given(objects=st.integers(1, 8), at=st.integers(1, 8), wait=st.floats(1.0, 200.0), deadline=st.floats(5.0, 300.0))
def test_promise_11_a_throttled_call_pauses_the_whole_bucket_of_the_target(objects, at, wait, deadline):
    """No call of any application begins before the time is over, even when the one that was refused cannot wait for it."""
    target, store, marks = Noting(), MemoryStore(), []

    class Marked(Throttle):
        def act(self, call):
            marks.append((len(target.times), call.time.now()))
            super().act(call)

    shared = FaultPlan([Marked("create", at=at, retry_after=wait)]).target(target)
    first = World(target=shared, store=store, options=Options(deadline=deadline))
    second = World(target=shared, store=store, name="other", clock=first.clock)
    first.declare(*(config(f"c{number}") for number in range(objects)))
    second.declare(config("elsewhere"))
    first.reconcile()
    assert second.reconcile().ok
    assert len(marks) == (at <= objects + 1)
    for calls_before, struck_at in marks:
        later = target.times[calls_before:]
        assert later
        assert [time for time in later if time < struck_at + wait - 1e-6] == []


@settings(max_examples=50)
@given(st.integers(1, 30), st.floats(0.0, 100.0))
def test_promise_11_retries_are_bounded_and_wait_longer_than_the_api_asked(times, wait):
    """An API that always refuses gets a bounded number of calls a pass, none of them early."""
    plan = FaultPlan([Throttle("create", times=times, retry_after=wait)])
    world = World(target=plan.target(MemoryTarget()))
    world.declare(config("a"))
    result = world.reconcile()
    most = Options().attempts
    assert plan.calls["target.create"] == min(times + 1, most) or result.cost.retries < most
    gaps = [later.time - earlier.time for earlier, later in zip(plan.injected, plan.injected[1:], strict=False)]
    assert [gap for gap in gaps if gap < wait - 1e-6] == []
