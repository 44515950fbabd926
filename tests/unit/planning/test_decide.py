"""One object, one decision."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import Cancelled, PluginError, Transient
from gitops_core.model.applications import IgnoreRule, Options
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.inventory import EntryState, Holder, InventoryEntry
from gitops_core.model.plans import Action, ChangeState, DiffOp, FieldDiff
from gitops_core.model.resources import Resource, ResourceKey, Unreadable
from gitops_core.model.values import Sensitive
from gitops_core.model.verdicts import Severity, Verdict, Violation
from gitops_core.planning.planner import decide, make_plan, verify
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld

THEM = "example.org/demo/other"
KEY = ResourceKey("", "Site", "", "a")


def site(notes=(), **fields):
    annotations = {f"example.org/{k.replace('_', '-')}": v for k, v in dict(notes).items()}
    return {"kind": "Site", "metadata": {"name": "a", **({"annotations": annotations} if annotations else {})}, **fields}


@pytest.fixture
def world():
    return PlanWorld(guard=Guard(touched_fraction=1.0, delete_fraction=1.0, never=()))


def state(change):
    return change.action.value, change.state.value, change.rule


def test_what_is_not_there_is_created(world):
    change = world.plan(site(v=1))["Site/a"]
    assert state(change) == ("create", "ready", "")
    assert (change.reason, change.diff, change.live_id, change.precondition) == ("not in the target", (), "", "")
    assert (change.origin.path, change.origin.revision, change.wait) == ("shop.yaml", "r1", True)


def test_what_was_applied_and_vanished_is_created_again_and_says_so(world):
    world.apply(site())
    world.live.clear()
    assert world.plan(site())["Site/a"].reason == "gone from the target since it was applied"


def test_what_differs_is_updated(world):
    world.apply(site(v=1))
    change = world.plan(site(v=2))["Site/a"]
    assert state(change) == ("update", "ready", "")
    assert (change.reason, change.live_id, [d.label for d in change.diff]) == ("1 field differs", world.live[KEY].id, ["v"])
    assert change.precondition


def test_drift_is_repaired(world):
    world.apply(site(v=1, w=1))
    world.edit("Site/a", site(v=7, w=7))
    assert world.plan(site(v=1, w=1))["Site/a"].reason == "2 fields differ"


def test_an_immutable_field_is_replaced_and_named(world):
    world.apply(site(spec={"id": 1}, v=1))
    change = world.plan(site(spec={"id": 2}, v=2), rules=TargetRules(fields=Fields(immutable={"/spec/id"})))["Site/a"]
    assert state(change) == ("replace", "ready", "")
    assert change.reason == "2 fields differ; spec.id cannot be changed in place"


def test_a_target_without_updates_replaces(world):
    world.apply(site(v=1))
    change = world.plan(site(v=2), rules=TargetRules(can_update=False))["Site/a"]
    assert (change.action, change.reason) == (Action.REPLACE, "1 field differs; the target cannot update in place")


@pytest.mark.parametrize("notes", [{"protect": "true"}, {"prune": "false"}])
def test_what_is_protected_is_not_replaced(world, notes):
    rules = TargetRules(can_update=False)
    world.apply(site(v=1))
    assert state(world.plan(site(notes, v=2), rules=rules)["Site/a"]) == ("replace", "refused", "protected")
    world.entries[KEY] = attrs.evolve(world.entries[KEY], protected=True)
    assert state(world.plan(site(v=2), rules=rules)["Site/a"]) == ("replace", "refused", "protected")
    approval = Approval("by-us", 2000.0, {"protected"})
    assert world.plan(site(notes, v=2), rules=rules, approvals=[approval])["Site/a"].approval == "by-us"
    assert world.plan(site(notes, v=2))["Site/a"].is_ready


def test_protection_is_taken_away_in_two_steps(world):
    protected = site({"protect": "true"}, v=1)
    world.apply(protected)
    assert state(world.plan(site(v=1, x=1), {"kind": "Site", "metadata": {"name": "b"}})["Site/a"]) == ("update", "ready", "")
    world.apply(site(v=1))
    assert not world.entries[KEY].protected


# -- adoption ----------------------------------------------------------------------------------------------------------------


def test_an_unowned_object_is_adopted_with_the_difference_shown(world):
    world.put(site(v=1))
    change = world.plan(site(v=2))["Site/a"]
    assert state(change) == ("adopt", "ready", "")
    assert (change.adopts, [d.label for d in change.diff], change.reason) == (
        True,
        ["v"],
        "it is there and nobody owns it; 1 field differs",
    )


def test_an_unowned_object_that_is_as_declared_is_adopted_without_a_difference(world):
    world.put(site(v=1, w=2))
    change = world.plan(site(v=1))["Site/a"]
    assert (change.action, change.diff, change.reason) == (Action.ADOPT, (), "it is there and nobody owns it; it is as declared")


def test_adoption_can_be_switched_off(world):
    world.put(site(v=1))
    change = world.plan(site(v=2), options=Options(adopt=False))["Site/a"]
    assert state(change) == ("adopt", "refused", "adoption")
    assert change.override == "Options(adopt=True)"
    assert change.diff


def test_what_is_not_ours_is_not_replaced_unless_that_is_approved(world):
    world.put(site(v=1))
    rules = TargetRules(can_update=False)
    change = world.plan(site(v=2), rules=rules)["Site/a"]
    assert state(change) == ("adopt", "refused", "replace")
    assert 'keys={"Site/a"}' in change.override
    approval = Approval("by-us", 2000.0, {"replace"}, keys={"Site/a"})
    change = world.plan(site(v=2), rules=rules, approvals=[approval])["Site/a"]
    assert state(change) == ("replace", "ready", "")
    assert (change.adopts, change.approval) == (True, "by-us")
    assert world.plan(site(v=1), rules=rules)["Site/a"].is_ready


def test_what_somebody_recreated_is_adopted_with_that_reason_and_nothing_of_it_is_removed(world):
    world.apply(site(v=1, old=1))
    world.put(site(v=1, old=1), id="another")
    change = world.plan(site(v=1))["Site/a"]
    assert (change.action, change.diff) == (Action.ADOPT, ())
    assert "re-created it" in change.reason


def test_what_another_application_has_is_refused_and_claimed(world):
    world.put(site(v=1))
    request = world.request(site(v=2), holders={KEY: Holder(THEM, EntryState.APPLIED)}, rules=TargetRules(scope=lambda _: "w"))
    planned = make_plan(request)
    change = planned.plan["Site/a"]
    assert state(change) == ("adopt", "refused", "foreign_owner")
    assert change.reason == f"application {THEM} has it, and example.org/demo/shop declares it, too"
    assert THEM in change.override
    assert planned.claims == (InventoryEntry(KEY, EntryState.CLAIMED, scope="w", path="shop.yaml", held_by=THEM),)


def test_a_claim_is_made_once_and_never_in_place_of_what_we_own(world):
    holders = {KEY: Holder(THEM, EntryState.APPLIED)}
    world.entries[KEY] = InventoryEntry(KEY, EntryState.CLAIMED, path="shop.yaml", held_by=THEM)
    assert make_plan(world.request(site(), holders=holders)).claims == ()
    world.entries[KEY] = InventoryEntry(KEY)
    assert make_plan(world.request(site(), holders=holders)).claims == ()


@pytest.mark.parametrize(
    ("theirs", "mark", "is_claimed"),
    [
        (EntryState.APPLIED, "", True),
        (EntryState.DELETING, "", True),
        (EntryState.PLANNED, "", False),
        (EntryState.PLANNED, THEM, True),
    ],
)
def test_what_we_handed_over_and_declare_again_is_claimed_once_it_has_been_taken(world, theirs, mark, is_claimed):
    """Without a claim the other one would delete it; while it may still give it up, it has to stay ours."""
    world.put(site(), owner=mark)
    world.entries[KEY] = InventoryEntry(KEY, EntryState.RELEASED, id="id-1", desired="digest")
    planned = make_plan(world.request(site(), holders={KEY: Holder(THEM, theirs)}))
    assert state(planned.plan["Site/a"])[1:] == ("refused", "foreign_owner")
    assert [(c.state, c.held_by) for c in planned.claims] == ([(EntryState.CLAIMED, THEM)] if is_claimed else [])


def test_a_mark_of_an_unknown_application_is_claimed_without_a_holder(world):
    world.put(site(), owner=THEM)
    (claim,) = make_plan(world.request(site())).claims
    assert claim.held_by == ""


def test_nothing_is_created_over_what_another_application_is_about_to_create(world):
    change = world.plan(site(), holders={KEY: Holder(THEM, EntryState.PLANNED)})["Site/a"]
    assert state(change) == ("create", "refused", "foreign_owner")


# -- what cannot be known ------------------------------------------------------------------------------------------------------


def test_what_could_not_be_read_is_neither_created_nor_compared(world):
    blind = (Unreadable(KEY, Transient("boom")),)
    plan = world.plan(site(), unreadable=blind)
    assert state(plan["Site/a"]) == ("create", "deferred", "unreadable")
    assert plan.unreadable == ("Site/a: Transient: boom",)
    world.apply(site())
    assert state(world.plan(site(), unreadable=blind)["Site/a"]) == ("update", "deferred", "unreadable")


def test_what_is_being_deleted_is_waited_for(world):
    world.put(site(), deleting=True)
    change = world.plan(site())["Site/a"]
    assert state(change) == ("create", "deferred", "deleting")
    assert change.reason == "being deleted; it will be created again when it is gone"


def with_broken_body(world, error):
    def broken():
        raise error

    world.put(site())
    world.live[KEY] = attrs.evolve(world.live[KEY], body=broken)


def test_a_live_body_that_cannot_be_read_defers(world):
    with_broken_body(world, Transient("boom"))
    change = world.plan(site())["Site/a"]
    assert state(change) == ("adopt", "deferred", "unreadable")
    assert "Transient: boom" in change.reason


def test_a_stop_while_reading_is_raised(world):
    with_broken_body(world, Cancelled("stop"))
    with pytest.raises(Cancelled):
        world.plan(site())


@pytest.mark.parametrize("body", [[], "text", {"v": {1}}])
def test_a_live_body_that_is_no_json_object_is_the_targets_fault(world, body):
    world.put(site())
    world.live[KEY] = attrs.evolve(world.live[KEY], body=body)
    change = world.plan(site())["Site/a"]
    assert state(change) == ("adopt", "refused", "plugin")
    assert "the target's observe raised TypeError" in change.reason


# -- plug-ins ----------------------------------------------------------------------------------------------------------------


def boom(*_bodies):
    raise RuntimeError("saw canary-1")


OTHER = {"kind": "Other", "metadata": {"name": "b"}}


@pytest.mark.parametrize("function", ["normalize", "diff", "depends_on"])
def test_a_function_of_the_target_that_raises_refuses_its_object_and_the_others_go_on(world, function):
    world.apply(site(v=1, token=Sensitive("canary-1")), OTHER)

    def picky(*bodies):
        return boom() if bodies[0]["kind"] == "Site" else {"normalize": bodies[0]}.get(function, ())

    plan = world.plan(site(v=2, token=Sensitive("canary-1")), {**OTHER, "v": 2}, rules=TargetRules(**{function: picky}))
    assert state(plan["Site/a"])[1:] == ("refused", "plugin")
    assert f"the target's {function} raised RuntimeError: saw ***" in plan["Site/a"].reason
    assert "canary" not in plan.to_json()
    assert all(c.is_ready for c in plan.changes if c.key != KEY)


def test_a_normalize_that_raises_is_found_before_a_create(world):
    assert state(world.plan(site(), rules=TargetRules(normalize=boom))["Site/a"]) == ("create", "refused", "plugin")


def test_a_target_may_compare_by_itself(world):
    world.apply(site(v="X", token=Sensitive("canary-1")))

    def own(desired, live):
        if desired["v"].lower() != live["v"].lower():
            yield FieldDiff("/v", DiffOp.REPLACE, before=live["v"], after=desired["v"])
            yield FieldDiff("/copy", DiffOp.ADD, after=desired["token"])

    rules = TargetRules(diff=own)
    assert world.plan(site(v="x", token=Sensitive("canary-1")), rules=rules).is_empty
    diff = world.plan(site(v="y", token=Sensitive("canary-1")), rules=rules)["Site/a"].diff
    assert [(d.pointer, d.after) for d in diff] == [("/copy", "***"), ("/v", "y")]


def test_a_target_may_leave_the_comparison_to_us(world):
    world.apply(site(v=1))
    assert world.plan(site(v=2), rules=TargetRules(diff=lambda *_: None))["Site/a"].diff[0].pointer == "/v"


def test_a_comparison_that_returns_something_else_is_refused(world):
    world.apply(site(v=1))
    change = world.plan(site(v=2), rules=TargetRules(diff=lambda *_: ["/v"]))["Site/a"]
    assert "a FieldDiff was expected, not str" in change.reason


# -- annotations, options, policies ----------------------------------------------------------------------------------------------


def test_a_misspelt_annotation_refuses_its_object_with_its_place(world):
    plan = world.plan(site({"protect": "yes"}), OTHER)
    change = plan["Site/a"]
    assert state(change) == ("create", "refused", "annotation")
    assert "example.org/protect is 'yes'" in change.reason
    assert change.reason.endswith("(shop.yaml:1)")
    assert plan["Other/b"].is_ready
    assert world.plan(Resource.of(site({"wiat": "true"})))["Site/a"].rule == "annotation"


def test_waiting_can_be_switched_off_for_one_or_all(world):
    assert not world.plan(site({"wait": "false"}))["Site/a"].wait
    assert not world.plan(site(), options=Options(wait=False))["Site/a"].wait


def test_ignored_fields_are_somebody_elses(world):
    world.apply(site(v=1, w=1))
    world.edit("Site/a", site(v=9, w=1))
    rules = [IgnoreRule({"/v"}, kinds={"Site"}), IgnoreRule({"/w"}, kinds={"Other"})]
    assert world.plan(site(v=1, w=1), options=Options(ignore=rules)).is_empty
    assert [d.pointer for d in world.plan(site(v=1, w=2), options=Options(ignore=rules))["Site/a"].diff] == ["/w"]


def deny(key, severity=Severity.DENY):
    return Verdict.of([Violation(key, "no cats", severity, policy="no-cats")])


def test_a_denied_object_is_refused_and_the_others_go_on(world):
    plan = world.plan(site(), OTHER, verdict=deny(KEY))
    assert state(plan["Site/a"]) == ("create", "refused", "policy")
    assert plan["Site/a"].reason == "not in the target; no-cats denies it: no cats"
    assert plan["Other/b"].is_ready
    assert plan.refusals == ()


def test_a_denied_set_is_refused_as_a_whole_deletes_included(world):
    world.apply(site())
    plan = world.plan(OTHER, verdict=deny(None))
    assert [c.state for c in plan.changes] == [ChangeState.REFUSED] * 2
    assert [r.rule for r in plan.refusals] == ["policy"]


def test_a_warning_refuses_nothing(world):
    assert world.plan(site(), verdict=deny(KEY, Severity.WARN))["Site/a"].is_ready


def test_what_is_refused_already_keeps_its_reason(world):
    assert world.plan(site({"protect": "?"}), verdict=deny(KEY))["Site/a"].rule == "annotation"


# -- one key alone ---------------------------------------------------------------------------------------------------------------


def test_one_object_is_decided_as_in_the_plan(world):
    world.apply(site(v=1), OTHER)
    request = world.request(site(v=2))
    for change in make_plan(request).plan.changes:
        again = decide(request, change.key)
        assert (again.action, again.precondition, again.desired) == (change.action, change.precondition, change.desired)
    assert decide(world.request(site(v=1)), KEY) is None
    assert decide(request, ResourceKey("", "Site", "", "unknown")) is None


def test_a_foreign_change_makes_a_decision_stale_and_a_status_does_not(world):
    world.apply(site(v=1))
    before = decide(world.request(site(v=2)), KEY)
    world.edit("Site/a", site(v=1, status="busy"))
    assert decide(world.request(site(v=2)), KEY).precondition == before.precondition
    world.edit("Site/a", site(v=3))
    assert decide(world.request(site(v=2)), KEY).precondition != before.precondition


def test_verifying_finds_what_the_target_did_not_do(world):
    world.apply(site(v=1, old=1))
    request = world.request(site(v=2))
    assert [d.pointer for d in verify(request, KEY)] == ["/old", "/v"]
    world.edit("Site/a", site(v=2))
    assert verify(world.request(site(v=2)), KEY) == ()


def test_verifying_takes_write_only_fields_as_written_and_asks_for_no_owner(world):
    rules = TargetRules(fields=Fields(write_only={"/pin"}))
    world.put(site(), owner=THEM)
    assert verify(world.request(site(pin="1"), rules=rules), KEY) == ()


def test_verifying_what_is_not_there_or_cannot_be_read_is_an_error(world):
    with pytest.raises(KeyError, match="Site/a"):
        verify(world.request(site()), KEY)
    with pytest.raises(KeyError, match="Site/a"):
        verify(world.request(), KEY)
    with_broken_body(world, OSError("boom"))
    with pytest.raises(PluginError, match="OSError: boom"):
        verify(world.request(site()), KEY)
