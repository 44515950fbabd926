"""A pass looks when something has moved; where nothing can be watched, or a watch fails, it looks in intervals."""

from __future__ import annotations

import queue
import threading

import pytest

from gitops_core.engine.passes import begin
from gitops_core.engine.waking import Waker
from gitops_core.errors import Transient
from gitops_core.interfaces import Target
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Live, Unreadable, as_key
from gitops_core.targets.memory import MemoryTarget
from gitops_core.targets.router import Route, RouterTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.worlds import World, config


class Deaf(MemoryTarget):
    """It cannot watch."""

    watch = Target.watch


PATIENCE = 20.0  # seconds; nobody waits that long unless something is broken
A, B = as_key("ConfigMap/a"), as_key("ConfigMap/b")


class Watching(MemoryTarget):
    """Tells what a test puts into ``events``; an error among them is raised, None ends the watch."""

    def __init__(self, name="cluster"):
        super().__init__(name)
        self.events = queue.SimpleQueue()
        self.asked = []
        self.begun, self.ended = threading.Semaphore(0), threading.Semaphore(0)

    def watch(self, ctx, query):
        self.asked.append(query.keys)
        self.begun.release()
        try:
            while not ctx.cancel.is_set():
                try:
                    event = self.events.get(timeout=0.02)
                except queue.Empty:
                    continue
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.ended.release()


@pytest.fixture
def pass_of():
    wakers = []

    def make(target):
        world = World(target=target)
        p = begin(world.app, world.store, world.runtime)
        wakers.append(Waker(p))
        return wakers[-1], p

    yield make
    for waker in wakers:
        waker.close()


def moved(waker):
    """Wait, in real time, until something has moved."""
    assert waker.has_moved.wait(PATIENCE)
    return waker.wait(0.0)


def ended(waker):
    """Wait until no watch goes on."""
    for thread in waker._threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_target_that_cannot_watch_is_not_watched(pass_of):
    waker, _ = pass_of(Deaf())
    waker.watch([A])
    assert not waker.is_watching
    assert waker.wait(1.0) == frozenset()


def test_what_moves_is_told_by_key_and_what_nobody_asked_about_is_not(pass_of):
    target = Watching()
    waker, _ = pass_of(target)
    waker.watch([A, B])
    assert waker.is_watching
    for event in (Unreadable(None, Transient("for now")), as_key("ConfigMap/other"), Live(B, config("b"), id="1"), A):
        target.events.put(event)
    found = moved(waker)
    if found != {A, B}:
        found |= moved(waker)
    assert found == {A, B}


def test_keys_that_are_watched_already_are_not_watched_again_and_new_ones_are(pass_of):
    target = Watching()
    waker, _ = pass_of(target)
    waker.watch([A, B])
    waker.watch([A])
    assert target.begun.acquire(timeout=PATIENCE)
    waker.watch([as_key("ConfigMap/c")])
    assert target.begun.acquire(timeout=PATIENCE)
    assert target.asked == [{A, B}, {as_key("ConfigMap/c")}]


def test_each_member_of_a_router_that_can_watch_is_asked_for_what_it_holds(pass_of):
    one, other, deaf = Watching("one"), Watching("other"), Deaf("deaf")
    secret, record = as_key("Secret/s"), as_key("Record/r")
    waker, _ = pass_of(RouterTarget([Route(one, kinds={"ConfigMap"}), Route(other, kinds={"Secret"}), Route(deaf)]))
    waker.watch([A, B, secret, record])
    assert one.begun.acquire(timeout=PATIENCE)
    assert other.begun.acquire(timeout=PATIENCE)
    assert (one.asked, other.asked) == ([{A, B}], [{secret}])


def test_a_watch_that_fails_is_noted_once_the_pass_is_over(pass_of):
    target = Watching()
    waker, p = pass_of(target)
    waker.watch([A])
    target.events.put(Transient("cut"))
    ended(waker)
    assert not waker.is_watching
    assert p.notices == []
    waker.close()
    [notice] = p.notices
    assert notice.code == "watch-failed"
    assert "cut" in notice.message
    assert "intervals" in notice.message


def test_what_a_plug_in_raises_of_its_own_is_noted_with_its_name(pass_of):
    target = Watching()
    waker, p = pass_of(target)
    waker.watch([A])
    target.events.put(ZeroDivisionError("oops"))
    ended(waker)
    waker.close()
    assert [n.code for n in p.notices] == ["watch-failed"]
    assert "ZeroDivisionError" in p.notices[0].message


