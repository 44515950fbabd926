"""A plan that was made earlier."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import PlanMismatch
from gitops_core.model.plans import Plan
from gitops_core.model.results import PassStatus
from gitops_core.policies.function import FunctionPolicy
from gitops_core.testing.worlds import OPEN, World, bodies, config, statuses


def test_a_saved_plan_is_applied_as_it_was_shown():
    world = World()
    world.declare(config("a", color="blue"))
    saved = Plan.from_json(world.plan().to_json())
    assert world.apply(saved).status is PassStatus.CHANGED
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_a_saved_plan_that_was_applied_already_is_done():
    world = World()
    world.declare(config("a", color="blue"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/b")
    world.declare(config("a", color="red"))
    saved = world.plan()
    assert world.apply(saved).ok
    again = world.apply(saved)
    assert again.ok
    assert {o.reason for o in again.outcomes} == {"already as planned", "already done: nothing has to be done any more"}
    assert again.cost.writes == 0


def test_a_saved_plan_is_applied_at_its_own_revision():
    world = World()
    world.declare(config("a", color="blue"))
    saved = world.plan()
    world.declare(config("a", color="red"), config("later"))
    assert world.apply(saved).ok
    assert list(bodies(world)) == ["ConfigMap/a"]
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_what_moved_since_the_plan_was_made_comes_back_stale_with_the_new_diff():
    world = World()
    world.declare(config("a", color="blue"), config("b", color="blue"))
    world.reconcile()
    world.declare(config("a", color="green"), config("b", color="green"))
    saved = world.plan()
    world.target.edit("ConfigMap/a", {"data": {"color": "pink"}})
    world.target.edit("ConfigMap/b", {"data": {"unrelated": "x"}})
    result = world.apply(saved)
    assert statuses(result) == {"ConfigMap/a": "stale", "ConfigMap/b": "done"}
    assert [d.before for d in result["ConfigMap/a"].diff] == ['"pink"']
    assert result.status is PassStatus.STALE
    assert bodies(world)["ConfigMap/a"]["data"]["color"] == "pink"


def test_a_saved_plan_does_nothing_that_it_did_not_show():
    world = World()
    world.declare(config("a"), config("b", color="blue"))
    saved = attrs.evolve(world.plan(), changes=world.plan().changes[:1])
    world.apply(saved)
    assert list(bodies(world)) == ["ConfigMap/a"]


def test_what_is_put_off_by_now_comes_back_so_and_not_as_something_that_moved():
    allowed = [True]
    world = World(guard=OPEN, policies=[FunctionPolicy(lambda r: None if allowed or r.key.name != "new" else "no new ones")])
    world.declare(config("old"), config("kept", color="blue"))
    world.reconcile()
    world.undeclare("ConfigMap/old")
    world.declare(config("new"), config("kept", color="red"))
    saved = world.plan()
    allowed.clear()
    result = world.apply(saved)
    assert statuses(result) == {"ConfigMap/new": "refused", "ConfigMap/kept": "done", "ConfigMap/old": "deferred"}
    assert result["ConfigMap/old"].reason.endswith("put off: ConfigMap/new is refused and may be its replacement")
    assert "ConfigMap/old" in bodies(world)


def test_a_plan_of_another_application_is_refused():
    world = World()
    world.declare(config("a"))
    with pytest.raises(PlanMismatch, match=r"not for example\.org/tests/app"):
        world.apply(attrs.evolve(world.plan(), application="else"))


def test_a_saved_plan_leaves_the_rest_to_the_next_pass_even_when_there_was_nothing_in_it():
    """What a saved plan does not hold is not done by it, and must not count as done either."""
    world = World()
    world.declare(config("a", color="blue"))
    assert world.reconcile().ok
    empty = world.plan()
    world.target.edit("ConfigMap/a", {"data": {"color": "red"}})
    assert world.apply(empty).ok
    assert statuses(world.reconcile()) == {"ConfigMap/a": "done"}
