"""In which order things happen, and what is told about them."""

from __future__ import annotations

from gitops_core.errors import NotFound
from gitops_core.model.applications import Options
from gitops_core.model.plans import ChangeState
from gitops_core.model.results import OutcomeStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import OPEN, World, bodies, config


def test_a_cycle_is_refused_with_its_path_and_the_others_go_on():
    world = World()
    world.declare(
        config("a", notes={"example.org/depends-on": "ConfigMap/b"}),
        config("b", notes={"example.org/depends-on": "ConfigMap/a"}),
        config("c"),
    )
    result = world.reconcile()
    assert result.plan["ConfigMap/a"].state is ChangeState.REFUSED
    assert "ConfigMap/a -> ConfigMap/b -> ConfigMap/a" in result.plan["ConfigMap/a"].reason
    assert list(bodies(world)) == ["ConfigMap/c"]


def test_changes_are_made_in_the_order_of_their_dependencies():
    made: list[str] = []

    class Noting(MemoryTarget):
        def create(self, ctx, change):
            made.append(change.key.name)
            return super().create(ctx, change)

        def delete(self, ctx, change):
            made.append(f"-{change.key.name}")
            return super().delete(ctx, change)

    world = World(target=Noting(), guard=OPEN)
    world.declare(
        config("a", notes={"example.org/depends-on": "ConfigMap/b"}),
        config("b", notes={"example.org/depends-on": "ConfigMap/c"}),
        config("c"),
        config("stays"),
    )
    world.reconcile()
    assert [n for n in made if n != "stays"] == ["c", "b", "a"]
    made.clear()
    world.undeclare("ConfigMap/a", "ConfigMap/b", "ConfigMap/c")
    assert world.reconcile().ok
    assert made == ["-a", "-b", "-c"]


def test_events_tell_the_pass_in_order():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    types = [event.type.value for event in world.sink.events]
    expected = ["pass-started", "resolved", "rendered", "planned", "change-started", "change-finished", "pass-finished"]
    assert types == expected
    assert [event.sequence for event in world.sink.events] == list(range(len(types)))


def test_nothing_is_deleted_with_another_id_than_the_one_observed():
    asked: list[str] = []

    class Noting(MemoryTarget):
        def delete(self, ctx, change):
            asked.append(change.live.id)
            return super().delete(ctx, change)

    world = World(target=Noting(), guard=OPEN)
    world.declare(config("a"), config("b"))
    made = world.reconcile()["ConfigMap/a"].id
    world.undeclare("ConfigMap/a")
    world.reconcile()
    assert asked == [made]


def test_a_delete_of_what_is_gone_already_succeeds():
    class Gone(MemoryTarget):
        def delete(self, ctx, change):
            super().delete(ctx, change)
            raise NotFound("it is gone")

    world = World(target=Gone(), guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    assert world.reconcile()["ConfigMap/a"].status is OutcomeStatus.DONE


def test_a_decision_that_repeats_is_in_the_journal_once():
    world = World(target=MemoryTarget(objects=[config("a", color="red")]), options=Options(adopt=False))
    world.declare(config("a", color="blue"))
    world.reconcile()
    world.reconcile()
    (record,) = world.store.journal(world.app.id)
    assert (record.action, record.status) == ("adopt", "refused")
