"""Waves: all of one before any of the next; deletes backwards."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.model.guards import Guard
from gitops_core.model.inventory import EntryState, Holder
from gitops_core.model.resources import Unreadable, as_key
from gitops_core.model.verdicts import Verdict, Violation
from gitops_core.planning.records import planned_entry
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld

FREE = Guard(delete_fraction=1.0, touched_fraction=1.0, never=(), allow_empty=True)


def thing(name, wave="", needs="", kind="Thing", namespace="", **fields):
    notes = {"wave": wave, "depends-on": needs}
    written = {f"example.org/{word}": value for word, value in notes.items() if value}
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"kind": kind, "metadata": {**metadata, **({"annotations": written} if written else {})}, **fields}


def names(plan):
    return [c.key.name for c in plan.changes]


def needs_of(plan):
    return {c.key.name: [k.name for k in c.depends_on] for c in plan.changes}


def states(plan):
    return {c.key.name: (c.state.value, c.rule) for c in plan.changes}


@pytest.fixture
def world():
    return PlanWorld(guard=FREE)


def deny(name):
    return Verdict.of([Violation(as_key(("Thing", name)), "no", policy="p")])


def test_each_wave_waits_for_all_of_the_wave_before_and_what_says_nothing_is_in_wave_0(world):
    plan = world.plan(thing("z", "-5"), thing("y", "-5"), thing("x"), thing("w", "0"), thing("a", "10"))
    assert names(plan) == ["y", "z", "w", "x", "a"]
    assert needs_of(plan) == {"y": [], "z": [], "w": ["y", "z"], "x": ["y", "z"], "a": ["w", "x"]}


def test_where_everything_is_in_one_wave_nothing_waits(world):
    plan = world.plan(thing("a", "7"), thing("b", "7"))
    assert needs_of(plan) == {"a": [], "b": []}


def test_what_is_unchanged_holds_no_wave_up(world):
    world.apply(thing("a", "-1"), thing("b"))
    assert needs_of(world.plan(thing("a", "-1"), thing("b", v=2), thing("c", "1"))) == {"b": [], "c": ["b"]}


def test_what_is_refused_and_not_there_keeps_the_next_waves_from_beginning(world):
    plan = world.plan(thing("a", "-1"), thing("b"), thing("c", "1"), verdict=deny("a"))
    assert states(plan) == {"a": ("refused", "policy"), "b": ("skipped", "dependency"), "c": ("skipped", "dependency")}


def test_what_is_refused_and_there_does_not(world):
    world.apply(thing("a", "-1"))
    assert states(world.plan(thing("a", "-1", v=2), thing("b"), verdict=deny("a")))["b"] == ("ready", "")


def test_a_wave_that_contradicts_a_dependency_is_a_circle_refused_with_its_path_and_the_rest_goes_on(world):
    plan = world.plan(thing("early", "-1", needs="Thing/late"), thing("late", "1"), thing("before", "-2"))
    assert states(plan) == {"before": ("ready", ""), "early": ("refused", "cycle"), "late": ("refused", "cycle")}
    assert "Thing/early -> Thing/late -> Thing/early" in plan["Thing/early"].reason


def test_a_contradiction_through_the_waves_in_between_is_found_too(world):
    plan = world.plan(thing("a", "-1", needs="Thing/c"), thing("b"), thing("c", "1"))
    assert {rule for _, rule in states(plan).values()} == {"cycle"}


def test_an_object_in_an_earlier_wave_than_its_namespace_is_a_circle(world):
    plan = world.plan(thing("n", kind="Namespace"), thing("a", "-1", namespace="n"))
    assert states(plan) == {"n": ("refused", "cycle"), "a": ("refused", "cycle")}


def test_a_contradiction_with_what_the_target_needs_is_a_circle(world):
    rules = TargetRules(depends_on=lambda body: [("Thing", "b")] if body["metadata"]["name"] == "a" else [])
    plan = world.plan(thing("a", "-1"), thing("b"), rules=rules)
    assert states(plan) == {"a": ("refused", "cycle"), "b": ("refused", "cycle")}


def test_a_reference_against_the_waves_gives_way(world):
    pod = thing("pod", "-1", kind="Pod", namespace="n", spec={"volumes": [{"configMap": {"name": "cm"}}]})
    plan = world.plan(pod, thing("cm", kind="ConfigMap", namespace="n"))
    assert needs_of(plan) == {"pod": [], "cm": ["pod"]}


def test_deletes_go_through_the_waves_backwards(world):
    world.apply(thing("a", "-1"), thing("b"), thing("c", "1"), thing("d", "1"))
    plan = world.plan()
    assert needs_of(plan) == {"c": [], "d": [], "b": ["c", "d"], "a": ["b"]}


def test_deletes_in_one_wave_wait_for_nothing(world):
    world.apply(thing("a", "3"), thing("b", "3"))
    assert needs_of(world.plan()) == {"a": [], "b": []}


def test_a_recorded_wave_that_contradicts_a_recorded_dependency_blocks_no_delete(world):
    world.apply(thing("a", "1"), thing("b", needs="Thing/a", wave="1"))
    b = as_key("Thing/b")
    world.entries[b] = attrs.evolve(world.entries[b], wave=0)
    assert all(c.is_ready for c in world.plan().changes)


def test_the_inventory_remembers_the_wave_before_and_after_a_write(world):
    key = as_key("Thing/a")
    request = world.request(thing("a", "4"))
    change = world.plan(thing("a", "4"))["Thing/a"]
    assert planned_entry(request, change, request.declaration(key)).wave == 4
    world.apply(thing("a", "4"))
    assert world.entries[key].wave == 4
    later = world.request(thing("a", "5"))
    change = world.plan(thing("a", "5"))["Thing/a"]
    assert planned_entry(later, change, later.declaration(key)).wave == 5


def test_what_is_left_alone_without_a_look_at_its_body_stays_in_its_own_wave(world):
    holders = {as_key("Thing/late"): Holder("example.org/demo/other", EntryState.APPLIED)}
    plan = world.plan(thing("late", "5"), thing("unread", "5"), thing("a", "1"), thing("b"),
        holders=holders, unreadable=(Unreadable(("Thing", "unread"), "denied"),))  # fmt: skip
    assert states(plan) == {
        "b": ("ready", ""), "a": ("ready", ""), "late": ("refused", "foreign_owner"), "unread": ("deferred", "unreadable"),
    }  # fmt: skip


def test_a_misspelt_wave_refuses_its_object_and_is_no_wave(world):
    plan = world.plan(thing("a", "first"), thing("b"))
    assert states(plan) == {"a": ("refused", "annotation"), "b": ("ready", "")}
