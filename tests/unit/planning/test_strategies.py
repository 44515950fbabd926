"""How a difference is mended, what the target says about it beforehand, and what must not be replaced."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import Invalid
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.inventory import EntryState
from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.resources import ResourceKey, as_key
from gitops_core.model.values import Sensitive
from gitops_core.planning.planner import make_plan, verify
from gitops_core.planning.records import planned_entry
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld

KEY = ResourceKey("", "Site", "", "a")
ONCE = {"strategy": "create-only"}


def site(notes=(), name="a", kind="Site", **fields):
    annotations = {f"example.org/{k}": v for k, v in dict(notes).items()}
    return {"kind": kind, "metadata": {"name": name, **({"annotations": annotations} if annotations else {})}, **fields}


@pytest.fixture
def world():
    return PlanWorld(guard=Guard(touched_fraction=1.0, delete_fraction=1.0))


def state(change):
    return change.action.value, change.state.value, change.rule


# -- create-only -----------------------------------------------------------------------------------------------------------------


def test_create_only_creates_what_is_not_there_and_leaves_it_alone_afterwards(world):
    assert state(world.apply(site(ONCE, v=1))["Site/a"]) == ("create", "ready", "")
    world.edit("Site/a", site(v=7))
    assert world.plan(site(ONCE, v=1)).is_empty
    assert world.plan(site(ONCE, v=2)).is_empty
    del world.live[KEY]
    assert state(world.plan(site(ONCE, v=2))["Site/a"]) == ("create", "ready", "")


def test_create_only_is_left_alone_without_reading_its_live_body(world):
    world.apply(site(ONCE, v=1))

    def unread():
        raise AssertionError("nobody needs it")

    world.live[KEY] = attrs.evolve(world.live[KEY], body=unread)
    assert world.plan(site(ONCE, v=2)).is_empty


def test_create_only_adopts_what_is_there_as_it_is_and_what_was_adopted_so_is_as_it_should_be(world):
    world.put(site(v=7))
    request = world.request(site(ONCE, v=1))
    change = make_plan(request).plan["Site/a"]
    assert (change.action.value, change.diff, change.is_ready) == ("adopt", (), True)
    world.entries[KEY] = planned_entry(request, change, request.declaration(KEY))
    assert world.entries[KEY].state is EntryState.PLANNED
    assert verify(world.request(site(ONCE, v=1)), KEY) == ()


def test_what_create_only_has_created_is_verified_as_everything_else(world):
    request = world.request(site(ONCE, v=1))
    world.entries[KEY] = planned_entry(request, make_plan(request).plan["Site/a"], request.declaration(KEY))
    world.put(site(v=7))
    assert [d.pointer for d in verify(world.request(site(ONCE, v=1)), KEY) if d.pointer == "/v"] == ["/v"]


# -- recreate and replace --------------------------------------------------------------------------------------------------------


def test_recreate_replaces_what_differs_and_says_why(world):
    notes = {"strategy": "recreate"}
    world.apply(site(notes, v=1))
    assert world.plan(site(notes, v=1)).is_empty
    change = world.plan(site(notes, v=2))["Site/a"]
    assert state(change) == ("replace", "ready", "")
    assert change.reason == "1 field differs; its strategy is to recreate it"


def test_recreate_does_not_replace_what_is_protected(world):
    notes = {"strategy": "recreate", "protect": "true"}
    world.apply(site(notes, v=1))
    assert state(world.plan(site(notes, v=2))["Site/a"]) == ("replace", "refused", "protected")


def test_what_cannot_be_changed_in_place_is_named_before_the_strategy(world):
    notes = {"strategy": "recreate"}
    world.apply(site(notes, v=1))
    change = world.plan(site(notes, v=2), rules=TargetRules(fields=Fields(immutable=["/v"])))["Site/a"]
    assert change.reason == "1 field differs; v cannot be changed in place"


def test_replace_is_an_update_in_the_plan(world):
    notes = {"strategy": "replace"}
    world.apply(site(notes, v=1))
    assert state(world.plan(site(notes, v=2))["Site/a"]) == ("update", "ready", "")


# -- irreplaceable ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PersistentVolume", "PersistentVolumeClaim"])
def test_what_holds_data_may_be_deleted_and_is_not_replaced_without_an_approval_that_names_the_kind(world, kind):
    world.apply(site(kind=kind, v=1))
    fixed = TargetRules(can_update=False)
    change = world.plan(site(kind=kind, v=2), rules=fixed)[f"{kind}/a"]
    assert state(change) == ("replace", "refused", "kind")
    assert f"to replace a {kind}" in change.reason
    approval = Approval("by-us", 2000.0, {"kind"}, kinds={kind})
    assert world.plan(site(kind=kind, v=2), rules=fixed, approvals=[approval])[f"{kind}/a"].approval == "by-us"
    assert state(world.plan(site(), rules=fixed)[f"{kind}/a"]) == ("delete", "ready", "")


def test_which_kinds_are_irreplaceable_is_the_hosts_to_say(world):
    world.apply(site(v=1), site(kind="PersistentVolume", v=1))
    guard = Guard(touched_fraction=1.0, delete_fraction=1.0, irreplaceable={"Site"})
    plan = world.plan(site(v=2), site(kind="PersistentVolume", v=2), rules=TargetRules(can_update=False), guard=guard)
    assert {c.key.kind: c.state.value for c in plan.changes} == {"Site": "refused", "PersistentVolume": "ready"}


# -- previews ------------------------------------------------------------------------------------------------------------------


def test_a_difference_that_the_target_would_not_make_is_left_out_and_an_object_without_any_is_unchanged(world):
    world.apply(site(v=1, w=1))
    assert [d.pointer for d in world.plan(site(v=2, w=2), previews={KEY: site(v=1, w=2)})["Site/a"].diff] == ["/w"]
    assert world.plan(site(v=2, w=2), previews={KEY: site(v=1, w=1)}).is_empty


def test_what_the_target_would_change_besides_is_shown(world):
    world.apply(site(v=1, stamp=1))
    plan = world.plan(site(v=2, stamp=1), previews={KEY: site(v=2, stamp=2)})
    assert [d.pointer for d in plan["Site/a"].diff] == ["/stamp", "/v"]


def test_a_declared_value_that_the_target_does_not_keep_takes_away_what_is_there(world):
    """``paused: false`` is stored as nothing: what somebody has set to true would be gone, and that is a difference."""
    world.put(site(v=1, paused=True))
    (diff,) = world.plan(site(v=1, paused=False), previews={KEY: site(v=1)})["Site/a"].diff
    assert (diff.pointer, diff.op, diff.before, diff.after) == ("/paused", DiffOp.REPLACE, "true", "false")
    assert world.plan(site(v=1, paused=False), previews={KEY: site(v=1, paused=True)})["Site/a"].diff == ()


def test_a_preview_of_what_does_not_differ_is_not_looked_at(world):
    world.put(site(v=1))
    assert world.plan(site(v=1), previews={KEY: site(v=9)})["Site/a"].diff == ()


def test_an_update_that_the_target_would_not_accept_is_refused_with_its_words_and_without_secrets(world):
    world.apply(site(v=1, token=Sensitive("canary-1")))
    refusal = Invalid("v must not be canary-1")
    change = world.plan(site(v=2, token=Sensitive("canary-1")), previews={KEY: refusal})["Site/a"]
    assert state(change) == ("update", "refused", "preview")
    assert change.reason == "1 field differs; the target would not accept it: v must not be ***"
    assert change.diff


def test_an_adoption_is_previewed_as_an_update_is(world):
    world.put(site(v=1, w=1))
    previews = {KEY: site(v=1, w=2)}
    change = world.plan(site(v=2, w=2), previews=previews)["Site/a"]
    assert (change.action.value, [d.pointer for d in change.diff]) == ("adopt", ["/w"])
    as_it_is = world.plan(site(v=2), previews={KEY: site(v=1, w=1)})["Site/a"]
    assert as_it_is.reason == "it is there and nobody owns it; it is as declared"
    assert state(world.plan(site(v=2), previews={KEY: Invalid("no")})["Site/a"]) == ("adopt", "refused", "preview")


def test_a_refusal_by_a_guard_of_ours_comes_before_the_targets(world):
    notes = {"strategy": "recreate", "protect": "true"}
    world.apply(site(notes, v=1))
    assert world.plan(site(notes, v=2), previews={KEY: Invalid("no")})["Site/a"].rule == "protected"


def test_fields_that_nobody_can_read_back_are_shown_as_without_a_preview(world):
    rules = TargetRules(fields=Fields(write_only=["/token"]))
    world.apply(site(v=1, token="old-token"), rules=rules)  # why: a test's
    previews = {KEY: site(v=1)}
    same = world.plan(site(v=2, token="old-token"), rules=rules, previews=previews)  # why: a test's
    assert same.is_empty
    (diff,) = world.plan(site(v=2, token="new-token"), rules=rules, previews=previews)["Site/a"].diff
    assert (diff.pointer, diff.op) == ("/token", DiffOp.REPLACE)


def test_a_target_that_compares_by_itself_compares_its_preview_too_and_its_managers_are_weighed(world):
    world.apply(site(v=1, w=1))

    def own(desired, live):
        names = [name for name in ("v", "w") if desired.get(name) != live.get(name)]
        return [FieldDiff(f"/{name}", DiffOp.REPLACE, manager="kubectl") for name in names]

    previews = {KEY: site(v=2, w=1)}
    change = world.plan(site(v=2, w=2), rules=TargetRules(diff=own), previews=previews)["Site/a"]
    assert [d.pointer for d in change.diff] == ["/v"]
    left = world.plan(site({"conflicts": "leave"}, v=2, w=2), rules=TargetRules(diff=own), previews=previews)
    assert left.is_empty


def test_a_preview_that_is_no_object_is_the_targets_fault(world):
    world.apply(site(v=1))
    change = world.plan(site(v=2), previews={as_key("Site/a"): {"v": {1}}})["Site/a"]
    assert state(change) == ("update", "refused", "plugin")
