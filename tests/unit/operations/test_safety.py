"""What a pass must not do: delete too much, or write what a policy denies."""

from __future__ import annotations

import attrs

from gitops_core.interfaces import Policy
from gitops_core.model.applications import Options
from gitops_core.model.guards import Approval
from gitops_core.model.plans import Action
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.model.verdicts import Violation
from gitops_core.testing.worlds import OPEN, World, bodies, config, statuses


def test_too_many_deletes_are_refused_and_the_rest_goes_on():
    world = World()
    world.declare(*(config(f"c{i}") for i in range(12)))
    world.reconcile()
    world.undeclare(*(f"ConfigMap/c{i}" for i in range(6)))
    world.declare(config("new"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert len(bodies(world)) == 13
    assert result["ConfigMap/c1"].status is OutcomeStatus.REFUSED
    assert "delete" in world.plan().text()


def test_an_approval_lets_them_through_and_expires():
    world = World()
    world.declare(*(config(f"c{i}") for i in range(12)))
    world.reconcile()
    world.undeclare(*(f"ConfigMap/c{i}" for i in range(5)))
    expired = Approval(name="CHG-1", expires_at=world.clock.now() - 1, rules={"delete_limit", "touched_limit"})
    world.approvals = (expired,)
    assert world.reconcile().status is PassStatus.REFUSED
    world.approvals = (attrs.evolve(expired, expires_at=world.clock.now() + 3600),)
    assert world.reconcile().status is PassStatus.CHANGED
    assert len(bodies(world)) == 7


def test_an_empty_render_prunes_nothing():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert list(bodies(world)) == ["ConfigMap/a"]


def test_protection_outlives_the_declaration_that_asked_for_it():
    world = World(guard=OPEN)
    world.declare(config("a", notes={"example.org/protect": "true"}), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.REFUSED
    assert "ConfigMap/a" in bodies(world)


def test_a_denied_object_is_not_written_and_the_others_are():
    class NoRed(Policy):
        def review(self, ctx, subject):
            for resource in subject.resources:
                if resource.body["data"].get("color") == "red":
                    yield Violation(resource.key, "red is not allowed; use blue", pointer="/data/color")

    world = World(policies=(NoRed(),))
    world.declare(config("a", color="red"), config("b", color="blue"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert list(bodies(world)) == ["ConfigMap/b"]
    (violation,) = result.plan.verdict.violations
    assert (violation.policy, violation.origin.path) == ("NoRed", "ConfigMap.a.json")
    assert violation.origin.revision == result.revision.id


def test_a_policy_that_raises_denies_everything():
    class Broken(Policy):
        def review(self, ctx, subject):
            raise ZeroDivisionError("oops")

    world = World(policies=(Broken(),))
    world.declare(config("a"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert bodies(world) == {}
    assert "ZeroDivisionError" in result.plan.verdict.violations[0].message


def test_a_policy_may_look_at_the_plan():
    class NoDeletes(Policy):
        needs_plan = True

        def review(self, ctx, subject):
            for change in subject.plan.changes if subject.plan else ():
                if change.action is Action.DELETE:
                    yield Violation(change.key, "deletes need a ticket")

    world = World(policies=(NoDeletes(),), guard=OPEN)
    world.declare(config("a"), config("b"))
    assert world.reconcile().ok
    world.undeclare("ConfigMap/a")
    assert world.reconcile().status is PassStatus.REFUSED
    assert len(bodies(world)) == 2


def test_what_left_git_and_is_kept_is_told_when_pruning_is_off():
    world = World(options=Options(prune=False))
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    result = world.reconcile()
    assert result.status is PassStatus.IN_SYNC
    assert "1 no longer declared and kept, because Options.prune is off: ConfigMap/a" in result.text()


def test_a_refused_delete_says_what_would_allow_it():
    world = World()
    world.declare(*(config(f"c{i}") for i in range(12)), config("ns", kind="Namespace"))
    world.reconcile()
    world.undeclare("Namespace/ns")
    assert 'to allow it: Approval(name="...", rules={"kind"}, kinds={"Namespace"}' in world.reconcile().text()
    world.undeclare(*(f"ConfigMap/c{i}" for i in range(6)))
    text = world.reconcile().text()
    assert text.count("Guard(delete_fraction=") == 1


def test_a_denial_of_something_that_nobody_knows_denies_everything():
    class Misspelt(Policy):
        def review(self, ctx, subject):
            yield Violation("ConfigMap/aa", "not this one")

    world = World(policies=(Misspelt(),))
    world.declare(config("a"))
    result = world.reconcile()
    assert result.status is PassStatus.REFUSED
    assert bodies(world) == {}
    assert "it names ConfigMap/aa, which is neither declared nor owned" in result.plan.text()


def test_a_denial_may_name_what_is_owned_and_no_longer_declared():
    class KeepA(Policy):
        def review(self, ctx, subject):
            if not any(resource.key.name == "a" for resource in subject.resources):
                yield Violation("ConfigMap/a", "a stays")

    world = World(policies=(KeepA(),), guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    world.declare(config("b", color="new"))
    assert statuses(world.reconcile()) == {"ConfigMap/a": "refused", "ConfigMap/b": "done"}
