"""Whatever an application has is followed while the block runs: what moves is told, and nothing is left behind."""

from __future__ import annotations

import queue
import threading

import pytest

from gitops_core.engine.following import Following
from gitops_core.errors import StateError
from gitops_core.interfaces import Target
from gitops_core.model.resources import as_key
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World, config

PATIENCE = 20.0  # seconds; nobody waits that long unless something is broken
A, B = as_key("ConfigMap/a"), as_key("ConfigMap/b")


class Teller(MemoryTarget):
    """Tells every key that it is asked to watch, then whatever a test puts into ``events``."""

    def __init__(self):
        super().__init__()
        self.events = queue.SimpleQueue()
        self.watching = 0
        self.begun = threading.Semaphore(0)

    def watch(self, ctx, query):
        self.watching += 1
        self.begun.release()
        try:
            yield from sorted(query.keys)
            while not ctx.cancel.is_set():
                try:
                    yield self.events.get(timeout=0.02)
                except queue.Empty:
                    continue
        finally:
            self.watching -= 1


def world_of(*names):
    world = World(target=Teller())
    world.declare(*(config(name) for name in names))
    assert world.reconcile().ok
    return world


def told(found, *keys):
    """Take what was told until all of *keys* have been."""
    left = set(keys)
    while left:
        left -= found.get(timeout=PATIENCE)


def drained(semaphore):
    while semaphore.acquire(blocking=False):
        pass


def test_everything_that_is_there_and_whatever_moves_is_told():
    world, found = world_of("a", "b"), queue.SimpleQueue()
    with Following(world.app, store=world.store, on_change=found.put):
        told(found, A, B)
        world.target.events.put(B)
        assert found.get(timeout=PATIENCE) == {B}
    assert world.target.watching == 0


def test_without_a_listener_it_watches_all_the_same():
    world = world_of("a")
    drained(world.target.begun)
    with Following(world.app, store=world.store) as following:
        assert world.target.begun.acquire(timeout=PATIENCE)
        world.target.events.put(A)
    following.close()
    assert world.target.watching == 0


def test_refresh_follows_what_a_pass_has_made_and_lets_go_of_the_rest():
    world, found = world_of("a"), queue.SimpleQueue()
    with Following(world.app, store=world.store, on_change=found.put) as following:
        told(found, A)
        world.declare(config("b"))
        assert world.reconcile().ok
        following.refresh()
        told(found, A, B)
        assert world.target.watching == 1, "the watch before it has ended"


def test_a_target_that_cannot_watch_is_followed_in_silence():
    class Deaf(MemoryTarget):
        watch = Target.watch

    world = World(target=Deaf())
    world.declare(config("a"))
    assert world.reconcile().ok
    found = queue.SimpleQueue()
    with Following(world.app, store=world.store, runtime=world.runtime, on_change=found.put):
        pass
    assert found.empty()


def test_closing_what_never_began_and_closing_twice_do_nothing():
    world = world_of("a")
    following = Following(world.app, store=world.store)
    following.close()
    following.close()
    assert world.target.watching == 0


class Unreadable:
    """A store whose inventory cannot be read when a test says so."""

    def __init__(self, store):
        self.store, self.broken = store, False

    def __getattr__(self, name):
        return getattr(self.store, name)

    def inventory(self, application):
        if self.broken:
            raise StateError("the disk is gone")
        return self.store.inventory(application)


def test_an_inventory_that_cannot_be_read_is_said_and_nothing_is_left_running():
    world = world_of("a")
    drained(world.target.begun)
    store = Unreadable(world.store)
    store.broken = True
    with pytest.raises(StateError, match="the disk is gone"), Following(world.app, store=store):
        pass
    assert not world.target.begun.acquire(blocking=False)


def test_a_refresh_that_fails_leaves_what_was_followed_before():
    world, found = world_of("a"), queue.SimpleQueue()
    store = Unreadable(world.store)
    with Following(world.app, store=store, on_change=found.put) as following:
        told(found, A)
        store.broken = True
        with pytest.raises(StateError):
            following.refresh()
        world.target.events.put(A)
        told(found, A)
