"""A plan as a whole."""

from __future__ import annotations

import random

import attrs
import pytest

from gitops_core.errors import Cancelled
from gitops_core.model.applications import Options
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.inventory import EntryState, Holder, Inventory
from gitops_core.model.plans import Action, Plan
from gitops_core.model.resources import Resource, ResourceKey, Unreadable, as_key
from gitops_core.planning.planner import desired_digest, make_plan
from gitops_core.planning.request import PlanRequest, TargetRules
from gitops_core.testing.plan_worlds import PlanWorld


def site(name="a", **fields):
    return {"kind": "Site", "metadata": {"name": name}, **fields}


KEY = as_key("Site/a")


def untouchable(resource):
    def load():
        raise AssertionError(f"the body of {resource.key} was read")

    return resource.with_loader(load)


@pytest.fixture
def world():
    world = PlanWorld()
    world.apply(site(v=1))
    return world


def plan_unread(world, body, **facts):
    """Plan, with both bodies out of reach."""
    request = world.request(body, **facts)
    live = {key: attrs.evolve(live, body=_unread) for key, live in request.live.items()}
    return make_plan(attrs.evolve(request, desired=tuple(map(untouchable, request.desired)), live=live)).plan


def _unread():
    raise AssertionError("the live body was read")


def test_what_the_memo_vouches_for_is_unchanged_without_reading_any_body(world):
    plan = plan_unread(world, site(v=1))
    assert (plan.is_empty, plan.unchanged) == (True, (KEY,))


@pytest.mark.parametrize(
    "facts",
    [{"version": "other"}, {"id": "other"}, {"owner": "somebody"}, {"deleting": True}],
)
def test_the_memo_holds_for_the_very_object_and_version_only(world, facts):
    world.live[KEY] = attrs.evolve(world.live[KEY], body=site(v=2), **facts)
    assert not world.plan(site(v=1)).is_empty


@pytest.mark.parametrize(
    "facts", [{"state": EntryState.PLANNED}, {"state": EntryState.DELETING}, {"desired": "other"}, {"version": ""}]
)
def test_what_the_inventory_is_not_sure_of_is_compared_in_full(world, facts):
    world.entries[KEY] = attrs.evolve(world.entries[KEY], **facts)
    planned = make_plan(world.request(site(v=1), now=1010.0))
    assert planned.plan.unchanged == (KEY,)
    (entry,) = planned.refreshed
    assert (entry.state, entry.desired, entry.checked_at) == (
        EntryState.APPLIED,
        world.request(site(v=1)).desired[0].digest,
        1010.0,
    )
    assert entry.version == world.live[KEY].version


def test_a_memo_is_believed_for_a_bounded_time_only(world):
    options = Options(memo_age=100.0)
    assert plan_unread(world, site(v=1), now=1074.0, options=options).is_empty
    world.edit("Site/a", site(v=2))
    world.live[KEY] = attrs.evolve(world.live[KEY], version=world.entries[KEY].version)  # an API that lies about versions
    assert not world.plan(site(v=1), now=1100.0, options=options).is_empty


def test_memos_made_together_are_not_checked_together():
    world, bodies = PlanWorld(), [site(f"s{i}") for i in range(200)]
    world.apply(*bodies)
    checked = [
        len(make_plan(world.request(*bodies, now=1000.0 + age, options=Options(memo_age=100.0))).refreshed)
        for age in (75, 80, 90, 99, 100)
    ]
    assert checked == sorted(checked)
    assert (checked[0] < 20, 40 < checked[2] < 160, checked[-1]) == (True, True, 200)


def test_a_refreshed_entry_keeps_what_a_comparison_cannot_tell(world):
    world.entries[KEY] = attrs.evolve(world.entries[KEY], settled=True, revision="r0")
    (entry,) = make_plan(world.request(site(v=1), options=Options(memo_age=0.0))).refreshed
    assert (entry.settled, entry.revision, entry.declared) == (True, "r0", world.entries[KEY].declared)


def test_without_versions_the_whole_live_object_is_compared_by_digest():
    world = PlanWorld()
    world.versions = False
    world.apply(site(v=1))
    request = world.request(site(v=1))
    assert make_plan(attrs.evolve(request, desired=tuple(map(untouchable, request.desired)))).plan.is_empty
    world.edit("Site/a", site(v=1, status=1))
    planned = make_plan(world.request(site(v=1)))
    assert (planned.plan.is_empty, len(planned.refreshed)) == (True, 1)
    world.edit("Site/a", site(v=2))
    assert not world.plan(site(v=1)).is_empty


def test_a_live_object_without_version_that_cannot_be_digested_is_told_of_in_the_plan():
    world = PlanWorld()
    world.versions = False
    world.apply(site(v=1))
    assert world.plan(site(v=1), rules=TargetRules(normalize=lambda body: 1 / 0))["Site/a"].rule == "plugin"
    world.live[KEY] = attrs.evolve(world.live[KEY], body=_unread)
    assert world.plan(site(v=1))["Site/a"].rule == "unreadable"

    def stop():
        raise Cancelled("stop")

    world.live[KEY] = attrs.evolve(world.live[KEY], body=stop)
    with pytest.raises(Cancelled):
        world.plan(site(v=1))


