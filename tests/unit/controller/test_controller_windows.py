"""Maintenance windows, newer revisions, tenants and priorities under a controller: who may write when, and who comes first."""

from __future__ import annotations

import datetime as dt

import attrs
import pytest

from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import Phase
from gitops_core.model.applications import Options
from gitops_core.policies.windows import MaintenanceWindows, Window
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config

CALM = Options(interval=100_000.0)
HOUR = 3600.0
NOON = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC).timestamp()
OPENING = dt.datetime(2026, 11, 27, 2, 0, tzinfo=dt.UTC).timestamp()
NIGHTLY = MaintenanceWindows([Window("0 2 * * *", 2 * HOUR, reason="nightly")])


class Happening(MemoryTarget):
    """Lets something happen after its first create."""

    def __init__(self, name="happening", then=lambda: None):
        super().__init__(name)
        self.then = then

    def create(self, ctx, change):
        live = super().create(ctx, change)
        if self.calls["create"] == 1:
            self.then()
        return live


def names(app) -> list[str]:
    return sorted(key.name for key in app.target.objects)


def at(start: float) -> Platform:
    return Platform(clock=VirtualClock(start), limits=ControllerLimits(jitter=0.0))


# -- windows --------------------------------------------------------------------------------------------------------------------


def test_while_the_windows_are_closed_it_is_refused_and_the_next_run_is_at_the_opening() -> None:
    platform = at(NOON)
    app = platform.app("shop", config("site"), policies=[NIGHTLY], options=CALM)
    platform.run()
    status = platform.status(app)
    assert (status.phase, names(app)) == (Phase.REFUSED, [])
    assert status.next_run == pytest.approx(OPENING, abs=1.0)
    assert status.waits_until == status.next_run
    assert "it opens at 2026-11-27T02:00:00" in status.waits_for


def test_what_was_refused_is_done_at_the_opening_and_nothing_is_asked_before() -> None:
    platform = at(NOON)
    app = platform.app("shop", config("site"), policies=[NIGHTLY], options=CALM)
    platform.run()
    looks = app.target.calls["observe"]
    platform.run(seconds=14 * HOUR - 60)
    assert (names(app), app.target.calls["observe"]) == ([], looks)
    platform.run(seconds=120)
    status = platform.status(app)
    assert (names(app), status.phase) == (["site"], Phase.SYNCED)
    assert status.converged_at == pytest.approx(OPENING, abs=2.0)


def test_drift_that_comes_while_the_windows_are_closed_is_repaired_at_the_opening() -> None:
    platform = at(OPENING)
    app = platform.app("shop", config("site", color="blue"), policies=[NIGHTLY], options=Options(interval=HOUR))
    platform.run(seconds=3 * HOUR)
    app.target.edit("ConfigMap/site", {"data": {"color": "red"}})
    platform.run(seconds=2 * HOUR)
    assert platform.status(app).phase is Phase.REFUSED
    assert app.target.calls["update"] == 0
    platform.run(seconds=OPENING + 24 * HOUR + 60 - platform.clock.now())
    assert (platform.status(app).phase, app.target.calls["update"]) == (Phase.SYNCED, 1)


def test_a_pass_that_is_at_work_when_they_close_comes_to_its_end() -> None:
    platform = at(OPENING)
    target = Happening(then=lambda: platform.clock.advance(3 * HOUR))
    options = Options(interval=100_000.0, deadline=10 * HOUR)
    app = platform.app("shop", config("a"), config("b"), policies=[NIGHTLY], target=target, options=options)
    platform.run()
    assert (names(app), platform.status(app).phase) == (["a", "b"], Phase.SYNCED)


def test_running_stop_ends_the_pass_when_they_close_and_that_is_no_failure() -> None:
    platform = at(OPENING)
    target = Happening(then=lambda: platform.clock.advance(3 * HOUR))
    strict = attrs.evolve(NIGHTLY, running="stop")
    options = Options(interval=100_000.0, deadline=10 * HOUR)
    app = platform.app("shop", config("a"), config("b"), policies=[strict], target=target, options=options)
    platform.run()
    status = platform.status(app)
    assert len(names(app)) == 1
    assert (status.phase, status.failures) == (Phase.REFUSED, 0)
    assert status.next_run == pytest.approx(OPENING + 24 * HOUR, abs=1.0)
    assert not [event for event in platform.told("phase-changed") if event.data["phase"] in ("failed", "degraded")]
    platform.run(seconds=status.next_run - platform.clock.now() + 60)
    assert (names(app), platform.status(app).phase, app.target.calls["create"]) == (["a", "b"], Phase.SYNCED, 2)
