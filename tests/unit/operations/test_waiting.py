"""Operations that take time, and a stop in the middle."""

from __future__ import annotations

from gitops_core.interfaces import Identity
from gitops_core.model.applications import Options
from gitops_core.model.resources import Pending
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World, bodies, config


class Slow(MemoryTarget):
    """Answers Pending; the object is there after some polls."""

    identity = Identity.ASSIGNED

    def __init__(self, polls: int = 3) -> None:
        super().__init__()
        self.polls = polls
        self.started: dict[str, object] = {}

    def create(self, ctx, change):
        self.started.setdefault(change.idempotency_key, change)
        return Pending(change.idempotency_key, retry_after=5.0)

    def poll(self, ctx, pending):
        if self.polls > 0:
            self.polls -= 1
            return Pending(pending.token, retry_after=5.0)
        return super().create(ctx, self.started.pop(pending.token))


def test_a_pending_create_is_polled_until_it_is_there():
    world = World(target=Slow())
    world.declare(config("a"))
    began = world.clock.now()
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DONE
    assert world.clock.now() - began >= 15.0
    assert world.store.inventory(world.app.id).intents == {}


def test_what_is_pending_at_the_deadline_is_taken_up_by_the_next_pass():
    target = Slow(polls=1000)
    world = World(target=target, options=Options(deadline=60.0))
    world.declare(config("a"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.PENDING
    assert len(world.store.inventory(world.app.id).intents) == 1
    again = world.reconcile()
    assert again["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    assert len(target.started) == 1
    target.polls = 0
    assert world.reconcile().status is PassStatus.IN_SYNC
    assert len(bodies(world)) == 1
    assert world.store.inventory(world.app.id).intents == {}


def test_an_object_that_is_not_healthy_in_time_is_unsettled_and_the_next_pass_looks_again():
    class Rolling(MemoryTarget):
        def create(self, ctx, change):
            live = super().create(ctx, change)
            self.edit(change.key, {"status": {"phase": "Pending"}})
            return live

    world = World(target=Rolling(), options=Options(health_timeout=30.0))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}
    world.declare(pod)
    began = world.clock.now()
    result = world.reconcile()
    assert result["Pod/p"].status is OutcomeStatus.UNSETTLED
    assert 30.0 <= world.clock.now() - began < 40.0
    assert result.status is PassStatus.PENDING
    assert world.reconcile().status is PassStatus.PENDING
    world.target.edit("Pod/p", {"status": {"phase": "Succeeded"}})
    assert world.reconcile().status is PassStatus.IN_SYNC


def test_a_stop_finishes_the_change_in_hand_and_begins_nothing_new():
    world = World()

    class Stopping(MemoryTarget):
        def create(self, ctx, change):
            live = super().create(ctx, change)
            world.cancel.set()
            return live

    world.target = target = Stopping()
    world.declare(*(config(f"c{i}") for i in range(100)))
    result = world.reconcile()
    counts = result.counts()
    assert counts == {OutcomeStatus.PENDING: 1, OutcomeStatus.SKIPPED: 99}
    assert len(result.outcomes) == 100
    assert len(world.store.inventory(world.app.id).entries) == 1
    world.cancel.clear()
    world.target = MemoryTarget.from_snapshot(target.snapshot())
    assert world.reconcile().ok
    assert len(bodies(world)) == 100