def test_what_is_blind_or_held_by_another_is_not_passed_over(world):
    assert world.plan(site(v=1), unreadable=(Unreadable(KEY, "x"),))["Site/a"].rule == "unreadable"
    assert plan_unread(world, site(v=1), unreadable=(Unreadable(as_key("Site/b"), "x"),)).is_empty
    holders = {KEY: Holder("example.org/demo/a-other", EntryState.APPLIED)}
    assert world.plan(site(v=1), holders=holders)["Site/a"].rule == "foreign_owner"


def test_rules_may_differ_from_key_to_key(world):
    world.apply(site(v=1), site("b", v=1))
    rules = {"a": TargetRules(can_update=False), "b": TargetRules()}
    plan = world.plan(site(v=2), site("b", v=2), rules=lambda key: rules[key.name], guard=Guard(delete_fraction=1.0))
    assert [plan["Site/a"].action, plan["Site/b"].action] == [Action.REPLACE, Action.UPDATE]


def test_a_plan_carries_the_facts_it_was_made_from(world):
    plan = world.plan(site(v=1), complete=False, inventory=Inventory("x", world.entries, serial=7))
    assert (plan.application, plan.revision, plan.complete, plan.inventory_serial) == ("example.org/demo/shop", "r1", False, 7)
    assert plan.guard == "0 of 1 owned objects to delete or replace (limit 2), 0 to touch (limit 2)"


def test_unreadable_things_are_listed_sorted(world):
    blind = (
        Unreadable(None, "z", ("apps", "Deployment")),
        Unreadable(None, "y", ("", "Pod")),
        Unreadable(None, "x"),
        Unreadable(KEY, "w"),
    )
    assert world.plan(unreadable=blind).unreadable == ("Site/a: w", "every Pod: y", "every apps/Deployment: z", "every kind: x")


def test_the_desired_digest_depends_on_keys_and_digests_only():
    one, two = Resource.of(site()), Resource.of(site("b"))
    assert desired_digest([one, two]) == desired_digest([attrs.evolve(one), two])
    assert len({desired_digest(d) for d in ([], [one], [two], [one, two])}) == 4


def test_the_order_of_what_was_observed_means_nothing():
    world = PlanWorld()
    bodies = [site(f"s{i}", v=i) for i in range(30)]
    world.apply(*bodies)
    declared = [site(f"s{i}", v=i + i % 3) for i in range(5, 40)]
    request = world.request(*declared)
    wanted = make_plan(request)
    shuffled = random.Random(1)
    for _ in range(5):
        live, entries = list(request.live.items()), list(request.inventory.entries.items())
        shuffled.shuffle(live)
        shuffled.shuffle(entries)
        again = make_plan(attrs.evolve(request, live=dict(live), inventory=Inventory("x", dict(entries))))
        assert again.plan.to_json() == wanted.plan.to_json()
        assert again.refreshed == wanted.refreshed


def test_a_plan_survives_being_saved(world):
    plan = world.plan(site(v=2), site("b"), unreadable=(Unreadable(as_key("Site/c"), "x"),))
    assert Plan.from_json(plan.to_json()) == plan


def test_moving_an_object_between_applications_never_deletes_it():
    """B declares it, then A drops it, then B takes it over: the same object throughout."""
    a, b = PlanWorld(application="example.org/demo/a"), PlanWorld(application="example.org/demo/b")
    a.apply(site(v=1), site("kept"))
    a.live[KEY] = attrs.evolve(a.live[KEY], owner="example.org/demo/a")
    b.live = a.live
    b.apply(site(v=1), holders={KEY: Holder("example.org/demo/a", EntryState.APPLIED)})
    assert b.entries[KEY].state is EntryState.CLAIMED
    before = a.live[KEY]
    handed = a.apply(site("kept"), holders={KEY: Holder("example.org/demo/b", EntryState.CLAIMED)})
    assert handed["Site/a"].rule == "handing_over"
    assert a.entries[KEY].state is EntryState.RELEASED
    taken = b.apply(site(v=1), complete=False)
    assert (taken["Site/a"].action, b.live[KEY]) == (Action.ADOPT, before)
    assert b.plan(site(v=1), complete=False).is_empty
    assert a.apply(site("kept"), holders={KEY: Holder("example.org/demo/b", EntryState.APPLIED)})["Site/a"].rule == "handed_over"
    assert KEY not in a.entries


def test_what_is_not_declared_and_not_ours_is_not_mentioned(world):
    world.put(site("stranger"))
    assert world.plan(site(v=1)).is_empty


def test_an_approved_mass_delete_goes_through_with_the_name_of_the_approval():
    world = PlanWorld()
    world.apply(*(site(f"s{i}") for i in range(20)))
    refused = world.plan(site("s1"))
    assert {c.rule for c in refused.changes} == {"delete_limit"}
    approvals = [Approval("by-us", 2000.0, {"delete_limit", "touched_limit"})]
    assert {c.approval for c in world.plan(site("s1"), approvals=approvals).changes} == {"by-us"}
    assert isinstance(world.request(site("s1")), PlanRequest)


def test_ten_thousand_creates_are_put_in_order():
    world = PlanWorld()
    bodies = [{"kind": "ConfigMap", "metadata": {"name": f"c{i}", "namespace": "n"}} for i in range(10_000)]
    plan = world.plan({"kind": "Namespace", "metadata": {"name": "n"}}, *bodies)
    assert plan.changes[0].key == ResourceKey("", "Namespace", "", "n")
    assert len(plan.ready) == 10_001
