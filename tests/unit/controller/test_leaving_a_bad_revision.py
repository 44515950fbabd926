"""on_degraded: a revision that does not become healthy is left, once, and it is said why."""

from __future__ import annotations

import pytest

from gitops_core.controller.status import Phase
from gitops_core.model.applications import Options
from gitops_core.model.health import Health, HealthStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config

BACK = Options(on_degraded="rollback", health_timeout=30.0, interval=100_000.0)


class Judging(MemoryTarget):
    """Red objects never become well; black ones have failed for good."""

    def health(self, live):
        colour = live.body["data"].get("color")
        if colour == "black":
            return Health(settled=True, status=HealthStatus.DEGRADED, reason="Broken")
        if colour == "red":
            return Health(settled=False, status=HealthStatus.PROGRESSING, reason="Starting")
        return Health(settled=True, status=HealthStatus.HEALTHY)


def colour(app):
    return next(iter(app.target.objects.values()))["data"]["color"]


def good_then(bad, options=BACK):
    platform = Platform()
    app = platform.app("shop", config("site", color="blue"), target=Judging("judging"), options=options)
    good = platform.repository.commits._newest().revision
    platform.run()
    assert platform.status(app).phase is Phase.SYNCED
    revision = platform.repository.declare("shop", config("site", color=bad))
    platform.controller.notify(["monorepo"])
    platform.run()
    return platform, app, good, revision


@pytest.mark.parametrize("bad", ["red", "black"])
def test_a_revision_that_does_not_become_healthy_is_left_for_the_last_healthy_one(bad: str) -> None:
    platform, app, good, left = good_then(bad)
    platform.run(seconds=60)
    status = platform.status(app)
    assert (colour(app), status.phase, status.revision) == ("blue", Phase.SYNCED, good.id)
    assert status.pin.author == "on_degraded"
    assert status.pin.reason == f"{left.id[:12]} did not become healthy within 30 s"
    assert platform.store.inventory(app.id).orders.rolled_back == left.id
    [event] = platform.told("ordered")
    assert event.message == f"on_degraded: {left.id[:12]} was left; held at {good.id[:12]}: {status.pin.reason}"


def test_not_before_its_time_is_up() -> None:
    platform, app, _, _ = good_then("red")
    platform.run(seconds=10)
    assert platform.status(app).phase is Phase.PROGRESSING
    assert colour(app) == "red"


def test_it_stays_where_it_is_until_released_and_is_not_left_twice() -> None:
    platform, app, _, bad = good_then("red")
    platform.run(seconds=60)
    platform.controller.release(app, author="Ada")
    platform.run(seconds=200)
    status = platform.status(app)
    assert (colour(app), status.phase, status.pin, status.revision) == ("red", Phase.DEGRADED, None, bad.id)


def test_a_fix_after_the_release_is_followed() -> None:
    platform, app, _, _ = good_then("red")
    platform.run(seconds=60)
    fixed = platform.repository.declare("shop", config("site", color="green"))
    platform.controller.release(app)
    platform.controller.notify(["monorepo"])
    platform.run(seconds=5)
    assert (colour(app), platform.status(app).converged) == ("green", fixed.id)


def test_without_a_healthy_revision_to_go_back_to_it_stays_and_says_so_once() -> None:
    """It would otherwise try again at every turn, without a pause."""
    platform = Platform()
    app = platform.app("shop", config("site", color="red"), target=Judging(), options=BACK)
    platform.run(seconds=300)
    assert platform.status(app).phase is Phase.DEGRADED
    assert platform.status(app).pin is None
    [event] = platform.told("ordered")
    assert event.message.endswith("no healthy revision to go back to")
    assert len(platform.told("pass-started")) < 400


def test_report_only_reports() -> None:
    platform, app, _, bad = good_then("red", Options(health_timeout=30.0, interval=100_000.0))
    platform.run(seconds=120)
    status = platform.status(app)
    assert (colour(app), status.phase, status.revision) == ("red", Phase.DEGRADED, bad.id)
    assert status.waits_for


def test_what_becomes_healthy_late_is_synced_then() -> None:
    platform, app, _, bad = good_then("red", Options(health_timeout=30.0, interval=100_000.0))
    platform.run(seconds=120)
    app.target.health = lambda live: Health(settled=True, status=HealthStatus.HEALTHY)
    platform.run(seconds=40)
    assert (platform.status(app).phase, platform.status(app).converged) == (Phase.SYNCED, bad.id)
