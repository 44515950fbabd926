"""
The promises of the design that one pass can keep, as laws over random histories (promises 1 and 3 are in tests/faults).

A history declares, edits, un-declares, and lets somebody else edit, delete and create; between any two steps a pass may run.
"""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_core.engine.sinks import LoggingSink
from gitops_core.errors import Denied, Invalid
from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Guard
from gitops_core.model.inventory import EntryState
from gitops_core.model.plans import Action
from gitops_core.model.results import OutcomeStatus
from gitops_core.operations import reconcile
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World, config

NAMES = st.sampled_from(["a", "b", "c", "d"])
COLORS = st.sampled_from(["red", "green", "blue"])
OPEN = Guard(delete_floor=100, delete_fraction=1.0, delete_cap=100, touched_fraction=1.0, allow_empty=True)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("declare"), NAMES, COLORS),
        st.tuples(st.just("undeclare"), NAMES, COLORS),
        st.tuples(st.just("edit"), NAMES, COLORS),
        st.tuples(st.just("remove"), NAMES, COLORS),
        st.tuples(st.just("put"), NAMES, COLORS),
        st.tuples(st.just("pass"), NAMES, COLORS),
    ),
    max_size=14,
)


def key(name: str) -> str:
    return f"ConfigMap/{name}"


def there(world: World) -> set[str]:
    return {str(k) for k in world.target.objects}


def play(world: World, steps) -> set[str]:
    """Carry out *steps* and return the names of what somebody else made and we never declared."""
    strangers: set[str] = set()
    declared: set[str] = set()
    for what, name, color in steps:
        if what == "declare":
            world.declare(config(name, color=color))
            declared.add(name)
            strangers.discard(name)
        elif what == "undeclare" and name in declared:
            world.undeclare(key(name))
            declared.discard(name)
        elif what == "edit" and key(name) in there(world):
            world.target.edit(key(name), {"data": {"color": color, "theirs": "x"}})
        elif what == "remove" and key(name) in there(world):
            world.target.remove(key(name))
            strangers.discard(name)
        elif what == "put" and key(name) not in there(world):
            world.target.put(config(name, color=color))
            if name not in declared:
                strangers.add(name)
        elif what == "pass":
            world.reconcile()
    return strangers


@given(STEPS)
def test_promise_2_only_what_is_ours_and_no_longer_declared_is_ever_deleted(steps):
    """Somebody else's object survives every history, under its own id."""
    world = World(guard=OPEN)
    strangers = play(world, steps)
    before = {k: live.id for k, live in world.target.snapshot().live.items()}
    for _ in range(3):
        world.reconcile()
    for name in strangers:
        mine = next(k for k in world.target.objects if k.name == name)
        assert world.target.snapshot().live[mine].id == before[mine]


@given(STEPS)
def test_promise_4_planning_writes_nothing_and_after_a_pass_the_plan_is_empty(steps):
    world = World(guard=OPEN)
    play(world, steps)
    state = (dict(world.target.objects), world.store.inventory(world.app.id))
    first = world.plan()
    assert (dict(world.target.objects), world.store.inventory(world.app.id)) == state
    result = world.reconcile()
    assert result.ok, result.text()
    assert [c.key for c in result.plan.changes] == [c.key for c in first.changes]
    assert world.plan().is_empty


@given(STEPS)
def test_promise_1_after_every_history_the_inventory_is_what_is_declared(steps):
    world = World(guard=OPEN)
    play(world, steps)
    world.reconcile()
    declared = set(world.check().keys)
    entries = world.store.inventory(world.app.id).entries
    assert set(entries) == declared
    assert all(entry.state is EntryState.APPLIED for entry in entries.values())


class Refusing(MemoryTarget):
    """Refuses some names for ever."""

    def __init__(self, bad: frozenset[str]) -> None:
        super().__init__()
        self.bad = bad

    def create(self, ctx, change):
        if change.key.name in self.bad:
            raise Denied("not here")
        return super().create(ctx, change)


@given(st.frozensets(NAMES), st.dictionaries(NAMES, st.frozensets(NAMES, max_size=2), min_size=1))
def test_promise_5_what_depends_on_no_failure_converges(bad, needs):
    world = World(target=Refusing(bad))
    order = sorted(needs)
    for position, name in enumerate(order):
        earlier = [n for n in needs[name] if n in order[:position]]
        notes = {"example.org/depends-on": ", ".join(map(key, earlier))} if earlier else {}
        world.declare(config(name, notes=notes))
    world.reconcile()

    def fails(name: str) -> bool:
        return name in bad or any(fails(n) for n in needs[name] if n in order[: order.index(name)])

    assert there(world) == {key(name) for name in order if not fails(name)}


class Picky(MemoryTarget):
    """Objects of color red can be previewed or created by nobody."""

    def _judge(self, change):
        if change.desired["data"].get("zone") == "red":
            raise Invalid("no red zone")

    def preview(self, ctx, change):
        self._judge(change)
        return super().preview(ctx, change)

    def create(self, ctx, change):
        self._judge(change)
        return super().create(ctx, change)


