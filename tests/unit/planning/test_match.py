"""Whose is it?"""

from __future__ import annotations

import pytest

from gitops_core.model.inventory import EntryState, Holder, InventoryEntry
from gitops_core.model.resources import ResourceKey, Unreadable
from gitops_core.planning.match import Blind, Standing, error_text, match
from gitops_core.testing.plan_worlds import PlanWorld

US, THEM = "example.org/demo/shop", "example.org/demo/other"
SITE = {"kind": "Site", "metadata": {"name": "a"}}
KEY = ResourceKey("", "Site", "", "a")
APPLIED, PLANNED, CLAIMED = EntryState.APPLIED, EntryState.PLANNED, EntryState.CLAIMED


def found(*, live=None, entry=None, holder=None, unreadable=()):
    world = PlanWorld()
    if live is not None:
        world.put(SITE, **{"id": "1", **live})
    if entry is not None:
        world.entries[KEY] = InventoryEntry(KEY, **{"state": APPLIED, **entry})
    request = world.request(SITE, holders={KEY: Holder(THEM, holder)} if holder else {}, unreadable=unreadable)
    return match(request, KEY, Blind(request.unreadable))


@pytest.mark.parametrize(
    ("facts", "standing"),
    [
        ({}, Standing.ABSENT),
        ({"entry": {}}, Standing.ABSENT),
        ({"live": {}}, Standing.UNOWNED),
        ({"live": {"owner": ""}}, Standing.UNOWNED),
        ({"live": {}, "entry": {"state": CLAIMED}}, Standing.UNOWNED),
        ({"live": {}, "entry": {}}, Standing.OURS),
        ({"live": {}, "entry": {"id": "1"}}, Standing.OURS),
        ({"live": {}, "entry": {"id": "2"}}, Standing.UNOWNED),
        ({"live": {"owner": US}, "entry": {"id": "2"}}, Standing.OURS),
        ({"live": {"owner": US}}, Standing.OURS),
        ({"live": {"owner": THEM}}, Standing.FOREIGN),
        ({"live": {"owner": THEM}, "entry": {}}, Standing.FOREIGN),
        ({"live": {}, "holder": APPLIED}, Standing.FOREIGN),
        ({"holder": PLANNED}, Standing.FOREIGN),
        ({"live": {}, "holder": CLAIMED}, Standing.UNOWNED),
        ({"live": {"owner": US}, "holder": APPLIED}, Standing.OURS),
        ({"live": {"deleting": True}, "entry": {}}, Standing.DELETING),
        ({"live": {}, "entry": {}, "unreadable": (Unreadable(KEY, "no"),)}, Standing.UNREADABLE),
    ],
)
def test_each_situation_has_one_name(facts, standing):
    assert standing is found(**facts).standing


@pytest.mark.parametrize(
    ("ours", "theirs", "standing"),
    [
        (APPLIED, PLANNED, Standing.OURS),
        (PLANNED, APPLIED, Standing.FOREIGN),
        (APPLIED, APPLIED, Standing.FOREIGN),  # "…/other" comes before "…/shop"
        (PLANNED, PLANNED, Standing.FOREIGN),
    ],
)
def test_of_two_that_began_at_once_the_one_that_applied_it_keeps_it_else_the_first_by_name(ours, theirs, standing):
    assert standing is found(live={}, entry={"state": ours}, holder=theirs).standing


def test_a_mark_of_an_application_that_has_let_go_counts_for_nothing():
    claim = {"state": CLAIMED, "held_by": THEM}
    assert Standing.FOREIGN is found(live={"owner": THEM}, entry=claim, holder=APPLIED).standing
    match_ = found(live={"owner": THEM}, entry=claim)
    assert (Standing.UNOWNED, f"{THEM} has let go of it") == (match_.standing, match_.why)


def test_a_hand_over_that_was_planned_and_not_written_is_still_to_be_done():
    """The process died between the record and the write: the object bears the mark of the application before us."""
    match_ = found(live={"owner": THEM}, entry={"state": PLANNED, "held_by": THEM})
    assert (Standing.UNOWNED, f"{THEM} has let go of it") == (match_.standing, match_.why)
    assert Standing.OURS is found(live={"owner": THEM}, entry={"state": APPLIED, "held_by": THEM}).standing


def test_a_mark_of_an_application_in_another_state_store_is_respected():
    assert Standing.FOREIGN is found(live={"owner": THEM}, entry={"state": CLAIMED}).standing


def test_a_recreated_object_is_told_by_both_ids():
    assert "(was 2, is 1)" in found(live={}, entry={"id": "2"}).why


def test_blindness_covers_a_key_a_kind_or_everything():
    other = ResourceKey("apps", "Deployment", "n", "d")
    blind = Blind([Unreadable(KEY, "k"), Unreadable(KEY, "second"), Unreadable(None, "d", ("apps", "Deployment"))])
    assert (blind.error(KEY), blind.error(other), blind.error(KEY._replace(name="b"))) == ("k", "d", None)
    assert Blind([Unreadable(None, "all")]).error(other) == "all"
    assert not Blind(())
    assert Blind([Unreadable(None, "all")])


def test_an_error_is_one_line_with_its_class():
    assert error_text(OSError("a\n b")) == "OSError: a b"
    assert error_text(" ") == "no reason given"