def test_a_watch_that_ends_is_no_failure(pass_of):
    target = Watching()
    waker, p = pass_of(target)
    waker.watch([A])
    target.events.put(None)
    ended(waker)
    waker.close()
    assert not waker.is_watching
    assert p.notices == []


def test_closing_ends_every_watch_and_may_be_done_twice(pass_of):
    target = Watching()
    waker, p = pass_of(target)
    waker.watch([A])
    assert target.begun.acquire(timeout=PATIENCE)
    waker.close()
    assert target.ended.acquire(timeout=PATIENCE)
    waker.close()
    assert not waker.is_watching
    assert p.notices == []


def test_what_is_told_after_the_end_moves_nothing_and_an_error_then_is_no_failure(pass_of):
    class Late(MemoryTarget):
        last = A

        def watch(self, ctx, query):
            ctx.cancel.wait(PATIENCE)
            if isinstance(self.last, Exception):
                raise self.last
            yield self.last

    for last in (A, Transient("cut")):
        target = Late()
        target.last = last
        waker, p = pass_of(target)
        waker.watch([A])
        waker.close()
        assert waker.wait(0.0) == frozenset()
        assert p.notices == []


def test_a_watch_has_no_deadline_and_is_stopped_by_the_end_of_the_wait_alone(pass_of):
    contexts = queue.SimpleQueue()

    class Curious(MemoryTarget):
        def watch(self, ctx, query):
            contexts.put(ctx)
            yield from ()

    waker, p = pass_of(Curious())
    waker.watch([A])
    ctx = contexts.get(timeout=PATIENCE)
    assert ctx.remaining() == float("inf")
    assert not ctx.cancel.is_set()
    waker.close()
    assert ctx.cancel.is_set()
    assert not p.ctx.cancel.is_set()


# -- in a pass ---------------------------------------------------------------------------------------------------------------------


class Impatient(VirtualClock):
    """Waits are over at once, and yet it passes for the clock on the wall."""

    is_real = True


class Slow(Watching):
    """Its objects are well from the third look on."""

    looks = 0

    def health(self, live):
        self.looks += 1
        return Health(settled=self.looks > 2, status=HealthStatus.PROGRESSING if self.looks <= 2 else HealthStatus.HEALTHY)


@pytest.mark.parametrize("event", [None, Transient("cut")], ids=["ends", "fails"])
def test_a_pass_whose_watch_is_over_goes_on_in_intervals(event):
    world = World(target=Slow(), clock=Impatient())
    world.target.events.put(event)
    world.declare(config("a"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status == "done"
    assert {n.code for n in result.notices} == ({"watch-failed"} if event else set())


def test_on_a_clock_that_nobody_waits_on_a_pass_looks_in_intervals_and_starts_no_thread():
    world = World(target=Slow())
    world.declare(config("a"))
    assert world.reconcile()["ConfigMap/a"].status == "done"
    assert world.target.asked == []


def test_a_pass_that_is_stopped_while_it_waits_ends_its_watches_with_it():
    class Stuck(Slow):
        def health(self, live):
            self.looks += 1
            if self.looks == 2:
                world.cancel.set()
            return Health(settled=False, status=HealthStatus.PROGRESSING)

    target = Stuck()
    world = World(target=target, clock=Impatient())
    world.declare(config("a"))
    began = world.clock.monotonic()
    result = world.reconcile()
    assert result["ConfigMap/a"].status == "pending"
    assert world.clock.monotonic() - began < 10.0, "it did not wait for the object's time to be up"
    assert not [t for t in threading.enumerate() if t.name.startswith("watch ") and t.is_alive()]


def test_one_watch_of_a_kind_is_enough_for_all_of_it_that_may_have_to_be_waited_for():
    world = World(target=Watching())
    p = begin(world.app, world.store, world.runtime)
    other = as_key("Secret/c")
    waker = Waker(p, [A, B, other])
    waker.watch([A])
    assert world.target.begun.acquire(timeout=PATIENCE)
    waker.watch([A, B])
    waker.watch([other])
    assert world.target.begun.acquire(timeout=PATIENCE)
    waker.close()
    assert world.target.asked == [{A, B}, {other}]