class PickyWithoutPreview(Picky):
    preview = MemoryTarget.__mro__[1].preview  # Target's own: not overridden


@pytest.mark.parametrize("kind", [Picky, PickyWithoutPreview])
@given(zones=st.dictionaries(NAMES, st.tuples(COLORS.filter(lambda c: c != "red"), COLORS), min_size=1))
def test_promise_6_a_replace_never_leaves_an_object_absent(kind, zones):
    """Valid replacements happen, invalid ones leave the old object, and neither disturbs the other."""
    world = World(target=kind(fields=Fields(immutable={"/data/zone"})), guard=OPEN)
    world.declare(*(config(name, zone=old) for name, (old, _) in zones.items()))
    assert world.reconcile().ok
    world.declare(*(config(name, zone=new) for name, (_, new) in zones.items()))
    world.reconcile()
    found = {k.name: body["data"]["zone"] for k, body in world.target.objects.items()}
    assert found == {name: old if new == "red" else new for name, (old, new) in zones.items()}


@given(st.integers(1, 120), st.data())
def test_promise_8_no_pass_deletes_more_than_the_guard_allows(owned, data):
    world = World(options=Options(wait=False))
    world.declare(*(config(f"c{i}") for i in range(owned)))
    assert world.reconcile().ok
    gone = data.draw(st.integers(0, owned))
    world.undeclare(*(key(f"c{i}") for i in range(gone)))
    result = world.reconcile()
    deleted = owned - len(world.target.objects)
    allowed = gone <= max(2, int(owned * 0.25)) and gone <= 50 and gone < owned
    assert deleted == (gone if allowed else 0)
    if not allowed:
        assert {o.status for o in result.outcomes} == {OutcomeStatus.REFUSED}
        assert result.plan.refusals


@pytest.mark.parametrize("kind", ["Namespace", "CustomResourceDefinition"])
def test_promise_8_kinds_that_hold_others_need_their_own_permission(kind):
    world = World(guard=OPEN)
    world.declare(config("x", kind=kind), config("a"))
    world.reconcile()
    world.undeclare(f"{kind}/x")
    result = world.reconcile()
    assert result[f"{kind}/x"].status is OutcomeStatus.REFUSED
    assert kind in result.plan[f"{kind}/x"].override


CANARY = "c4nary-pa55w0rd"


class Leaky(MemoryTarget):
    """Says the secret in its errors."""

    def create(self, ctx, change):
        if change.key.name == "leaks":
            raise ValueError(f"cannot store {json.dumps(dict(change.desired))}")
        return super().create(ctx, change)


def secret(name: str, value: str) -> dict:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"password": value}}


def everything_said(world: World, caplog) -> str:
    store, app = world.store, world.app.id
    result = world.reconcile()
    plan = world.plan()
    said = [result.text(), repr(result), plan.text(), plan.markdown(), plan.to_json(), repr(plan), caplog.text]
    said += [repr(e) for e in world.sink.events]
    said += [repr(store.inventory(app)), repr(store.journal(app)), repr(store.history(app)), world.explain("Secret/s").text()]
    return "\n".join(said)


def test_promise_10_no_secret_is_said_anywhere(caplog):
    caplog.set_level(logging.DEBUG)
    world = World(target=Leaky(), options=Options(attempts=2), guard=OPEN)
    said = ""
    for value in (CANARY, CANARY + "-2"):
        world.declare(secret("s", value), secret("leaks", value), secret("gone" if value == CANARY else "other", value))
        said += everything_said(world, caplog)
        world.target.edit("Secret/s", {"stringData": {"password": CANARY + "-by-hand"}})
        said += everything_said(world, caplog)
    world.undeclare("Secret/gone")
    said += everything_said(world, caplog)
    reconcile(world.app, store=world.store, runtime=world.runtime.__class__(sinks=(LoggingSink(),), clock=world.clock))
    said += caplog.text
    assert CANARY not in said
    assert "(sensitive " in said
    assert "ValueError: cannot store" in said
    assert world.target.objects[next(k for k in world.target.objects if k.name == "s")]["stringData"]["password"] == CANARY + "-2"


@settings(max_examples=30)
@given(STEPS, st.randoms(use_true_random=False))
def test_promise_12_equal_inputs_give_byte_equal_plans(steps, chance):
    """Whatever the order in which the target lists its objects."""

    class Shuffled(MemoryTarget):
        def observe(self, ctx, query):
            found = list(super().observe(ctx, query))
            chance.shuffle(found)
            return found

    plans = []
    for target in (MemoryTarget(), Shuffled()):
        world = World(target=target, guard=OPEN)
        play(world, steps)
        plans.append(world.plan())
    assert plans[0].to_json() == plans[1].to_json()
    assert plans[0].text() == plans[1].text()


@given(STEPS)
def test_every_change_of_a_plan_has_exactly_one_outcome_in_plan_order(steps):
    world = World(guard=OPEN)
    play(world, steps)
    result = world.reconcile()
    assert [o.key for o in result.outcomes] == [c.key for c in result.plan.changes]
    assert all(o.action in Action for o in result.outcomes)
