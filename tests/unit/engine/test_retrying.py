"""Retries follow the disposition of the error."""

from __future__ import annotations

import random
import threading

import pytest

from gitops_core.engine.calls import Call
from gitops_core.engine.limits import Bucket
from gitops_core.engine.retrying import Retry
from gitops_core.errors import (
    AlreadyExists,
    Cancelled,
    Conflict,
    Denied,
    Invalid,
    NotFound,
    NotStabilized,
    PluginError,
    Throttled,
    Transient,
)
from gitops_core.interfaces import Limits
from gitops_core.model.applications import Options
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context

CALL = Call("Api", "create")


class Failing:
    """Raises what it was given, one error a call, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def retry(**options) -> tuple[Retry, list[float]]:
    waits: list[float] = []
    return Retry(Options(**options), lambda _call, _error, seconds: waits.append(seconds)), waits


def test_a_success_is_one_attempt():
    runner, waits = retry()
    assert runner.call(make_context(), CALL, Failing()) == ("answer", 1)
    assert waits == []


def test_an_error_that_may_be_retried_is_retried():
    runner, waits = retry()
    assert runner.call(make_context(), CALL, Failing(Transient("a"), Transient("b"))) == ("answer", 3)
    assert len(waits) == 2


def test_retries_end_after_the_allowed_attempts_with_the_last_error():
    runner, _ = retry(attempts=3)
    failing = Failing(*(Transient(f"{i}") for i in range(9)))
    with pytest.raises(Transient, match="2"):
        runner.call(make_context(), CALL, failing)
    assert failing.calls == 3


@pytest.mark.parametrize(
    "error", [Denied("no"), Invalid("no"), NotStabilized("no"), NotFound("no"), AlreadyExists("no"), Conflict("no")]
)
def test_an_error_that_the_same_call_would_get_again_is_not_retried(error):
    runner, _ = retry()
    failing = Failing(error)
    with pytest.raises(type(error)):
        runner.call(make_context(), CALL, failing)
    assert failing.calls == 1


def test_a_foreign_error_is_retried_a_few_times_only():
    runner, _ = retry(attempts=10)
    failing = Failing(*(ZeroDivisionError("oops") for _ in range(9)))
    with pytest.raises(PluginError, match="Api failed in create with ZeroDivisionError: oops"):
        runner.call(make_context(), CALL, failing)
    assert failing.calls == 3


def test_waits_double_under_a_cap_with_full_jitter():
    class Most(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    runner, waits = retry(attempts=7, backoff=1.0, backoff_cap=10.0)
    runner.call(make_context(random=Most()), CALL, Failing(*(Transient("x") for _ in range(6))))
    assert waits == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_wait_is_never_shorter_than_the_api_asked_for():
    runner, waits = retry(backoff=0.1)
    runner.call(make_context(), CALL, Failing(Transient("x", retry_after=7.5)))
    assert waits[0] >= 7.5


def test_throttling_pauses_every_call_of_the_bucket():
    clock = VirtualClock()
    ctx = make_context(clock=clock)
    bucket = Bucket(Limits())
    runner, _ = retry()
    failing = Failing(Throttled("slow down", retry_after=30.0))
    began = clock.monotonic()

    def run() -> str:
        with bucket.slot(ctx):
            return failing()

    assert runner.call(ctx, CALL, run, bucket) == ("answer", 2)
    assert clock.monotonic() - began >= 30.0


def test_a_retry_that_cannot_begin_in_time_is_not_waited_for():
    clock = VirtualClock()
    runner, _ = retry()
    ctx = make_context(clock=clock).within(5.0)
    with pytest.raises(Transient):
        runner.call(ctx, CALL, Failing(Transient("x", retry_after=60.0)))
    assert clock.slept == []


def test_a_stop_ends_the_wait_and_no_other_call_is_made():
    stop = threading.Event()

    class Stopping(VirtualClock):
        def wait(self, signal, seconds):
            stop.set()
            return True

    runner, _ = retry()
    failing = Failing(Transient("x"), Transient("y"))
    with pytest.raises(Cancelled):
        runner.call(make_context(clock=Stopping(), cancel=stop), CALL, failing)
    assert failing.calls == 1
