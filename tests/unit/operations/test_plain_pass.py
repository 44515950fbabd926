"""The plain pass: the target becomes equal to the source, and stays so."""

from __future__ import annotations

from gitops_core.errors import Invalid
from gitops_core.model.plans import Action
from gitops_core.model.results import PassStatus
from gitops_core.policies.budget import ChangeBudget
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import OPEN, World, bodies, config, statuses


def test_a_pass_makes_the_target_equal_to_the_source_and_a_second_one_changes_nothing():
    world = World()
    world.declare(config("a", color="blue"), config("b"))
    first = world.reconcile()
    assert first.status is PassStatus.CHANGED
    assert statuses(first) == {"ConfigMap/a": "done", "ConfigMap/b": "done"}
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}
    writes = world.target.calls.copy()
    second = world.reconcile()
    assert second.status is PassStatus.IN_SYNC
    assert second.plan.is_empty
    assert [str(k) for k in second.plan.unchanged] == ["ConfigMap/a", "ConfigMap/b"]
    assert world.target.calls["create"] == writes["create"] == 2


def test_a_created_object_costs_one_write_and_an_unchanged_one_none():
    world = World()
    world.declare(*(config(f"c{i}") for i in range(20)))
    assert world.reconcile().cost.writes == 20
    world.declare(config("c3", color="red"))
    result = world.reconcile()
    assert (result.cost.writes, result.cost.reads) == (1, 2)
    assert result.plan["ConfigMap/c3"].action is Action.UPDATE


def test_a_pass_with_nothing_new_asks_neither_renderer_nor_target():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    observed = world.target.calls["observe"]
    result = world.reconcile()
    assert result.status is PassStatus.IN_SYNC
    assert world.target.calls["observe"] == observed
    assert result.cost.documents_decoded == 0


def test_what_changes_while_a_large_pass_takes_its_last_look_is_found_by_the_next_one():
    class Edited(MemoryTarget):
        def etag(self, ctx):
            token = super().etag(ctx)
            if self.calls["create"]:  # right after the last look has begun
                self.calls["create"] = 0
                self.edit("ConfigMap/a", {"data": {"color": "red"}})
            return token

    world = World(target=Edited())
    world.declare(config("a", color="blue"))
    assert world.reconcile().status is PassStatus.CHANGED
    assert statuses(world.reconcile()) == {"ConfigMap/a": "done"}
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}


def test_what_a_policy_said_about_a_large_plan_is_not_said_about_the_quiet_pass_after_it():
    world = World(policies=(ChangeBudget(severity="warn", creates=1),))
    world.declare(config("a"), config("b"))
    assert world.reconcile().plan.verdict.violations
    quiet = world.reconcile()
    assert quiet.plan == world.plan()
    assert not quiet.plan.verdict.violations


def test_a_last_look_that_fails_spoils_no_pass():
    class Tired(MemoryTarget):
        def observe(self, ctx, query):
            if self.calls["observe"] == 2:  # to plan, to confirm, and now to see whether all is quiet
                self.calls["observe"] += 1
                raise Invalid("no more today")
            return super().observe(ctx, query)

    world = World(target=Tired())
    world.declare(config("a"))
    assert world.reconcile().status is PassStatus.CHANGED
    assert world.reconcile().status is PassStatus.IN_SYNC
    assert world.target.calls["observe"] == 4


def test_a_quiet_pass_returns_the_plan_that_a_full_one_would():
    world = World()
    world.declare(config("a"), config("b"))
    world.reconcile()
    assert world.reconcile().plan == world.reconcile().plan == world.plan()


def test_drift_is_found_and_mended_and_fields_of_others_stay():
    world = World()
    world.declare(config("a", color="blue"))
    world.reconcile()
    world.target.edit("ConfigMap/a", {"data": {"color": "red", "theirs": "kept"}})
    change = world.plan()["ConfigMap/a"]
    assert change.action is Action.UPDATE
    assert [(d.before, d.after) for d in change.diff] == [('"red"', '"blue"')]
    assert world.reconcile().status is PassStatus.CHANGED
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue", "theirs": "kept"}


def test_a_field_that_is_no_longer_declared_is_removed():
    world = World()
    world.declare(config("a", color="blue", size="xl"))
    world.reconcile()
    world.declare(config("a", color="blue"))
    assert world.reconcile().ok
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "blue"}
    assert world.reconcile().plan.is_empty


def test_an_external_delete_is_made_good():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    world.target.remove("ConfigMap/a")
    assert world.plan()["ConfigMap/a"].action is Action.CREATE
    assert world.reconcile().ok
    assert "ConfigMap/a" in bodies(world)


def test_what_is_no_longer_declared_is_pruned_and_forgotten():
    world = World()
    world.declare(config("a"), config("b"), config("c"))
    world.reconcile()
    world.undeclare("ConfigMap/b")
    result = world.reconcile()
    assert result["ConfigMap/b"].action is Action.DELETE
    assert sorted(bodies(world)) == ["ConfigMap/a", "ConfigMap/c"]
    assert sorted(map(str, world.store.inventory(world.app.id).entries)) == ["ConfigMap/a", "ConfigMap/c"]


def test_planning_writes_nothing():
    world = World()
    world.declare(config("a"))
    plan = world.plan()
    assert plan["ConfigMap/a"].action is Action.CREATE
    assert bodies(world) == {}
    assert world.store.inventory(world.app.id).serial == 0
    assert set(world.target.calls) == {"observe"}


def test_objects_of_nobody_are_not_touched():
    world = World(target=MemoryTarget(objects=[config("stranger")]))
    world.declare(config("a"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    world.guard = OPEN
    assert world.reconcile().ok
    assert list(bodies(world)) == ["ConfigMap/stranger"]
