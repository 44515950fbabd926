"""Approvals: named, scoped, expiring."""

from __future__ import annotations

import pytest

from gitops_core.model.guards import Approval, Guard, first_allowing
from gitops_core.model.resources import ResourceKey

WEB = ResourceKey("apps", "Deployment", "shop", "web")
SHOP = ResourceKey("", "Namespace", "", "shop")


@pytest.mark.parametrize(
    ("approval", "rule", "key", "now", "allowed"),
    [
        (Approval("a", 100, ["protected"]), "protected", WEB, 99, True),
        (Approval("a", 100, ["protected"]), "protected", WEB, 100, False),
        (Approval("a", 100, ["protected"]), "replace", WEB, 0, False),
        (Approval("a", 100, ["protected"], kinds=["Namespace"]), "protected", WEB, 0, False),
        (Approval("a", 100, ["protected"], kinds=["Deployment"]), "protected", WEB, 0, True),
        (Approval("a", 100, ["protected"], keys=[SHOP]), "protected", WEB, 0, False),
        (Approval("a", 100, ["protected"], keys=[WEB]), "protected", WEB, 0, True),
        (Approval("a", 100, ["delete_limit"]), "delete_limit", None, 0, True),
        (Approval("a", 100, ["delete_limit"], kinds=["Deployment"]), "delete_limit", None, 0, True),
        (Approval("a", 100, ["kind"], kinds=["Namespace"]), "kind", None, 0, False),
        (Approval("a", 100, ["kind"], kinds=["Namespace"]), "kind", SHOP, 0, True),
        (Approval("a", 100, ["kind"], kinds=["Namespace"], keys=["Namespace/other"]), "kind", SHOP, 0, False),
    ],
)
def test_an_approval_lifts_its_rules_for_its_objects_until_it_expires(
    approval: Approval, rule: str, key: ResourceKey | None, now: float, allowed: bool
) -> None:
    """The kinds of rule ``kind`` must be named: a general approval never deletes a Namespace."""
    assert approval.allows(rule, key, now) is allowed


def test_the_first_approval_by_name_is_the_one_a_plan_shows() -> None:
    later, first, expired = Approval("b", 100, ["empty"]), Approval("a", 100, ["empty"]), Approval("0", 1, ["empty"])
    assert first_allowing([later, expired, first], "empty", None, 50) is first
    assert first_allowing([later, first], "replace", None, 50) is None


def test_the_limits_are_those_of_the_design() -> None:
    """Promise 8: floor 2, a quarter, at most 50; half touched; two kinds never; nothing declared prunes nothing."""
    guard = Guard()
    assert (guard.delete_floor, guard.delete_fraction, guard.delete_cap, guard.touched_fraction) == (2, 0.25, 50, 0.5)
    assert guard.never == {"Namespace", "CustomResourceDefinition"}
    assert not guard.allow_empty


@pytest.mark.parametrize("rules", [{"delete-limit"}, {"delete_limit", "Empty"}, set(), "delete"])
def test_an_approval_of_a_rule_that_does_not_exist_is_refused_with_the_rules_there_are(rules):
    with pytest.raises(ValueError, match=r"'big': no rule is called .*rules are delete_limit, empty, kind, protected"):
        Approval("big", 10.0, rules)


def test_an_approval_of_rule_kind_names_the_kinds():
    with pytest.raises(ValueError, match="needs the kinds by name"):
        Approval("big", 10.0, {"kind"})


def test_one_rule_or_kind_may_be_written_as_a_text():
    approval = Approval("big", 10.0, "kind", "Namespace")
    assert (approval.rules, approval.kinds) == ({"kind"}, {"Namespace"})
    assert Guard(never="Namespace").never == {"Namespace"}


@pytest.mark.parametrize(
    "numbers", [{"delete_floor": -1}, {"delete_fraction": 25}, {"delete_fraction": float("nan")}, {"touched_fraction": -0.1}]
)
def test_a_limit_that_makes_no_sense_is_refused(numbers):
    with pytest.raises(ValueError, match=next(iter(numbers))):
        Guard(**numbers)


@pytest.mark.parametrize("when", [float("nan"), -1.0])
def test_an_approval_that_never_ends_by_accident_is_refused(when):
    with pytest.raises(ValueError, match="expires_at"):
        Approval("big", when, {"empty"})
