"""Kinds that the API does not have: nothing of them can be there."""

from __future__ import annotations

import pytest

from gitops_core.errors import Denied, UnknownKind
from gitops_core.model.guards import Guard
from gitops_core.model.resources import Unreadable, as_key
from gitops_core.model.verdicts import Verdict, Violation
from gitops_core.testing.plan_worlds import PlanWorld

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "cats.g.io"},
    "spec": {"group": "g.io", "names": {"kind": "Cat"}},
}  # fmt: skip
CAT = {"apiVersion": "g.io/v1", "kind": "Cat", "metadata": {"name": "tom", "namespace": "n"}}
SITE = {"kind": "Site", "metadata": {"name": "a"}}
NO_CATS = Unreadable(None, UnknownKind("the server has no kind Cat in g.io; apply its definition first"), kind=("g.io", "Cat"))
NO_TOM = Unreadable("g.io/Cat/n/tom", UnknownKind("the server has no kind Cat in g.io; apply its definition first"))


@pytest.fixture
def world():
    return PlanWorld(guard=Guard(delete_fraction=1.0, touched_fraction=1.0, never=(), allow_empty=True))


def states(plan):
    return {c.key.name: (c.action.value, c.state.value, c.rule) for c in plan.changes}


@pytest.mark.parametrize("unreadable", [NO_CATS, NO_TOM])
def test_an_object_of_a_kind_that_nothing_defines_is_deferred_and_the_other_kinds_go_on(world, unreadable):
    plan = world.plan(CAT, SITE, unreadable=(unreadable,))
    assert states(plan) == {"a": ("create", "ready", ""), "tom": ("create", "deferred", "unknown_kind")}
    assert plan["g.io/Cat/n/tom"].reason == ("not in the target; the server has no kind Cat in g.io; apply its definition first")
    assert "UnknownKind" in plan.unreadable[0]


def test_what_depends_on_it_is_skipped(world):
    needs = {"kind": "Site", "metadata": {"name": "b", "annotations": {"example.org/depends-on": "g.io/Cat/n/tom"}}}
    assert states(world.plan(CAT, needs, unreadable=(NO_CATS,)))["b"] == ("create", "skipped", "dependency")


def test_an_object_is_created_after_its_definition_of_the_same_plan(world):
    plan = world.plan(CAT, CRD, unreadable=(NO_CATS,))
    assert states(plan) == {"cats.g.io": ("create", "ready", ""), "tom": ("create", "ready", "")}
    assert [k.name for k in plan["g.io/Cat/n/tom"].depends_on] == ["cats.g.io"]


def test_a_definition_that_is_refused_takes_its_objects_along(world):
    denied = Verdict.of([Violation(as_key("apiextensions.k8s.io/CustomResourceDefinition//cats.g.io"), "no", policy="p")])
    assert states(world.plan(CAT, CRD, unreadable=(NO_CATS,), verdict=denied))["tom"] == ("create", "skipped", "dependency")


def test_a_definition_of_another_kind_does_not_help(world):
    other = {**CRD, "metadata": {"name": "dogs.g.io"}, "spec": {"group": "g.io", "names": {"kind": "Dog"}}}
    assert states(world.plan(CAT, other, unreadable=(NO_CATS,)))["tom"] == ("create", "deferred", "unknown_kind")


def test_what_was_applied_of_a_kind_that_is_gone_is_gone_with_it(world):
    world.apply(CAT, SITE)
    world.live.pop(as_key("g.io/Cat/n/tom"))
    plan = world.plan(SITE, unreadable=(NO_CATS,))
    assert states(plan) == {"tom": ("delete", "ready", "")}
    assert plan["g.io/Cat/n/tom"].reason == "already gone"
    declared = world.plan(CAT, SITE, unreadable=(NO_CATS,))
    assert declared["g.io/Cat/n/tom"].reason.startswith("gone from the target since it was applied; ")
    assert declared["g.io/Cat/n/tom"].rule == "unknown_kind"


def test_a_kind_that_may_not_be_read_is_still_there(world):
    world.apply(CAT)
    denied = Unreadable(None, Denied("403: list cats"), kind=("g.io", "Cat"))
    assert states(world.plan(unreadable=(denied, NO_TOM))) == {"tom": ("delete", "deferred", "unreadable")}


def test_what_another_rule_holds_back_keeps_its_reason(world):
    misspelt = {**CAT, "metadata": {**CAT["metadata"], "annotations": {"example.org/wave": "x"}}}
    assert states(world.plan(misspelt, unreadable=(NO_CATS,)))["tom"] == ("create", "refused", "annotation")
