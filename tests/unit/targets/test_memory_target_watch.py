"""MemoryTarget is watched: everything once at the beginning, then what moves, as it is when the reader gets to it."""

from __future__ import annotations

import queue
import threading
import time

import attrs
import pytest

from gitops_core.context import SystemClock
from gitops_core.errors import Cancelled
from gitops_core.interfaces import Query, TargetChange
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, ResourceKey, as_key
from gitops_core.model.values import freeze
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.contexts import make_context
from gitops_core.testing.scheduling import Scheduler
from gitops_core.testing.worlds import config

A, B, C = (as_key(f"ConfigMap/{name}") for name in "abc")
PATIENCE = 20.0  # seconds; nobody waits that long unless something is broken


@pytest.fixture
def target():
    return MemoryTarget(objects=[config("a"), config("b")])


def query(*keys):
    return Query(frozenset(keys))


def shown(item):
    return f"-{item.name}" if isinstance(item, ResourceKey) else f"{item.key.name}{item.body['data'].get('x', '')}"


@attrs.define
class Reader:
    """Takes items of a watch one at a time; a context that is cancelled ends it."""

    watch: object
    ctx: object

    def take(self, count):
        return [shown(next(self.watch)) for _ in range(count)]

    def rest(self):
        self.ctx.cancel.set()
        return [shown(item) for item in self.watch]


@pytest.fixture
def reader_of():
    def make(target, *keys, **context):
        ctx = make_context(**context)
        return Reader(target.watch(ctx, query(*keys)), ctx)

    return make


def test_a_watch_begins_with_what_is_there_and_with_the_keys_of_what_is_not(target, reader_of):
    assert reader_of(target, A, B, C).take(3) == ["a", "b", "-c"]


def test_every_kind_of_write_is_told(target, reader_of):
    reader = reader_of(target, A, B, C)
    reader.take(3)
    ctx = make_context()
    target.edit(A, {"data": {"x": "1"}})
    assert reader.take(1) == ["a1"]
    target.put(config("a", x="2"))
    assert reader.take(1) == ["a2"]
    target.remove(B)
    assert reader.take(1) == ["-b"]
    live = target.create(ctx, TargetChange(C, Action.CREATE, freeze(config("c"))))
    assert reader.take(1) == ["c"]
    live = target.update(ctx, TargetChange(C, Action.UPDATE, freeze(config("c", x="3")), live))
    assert reader.take(1) == ["c3"]
    target.delete(ctx, TargetChange(C, Action.DELETE, freeze({}), live))
    assert reader.take(1) == ["-c"]


def test_a_slow_reader_hears_once_of_what_moved_often_and_gets_it_as_it_is(target, reader_of):
    reader = reader_of(target, A, B)
    reader.take(2)
    for number in range(1000):
        target.edit(A, {"data": {"x": str(number)}})
    target.remove(B)
    target.put(config("b", x="new"))
    assert reader.take(2) == ["a999", "bnew"]
    assert reader.rest() == []


def test_what_moves_while_the_beginning_is_told_is_told_as_it_is_then(target, reader_of):
    reader = reader_of(target, A, B)
    assert reader.take(1) == ["a"]
    target.edit(A, {"data": {"x": "2"}})
    target.edit(B, {"data": {"x": "1"}})
    assert reader.take(2) == ["b1", "a2"]
    assert reader.rest() == []


def test_what_nobody_asked_about_is_not_told(target, reader_of):
    reader = reader_of(target, A)
    reader.take(1)
    target.edit(B, {"data": {"x": "1"}})
    target.edit(A, {"data": {"x": "2"}})
    assert reader.take(1) == ["a2"]
    assert reader.rest() == []


def test_readers_do_not_take_events_from_each_other(target, reader_of):
    one, other = reader_of(target, A), reader_of(target, A, B)
    one.take(1)
    other.take(2)
    target.edit(A, {"data": {"x": "1"}})
    assert (one.take(1), other.take(1)) == (["a1"], ["a1"])


def test_a_watch_that_has_ended_is_forgotten(target, reader_of):
    reader = reader_of(target, A)
    reader.take(1)
    assert len(target._feeds) == 1
    reader.rest()
    assert not target._feeds
    other = reader_of(target, A)
    other.take(1)
    other.watch.close()
    assert not target._feeds


def test_a_watch_that_is_cancelled_before_it_begins_is_none(target, reader_of):
    reader = reader_of(target, A)
    with pytest.raises(Cancelled):
        reader.rest()
    assert target.calls["watch"] == 0


def test_a_cancel_ends_it_in_the_middle_of_the_beginning(target, reader_of):
    reader = reader_of(target, A, B, C)
    reader.take(1)
    assert reader.rest() == []


def test_a_deadline_ends_it(target):
    ctx = make_context(clock=SystemClock())
    ctx = attrs.evolve(ctx, deadline=ctx.clock.monotonic() + 0.01)
    assert [shown(item) for item in target.watch(ctx, query(A))] in (["a"], [])


class LongSlices(SystemClock):
    """Whoever waits here for the end of a slice waits for ever."""

    def take(self, attempt, seconds):
        return attempt(PATIENCE)


def test_an_edit_wakes_a_reader_that_waits(target):
    ctx = make_context(clock=LongSlices())
    told = queue.SimpleQueue()

    def read():
        for item in target.watch(ctx, query(A)):
            told.put(shown(item))

    thread = threading.Thread(target=read)
    thread.start()
    assert told.get(timeout=PATIENCE) == "a"
    began = time.perf_counter()
    target.edit(A, {"data": {"x": "1"}})
    assert told.get(timeout=PATIENCE) == "a1"
    assert time.perf_counter() - began < PATIENCE / 2, "it did not wait for the end of its slice"
    ctx.cancel.set()
    target.edit(A, {"data": {"x": "2"}})
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize("seed", range(20))
def test_whoever_goes_first_the_last_word_is_what_is_there(seed):
    target = MemoryTarget(objects=[config("a", x="0"), config("b", x="0")])
    scheduler = Scheduler(seed)
    ctx = make_context(clock=scheduler.clock)
    last = {}

    def read():
        for item in target.watch(ctx, query(A, B)):
            last[item if isinstance(item, ResourceKey) else item.key] = shown(item)
            scheduler.step("read")

    def write():
        for number in range(5):
            target.edit(A, {"data": {"x": str(number)}})
            scheduler.step("edit")
        target.remove(B)
        scheduler.clock.wait(threading.Event(), 1.0)
        ctx.cancel.set()

    done = [scheduler.spawn(work.__name__, work) for work in (read, write)]
    scheduler.run()
    assert [future.result() for future in done] == [None, None]
    assert last == {A: "a4", B: "-b"}
    assert scheduler.clock.monotonic() <= 1.25, "a cancel is noticed within a slice"


@pytest.mark.slow
def test_fifty_thousand_objects_are_announced_in_a_moment_and_an_edit_is_found_among_them():
    target = MemoryTarget(objects=(config(f"n{number}") for number in range(50_000)))
    ctx = make_context()
    began = time.perf_counter()
    watch = target.watch(ctx, query(*target.objects))
    assert sum(isinstance(next(watch), Live) for _ in range(50_000)) == 50_000
    announced = time.perf_counter()
    target.edit("ConfigMap/n25000", {"data": {"x": "1"}})
    assert shown(next(watch)) == "n250001"
    assert announced - began < 5.0, "some 0.2 s on a quiet machine"
    assert time.perf_counter() - announced < 0.1
