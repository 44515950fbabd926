"""What the store and the source say about an application that another member works on."""

from __future__ import annotations

import attrs

from gitops_core.controller.neighbours import Seen, ask
from gitops_core.engine.ordering import give_orders
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import StateUnavailable
from gitops_core.model.orders import Pin
from gitops_core.model.results import PassStatus
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.worlds import World, config


def told(world: World) -> Seen:
    return ask(world.app, world.store, Runtime(clock=VirtualClock(), waits=False))


def test_of_an_application_that_never_had_a_pass_nothing_is_known() -> None:
    world = World()
    world.declare(config("site"))
    assert told(world) == Seen()


def test_one_that_has_converged_is_current() -> None:
    world = World()
    world.declare(config("site"))
    done = world.reconcile()
    assert done.revision is not None
    assert told(world) == Seen(status=PassStatus.CHANGED, applied=done.revision.id, revision=done.revision.id)


def test_one_that_has_other_files_by_now_is_not() -> None:
    world = World()
    world.declare(config("site"))
    done = world.reconcile()
    world.declare(config("site", color="red"))
    seen = told(world)
    assert done.revision is not None
    assert seen.applied == done.revision.id != seen.revision


def test_one_that_is_held_at_a_revision_is_current_there() -> None:
    world = World()
    world.declare(config("site"))
    done = world.reconcile()
    assert done.revision is not None
    pin = Pin(done.revision.id, "a bad one came", "me", 0.0)
    give_orders(world.app, lambda orders: attrs.evolve(orders, pin=pin), store=world.store, runtime=Runtime())
    world.declare(config("site", color="red"))
    assert told(world).applied == told(world).revision == done.revision.id


def test_where_the_store_cannot_be_read_nothing_is_known() -> None:
    class Gone(MemoryStore):
        def history(self, application, limit=20):
            raise StateUnavailable("gone; start it")

    world = World()
    world.declare(config("site"))
    assert ask(world.app, Gone(), Runtime(clock=VirtualClock())) == Seen()
