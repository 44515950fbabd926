"""What people order: suspend, roll back, trigger. Durable, told, and obeyed at once."""

from __future__ import annotations

import pytest

from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import Phase
from gitops_core.errors import ConfigError
from gitops_core.model.applications import Options
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config

EVERY = Options(interval=100.0, attempts=1)
KEY = "ConfigMap/site"


def shop(platform, **fields):
    fields.setdefault("options", EVERY)
    return platform.app("shop", config("site", color="blue"), **fields)


def colour(app):
    return next(iter(app.target.objects.values()))["data"]["color"]


def restarted(platform, *apps):
    again = Platform(store=platform.store, repository=platform.repository, clock=platform.clock, sink=platform.sink)
    for app in apps:
        again.controller.add(app)
    return again


# -- suspend -----------------------------------------------------------------------------------------------------------------


def test_while_suspended_nothing_is_written_and_the_status_says_who_why_and_until_when() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    now = platform.clock.now()
    platform.controller.suspend(app, reason="incident 7", author="Ada", seconds=1000)
    app.target.edit(KEY, {"data": {"color": "red"}})
    platform.repository.declare("shop", config("site", color="green"))
    platform.run(seconds=500)
    status = platform.status(app)
    assert colour(app) == "red"
    assert status.phase is Phase.SUSPENDED
    suspension = status.suspension
    assert (suspension.reason, suspension.author, suspension.since, suspension.until) == ("incident 7", "Ada", now, now + 1000)
    assert "suspended by Ada: incident 7" in status.waits_for
    assert [event.message for event in platform.told("ordered")] == ["suspended by Ada: incident 7"]


def test_a_suspension_ends_at_its_time_and_what_drifted_meanwhile_is_told_and_repaired() -> None:
    platform = Platform()
    app = shop(platform, options=Options(interval=100_000.0))
    platform.run()
    platform.controller.suspend(app, reason="incident 7", author="Ada", seconds=1000)
    platform.run()
    app.target.edit(KEY, {"data": {"color": "red"}})
    platform.controller.trigger(app)
    platform.run(seconds=900)
    assert platform.status(app).next_run <= platform.clock.now() + 100
    assert [str(key) for key in platform.status(app).drift] == [KEY]
    platform.run(seconds=101)
    assert colour(app) == "blue"
    assert (platform.status(app).phase, platform.status(app).suspension) == (Phase.SYNCED, None)
    last = platform.told("ordered")[-1]
    assert last.message == f"the suspension by Ada (incident 7) is over; drifted meanwhile: {KEY}"


def test_resumed_it_goes_on_at_once_and_what_drifted_meanwhile_is_told() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    platform.controller.suspend(app, reason="incident 7", author="Ada", seconds=1000)
    app.target.edit(KEY, {"data": {"color": "red"}})
    platform.run()
    platform.controller.resume(app, author="Bob")
    platform.run()
    assert colour(app) == "blue"
    assert platform.told("ordered")[-1].message == f"resumed by Bob; drifted meanwhile: {KEY}"


def test_what_drifted_and_was_put_right_by_hand_meanwhile_is_told_too_and_over_a_restart() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    platform.controller.suspend(app, reason="incident 7", author="Ada", seconds=1000)
    app.target.edit(KEY, {"data": {"color": "red"}})
    platform.run(seconds=101)
    app.target.edit(KEY, {"data": {"color": "blue"}})
    again = restarted(platform, app)
    again.run(seconds=101)
    assert again.status(app).suspension is not None
    again.run(seconds=1000)
    assert again.status(app).suspension is None
    assert platform.told("ordered")[-1].message.endswith(f"drifted meanwhile: {KEY}")


def test_a_suspension_without_an_end_or_of_nobody_is_refused() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="say how long"):
            platform.controller.suspend(app, reason="r", author="a", seconds=seconds)
    with pytest.raises(ConfigError, match=r"no application 'nobody' is looked after here; there are: example\.org/tests/shop"):
        platform.controller.suspend("nobody", reason="r", author="a", seconds=1)


def test_a_suspended_application_is_not_deleted_either() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    platform.controller.suspend(app, reason="r", author="Ada", seconds=1000)
    platform.controller.delete(app)
    platform.run(seconds=500)
    assert len(app.target.objects) == 1
    assert platform.status(app).phase is Phase.SUSPENDED
    platform.run(seconds=600)
    assert not app.target.objects


# -- rollback ----------------------------------------------------------------------------------------------------------------


