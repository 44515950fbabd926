"""What was written a moment ago is left alone, and what needs what is not well stays back."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import NotStabilized
from gitops_core.model.guards import Guard
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.inventory import EntryState, Intent
from gitops_core.model.resources import Unreadable, as_key, key_of
from gitops_core.model.verdicts import Severity, Verdict, Violation
from gitops_core.planning.awaiting import Unsettled, held, leaving
from gitops_core.planning.planner import make_plan
from gitops_core.testing.plan_worlds import PlanWorld

FREE = Guard(delete_fraction=1.0, touched_fraction=1.0, never=(), allow_empty=True)
STARTING = Health(settled=False, status=HealthStatus.PROGRESSING, message="starting")


def thing(name, kind="Thing", needs="", **fields):
    notes = {"annotations": {"example.org/depends-on": needs}} if needs else {}
    return {"kind": kind, "metadata": {"name": name, **notes}, **fields}


CATS = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "cats.g.io"},
    "spec": {"group": "g.io", "names": {"kind": "Cat"}},
}  # fmt: skip
CAT = {"apiVersion": "g.io/v1", "kind": "Cat", "metadata": {"name": "tom"}}


def with_entry(request, key, **facts):
    inventory = request.inventory
    entries = {**inventory.entries, as_key(key): attrs.evolve(inventory.entries[as_key(key)], **facts)}
    return attrs.evolve(request, inventory=attrs.evolve(inventory, entries=entries))


def states(planned):
    return {c.key.name: (c.state.value, c.rule) for c in planned.plan.changes}


@pytest.fixture
def world():
    return PlanWorld(guard=FREE)


def unsettled(world, key, *declared):
    return world.request(*declared, unsettled={as_key(key): STARTING})


def test_objects_of_a_kind_wait_until_its_definition_has_settled(world):
    world.apply(CATS)
    key = key_of(CATS)
    planned = make_plan(unsettled(world, key, CATS, CAT, thing("z")))
    assert states(planned) == {"tom": ("skipped", "dependency"), "z": ("ready", "")}
    assert [a.key.name for a in planned.awaited] == ["cats.g.io"]


def test_a_definition_that_does_not_say_what_it_defines_keeps_nothing_back(world):
    silent = {**CATS, "spec": {}}
    world.apply(silent)
    key = key_of(CATS)
    assert states(make_plan(unsettled(world, key, silent, CAT))) == {"tom": ("ready", "")}


def test_what_an_unsettled_object_refers_to_in_turn_is_not_kept_back_by_it(world):
    """Neither directly nor over others: it could never settle."""
    world.apply(thing("web"), thing("middle"))
    request = unsettled(world, "Thing/web", thing("web"), thing("middle"), thing("end"))
    web, middle, end = (as_key(f"Thing/{name}") for name in ("web", "middle", "end"))
    assert Unsettled(request, {}).blocker(end, (), [web], 0) == web
    request = with_entry(with_entry(request, web, refers_to=(middle,)), middle, depends_on=(web, end))
    assert Unsettled(request, {}).blocker(end, (), [web], 0) is None
    assert Unsettled(request, {}).blocker(end, [web], (), 0) == web


def test_an_earlier_wave_is_waited_for(world):
    world.apply(thing("web"))
    request = unsettled(world, "Thing/web", thing("web"))
    web, other = as_key("Thing/web"), as_key("Thing/other")
    assert [Unsettled(request, {}).blocker(other, (), (), wave) for wave in (-1, 0, 1)] == [None, None, web]


def test_what_is_no_longer_declared_or_changes_anyway_keeps_nothing_back(world):
    world.apply(thing("web"))
    assert not Unsettled(unsettled(world, "Thing/web"), {})
    assert not Unsettled(unsettled(world, "Thing/web", thing("web")), {as_key("Thing/web"): None})
    assert states(make_plan(unsettled(world, "Thing/web", thing("web", x=1), thing("b", needs="Thing/web")))) == {
        "web": ("ready", ""),
        "b": ("ready", ""),
    }


def written(world, seconds_ago, *declared, **facts):
    request = world.request(*declared)
    return with_entry(request, "Thing/a", state=EntryState.PLANNED, written_at=request.now - seconds_ago, **facts)


def test_another_object_under_the_same_name_is_not_what_was_written(world):
    world.apply(thing("a"))
    request = written(world, 1.0, thing("a", x=1), id="another", written="digest")
    change = next(iter(make_plan(request).plan.changes))
    assert change.is_ready or change.rule != "awaited"
    assert held(request, attrs.evolve(change, state="ready")).state == "ready"


@pytest.mark.parametrize(
    ("seconds", "rule"), [(1.0, "awaited"), (9.0, "awaited"), (11.0, "unverified"), (-9.0, "awaited"), (-11.0, "unverified")]
)
def test_a_write_is_believed_for_the_time_to_verify_also_when_the_clock_was_set_back(world, seconds, rule):
    world.apply(thing("a"))
    world.live.clear()
    planned = make_plan(written(world, seconds, thing("a"), thing("b", needs="Thing/a"), written="digest"))
    assert states(planned) == {"a": ("deferred", rule), "b": ("skipped", "dependency")}


@pytest.mark.parametrize(("seconds", "rule"), [(100.0, "awaited"), (121.0, "unverified")])
def test_an_operation_that_was_accepted_is_believed_longer(world, seconds, rule):
    world.apply(thing("a"))
    world.live.clear()
    request = written(world, seconds, thing("a"), written="digest")
    intents = {as_key("Thing/a"): Intent(as_key("Thing/a"), "k", token="op-1")}
    request = attrs.evolve(request, inventory=attrs.evolve(request.inventory, intents=intents))
    assert states(make_plan(request)) == {"a": ("deferred", rule)}


def test_an_object_on_which_the_api_still_works_keeps_what_needs_it_back_although_it_is_there(world):
    world.apply(thing("a"))
    error = NotStabilized("resizing", retry_after=7.0)
    request = world.request(thing("a"), thing("b", needs="Thing/a"), unreadable=(Unreadable(as_key("Thing/a"), error),))
    planned = make_plan(request)
    assert states(planned) == {"a": ("deferred", "unreadable"), "b": ("skipped", "dependency")}
    assert [(a.reason, a.retry_after) for a in planned.awaited] == [("resizing", 7.0)]


@pytest.mark.parametrize(("written_before", "is_again"), [(True, True), (False, False)])
def test_a_write_is_put_off_while_its_own_content_has_not_shown_up_and_not_when_something_else_is_declared(
    world, written_before, is_again
):
    world.apply(thing("a"))
    change = make_plan(world.request(thing("a", x=1))).plan["Thing/a"]
    request = written(world, 1.0, thing("a", x=1), written=change.desired if written_before else "digest of another")
    after = held(request, change)
    assert (after.state.value, after.rule) == (("deferred", "awaited") if is_again else ("ready", ""))
    assert after.reason.endswith("; it was written, and the target still shows something else") is is_again


@pytest.mark.parametrize(("seconds", "why"), [(1.0, True), (11.0, False)])
def test_what_was_deleted_a_moment_ago_and_is_declared_again_is_created_when_it_is_gone(world, seconds, why):
    """It is still listed; an update of it would be lost with it."""
    world.apply(thing("a"))
    request = written(world, seconds, thing("a"), written="")
    said = "its delete was accepted, and the target still shows it; it will be created again when it is gone"
    assert leaving(request, as_key("Thing/a")) == (said if why else "")
    assert [c.action.value for c in make_plan(request).plan.changes] == (["create"] if why else [])


def test_a_delete_that_was_accepted_is_not_asked_for_again_while_the_object_is_still_shown(world):
    world.apply(thing("a"), thing("b"))
    planned = make_plan(written(world, 1.0, thing("b"), written=""))
    assert states(planned) == {"a": ("deferred", "awaited")}
    assert planned.plan["Thing/a"].reason.endswith("; its delete was accepted, and the target still shows it")
    assert [awaited.leaves for awaited in planned.awaited] == [True]


def test_another_object_under_the_name_of_one_that_was_deleted_is_there_to_stay(world):
    world.apply(thing("a"))
    assert leaving(written(world, 1.0, thing("a"), id="another", written=""), as_key("Thing/a")) == ""


def verdict_against(key):
    violation = Violation(key=as_key(key), severity=Severity.DENY, message="no", policy="p")
    return Verdict((violation,))


def test_deletes_of_the_kind_and_namespace_of_a_write_that_is_held_back_are_put_off(world):
    """It may be what they were renamed to."""
    world.apply(thing("old"), thing("elsewhere", kind="Gear"))
    planned = make_plan(world.request(thing("new"), thing("newer"), verdict=verdict_against("Thing/new")))
    assert states(planned) == {
        "new": ("refused", "policy"),
        "newer": ("ready", ""),
        "old": ("deferred", "replacement"),
        "elsewhere": ("ready", ""),
    }
    assert planned.plan["Thing/old"].reason == "no longer declared; put off: Thing/new is refused and may be its replacement"


def test_the_first_of_several_that_may_replace_it_is_named_and_one_that_is_held_back_before_one_that_is_late(world):
    world.apply(thing("old"), thing("b"), thing("c"))
    request = world.request(
        thing("b"), thing("c"), thing("d"), thing("e"),
        unsettled={as_key("Thing/b"): STARTING, as_key("Thing/c"): STARTING},
        verdict=Verdict(tuple(v for name in "de" for v in verdict_against(f"Thing/{name}").violations)),
    )  # fmt: skip
    request = with_entry(with_entry(request, "Thing/b", written_at=1.0), "Thing/c", written_at=1.0)
    assert "put off: Thing/d is refused" in make_plan(request).plan["Thing/old"].reason
    request = attrs.evolve(request, verdict=Verdict(), desired=request.desired[:2])
    assert "put off: Thing/b is not done" in make_plan(request).plan["Thing/old"].reason


@pytest.mark.parametrize(
    ("written_at", "old", "elsewhere"),
    [
        (990.0, ("deferred", "awaited"), ("deferred", "awaited")),
        (100.0, ("deferred", "replacement"), ("ready", "")),
        (0.0, ("ready", ""), ("ready", "")),
    ],
    ids=["a moment ago", "long ago", "it was well once"],
)
def test_a_delete_waits_for_what_was_written_and_is_not_well_and_for_its_own_kind_however_long_it_takes(
    world, written_at, old, elsewhere
):
    world.apply(thing("old"), thing("new"), thing("elsewhere", kind="Gear"))
    request = with_entry(unsettled(world, "Thing/new", thing("new")), "Thing/new", written_at=written_at, settled=False)
    assert states(make_plan(request)) == {"old": old, "elsewhere": elsewhere}


def test_drift_that_is_not_repaired_puts_no_delete_off_and_a_new_declaration_does(world):
    """The drifted object was there, as declared, beside the other one."""
    world.apply(thing("old"), thing("kept", x=1))
    world.edit("Thing/kept", thing("kept", x=2))
    verdict = verdict_against("Thing/kept")
    assert states(make_plan(world.request(thing("kept", x=1), verdict=verdict))) == {
        "kept": ("refused", "policy"),
        "old": ("ready", ""),
    }
    planned = make_plan(world.request(thing("kept", x=3), verdict=verdict))
    assert states(planned) == {"kept": ("refused", "policy"), "old": ("deferred", "replacement")}


def test_what_is_gone_already_is_forgotten_whatever_is_held_back(world):
    world.apply(thing("old"))
    world.live.clear()
    planned = make_plan(world.request(thing("new"), verdict=verdict_against("Thing/new")))
    assert states(planned) == {"new": ("refused", "policy"), "old": ("ready", "")}


def test_a_delete_that_is_refused_stays_refused_whatever_it_would_wait_for(world):
    world.apply(thing("old"))
    world.entries[as_key("Thing/old")] = attrs.evolve(world.entries[as_key("Thing/old")], protected=True)
    planned = make_plan(world.request(thing("new"), verdict=verdict_against("Thing/new")))
    assert states(planned)["old"] == ("refused", "protected")
