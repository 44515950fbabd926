"""Failures: growing pauses for one application, a breaker for a target, and nobody else is held up."""

from __future__ import annotations

import itertools

import pytest

from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import Phase
from gitops_core.errors import Denied, Throttled, Transient
from gitops_core.model.applications import Options
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config

ONCE = Options(attempts=1, interval=100_000.0)


class Moody(MemoryTarget):
    """Throws :attr:`error` at whoever looks, and notes when and who looked."""

    def __init__(self, name="moody", error=None):
        super().__init__(name)
        self.error = error
        self.looks = []

    def etag(self, ctx):
        self._throw(ctx)
        return super().etag(ctx)

    def observe(self, ctx, query):
        self.looks.append((ctx.clock.monotonic(), ctx.application.rpartition("/")[2]))
        self._throw(ctx)
        yield from super().observe(ctx, query)

    def _throw(self, ctx):
        if self.error is not None:
            raise self.error

    def times(self):
        return sorted({time for time, _ in self.looks})


def test_a_failing_application_is_tried_again_with_growing_jittered_pauses_up_to_the_cap_and_never_given_up() -> None:
    limits = ControllerLimits(jitter=0.0, backoff=1.0, backoff_cap=60.0, breaker_failures=1000)
    platform = Platform(limits=limits)
    app = platform.app("bad", config("c"), target=Moody(error=Denied("you may not")), options=ONCE)
    platform.run(seconds=3600)
    times = app.target.times()
    pauses = [after - before for before, after in itertools.pairwise(times)]
    for number, pause in enumerate(pauses, 1):
        ceiling = min(60.0, 2.0 ** (number - 1))
        assert ceiling / 2 <= pause <= ceiling
    assert len(set(pauses)) == len(pauses)
    assert len(pauses) > 60
    status = platform.status(app)
    assert status.failures == len(times)
    assert status.last_error.disposition == "stall"
    assert "you may not" in status.waits_for
    assert status.waits_until == status.next_run


def test_a_success_ends_the_back_off() -> None:
    platform = Platform()
    app = platform.app("bad", config("c"), target=Moody(error=Denied("no")), options=ONCE)
    platform.run(seconds=100)
    app.target.error = None
    platform.run(seconds=300)
    status = platform.status(app)
    assert (status.phase, status.failures, status.last_error, status.waits_for) == (Phase.SYNCED, 0, None, "")


def test_a_failing_application_does_not_delay_another_one() -> None:
    platform = Platform(limits=ControllerLimits(workers=1, jitter=0.0))
    platform.app("bad", config("c"), target=Moody(error=Denied("no")), options=ONCE)
    good = platform.app("good", config("d"), options=Options(interval=50.0))
    platform.run(seconds=1000)
    assert platform.status(good).phase is Phase.SYNCED
    assert platform.status(good).converged_at > platform.clock.now() - 70


def shared(error, count=5, **limits):
    platform = Platform(limits=ControllerLimits(jitter=0.0, **limits))
    target = Moody(error=error)
    apps = [platform.app(f"app{number}", config(f"c{number}"), target=target, options=ONCE) for number in range(count)]
    return platform, target, apps


def test_a_target_that_fails_whoever_asks_is_asked_rarely_and_by_one() -> None:
    platform, target, apps = shared(Transient("502"), breaker_failures=5, breaker_pause=10.0, backoff_cap=100.0)
    platform.run()
    assert len(target.looks) == 5
    assert len(platform.told("breaker-opened")) == 1
    platform.run(seconds=600)
    for time in target.times()[1:]:
        assert len([look for look in target.looks if look[0] == time]) == 1
    assert 6 <= len(target.times()) - 1 <= 16
    waiting = [platform.status(app) for app in apps if "target moody" in platform.status(app).waits_for]
    assert len(waiting) >= 4
    assert all(status.waits_until is not None for status in waiting)


def test_when_the_target_answers_again_everybody_goes_on_at_once() -> None:
    platform, target, apps = shared(Transient("502"), breaker_failures=3, breaker_pause=10.0)
    platform.run(seconds=30)
    target.error = None
    platform.run(seconds=120)
    assert {platform.status(app).phase for app in apps} == {Phase.SYNCED}
    assert len(platform.told("breaker-closed")) == 1
    succeeded = [platform.status(app).converged_at for app in apps]
    assert max(succeeded) - min(succeeded) <= 1.5


def test_the_breaker_does_not_stay_open_when_the_one_that_tries_is_taken_away() -> None:
    platform, target, apps = shared(Transient("502"), breaker_failures=3, breaker_pause=10.0)
    platform.run()
    for app in apps[:4]:
        platform.controller.remove(app)
    target.error = None
    platform.run(seconds=60)
    assert platform.status(apps[4]).phase is Phase.SYNCED


def test_a_throttled_target_is_left_alone_by_all_its_applications_for_as_long_as_it_asked() -> None:
    platform, target, apps = shared(Throttled("slow down", retry_after=45.0), count=3)
    platform.run()
    first = len(target.looks)
    assert first == 1
    target.error = None
    platform.run(seconds=200)
    assert min(time for time in target.times() if time > 0) >= 45.0
    assert {platform.status(app).phase for app in apps} == {Phase.SYNCED}


def test_another_target_is_not_held_up_by_a_breaker() -> None:
    platform, _, _ = shared(Transient("502"), breaker_failures=1)
    good = platform.app("good", config("d"))
    platform.run(seconds=5)
    assert platform.status(good).phase is Phase.SYNCED


@pytest.mark.parametrize("interval", [0.0, 0.001])
def test_an_interval_of_nothing_does_not_make_the_controller_spin(interval: float) -> None:
    platform = Platform()
    app = platform.app("shop", config("c"), options=Options(interval=interval))
    platform.run(seconds=10)
    assert app.target.calls["etag"] <= 40
