"""Two engines at once."""

from __future__ import annotations

from gitops_core.model.applications import Options
from gitops_core.model.inventory import InventoryUpdate
from gitops_core.model.results import PassStatus
from gitops_core.testing.worlds import World, bodies, config


def test_a_second_engine_waits_for_the_first_and_then_says_who_is_in_the_way():
    world = World(options=Options(lock_timeout=0.01))
    world.declare(config("a"))
    with world.store.exclusive(world.app.id, 1.0):
        result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.FAILED, "StateLocked")
    assert bodies(world) == {}
    assert world.reconcile().ok


def test_two_engines_at_once_lose_nothing_and_one_says_so():
    """Without the lock (two stores of one database, say) the serial of the inventory still tells them apart."""
    world = World()
    world.declare(config("a"), config("b"))
    meddled = world.store.update_inventory

    def meddling(application, update, *, serial):
        meddled(application, InventoryUpdate(), serial=serial)
        return meddled(application, update, serial=serial)

    world.store.update_inventory = meddling
    result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.FAILED, "StateConflict")
    assert bodies(world) == {}
    del world.store.update_inventory
    assert world.reconcile().ok
