"""Events reach sinks asynchronously; a slow, dead or raising sink holds nobody up."""

from __future__ import annotations

import logging

import pytest

from gitops_core.engine.relaying import Relay, RelaySettings
from gitops_core.engine.runtime import Runtime
from gitops_core.engine.sinks import ListSink
from gitops_core.errors import ConfigError
from gitops_core.model.events import Event, EventType
from gitops_core.operations import reconcile
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.scheduling import Scheduler
from gitops_core.testing.worlds import World, config


def event(number: int, application: str = "app") -> Event:
    return Event(EventType.NOTICE, application, 0.0, number, "pass", f"number {number}")


def numbers(sink) -> list[int]:
    return [e.sequence for e in sink.events]


class Slow(ListSink):
    """Takes some seconds for each event."""

    def __init__(self, clock, seconds: float) -> None:
        super().__init__()
        self.clock, self.seconds, self.never = clock, seconds, type("Never", (), {"is_set": lambda _self: False})()

    def emit(self, event):
        self.clock.wait(self.never, self.seconds)
        super().emit(event)


class Raising(ListSink):
    """Raises as often as it was told, then works."""

    def __init__(self, times: int, clock=None) -> None:
        super().__init__()
        self.left, self.clock, self.offered = times, clock, []

    def emit(self, event):
        self.offered.append((event.sequence, self.clock.monotonic() if self.clock else 0.0))
        if self.left > 0:
            self.left -= 1
            raise ConnectionError("no route to host")
        super().emit(event)


def run(seed: int, make_sinks, work, settings: RelaySettings = RelaySettings(), timeout: float = 1000.0):
    """Emit in one task, deliver in one task a sink, close in the end; return the relay, the sinks, and what close said."""
    scheduler = Scheduler(seed)
    sinks = make_sinks(scheduler.clock)
    relay = Relay(sinks, settings, clock=scheduler.clock, spawn=scheduler.spawn)

    def emit_all():
        work(relay, scheduler)
        return relay.close(timeout)

    closed = scheduler.spawn("emitter", emit_all)
    scheduler.run()
    return relay, sinks, closed.result()


def emit(count: int):
    def work(relay, scheduler):
        for number in range(count):
            relay.emit(event(number))
            scheduler.step()

    return work


@pytest.mark.parametrize("seed", range(20))
def test_every_sink_gets_every_event_in_order(seed):
    relay, sinks, closed = run(seed, lambda _clock: [ListSink(), ListSink()], emit(50))
    assert [numbers(sink) for sink in sinks] == [list(range(50))] * 2
    assert closed
    assert [(c.sink, c.delivered, c.dropped, c.waiting) for c in relay.counts] == [("ListSink", 50, 0, 0)] * 2


@pytest.mark.parametrize("seed", range(10))
def test_a_slow_sink_delays_neither_who_emits_nor_the_other_sinks(seed):
    def work(relay, scheduler):
        emit(20)(relay, scheduler)
        assert scheduler.clock.monotonic() == 0.0
        scheduler.clock.wait(type("Never", (), {"is_set": lambda _self: False})(), 1.0)
        assert numbers(sinks_of["quick"]) == list(range(20))
        assert numbers(sinks_of["slow"]) == []

    sinks_of = {}

    def make(clock):
        sinks_of.update(slow=Slow(clock, 5.0), quick=ListSink())
        return [sinks_of["slow"], sinks_of["quick"]]

    _relay, (slow, _quick), closed = run(seed, make, work)
    assert (numbers(slow), closed) == (list(range(20)), True)


@pytest.mark.parametrize(("overflow", "kept"), [("drop_oldest", [0, 7, 8, 9]), ("drop_newest", [0, 1, 2, 3])])
def test_a_full_queue_drops_what_its_settings_say_and_counts_it(overflow, kept):
    def work(relay, scheduler):
        relay.emit(event(0))
        scheduler.clock.wait(type("Never", (), {"is_set": lambda _self: False})(), 0.1)  # the sink has the first one in its hands
        for number in range(1, 10):
            relay.emit(event(number))
        assert relay.counts[0].waiting == 3

    relay, (sink,), _ = run(0, lambda clock: [Slow(clock, 1.0)], work, RelaySettings(size=3, overflow=overflow))
    assert numbers(sink) == kept
    assert (relay.counts[0].delivered, relay.counts[0].dropped) == (4, 6)


