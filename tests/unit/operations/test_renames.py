"""A commit renames an object: the old one stays until the new one is there, and well."""

from __future__ import annotations

from gitops_core.errors import Denied
from gitops_core.model.guards import Guard
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.results import OutcomeStatus
from gitops_core.policies.function import FunctionPolicy
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World, bodies, config

OLD, NEW = "ConfigMap/old", "ConfigMap/new"
ROOMY = Guard(delete_floor=10, touched_fraction=1.0)


class Api(MemoryTarget):
    """One that may refuse what is new, and in which it may never become well."""

    refuses, is_well = False, True

    def create(self, ctx, change):
        if self.refuses and change.key.name == "new":
            raise Denied("403: the quota is used up; raise it")
        return super().create(ctx, change)

    def health(self, live):
        if live.key.name != "new" or self.is_well:
            return Health(True, HealthStatus.HEALTHY)
        return Health(False, HealthStatus.DEGRADED, message="its image cannot be pulled")


def renamed(target, **facts):
    """Return a world in which *old* was applied, and has become *new* in Git."""
    world = World(target=target, guard=ROOMY, **facts)
    world.declare(config("old"), config("other", kind="Widget"))
    assert world.reconcile().ok
    world.undeclare(OLD, "Widget/other")
    world.declare(config("new"))
    return world


def passes(world, count=4):
    for _ in range(count):
        result = world.reconcile()
        yield result
        world.clock.advance(max(200.0, result.requeue_after))


def test_a_rename_that_a_policy_denies_deletes_nothing_and_everything_once_it_is_allowed():
    allowed = []
    policy = FunctionPolicy(lambda r: None if allowed or r.key.name != "new" else "no new ones")
    world = renamed(Api(), policies=[policy])
    for result in passes(world):
        assert result[OLD].status is OutcomeStatus.DEFERRED
        assert result[OLD].reason.endswith(f"put off: {NEW} is refused and may be its replacement")
    assert bodies(world).keys() == {OLD}
    allowed.append(True)
    assert world.reconcile().ok
    assert bodies(world).keys() == {NEW}


def test_a_rename_to_what_never_becomes_well_keeps_the_old_one_until_it_does():
    target = Api()
    target.is_well = False
    world = renamed(target)
    for result in passes(world):
        assert result[OLD].status is OutcomeStatus.DEFERRED
        assert "may be its replacement" in result[OLD].reason
    assert bodies(world).keys() == {OLD, NEW}  # what is of another kind is gone
    target.is_well = True
    assert world.reconcile().ok
    assert bodies(world).keys() == {NEW}


def test_a_rename_that_the_api_refuses_keeps_the_old_one_pass_after_pass():
    target = Api()
    target.refuses = True
    world = renamed(target)
    assert [result[OLD].status for result in passes(world)] == [OutcomeStatus.DEFERRED] * 4
    target.refuses = False
    assert world.reconcile().ok
    assert bodies(world).keys() == {NEW}
