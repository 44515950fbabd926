"""Events are numbered once, delivered in order, and no sink can stop a pass."""

from __future__ import annotations

import logging

from gitops_core.engine.emitting import Emitter, Meter
from gitops_core.engine.sinks import ListSink, LoggingSink, NullSink
from gitops_core.model.events import Event, EventType
from gitops_core.model.resources import ResourceKey
from gitops_core.testing.clock import VirtualClock


class Raising:
    def __init__(self) -> None:
        self.calls = 0

    def emit(self, event: Event) -> None:
        self.calls += 1
        raise OSError("no more room")


def test_events_are_numbered_and_delivered_in_order():
    sink = ListSink()
    emitter = Emitter("a/b/c", "p1", VirtualClock(5.0), (sink,))
    emitter.later(EventType.RETRYING, "first")
    assert sink.events == []
    emitter.emit(EventType.PASS_FINISHED, "second", status="ok")
    assert [(e.sequence, e.message, e.pass_id, e.time) for e in sink.events] == [
        (0, "first", "p1", 5.0),
        (1, "second", "p1", 5.0),
    ]
    assert sink.events[1].data == {"status": "ok"}


def test_a_sink_that_raises_is_reported_once_and_left_out(caplog):
    bad, good = Raising(), ListSink()
    emitter = Emitter("a/b/c", "p1", VirtualClock(), (bad, good))
    emitter.emit(EventType.RESOLVED, "one")
    emitter.emit(EventType.RESOLVED, "two")
    assert bad.calls == 1
    assert len(good.events) == 2
    assert [r.getMessage() for r in caplog.records] == ["a/b/c: sink Raising raised and gets no more events of this pass"]


def test_the_logging_sink_writes_a_line_with_the_key(caplog):
    caplog.set_level(logging.INFO, "gitops_core")
    emitter = Emitter("a/b/c", "p1", VirtualClock(), (LoggingSink(), NullSink()))
    emitter.emit(EventType.CHANGE_STARTED, "create", key=ResourceKey("", "File", "", "x"))
    emitter.emit(EventType.RETRYING, "again")
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("INFO", "a/b/c change-started File/x: create"),
        ("WARNING", "a/b/c retrying: again"),
    ]


def test_counters_of_a_pass_become_its_cost():
    meter = Meter()
    meter.count("writes")
    meter.count("writes", 2)
    meter.count("something_else")
    assert meter.cost().writes == 3
    assert meter.cost().reads == 0