def test_a_sink_that_raises_gets_the_same_event_again_after_growing_waits():
    settings = RelaySettings(backoff=1.0, backoff_cap=3.0, attempts=9)
    relay, (sink,), _ = run(0, lambda clock: [Raising(4, clock)], emit_and_rest(2, 100.0), settings)
    assert sink.offered[:5] == [(0, 0.0), (0, 1.0), (0, 3.0), (0, 6.0), (0, 9.0)]
    assert numbers(sink) == [0, 1]
    assert (relay.counts[0].raised, relay.counts[0].given_up) == (4, 0)


def emit_and_rest(count: int, seconds: float):
    def work(relay, scheduler):
        for number in range(count):
            relay.emit(event(number))
        scheduler.clock.wait(type("Never", (), {"is_set": lambda _self: False})(), seconds)

    return work


def test_an_event_that_a_sink_never_takes_is_given_up_and_the_next_ones_come():
    class Choosy(ListSink):
        def emit(self, event):
            if event.sequence == 0:
                raise ValueError("cannot be encoded")
            super().emit(event)

    relay, (sink,), _ = run(0, lambda _clock: [Choosy()], emit_and_rest(3, 100.0), RelaySettings(attempts=3))
    assert numbers(sink) == [1, 2]
    assert (relay.counts[0].raised, relay.counts[0].given_up, relay.counts[0].delivered) == (3, 1, 2)


def test_a_row_of_errors_is_logged_once_and_so_is_its_end(caplog):
    with caplog.at_level(logging.WARNING, "gitops_core"):
        run(0, lambda clock: [Raising(7, clock)], emit_and_rest(5, 1000.0), RelaySettings(attempts=3))
    assert [r.getMessage() for r in caplog.records] == [
        "sink Raising raised; the event is offered again",
        "sink Raising takes events again: 0 dropped, 2 given up so far",
    ]


def test_closing_delivers_what_waits_until_the_deadline_and_counts_the_rest():
    relay, (sink,), closed = run(0, lambda clock: [Slow(clock, 2.0)], emit(10), timeout=5.0)
    assert not closed
    assert relay.counts[0].delivered == len(sink.events) == 3  # the one in hand at the deadline is finished
    assert relay.counts[0].dropped == 7


def test_closing_does_not_wait_for_a_back_off_and_not_for_a_sink_that_never_comes_back():
    scheduler = Scheduler(0)
    relay = Relay([Raising(10**6), Slow(scheduler.clock, 1e6)], clock=scheduler.clock, spawn=scheduler.spawn)

    def work():
        relay.emit(event(0))
        relay.emit(event(1))
        closed = relay.close(2.0)
        return closed, scheduler.clock.monotonic()

    done = scheduler.spawn("emitter", work)
    scheduler.run()
    assert done.result() == (False, 2.0)
    assert [(c.delivered, c.dropped + c.given_up + c.waiting) for c in relay.counts] == [(0, 2), (1, 1)]


def test_what_comes_after_the_close_is_dropped_and_counted():
    relay, (sink,), closed = run(0, lambda _clock: [ListSink()], emit(2))
    relay.emit(event(2))
    assert (closed, numbers(sink), relay.counts[0].dropped) == (True, [0, 1], 1)
    assert relay.close(0.0)


@pytest.mark.parametrize("seed", range(10))
def test_a_pass_hands_its_events_over_and_gaps_and_repeats_can_be_told(seed):
    """At least once: an event that is offered again has the same name."""
    scheduler = Scheduler(seed)

    class Twice(ListSink):
        def emit(self, event):
            super().emit(event)
            if event.sequence == 1 and numbers(self).count(1) == 1:
                raise TimeoutError("the answer was lost")

    sink = Twice()
    relay = Relay([sink], clock=scheduler.clock, spawn=scheduler.spawn)
    world = World()
    world.declare(config("a"))
    runtime = Runtime(clock=scheduler.clock, executor=scheduler.executor, sinks=(relay,))

    def work():
        result = reconcile(world.app, store=world.store, runtime=runtime)
        relay.close()
        return result

    done = scheduler.spawn("pass", work)
    scheduler.run()
    assert done.result().ok
    names = [(e.application, e.pass_id, e.sequence) for e in sink.events]
    assert len(names) == len(set(names)) + 1
    assert sorted(set(names)) == list(dict.fromkeys(names))
    assert [n[2] for n in dict.fromkeys(names)] == list(range(len(set(names))))


@pytest.mark.parametrize("wrong", [{"overflow": "block"}, {"size": 0}, {"attempts": 1}, {"backoff": -1.0}, {"backoff_cap": -1.0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        RelaySettings(**wrong)


def test_by_default_each_sink_has_a_daemon_thread_on_the_machines_clock():
    sink = ListSink()
    with Relay([sink]) as relay:
        relay.emit(event(0))
    assert numbers(sink) == [0]
    assert Relay([], clock=VirtualClock()).close()
