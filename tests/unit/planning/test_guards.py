"""The limits of one plan."""

from __future__ import annotations

import pytest

from gitops_core.model.guards import Approval, Guard
from gitops_core.model.plans import Action, Change, ChangeState
from gitops_core.model.resources import ResourceKey
from gitops_core.planning.guards import Limits, Permits, guard_plan, share

NOW = 100.0


def changes(action, count, kind="Thing", start=0, **facts):
    facts = {"precondition": "there", "reason": "why", **facts}
    return [Change(ResourceKey("", kind, "", f"{i:04}"), action, **facts) for i in range(start, start + count)]


def guarded(found, owned, *, guard=Guard(), approvals=(), is_empty=False):
    return guard_plan(found, Limits(guard=guard, owned=owned, is_empty=is_empty), Permits(approvals, NOW))


def approval(*rules, name="by-us", **facts):
    return Approval(name=name, **{"expires_at": NOW + 1, "rules": rules, **facts})


def rules_of(result):
    return {c.rule for c in result.changes if c.state is ChangeState.REFUSED}


@pytest.mark.parametrize(
    ("owned", "deletes", "updates", "rules"),
    [
        (9, 9, 0, {"delete_limit"}),
        (9, 2, 0, set()),
        (10, 3, 0, {"delete_limit"}),
        (10, 4, 0, {"delete_limit"}),
        (10, 2, 0, set()),
        (100, 25, 0, set()),
        (100, 30, 30, {"delete_limit"}),
        (100, 31, 0, {"delete_limit"}),
        (1000, 300, 300, {"delete_limit"}),
        (1000, 50, 0, set()),
        (1000, 51, 0, {"delete_limit"}),
        (100, 20, 31, {"touched_limit"}),
        (100, 0, 51, {"touched_limit"}),
        (100, 0, 50, set()),
        (2, 0, 2, set()),
        (3, 0, 3, {"touched_limit"}),
    ],
)
def test_the_numbers_of_promise_8(owned, deletes, updates, rules):
    found = changes(Action.DELETE, deletes) + changes(Action.UPDATE, updates, start=deletes)
    result = guarded(found, owned)
    assert rules == rules_of(result)
    assert sorted(rules) == [r.rule for r in result.refusals]


def test_a_limit_strikes_everything_it_is_about_and_nothing_else():
    result = guarded(
        [*changes(Action.DELETE, 40), *changes(Action.UPDATE, 5, start=50), *changes(Action.CREATE, 500, start=60)], 100
    )
    refused = [c for c in result.changes if not c.is_ready]
    assert [c.action for c in refused] == [Action.DELETE] * 40


def test_a_replace_counts_as_a_delete_and_a_delete_of_what_is_gone_does_not():
    assert {"delete_limit"} == rules_of(guarded(changes(Action.REPLACE, 3), 8))
    assert set() == rules_of(guarded(changes(Action.DELETE, 8, precondition=""), 8))
    assert set() == rules_of(guarded(changes(Action.DELETE, 8, state=ChangeState.SKIPPED), 8))


def test_when_too_much_is_touched_deletes_go_first_and_updates_only_if_they_alone_are_too_many():
    few = guarded(changes(Action.DELETE, 20) + changes(Action.UPDATE, 40, start=20), 100)
    assert {Action.UPDATE} == {c.action for c in few.changes if c.is_ready}
    many = guarded(changes(Action.REPLACE, 20) + changes(Action.UPDATE, 60, start=20), 100)
    assert not any(c.is_ready for c in many.changes)
    assert [r.rule for r in many.refusals] == ["touched_limit"]


def test_a_refusal_has_the_numbers_and_the_exact_words_that_lift_it():
    (refusal,) = guarded(changes(Action.DELETE, 31), 100).refusals
    assert "31 of 100 owned objects" in refusal.message
    assert "at most 25" in refusal.message
    assert (
        refusal.override
        == 'Guard(delete_fraction=0.31), or Approval(name="...", rules={"delete_limit"}, expires_at=..., max_count=31)'
    )
    (change, *_) = guarded(changes(Action.DELETE, 31), 100).changes
    assert change.reason.startswith("why; 31 of 100")
    assert refusal.override == change.override


