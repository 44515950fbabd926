"""Many applications, one repository: one look for all, and a commit costs only whom it touches."""

from __future__ import annotations

import pytest

from gitops_core.controller.status import Phase
from gitops_core.errors import Invalid, SourceUnavailable
from gitops_core.model.applications import Options
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.platforms import Monorepo, Platform
from gitops_core.testing.worlds import config

CALM = Options(interval=100_000.0)


class Refusing(MemoryTarget):
    """Refuses every write until it is told not to."""

    refuses = True

    def create(self, ctx, change):
        if self.refuses:
            self.calls["refused"] += 1
            raise Invalid("not like this", key=change.key)
        return super().create(ctx, change)


def test_one_resolve_serves_all_applications_of_a_repository() -> None:
    platform = Platform()
    for number in range(100):
        platform.app(f"app{number}", config(f"c{number}"), options=CALM)
    platform.run()
    assert platform.repository.calls["resolve"] == 1
    platform.run(seconds=600)
    assert platform.repository.calls["resolve"] == pytest.approx(11, abs=1)


def test_a_commit_costs_no_pass_to_those_whose_files_it_does_not_touch_and_they_say_the_new_revision() -> None:
    platform = Platform()
    apps = [platform.app(f"app{number}", config(f"c{number}", size="1"), options=CALM) for number in range(10)]
    platform.run()
    looks = [app.target.calls["observe"] for app in apps]
    new = platform.repository.declare("app3", config("c3", size="2"))
    platform.run(seconds=70)
    assert [number for number, app in enumerate(apps) if app.target.calls["observe"] != looks[number]] == [3]
    assert {platform.status(app).converged for app in apps} == {new.id}
    assert all(platform.status(app).is_current for app in apps)


def test_a_commit_that_does_not_touch_a_failing_application_does_not_hurry_it() -> None:
    """Back-off ends with a new revision of its own files: else a busy repository lets every failing application hammer."""
    platform = Platform()
    app = platform.app("bad", config("c"), target=Refusing(), options=Options(attempts=1, interval=100_000.0))
    platform.run()
    for _ in range(8):
        platform.run(seconds=100)
    tries = app.target.calls["refused"]
    waits_until = platform.status(app).next_run
    assert platform.status(app).failures > 5
    new = platform.repository.declare("other", config("x"))
    platform.repository.calls.clear()
    platform.controller.notify(["monorepo"])
    platform.run()
    status = platform.status(app)
    assert (app.target.calls["refused"], status.next_run, status.revision) == (tries, waits_until, new.id)
    assert status.waits_for
    assert status.last_error.error == "Invalid"


def test_back_off_begins_anew_with_a_new_revision() -> None:
    platform = Platform()
    app = platform.app("bad", config("c"), target=Refusing(), options=Options(attempts=1, interval=100_000.0))
    platform.run()
    platform.run(seconds=1000)
    assert platform.status(app).failures > 5
    platform.repository.declare("bad", config("c", color="blue"))
    platform.controller.notify(["monorepo"])
    platform.run()
    assert platform.status(app).failures == 1
    app.target.refuses = False
    platform.run(seconds=2)
    assert (platform.status(app).phase, platform.status(app).failures) == (Phase.SYNCED, 0)


def test_many_pushes_make_one_look() -> None:
    platform = Platform()
    app = platform.app("shop", config("c"))
    platform.run()
    before = platform.repository.calls["resolve"]
    new = platform.repository.declare("shop", config("c", color="red"))
    for _ in range(50):
        platform.controller.notify(["monorepo"], ["refs/heads/main"])
    platform.controller.notify(["another"], ["refs/heads/main"])
    platform.run()
    assert platform.repository.calls["resolve"] == before + 1
    assert platform.status(app).converged == new.id


def test_a_push_to_another_branch_or_repository_is_not_looked_at() -> None:
    platform = Platform()
    platform.app("shop", config("c"))
    platform.run()
    before = platform.repository.calls["resolve"]
    platform.controller.notify(["monorepo"], ["refs/heads/other"])
    platform.controller.notify(["another"])
    platform.run()
    assert platform.repository.calls["resolve"] == before


def test_an_application_whose_definition_changes_does_not_wait_for_the_next_look_at_its_repository() -> None:
    """Its reference was forgotten and made anew, with nobody to ask it, when it was the only one to follow it."""
    platform = Platform()
    platform.app("shop", config("c"))
    platform.run()
    begun = platform.clock.monotonic()
    again = platform.app("shop", options=Options(interval=77.0))
    platform.run()
    assert platform.clock.monotonic() == begun
    assert platform.status(again).next_run == platform.clock.now() + 77.0


class Flaky(Monorepo):
    """A repository that can be out of reach."""

    broken: Exception | None = None

    def folder(self, folder):
        source, repository = super().folder(folder), self
        resolve = source.resolve

        def flaky(ctx):
            if repository.broken is not None:
                repository.calls["failed"] += 1
                raise repository.broken
            return resolve(ctx)

        source.resolve = flaky
        return source


def test_a_repository_out_of_reach_is_told_with_its_disposition_and_the_last_state_stays() -> None:
    platform = Platform(repository=Flaky())
    app = platform.app("shop", config("c"), options=Options(interval=100.0, attempts=1))
    platform.run()
    converged = platform.status(app).converged
    platform.repository.broken = SourceUnavailable("no route to host")
    platform.run(seconds=300)
    status = platform.status(app)
    assert (status.phase, status.converged) == (Phase.SYNCED, converged)
    assert (status.last_error.error, status.last_error.disposition) == ("SourceUnavailable", "retry")
    platform.repository.broken = None
    platform.run(seconds=600)
    assert platform.status(app).last_error is None


def test_an_application_whose_repository_was_never_reached_waits_for_it_with_growing_pauses() -> None:
    platform = Platform(repository=Flaky())
    app = platform.app("shop", config("c"), options=Options(attempts=1))
    platform.repository.broken = SourceUnavailable("no route to host")
    platform.run(seconds=3600)
    status = platform.status(app)
    assert status.phase is Phase.FAILED
    assert status.waits_for == "its source: no route to host"
    assert status.last_error.error == "SourceUnavailable"
    assert status.next_run is not None
    assert 15 <= platform.repository.calls["failed"] <= 60
    platform.repository.broken = None
    platform.run(seconds=301)
    assert platform.status(app).phase is Phase.SYNCED


def test_a_source_that_throws_something_foreign_is_a_failed_look_and_not_the_end_of_the_controller() -> None:
    platform = Platform(repository=Flaky())
    app = platform.app("shop", config("c"), options=Options(attempts=1))
    platform.repository.broken = RuntimeError("surprise")
    platform.run(seconds=5)
    assert platform.status(app).last_error.error == "PluginError"
