"""Assertions about plans pass when they should, and say what is wrong when they should not."""

import re

import pytest

from gitops_core.errors import Transient
from gitops_core.model.plans import Plan, Refusal
from gitops_core.model.resources import ResourceKey, Unreadable
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.assertions import assert_in_sync, assert_plan
from gitops_core.testing.builders.applications import application, virtual_runtime
from gitops_core.testing.builders.plans import change, plan_of
from gitops_core.testing.builders.resources import config_map
from gitops_core.testing.worlds import World, config

PLAN = plan_of(
    "+ ConfigMap/a",
    change("~ apps/Deployment/shop/web", {"/spec/replicas": (2, 3), "/spec/new": (..., 1), "/spec/old": ("x", ...)}),
    "-/+ Job/move (the template is immutable)",
    "= Service/old",
    "- Secret/gone",
    "! - Namespace/shop by never",
    "! + Widget/a deferred by waiting",
    "! + Widget/b (Widget/a failed) skipped",
    unchanged=["Service/same"],
)
EXPECTED = {
    "creates": ["ConfigMap/a"],
    "updates": ["apps/Deployment/shop/web"],
    "replaces": ["Job/move"],
    "adopts": ["Service/old"],
    "deletes": [ResourceKey("", "Secret", "", "gone")],
    "refused": ["Namespace/shop"],
    "deferred": ["Widget/a"],
    "skipped": ["Widget/b"],
}


def failing(*args, **kwargs):
    with pytest.raises(AssertionError) as caught:
        assert_plan(*args, **kwargs)
    return str(caught.value)


def test_a_plan_as_expected_passes():
    assert_plan(PLAN, **EXPECTED)
    assert_plan(PLAN, **EXPECTED, unchanged=["Service/same"])
    assert_plan(PLAN, **{**EXPECTED, "refused": {"Namespace/shop": "never"}, "deferred": {"Widget/a": "waiting"}})
    assert_plan(plan_of())


def test_the_differences_of_fields_can_be_expected():
    diffs = {"/spec/replicas": (2, 3), "/spec/new": (..., 1), "/spec/old": ("x", ...)}
    assert_plan(PLAN, **{**EXPECTED, "updates": {"apps/Deployment/shop/web": diffs}})


@pytest.mark.parametrize("word", sorted(EXPECTED))
def test_what_is_not_expected_fails(word):
    message = failing(PLAN, **{name: keys for name, keys in EXPECTED.items() if name != word})
    assert str(EXPECTED[word][0]) in next(line for line in message.splitlines() if line.startswith("  != "))


@pytest.mark.parametrize("word", sorted(EXPECTED))
def test_what_is_expected_and_not_there_fails(word):
    assert "not in the plan at all" in failing(PLAN, exact=False, **{word: ["Pod/never"]})


def test_only_what_is_named_matters_when_it_is_not_exact():
    assert_plan(PLAN, exact=False, creates=["ConfigMap/a"])
    assert_plan(PLAN, exact=False)
    assert_plan(PLAN, exact=False, unchanged=["Service/same"])


def test_unchanged_objects_matter_when_they_are_given():
    assert "!= . Service/other" in failing(PLAN, **EXPECTED, unchanged=["Service/same", "Service/other"])
    assert re.search(r"!= - +\. Service/same|!= - +- +unchanged", failing(PLAN, **EXPECTED, unchanged=[]))


def test_the_message_is_an_aligned_difference_with_the_reasons_of_the_plan():
    message = failing(
        PLAN,
        creates=["ConfigMap/a", "Service/same"],
        updates={"apps/Deployment/shop/web": {"/spec/replicas": (2, 4), "/spec/new": (..., 1)}},
        deletes=["Secret/gone", "Namespace/shop", "Pod/x"],
        adopts=["Service/old"],
        deferred={"Widget/a": "another_rule"},
        skipped=["Widget/b"],
    )
    assert message == MESSAGE


MESSAGE = """\
not the expected plan of example.org/tests/app at 111111111111
     expected                               the plan has                         why
     + ConfigMap/a                          + ConfigMap/a                        not in the target
  != ~ apps/Deployment/shop/web             ~ apps/Deployment/shop/web           3 fields differ
       /spec/old: expected no difference, the plan has "x" -> (nothing)
       /spec/replicas: expected 2 -> 4, the plan has 2 -> 3
  != -                                      -/+ Job/move                         the template is immutable
     = Service/old                          = Service/old                        is there already and equal
     - Secret/gone                          - Secret/gone                        no longer declared
  != - Namespace/shop                       ! - Namespace/shop refused by never  no longer declared
  != ! + Widget/a deferred by another_rule  ! + Widget/a deferred by waiting     not in the target
     ! + Widget/b skipped                   ! + Widget/b skipped                 Widget/a failed
  != - Pod/x                                -                                    not in the plan at all
  != + Service/same                         . Service/same                       unchanged"""


def test_what_holds_for_the_whole_plan_is_told_with_a_failure():
    plan = Plan(
        "example.org/tests/app",
        "r1",
        refusals=(Refusal("empty", "nothing is declared"),),
        unreadable=("Pod/x: 403",),
        complete=False,
    )
    message = failing(plan, creates=["A/a"])
    assert "about the whole plan: empty: nothing is declared" in message
    assert "could not be observed: Pod/x: 403" in message
    assert "nothing is pruned" in message
    assert_plan(plan, refusals=["empty"])
    assert_plan(plan)
    assert failing(plan, refusals=[]).splitlines()[-1] == "expected refusals of the whole plan: none"
    assert "expected refusals of the whole plan: other" in failing(plan, refusals=["other"])


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"create": ["A/a"]}, "does not know 'create'; it knows creates, updates"),
        ({"creates": "A/a"}, r"give a list of keys, not the text 'A/a': \['A/a'\]"),
        ({"creates": ["A/a"], "updates": ["A/a"]}, "A/a is expected twice"),
    ],
)
def test_a_slip_in_the_expectation_is_told(expected, message):
    with pytest.raises(TypeError, match=message):
        assert_plan(PLAN, **expected)


def test_a_key_that_is_none_is_told():
    with pytest.raises(ValueError, match="is no key"):
        assert_plan(PLAN, creates=["site"])


# -- in sync -----------------------------------------------------------------------------------------------------------------------


def test_a_world_after_a_pass_is_in_sync():
    world = World()
    world.declare(config("a"))
    with pytest.raises(AssertionError, match=r"not in sync:\n(.*\n)*.*\+ ConfigMap/a"):
        assert_in_sync(world)
    world.reconcile()
    assert_in_sync(world)
    assert_in_sync(world.plan())


def test_an_application_is_asked_with_its_store():
    app, store, runtime = application(config_map("a")), MemoryStore(), virtual_runtime()
    with pytest.raises(AssertionError, match="not in sync"):
        assert_in_sync(app, store=store, runtime=runtime)
    with pytest.raises(TypeError, match="store="):
        assert_in_sync(app)


class Blind(MemoryTarget):
    def observe(self, ctx, query):
        yield Unreadable(None, Transient("503: try again"))


def test_not_being_able_to_look_is_not_being_in_sync():
    world = World(target=Blind())
    world.declare(config("a"))
    with pytest.raises(AssertionError, match="503: try again"):
        assert_in_sync(world)


@pytest.mark.parametrize("facts", [{"refusals": (Refusal("empty", "no"),)}, {"unreadable": ("Pod/x",)}, {"complete": False}])
def test_an_empty_plan_is_not_enough(facts):
    with pytest.raises(AssertionError, match="not the whole truth"):
        assert_in_sync(Plan("a", "r", **facts))
