"""Whose object is it? Adopted, refused, handed over."""

from __future__ import annotations

from gitops_core.errors import ManifestError
from gitops_core.model.applications import Options
from gitops_core.model.plans import Action
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import OPEN, JsonRenderer, World, bodies, config, statuses


def test_an_equal_object_of_nobody_is_adopted_without_a_write():
    world = World(target=MemoryTarget(objects=[config("a", color="blue")]))
    world.declare(config("a", color="blue"))
    result = world.reconcile()
    assert (result["ConfigMap/a"].action, result.cost.writes) == (Action.ADOPT, 0)
    assert world.reconcile().status is PassStatus.IN_SYNC


def test_a_different_object_of_nobody_is_adopted_with_its_diff():
    world = World(target=MemoryTarget(objects=[config("a", color="red")]))
    world.declare(config("a", color="blue"))
    change = world.plan()["ConfigMap/a"]
    assert (change.action, len(change.diff)) == (Action.ADOPT, 1)
    assert world.reconcile().ok
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_adoption_can_be_forbidden():
    world = World(target=MemoryTarget(objects=[config("a", color="red")]), options=Options(adopt=False))
    world.declare(config("a", color="blue"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "red"}


class Broken(JsonRenderer):
    def render(self, ctx, tree):
        raise ManifestError("no")


def two_applications() -> tuple[World, World]:
    one = World(name="one", guard=OPEN)
    return one, World(name="two", guard=OPEN, target=one.target, store=one.store)


def test_an_object_of_another_application_is_refused_with_both_names():
    one, two = two_applications()
    one.declare(config("a", color="blue"))
    one.reconcile()
    two.declare(config("a", color="red"))
    result = two.reconcile()
    assert result.status is PassStatus.REFUSED
    assert "example.org/tests/one" in result.plan["ConfigMap/a"].reason
    assert bodies(one)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_moving_an_object_between_applications_never_deletes_it():
    one, two = two_applications()
    one.declare(config("a", color="blue"), config("stays"))
    one.reconcile()
    two.declare(config("a", color="red"))
    two.reconcile()
    one.undeclare("ConfigMap/a")
    handed = one.reconcile()
    assert "example.org/tests/two" in handed["ConfigMap/a"].reason
    assert "ConfigMap/a" in bodies(one)
    assert one.target.calls["delete"] == 0
    assert two.reconcile().ok
    assert bodies(one)["ConfigMap/a"]["data"] == {"color": "red"}
    assert one.reconcile()["ConfigMap/a"].reason == "no longer declared; example.org/tests/two has it now"
    assert one.reconcile().status is PassStatus.IN_SYNC


def test_an_object_that_was_handed_over_and_never_taken_up_is_not_left_behind():
    """Promise 1: one of the two has it in its inventory until it is gone."""
    one, two = two_applications()
    two.clock = one.clock
    one.declare(config("a", color="blue"), config("stays"))
    one.reconcile()
    two.declare(config("a", color="red"), config("other"))
    two.reconcile()
    one.undeclare("ConfigMap/a")
    assert one.reconcile()["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    two.undeclare("ConfigMap/a")
    one.clock.advance(1)
    two.reconcile()
    one.clock.advance(1)
    assert one.reconcile()["ConfigMap/a"].status is OutcomeStatus.DONE
    assert sorted(bodies(one)) == ["ConfigMap/other", "ConfigMap/stays"]


def test_a_claim_that_ends_while_the_object_is_still_held_deletes_nothing():
    one, two = two_applications()
    one.declare(config("a", color="blue"))
    one.reconcile()
    two.declare(config("a", color="red"), config("other"))
    two.reconcile()
    two.undeclare("ConfigMap/a")
    assert two.reconcile()["ConfigMap/a"].status is OutcomeStatus.SKIPPED
    assert sorted(bodies(one)) == ["ConfigMap/a", "ConfigMap/other"]
    assert one.reconcile().status is PassStatus.IN_SYNC


def test_a_pass_that_failed_has_not_looked():
    one, two = two_applications()
    two.clock = one.clock
    one.declare(config("a", color="blue"))
    two.declare(config("other"))
    one.reconcile()
    two.reconcile()
    one.clock.advance(5)
    two.declare(config("a", color="blue"))
    one.undeclare("ConfigMap/a")
    one.reconcile()
    one.clock.advance(5)
    broken, two.renderer = two.renderer, Broken()
    assert two.reconcile().status is PassStatus.FAILED
    one.clock.advance(5)
    assert one.reconcile()["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    two.renderer = broken
    two.reconcile()
    one.clock.advance(5)
    assert "two waits for it" in one.reconcile()["ConfigMap/a"].reason
    assert two.reconcile().ok
    assert "ConfigMap/a" in bodies(two)


def test_an_object_that_moves_is_not_deleted_when_its_old_application_looks_first():
    one, two = two_applications()
    two.clock = one.clock
    one.declare(config("a", color="blue"), config("stays"))
    two.declare(config("other"))
    assert one.reconcile().ok
    assert two.reconcile().ok
    one.clock.advance(10)
    one.undeclare("ConfigMap/a")
    two.declare(config("a", color="blue"))
    first = one.reconcile()
    assert first["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    assert "example.org/tests/two may take it over" in first["ConfigMap/a"].reason
    one.clock.advance(1)
    assert two.reconcile().status is PassStatus.REFUSED
    one.clock.advance(1)
    assert one.reconcile()["ConfigMap/a"].status is not OutcomeStatus.REFUSED
    assert two.reconcile().ok
    assert one.target.calls["delete"] == 0
    assert "two has it now" in one.reconcile()["ConfigMap/a"].reason
    assert one.reconcile().status is PassStatus.IN_SYNC


def test_what_was_released_and_is_declared_again_belongs_to_the_one_that_has_it():
    one, two = two_applications()
    one.declare(config("a", color="blue"), config("stays"))
    one.reconcile()
    two.declare(config("a", color="red"))
    two.reconcile()
    one.undeclare("ConfigMap/a")
    one.reconcile()
    one.declare(config("a", color="blue"))
    assert one.reconcile().ok  # nobody has taken it over yet
    assert two.reconcile().status is PassStatus.REFUSED
    one.undeclare("ConfigMap/a")
    one.reconcile()
    assert two.reconcile().ok
    one.declare(config("a", color="blue"))
    assert one.reconcile().status is PassStatus.REFUSED
    assert bodies(one)["ConfigMap/a"]["data"] == {"color": "red"}


def test_a_delete_waits_for_its_neighbours_once_and_not_for_ever():
    one, two = two_applications()
    two.clock = one.clock
    one.declare(config("a"), config("b"), config("stays"))
    two.declare(config("other"))
    one.reconcile()
    two.reconcile()
    one.clock.advance(10)
    one.undeclare("ConfigMap/a")
    assert one.reconcile()["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    one.clock.advance(5)
    two.reconcile()
    one.clock.advance(5)
    assert one.reconcile()["ConfigMap/a"].status is OutcomeStatus.DONE  # its neighbour has looked
    one.undeclare("ConfigMap/b")
    assert one.reconcile()["ConfigMap/b"].status is OutcomeStatus.DEFERRED
    one.clock.advance(one.options.handover)
    assert one.reconcile()["ConfigMap/b"].status is OutcomeStatus.DONE  # nobody is waited for for ever


def test_an_object_that_somebody_else_made_anew_is_not_pruned():
    world = World(guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.target.remove("ConfigMap/a")
    world.target.put(config("a", color="theirs"))
    world.undeclare("ConfigMap/a")
    world.reconcile()
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "theirs"}


def test_a_dependency_that_somebody_else_made_is_looked_for():
    world = World(target=MemoryTarget(objects=[config("theirs")]))
    seen: list[int] = []
    observe = world.target.observe

    def only_asked(ctx, query):
        seen.append(len(query.keys))
        return [live for live in observe(ctx, query) if live.key in query.keys]

    world.target.observe = only_asked
    world.declare(
        config("a", notes={"example.org/depends-on": "ConfigMap/theirs"}),
        config("b", notes={"example.org/depends-on": "ConfigMap/nowhere"}),
    )
    result = world.reconcile()
    assert statuses(result) == {"ConfigMap/a": "done", "ConfigMap/b": "deferred"}
    assert seen == [2, 2, 1]