@pytest.mark.parametrize(
    ("owned", "deletes", "words"),
    [
        (1000, 60, "Guard(delete_cap=60)"),
        (100, 60, "Guard(delete_fraction=0.6, delete_cap=60)"),
        (3, 3, "Guard(delete_fraction=1.0)"),
        (7, 3, "Guard(delete_fraction=0.4286)"),
    ],
)
def test_following_the_words_of_a_refusal_lifts_it(owned, deletes, words):
    guard = eval(words)
    free = Guard(touched_fraction=1.0, delete_fraction=guard.delete_fraction, delete_cap=guard.delete_cap)
    (refusal, *_) = guarded(changes(Action.DELETE, deletes), owned, guard=Guard(touched_fraction=1.0)).refusals
    assert refusal.override.startswith(words + ",")
    assert set() == rules_of(guarded(changes(Action.DELETE, deletes), owned, guard=free))


def test_following_the_words_of_a_touched_refusal_lifts_it():
    (refusal,) = guarded(changes(Action.UPDATE, 2000), 3001).refusals
    assert set() == rules_of(guarded(changes(Action.UPDATE, 2000), 3001, guard=eval(refusal.override.split(", or ")[0])))


def test_the_footer_has_the_numbers_before_anything_was_refused_for_them():
    assert (
        guarded(changes(Action.DELETE, 31) + changes(Action.UPDATE, 2, start=40), 100).footer
        == "31 of 100 owned objects to delete or replace (limit 25), 33 to touch (limit 50)"
    )


# -- empty ------------------------------------------------------------------------------------------------------------------


def test_an_empty_desired_set_deletes_nothing_however_little_it_is():
    result = guarded(changes(Action.DELETE, 1), 1, is_empty=True)
    assert {"empty"} == rules_of(result)
    assert "Guard(allow_empty=True)" in result.refusals[0].override


def test_an_empty_desired_set_that_is_allowed_by_name_lets_everything_go():
    assert set() == rules_of(guarded(changes(Action.DELETE, 300), 300, is_empty=True, guard=Guard(allow_empty=True)))
    lifted = guarded(changes(Action.DELETE, 9), 9, is_empty=True, approvals=[approval("empty")])
    assert {"by-us"} == {c.approval for c in lifted.changes}
    assert lifted.refusals == ()


def test_what_is_gone_already_needs_no_permission_to_be_forgotten():
    assert set() == rules_of(guarded(changes(Action.DELETE, 9, precondition=""), 9, is_empty=True))


# -- kinds and approvals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Namespace", "CustomResourceDefinition"])
@pytest.mark.parametrize("action", [Action.DELETE, Action.REPLACE])
def test_kinds_that_take_others_with_them_need_an_approval_that_names_them(kind, action):
    refused = guarded(changes(action, 1, kind=kind), 10)
    assert {"kind"} == rules_of(refused)
    assert f'kinds={{"{kind}"}}' in refused.changes[0].override
    assert {"kind"} == rules_of(guarded(changes(action, 1, kind=kind), 10, approvals=[approval("kind", kinds={"Other"})]))
    allowed = guarded(changes(action, 1, kind=kind), 10, approvals=[approval("kind", kinds={kind})])
    assert allowed.changes[0].approval == "by-us"


def test_an_approval_that_has_expired_counts_for_nothing():
    assert {"delete_limit"} == rules_of(
        guarded(changes(Action.DELETE, 5), 10, approvals=[approval("delete_limit", expires_at=NOW)])
    )


def test_an_approval_lets_through_as_many_as_it_says():
    found = changes(Action.DELETE, 40)
    lifted = guarded(found, 100, approvals=[approval("delete_limit", max_count=15)])
    assert sum(c.is_ready for c in lifted.changes) == 40
    assert sum(c.approval == "by-us" for c in lifted.changes) == 15
    short = guarded(found, 100, approvals=[approval("delete_limit", max_count=14)])
    assert sum(c.is_ready for c in short.changes) == 14


def test_several_approvals_are_used_by_name_and_all_of_them_are_shown():
    both = [
        approval("delete_limit", name="b"),
        approval("touched_limit", name="a", max_count=99),
        approval("delete_limit", name="a", max_count=1),
    ]
    result = guarded(changes(Action.DELETE, 60), 100, approvals=both, guard=Guard(delete_floor=0))
    assert [c.approval for c in result.changes[:2]] == ["a", "b, a"]


def test_an_approval_is_scoped_to_its_kinds_and_keys():
    found = changes(Action.DELETE, 5)
    scoped = approval("delete_limit", keys={found[0].key})
    assert [c.is_ready for c in guarded(found, 10, approvals=[scoped]).changes] == [True, False, False, False, False]


def test_a_share_is_rounded_down_but_not_by_floating_point():
    assert (share(0.29, 100), share(0.25, 11), share(0.5, 1)) == (29, 2, 0)
