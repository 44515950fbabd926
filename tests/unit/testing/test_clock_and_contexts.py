"""The virtual clock and the context for tests."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gitops_core.errors import Cancelled, DeadlineExceeded
from gitops_core.model.revisions import Notice
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import Recorder, make_context


def test_time_stands_still_until_it_is_told_to_move():
    clock = VirtualClock(start=100.0)
    assert (clock.now(), clock.monotonic()) == (100.0, 0.0)
    clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (102.5, 2.5)


def test_time_does_not_run_backwards():
    with pytest.raises(ValueError, match="backwards"):
        VirtualClock().advance(-1)


def test_setting_the_clock_moves_the_time_of_day_only():
    clock = VirtualClock(start=100.0)
    clock.advance(5)
    clock.jump(-50)
    assert (clock.now(), clock.monotonic()) == (55.0, 5.0)


def test_waiting_takes_virtual_time_only_and_is_recorded():
    clock, signal = VirtualClock(), threading.Event()
    assert clock.wait(signal, 86_400) is False
    assert clock.wait(signal, -1) is False
    assert (clock.monotonic(), clock.slept) == (86_400, [86_400, 0.0])


def test_a_signal_that_is_set_ends_a_wait_before_it_begins():
    clock, signal = VirtualClock(), threading.Event()
    signal.set()
    assert clock.wait(signal, 10) is True
    assert (clock.monotonic(), clock.slept) == (0.0, [])


def test_threads_share_a_clock_and_a_recorder():
    clock, recorder = VirtualClock(), Recorder()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: (clock.advance(1), recorder.count("calls")), range(800)))
    assert clock.monotonic() == 800
    assert recorder.counts["calls"] == 800


def test_a_context_needs_no_arguments():
    ctx = make_context()
    ctx.check()
    ctx.sleep(3600)
    assert ctx.clock.monotonic() == 3600
    assert ctx.memo.get("space", "key") is None
    ctx.memo.put("space", "key", b"value")
    assert ctx.memo.get("space", "key") == b"value"
    assert ctx.random.random() == random.Random(0).random()


def test_what_a_plugin_reports_is_recorded():
    recorder = Recorder()
    ctx = make_context(recorder)
    ctx.notify(Notice("submodule", "left out", "vendor"))
    ctx.count("blobs_read", 2)
    assert recorder.notices == [Notice("submodule", "left out", "vendor")]
    assert recorder.counts == {"blobs_read": 2}
    assert recorder.counts["never"] == 0


def test_any_attribute_can_be_replaced():
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        make_context(cancel=cancel).check()
    with pytest.raises(DeadlineExceeded):
        make_context(deadline=0.0).check()


def test_by_default_taking_something_is_to_wait_for_it_really():
    asked = []
    assert VirtualClock().take(lambda seconds: asked.append(seconds) or "taken", 0.25) == "taken"
    assert asked == [0.25]