def two_revisions(platform):
    app = shop(platform)
    first = platform.repository.commits._newest().revision
    platform.run()
    second = platform.repository.declare("shop", config("site", color="red"))
    platform.run(seconds=70)
    assert colour(app) == "red"
    return app, first, second


def test_rolled_back_it_stays_at_the_last_healthy_revision_before_this_one_and_says_so_until_released() -> None:
    platform = Platform()
    app, first, _ = two_revisions(platform)
    assert platform.controller.rollback(app, reason="bad colour", author="Ada") == first.id
    platform.run()
    status = platform.status(app)
    assert (colour(app), status.phase, status.revision, status.converged) == ("blue", Phase.SYNCED, first.id, first.id)
    assert (status.pin.revision, status.pin.reason, status.pin.author) == (first.id, "bad colour", "Ada")
    newer = platform.repository.declare("shop", config("site", color="green"))
    platform.run(seconds=500)
    assert (colour(app), platform.status(app).revision) == ("blue", first.id)
    platform.controller.release(app, author="Ada")
    platform.run()
    assert (colour(app), platform.status(app).revision, platform.status(app).pin) == ("green", newer.id, None)


def test_a_pin_holds_over_a_restart_and_drift_is_repaired_to_it() -> None:
    platform = Platform()
    app, first, _ = two_revisions(platform)
    platform.controller.rollback(app, to=first.id, reason="r", author="Ada")
    again = restarted(platform, app)
    again.run(seconds=10)
    assert colour(app) == "blue"
    app.target.edit(KEY, {"data": {"color": "pink"}})
    again.run(seconds=200)
    assert colour(app) == "blue"


def test_without_a_healthy_revision_before_this_one_there_is_no_way_back() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    with pytest.raises(ConfigError, match="no healthy revision before"):
        platform.controller.rollback(app, reason="r", author="Ada")


# -- trigger -----------------------------------------------------------------------------------------------------------------


def test_a_trigger_looks_at_the_source_first_and_then_has_a_pass() -> None:
    platform = Platform()
    app = shop(platform, options=Options(interval=100_000.0))
    platform.run()
    new = platform.repository.declare("shop", config("site", color="green"))
    app.target.calls.clear()
    platform.controller.trigger(app)
    platform.run()
    assert (colour(app), platform.status(app).converged) == ("green", new.id)
    started = platform.told("pass-started")
    assert len(started) == 2


def test_a_trigger_is_a_pass_even_when_nothing_changed() -> None:
    platform = Platform()
    app = shop(platform, options=Options(interval=100_000.0))
    platform.run()
    app.target.edit(KEY, {"data": {"color": "red"}})
    platform.controller.trigger(app)
    platform.run()
    assert colour(app) == "blue"


def test_a_token_is_carried_out_once_also_after_a_restart() -> None:
    platform = Platform()
    app = shop(platform, options=Options(interval=100_000.0))
    platform.run()
    for _ in range(5):
        platform.controller.trigger(app, "deploy-7")
        platform.run()
    assert len(platform.told("pass-started")) == 2
    assert platform.store.inventory(app.id).orders.handled == ("deploy-7",)
    again = restarted(platform, app)
    again.run()
    begun = len(platform.told("pass-started"))
    again.controller.trigger(app, "deploy-7")
    again.run()
    assert len(platform.told("pass-started")) == begun
    again.controller.trigger(app, "deploy-8")
    again.run()
    assert len(platform.told("pass-started")) == begun + 1


def test_a_token_that_another_process_carried_out_is_a_no_op() -> None:
    platform = Platform()
    app = shop(platform, options=Options(interval=100_000.0))
    platform.run()
    other = restarted(platform, app)
    other.run()
    other.controller.trigger(app, "deploy-7")
    other.run()
    begun = len(platform.told("pass-started"))
    platform.controller.trigger(app, "deploy-7")
    platform.run()
    assert len(platform.told("pass-started")) == begun


def test_a_trigger_of_nobody_is_no_error() -> None:
    """A webhook may come late."""
    platform = Platform()
    platform.controller.trigger("example.org/tests/gone", "t")
    platform.controller.delete("example.org/tests/gone")
    platform.run()
    assert dict(platform.controller.status().applications) == {}


def test_a_trigger_tries_a_failing_application_at_once() -> None:
    platform = Platform(limits=ControllerLimits(jitter=0.0))
    app = shop(platform)
    platform.repository.commits.commit({"shop/broken.json": "{"})
    platform.run(seconds=1000)
    assert platform.status(app).phase is Phase.FAILED
    failures = platform.status(app).failures
    platform.controller.trigger(app)
    platform.run()
    assert platform.status(app).failures == failures + 1
