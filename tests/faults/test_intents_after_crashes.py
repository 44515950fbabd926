"""What is left of a create whose process died: an intent. It is asked about, and then it is done with, and its key never comes back."""

from __future__ import annotations

import pytest

from gitops_core.interfaces import Identity
from gitops_core.model.resources import Pending
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World, config


class Crash(BaseException):
    """The process dies here."""


class Replaying(MemoryTarget):
    """An idempotency key that comes again gets the first answer, whatever became of the object since."""

    identity = Identity.ASSIGNED

    def __init__(self):
        super().__init__()
        self.answers = {}
        self.dies = True

    def create(self, ctx, change):
        if change.idempotency_key not in self.answers:
            self.answers[change.idempotency_key] = super().create(ctx, change)
            if self.dies:
                raise Crash
        return self.answers[change.idempotency_key]


def test_an_intent_is_closed_when_its_object_is_found_as_declared_so_that_a_later_create_has_a_key_of_its_own():
    world = World(target=Replaying())
    world.declare(config("site"))
    with pytest.raises(Crash):
        world.reconcile()
    world.target.dies = False
    after = World(target=world.target, store=world.store, source=world.source, seed=1)
    assert after.reconcile().status == "in-sync"
    assert not after.store.inventory(after.app.id).intents
    after.target.remove("ConfigMap/site")
    assert after.reconcile().ok
    assert len(after.target.objects) == 1


class Rotating(MemoryTarget):
    """Every answer about an operation has another token; an old one is of no use. It takes *looks* looks."""

    identity = Identity.ASSIGNED

    def __init__(self, looks):
        super().__init__()
        self.looks = looks
        self.dies_at = 0
        self.change = None
        self.current = 0

    def create(self, ctx, change):
        self.change = change
        return Pending(self._next(), retry_after=1.0)

    def poll(self, ctx, pending):
        if self.current == self.dies_at:
            raise Crash
        if pending.token != str(self.current):
            raise AssertionError(f"token {pending.token} was used up, {self.current} is the one to use")
        if self.current < self.looks:
            return Pending(self._next(), retry_after=1.0)
        return super().create(ctx, self.change)

    def _next(self):
        self.current += 1
        return str(self.current)


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_the_newest_token_of_an_operation_survives_the_process_whoever_got_it(dies_at):
    """It came back from the create, from a look of that pass, or from the look at the beginning of the next one."""
    world = World(target=Rotating(looks=5))
    world.target.dies_at = dies_at
    world.declare(config("site"))
    with pytest.raises(Crash):
        world.reconcile()
    world.target.dies_at = 0
    for _ in range(6):
        world = World(target=world.target, store=world.store, source=world.source, clock=world.clock, seed=world.seed + 1)
        result = world.reconcile()
        if result.ok:
            break
    assert result.ok, result.text()
    assert len(world.target.objects) == 1
    assert not world.store.inventory(world.app.id).intents
