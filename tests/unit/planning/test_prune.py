"""What is ours and no longer declared."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.model.applications import Options
from gitops_core.model.guards import Approval
from gitops_core.model.inventory import EntryState, Holder, InventoryEntry
from gitops_core.model.plans import Action, ChangeState
from gitops_core.model.resources import ResourceKey, Unreadable
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld

US, THEM = "example.org/demo/shop", "example.org/demo/other"
KEY = ResourceKey("", "Site", "", "old")
BODY = {"kind": "Site", "metadata": {"name": "old"}, "a": 1}
KEPT = {"kind": "Site", "metadata": {"name": "kept"}}
DELETE, REFUSED, SKIPPED, DEFERRED = Action.DELETE, ChangeState.REFUSED, ChangeState.SKIPPED, ChangeState.DEFERRED


@pytest.fixture
def world():
    world = PlanWorld()
    world.apply(KEPT, BODY)
    return world


def change_of(world, **facts):
    plan = world.plan(KEPT, **facts)
    return plan["Site/old"] if KEY in {c.key for c in plan.changes} else None


def evolve(world, **facts):
    world.entries[KEY] = attrs.evolve(world.entries[KEY], **facts)


def relive(world, **facts):
    world.put(BODY, **{"id": world.live[KEY].id, **facts})


def test_what_we_own_and_is_not_declared_is_deleted_by_id(world):
    change = change_of(world)
    assert (change.action, change.is_ready, change.reason) == (DELETE, True, "no longer declared")
    assert (change.live_id, change.origin.path, change.origin.revision) == (world.live[KEY].id, "shop.yaml", "r1")
    assert change.precondition


def test_an_incomplete_render_or_observation_deletes_nothing(world):
    assert change_of(world, complete=False) is None


def test_pruning_can_be_switched_off_and_records_of_what_is_gone_still_go(world):
    assert change_of(world, options=Options(prune=False)) is None
    del world.live[KEY]
    assert change_of(world, options=Options(prune=False)).reason == "already gone"


def test_what_is_gone_already_is_only_forgotten(world):
    del world.live[KEY]
    change = change_of(world)
    assert (change.action, change.is_ready, change.reason, change.live_id) == (DELETE, True, "already gone", "")


def test_what_could_not_be_read_is_not_deleted(world):
    change = change_of(world, unreadable=(Unreadable(None, "down", ("", "Site")),))
    assert (change.state, change.rule) == (DEFERRED, "unreadable")
    assert "down" in change.reason


@pytest.mark.parametrize("state", [EntryState.APPLIED, EntryState.DELETING])
def test_what_another_application_has_is_handed_over_and_not_deleted(world, state):
    change = change_of(world, holders={KEY: Holder(THEM, state)})
    assert (change.state, change.rule) == (SKIPPED, "handed_over")
    assert THEM in change.reason


@pytest.mark.parametrize("theirs", [EntryState.CLAIMED, EntryState.PLANNED])
@pytest.mark.parametrize("ours", [EntryState.APPLIED, EntryState.RELEASED])
def test_what_another_application_waits_for_stays_ours_until_it_has_taken_it_over(world, ours, theirs):
    """A planned take-over may fail, and be given up; then it is nobody's unless it has stayed ours."""
    evolve(world, state=ours)
    change = change_of(world, holders={KEY: Holder(THEM, theirs)})
    assert (change.state, change.rule) == (DEFERRED, "handing_over")
    assert f"{THEM} waits for it" in change.reason


@pytest.mark.parametrize("holders", [{}, {KEY: Holder(THEM, EntryState.RELEASED)}])
def test_what_nobody_waits_for_any_more_is_deleted(world, holders):
    evolve(world, state=EntryState.RELEASED)
    change = change_of(world, holders=holders)
    assert (change.action, change.is_ready) == (DELETE, True)


def test_what_is_marked_as_another_applications_is_handed_over(world):
    relive(world, owner=THEM)
    assert change_of(world).rule == "handed_over"


def test_a_claim_that_is_no_longer_declared_is_let_go(world):
    evolve(world, state=EntryState.CLAIMED, held_by=THEM)
    change = change_of(world)
    assert (change.state, change.rule) == (SKIPPED, "handed_over")
    assert THEM in change.reason
    evolve(world, held_by="")
    assert "another application has it" in change_of(world).reason


def test_what_somebody_deleted_and_recreated_is_not_ours(world):
    relive(world, id="another")
    change = change_of(world)
    assert (change.state, change.rule) == (SKIPPED, "not_ours")
    assert "is another" in change.reason


def test_what_we_recreated_ourselves_is_ours_by_its_mark(world):
    relive(world, id="another", owner=US)
    change = change_of(world)
    assert (change.is_ready, change.live_id) == (True, "another")


def test_an_adoption_that_was_planned_and_never_confirmed_is_not_ours(world):
    world.entries[KEY] = InventoryEntry(KEY, adopted=True)
    assert change_of(world).rule == "not_ours"


def test_a_creation_that_was_planned_and_never_confirmed_is_ours(world):
    world.entries[KEY] = InventoryEntry(KEY)
    assert change_of(world).is_ready


def test_a_confirmed_adoption_is_ours_even_in_the_middle_of_a_write(world):
    evolve(world, adopted=True, state=EntryState.PLANNED)
    assert change_of(world).is_ready


def test_what_is_being_deleted_is_waited_for(world):
    relive(world, deleting=True)
    assert (change_of(world).state, change_of(world).rule) == (DEFERRED, "deleting")


def test_protection_outlives_the_declaration_that_asked_for_it(world):
    evolve(world, protected=True)
    change = change_of(world)
    assert (change.state, change.rule) == (REFUSED, "protected")
    assert 'keys={"Site/old"}' in change.override
    approval = Approval("by-us", 2000.0, {"protected"}, keys={"Site/old"})
    assert (change_of(world, approvals=[approval]).is_ready, change_of(world, approvals=[approval]).approval) == (True, "by-us")


def test_a_body_that_cannot_be_read_or_spelled_stops_only_its_own_delete(world):
    def broken():
        raise OSError("gone away")

    world.put(BODY)
    world.live[KEY] = attrs.evolve(world.live[KEY], id=world.entries[KEY].id, body=broken)
    change = change_of(world)
    assert (change.state, change.rule) == (DEFERRED, "unreadable")
    relive(world, id=world.entries[KEY].id)
    rules = TargetRules(normalize=lambda body: body if body["metadata"]["name"] == "kept" else 1 / 0)
    change = change_of(world, rules=rules)
    assert (change.state, change.rule) == (REFUSED, "plugin")
    assert "ZeroDivisionError" in change.reason
