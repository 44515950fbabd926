"""Fields that others have written: drift, conflict, or theirs to keep."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.model.applications import Options
from gitops_core.model.guards import Guard
from gitops_core.model.inventory import EntryState
from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Sensitive, freeze
from gitops_core.planning.declared import address_of, declared_pointers
from gitops_core.planning.managers import Scales, conflict_text, weigh
from gitops_core.planning.planner import make_plan, verify
from gitops_core.planning.records import applied_addresses, planned_entry
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld

KEY = ResourceKey("", "Site", "", "a")
THEIRS = FieldDiff("/spec/replicas", DiffOp.REPLACE, "spec.replicas", "7", "2", manager="kubectl")
OURS = FieldDiff("/spec/image", DiffOp.REPLACE, "spec.image", '"a"', '"b"', ours=True)
NOBODYS = FieldDiff("/spec/port", DiffOp.ADD, "spec.port", after="80")


def pointers(diff):
    return [d.pointer for d in diff]


# -- weighing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["refuse", "take", "leave"])
def test_where_no_managers_are_known_every_difference_stays(policy):
    assert weigh((NOBODYS,), Scales(policy=policy, is_unchanged=True)).diff == (NOBODYS,)
    assert weigh((), Scales(policy=policy)).conflicts == ()


def test_what_the_api_made_of_our_last_write_is_no_drift_while_the_declaration_is_the_same():
    weighed = weigh((OURS, NOBODYS), Scales(policy="refuse", is_unchanged=True))
    assert (weighed.diff, weighed.conflicts) == ((NOBODYS,), ())


def test_what_we_wrote_ourselves_is_changed_with_the_declaration_and_no_plan_shows_that_it_was_ours():
    assert weigh((OURS,), Scales(policy="refuse")).diff == (attrs.evolve(OURS, ours=False),)


def test_leave_keeps_what_others_have_written_whoever_had_it_before():
    weighed = weigh((THEIRS, NOBODYS), Scales(policy="leave", applied=("/spec/replicas",)))
    assert (weighed.diff, weighed.conflicts) == ((NOBODYS,), ())


def test_take_changes_what_others_have_written():
    assert weigh((THEIRS,), Scales(policy="take")).diff == (THEIRS,)
    assert weigh((THEIRS,), Scales(policy="take")).conflicts == ()


def test_refuse_is_a_conflict_about_a_field_that_was_never_ours():
    weighed = weigh((THEIRS, NOBODYS), Scales(policy="refuse", applied=("/spec/port",)))
    assert (weighed.diff, weighed.conflicts) == ((THEIRS, NOBODYS), (THEIRS,))


@pytest.mark.parametrize(
    ("applied", "pointer", "is_conflict"),
    [
        ("/spec/replicas", "/spec/replicas", False),
        ("/spec/replicas/x", "/spec/replicas", False),
        ("/spec", "/spec/replicas", False),
        ("/spec/replicasx", "/spec/replicas", True),
        ("/spec/rep", "/spec/replicas", True),
        ("/containers/[name=web]/image", "/containers/1/image", False),
        ("/containers/[name=web]/image", "/containers/0/image", True),
        ("/containers/[name=web]", "/containers/1/image", True),
        ("/containers/[name=web]", "/containers/1", False),
        ("/containers/[name=web]/env/[name=A]/value", "/containers/1/env/0/value", False),
        ("/containers/[name=web]/env/[name=A]/value", "/containers/1/env/1/value", True),
        ("/args", "/args/0", False),
        ("/ports/8080", "/ports/8080", False),
        ("/ports/8080", "/ports/9090", True),
    ],
)
def test_drift_is_told_from_a_conflict_by_address_so_that_a_new_item_is_not_taken_for_an_old_one(applied, pointer, is_conflict):
    desired = freeze(
        {
            "containers": [
                {"name": "new", "image": "i"},
                {"name": "web", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            ],
            "args": ["x"],
            "ports": {"8080": 1, "9090": 2},
        }
    )
    theirs = FieldDiff(pointer, DiffOp.REPLACE, manager="kubectl")
    weighed = weigh((theirs,), Scales(policy="refuse", applied=(applied,), desired=desired))
    assert bool(weighed.conflicts) is is_conflict


def test_a_conflict_is_told_with_the_field_and_its_manager():
    assert conflict_text((THEIRS,)) == "spec.replicas is managed by kubectl, and was never ours"
    other = FieldDiff("/x", DiffOp.ADD, manager="helm")
    assert conflict_text((THEIRS, other)) == "spec.replicas is managed by kubectl and /x is managed by helm, and were never ours"


def test_every_leaf_of_a_body_has_the_address_that_the_inventory_gives_it():
    body = freeze({"a": {"b/c": 1}, "l": [{"name": "x", "v": {"w": 1}}, {"name": "y/z"}], "p": [1, 2]})
    plain = ("/a/b~1c", "/l/0", "/l/0/v/w", "/l/1", "/p")
    assert tuple(sorted(address_of(body, p) for p in plain)) == declared_pointers(body)
    assert address_of(body, "/l/9/v") == "/l/9/v"
    assert address_of(body, "/p/0") == "/p/0"


# -- in a plan -----------------------------------------------------------------------------------------------------------------


def site(notes=(), **fields):
    annotations = {f"example.org/{k}": v for k, v in dict(notes).items()}
    return {"kind": "Site", "metadata": {"name": "a", **({"annotations": annotations} if annotations else {})}, **fields}


def knowing(**managers):
    """Return the rules of a target that knows who wrote each top-level field: ``us``, or another name."""

    def diff(desired, live):
        for name, value in desired.items():
            if name != "metadata" and live.get(name) != value:
                who = managers.get(name, "")
                op = DiffOp.REPLACE if name in live else DiffOp.ADD
                yield FieldDiff(f"/{name}", op, before=str(live.get(name, "")), after=str(value),
                    manager="" if who == "us" else who, ours=who == "us")  # fmt: skip

    return TargetRules(diff=diff)


@pytest.fixture
def world():
    return PlanWorld(guard=Guard(touched_fraction=1.0, delete_fraction=1.0))


def test_drift_of_a_field_that_was_ours_is_repaired_and_names_who_did_it(world):
    world.apply(site(v=1))
    world.edit("Site/a", site(v=7))
    plan = world.plan(site(v=1), rules=knowing(v="kubectl"))
    assert plan["Site/a"].is_ready
    assert [d.manager for d in plan["Site/a"].diff] == ["kubectl"]
    assert plan.text().count("managed by kubectl") == 1
    assert plan.markdown().count("managed by kubectl") == 1


def test_a_field_of_another_manager_that_is_declared_for_the_first_time_is_refused_with_his_name(world):
    world.apply(site(v=1))
    world.edit("Site/a", site(v=1, w=7))
    change = world.plan(site(v=1, w=2), rules=knowing(w="kubectl"))["Site/a"]
    assert (change.action.value, change.state.value, change.rule) == ("update", "refused", "field_owner")
    assert change.reason == "1 field differs; w is managed by kubectl, and was never ours"
    assert change.override == 'annotation example.org/conflicts: "take" or "leave", or Options(conflicts=...)'
    assert change.precondition


def test_a_conflict_is_taken_or_left_by_annotation_before_option(world):
    world.apply(site(v=1))
    world.edit("Site/a", site(v=1, w=7))
    rules = knowing(w="kubectl")
    assert world.plan(site(v=1, w=2), rules=rules, options=Options(conflicts="take"))["Site/a"].is_ready
    assert world.plan(site(v=1, w=2), rules=rules, options=Options(conflicts="leave")).is_empty
    taken = site({"conflicts": "take"}, v=1, w=2)
    assert world.plan(taken, rules=rules, options=Options(conflicts="leave"))["Site/a"].is_ready
    refused = site({"conflicts": "refuse"}, v=1, w=2)
    assert world.plan(refused, rules=rules, options=Options(conflicts="take"))["Site/a"].rule == "field_owner"


def test_an_adoption_that_would_overwrite_another_manager_is_refused_and_without_a_difference_is_not(world):
    world.put(site(v=1))
    change = world.plan(site(v=2), rules=knowing(v="helm"))["Site/a"]
    assert (change.action.value, change.rule) == ("adopt", "field_owner")
    assert world.plan(site(v=1), rules=knowing(v="helm"))["Site/a"].is_ready
    assert world.plan(site({"conflicts": "leave"}, v=2), rules=knowing(v="helm"))["Site/a"].diff == ()


def test_what_another_rule_refuses_already_keeps_its_reason_and_its_cure(world):
    world.put(site(v=1))
    change = world.plan(site(v=2), rules=knowing(v="helm"), options=Options(adopt=False))["Site/a"]
    assert (change.rule, change.override) == ("adoption", "Options(adopt=True)")


def test_what_the_api_made_of_our_value_is_no_drift(world):
    world.apply(site(v=1))
    world.edit("Site/a", site(v="1.0"))
    assert world.plan(site(v=1), rules=knowing(v="us")).is_empty
    (diff,) = world.plan(site(v=2), rules=knowing(v="us"))["Site/a"].diff
    assert (diff.pointer, diff.ours) == ("/v", False)


def test_after_a_failed_write_its_new_fields_still_count_as_never_ours_and_the_old_ones_as_ours(world):
    world.apply(site(v=1))
    request = world.request(site(v=1, w=2))
    change = make_plan(request).plan["Site/a"]
    world.entries[KEY] = planned_entry(request, change, request.declaration(KEY))
    assert world.entries[KEY].state is EntryState.PLANNED
    assert "/v" in applied_addresses(world.entries[KEY])
    assert world.entries[KEY].unconfirmed == ("/w",)
    world.edit("Site/a", site(v=1, w=7))
    assert world.plan(site(v=1, w=2), rules=knowing(w="kubectl"))["Site/a"].rule == "field_owner"
    world.edit("Site/a", site(v=7))
    assert world.plan(site(v=1, w=2), rules=knowing(v="kubectl"))["Site/a"].is_ready
    again = planned_entry(world.request(site(v=1, w=3)), change, request.declaration(KEY))
    assert again.unconfirmed == ("/w",)


def test_once_the_write_is_confirmed_its_fields_are_ours(world):
    world.apply(site(v=1))
    world.apply(site(v=1, w=2))
    assert world.entries[KEY].unconfirmed == ()
    assert "/w" in applied_addresses(world.entries[KEY])


def test_an_adoption_that_was_only_planned_has_applied_nothing(world):
    world.put(site(v=1))
    request = world.request(site(v=2))
    entry = planned_entry(request, make_plan(request).plan["Site/a"], request.declaration(KEY))
    assert applied_addresses(entry) == frozenset()


def test_after_a_write_what_is_left_to_others_is_as_it_should_be(world):
    world.put(site(v=1, w=7))
    leave = world.request(site({"conflicts": "leave"}, v=1, w=2), rules=knowing(w="kubectl"))
    assert verify(leave, KEY) == ()
    assert pointers(verify(world.request(site(v=1, w=2), rules=knowing(w="kubectl")), KEY)) == ["/w"]
    assert verify(world.request(site(v=1, w=2), rules=knowing(w="us")), KEY) == ()


def test_a_managers_name_that_holds_a_secret_is_redacted(world):
    secret = Sensitive("canary-1")
    world.apply(site(v=1, token=secret))
    rules = TargetRules(diff=lambda *_: [FieldDiff("/v", DiffOp.REPLACE, manager="who canary-1")])
    plan = world.plan(site(v=2, token=secret), rules=rules)
    assert plan["Site/a"].diff[0].manager == "who ***"
    assert "canary" not in plan.to_json()
