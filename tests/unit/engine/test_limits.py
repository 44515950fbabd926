"""One bucket a target."""

from __future__ import annotations

import threading

import pytest

from gitops_core.engine.limits import Bucket, bucket_of
from gitops_core.errors import Cancelled
from gitops_core.interfaces import Limits
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context


def test_calls_are_spaced_by_the_rate():
    clock = VirtualClock()
    ctx = make_context(clock=clock)
    bucket = Bucket(Limits(rate=2.0))
    began = clock.monotonic()
    for _ in range(5):
        with bucket.slot(ctx):
            pass
    assert clock.monotonic() - began == pytest.approx(2.0)


def test_a_pause_holds_up_the_next_call():
    clock = VirtualClock()
    bucket = Bucket(Limits())
    began = clock.monotonic()
    bucket.pause(began + 9.0)
    with bucket.slot(make_context(clock=clock)):
        assert clock.monotonic() - began == pytest.approx(9.0)


def test_no_more_calls_at_once_than_allowed():
    """The second call gets its slot when the first gives it back."""
    bucket = Bucket(Limits(concurrency=1))
    order: list[str] = []
    inside, release = threading.Event(), threading.Event()

    def first() -> None:
        with bucket.slot(make_context()):
            inside.set()
            release.wait(10)
            order.append("first")

    def second() -> None:
        with bucket.slot(make_context()):
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    release.set()
    for thread in threads:
        thread.join(10)
    assert order == ["first", "second"]


def test_waiting_for_a_slot_ends_when_the_host_says_stop():
    bucket = Bucket(Limits(concurrency=1))
    stop = threading.Event()
    with bucket.slot(make_context()):
        stop.set()
        with pytest.raises(Cancelled), bucket.slot(make_context(cancel=stop)):
            pytest.fail("there was no slot")


def test_a_slot_comes_back_after_an_error():
    bucket = Bucket(Limits(concurrency=1))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), bucket.slot(make_context()):
            raise ZeroDivisionError


def test_every_pass_shares_the_bucket_of_a_target():
    target = MemoryTarget()
    assert bucket_of(target) is bucket_of(target)
    assert bucket_of(target) is not bucket_of(MemoryTarget())
