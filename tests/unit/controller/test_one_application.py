"""One application under a controller: converge, look again, tell."""

from __future__ import annotations

import json

import attrs
import pytest

from gitops_core.controller.status import Phase
from gitops_core.model.applications import Options
from gitops_core.model.revisions import Notice
from gitops_core.sources.memory import MemorySource
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config


def test_an_application_converges_and_says_at_which_revision_and_since_when() -> None:
    platform = Platform()
    app = platform.app("shop", config("site", color="blue"))
    revision = platform.repository.commits._newest().revision
    before = platform.clock.now()
    platform.run()
    status = platform.status(app)
    assert dict(app.target.objects) != {}
    assert (status.phase, status.converged, status.applied, status.revision) == (Phase.SYNCED, *[revision.id] * 3)
    assert status.since == status.converged_at == before
    assert status.is_current
    assert not status.running
    assert status.next_run == pytest.approx(before + app.options.interval)
    assert (status.waits_for, status.waits_until, status.last_error, status.failures) == ("", None, None, 0)


def test_nothing_happens_between_two_intervals() -> None:
    platform = Platform()
    app = platform.app("shop", config("site", color="blue"), options=Options(interval=1000.0))
    platform.run()
    looks = app.target.calls["observe"]
    platform.run(seconds=900)
    assert app.target.calls["observe"] == looks
    assert platform.repository.calls["resolve"] == pytest.approx(1 + 900 / platform.limits.poll, abs=1)


def test_drift_is_found_at_the_interval_and_repaired() -> None:
    """A turn whose files are unchanged is a pass when the interval is over: else drift would never be found."""
    platform = Platform()
    app = platform.app("shop", config("site", color="blue"), options=Options(interval=100.0))
    platform.run()
    app.target.edit("ConfigMap/site", {"data": {"color": "red"}})
    platform.run(seconds=90)
    assert app.target.objects[next(iter(app.target.objects))]["data"] == {"color": "red"}
    platform.run(seconds=20)
    assert app.target.objects[next(iter(app.target.objects))]["data"] == {"color": "blue"}
    drifted = platform.told("drifted")
    assert [(event.data["key"], event.data["repaired"]) for event in drifted] == [("ConfigMap/site", True)]
    assert platform.status(app).phase is Phase.SYNCED


def test_a_turn_fetches_the_files_once_and_says_once_what_there_is_to_say_of_them() -> None:
    fetched = []

    class Talkative(MemorySource):
        def fetch(self, ctx, revision):
            fetched.append(revision.id)
            return attrs.evolve(super().fetch(ctx, revision), notices=(Notice("a-submodule", "it is left out"),))

    platform = Platform()
    platform.app("shop", source=Talkative({"site.json": json.dumps(config("site", color="blue"))}))
    platform.run()
    assert len(fetched) == 1
    assert [event.data["code"] for event in platform.told("notice")] == ["a-submodule"]
