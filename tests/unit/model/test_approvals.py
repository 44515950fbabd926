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
        (Approval("a", 100, ["kind"]), "kind", SHOP, 0, False),
        (Approval("a", 100, ["kind"]), "kind", None, 0, False),
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
