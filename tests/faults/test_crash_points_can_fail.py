"""Cutting finds bugs: each of these is planted, and the report must show it."""

from __future__ import annotations

import os

import attrs
import pytest

from gitops_core.engine import applying, pipeline
from gitops_core.model.inventory import InventoryUpdate
from gitops_core.targets.directory.files import Walk
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.crash_points import (
    ALLOWED,
    STORIES,
    ProcessDeath,
    Scenario,
    Seam,
    break_disk,
    distinct_cuts,
    errors_of,
    explore,
    in_memory,
    on_disk,
    record,
)
from gitops_core.testing.worlds import World, config

NAMES = {story.name: story for story in STORIES}
_write_ahead = pipeline.write_ahead


def nothing(*_args):
    return InventoryUpdate()


def without_intents(*args):
    return attrs.evolve(_write_ahead(*args), open_intents=())


PLANTED = {
    "no write-ahead": (pipeline, "write_ahead", nothing, "create", "is there and no inventory has it"),
    "no write-ahead before an update": (pipeline, "write_ahead", nothing, "update", "inventory app ConfigMap/first"),
    "no record after a write": (applying, "after_write", nothing, "replace", "'adopted': True"),
    "no intent": (pipeline, "write_ahead", without_intents, "takes time", "orders of ConfigMap/first: 2, and 1"),
}
"""name: module, function, what it becomes, the story that shows it, and how the report says it."""


@pytest.mark.parametrize("bug", PLANTED)
def test_promises_1_and_3_a_bug_of_the_engine_is_found(bug, monkeypatch):
    module, name, planted, story, told = PLANTED[bug]
    monkeypatch.setattr(module, name, planted)
    report = explore(in_memory(NAMES[story]))
    assert told in str([finding.problems for finding in report.wrong])
    with pytest.raises(AssertionError, match="cuts end otherwise"):
        report.check()


# -- files --------------------------------------------------------------------------------------------------------------


def fill_unforced(self, fd, content):
    rest = memoryview(content.data)
    while rest:
        rest = rest[os.write(fd, rest) :]
    os.fchmod(fd, content.mode)


def write_in_place(self, name, content):
    self.sweep()
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=self.fd)
    try:
        self._fill(fd, content)
    finally:
        os.close(fd)
    self._made()


def fill_and_hide_errors(self, fd, content):
    try:
        os.write(fd, content.data)
    except OSError:
        return
    os.fchmod(fd, content.mode)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "planted", "story", "moments"),
    [
        ("_fill", fill_unforced, "create", {"power"}),
        ("_fill", fill_unforced, "update", {"power"}),
        ("write_over", write_in_place, "update", {"before", "middle", "power"}),
    ],
)
def test_a_file_that_is_not_replaced_in_one_step_or_not_forced_to_the_disk_first_is_found(
    method, planted, story, moments, tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    monkeypatch.setattr(Walk, method, planted)
    scenario = on_disk(NAMES[story], tmp_path / "home")
    points = record(scenario).points
    cuts = [cut for cut in distinct_cuts(points) if points[cut.number - 1].call.seam is Seam.FILE]
    wrong = explore(scenario, cuts=cuts).wrong
    assert {finding.how for finding in wrong} == moments
    assert all("neither what it was nor what it shall be" in finding.problems[0] for finding in wrong)


def test_a_write_error_that_is_swallowed_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(Walk, "_fill", fill_and_hide_errors)
    scenario = on_disk(NAMES["update"], tmp_path / "home")
    points = record(scenario).points
    errors = [error for error in errors_of(points) if points[error.number - 1].call.name == "write"]
    assert "neither what it was nor what it shall be" in str(break_disk(scenario, errors=errors).wrong)


# -- targets ------------------------------------------------------------------------------------------------------------


class Swallowing(MemoryTarget):
    """Believes that whatever is thrown at it can be ignored."""

    def create(self, ctx, change):
        try:
            ctx.memo.put("space", "key", b"value")
        except BaseException:  # noqa: BLE001  # why: that is what is wrong with it
            return None
        return super().create(ctx, change)


class Doubling(MemoryTarget):
    """Makes another one when asked again, under a name that nobody knows."""

    def create(self, ctx, change):
        name = f"{change.key.name}-{len(self.objects)}"
        self.put({**change.desired, "metadata": {"name": name}})
        ctx.memo.put("space", "key", b"value")
        return super().create(ctx, change)


def one_object(target):
    def build():
        world = World(target=target())
        world.declare(config("site", color="blue"))
        return world

    return Scenario(name=target.__name__, build=build)


def test_who_catches_the_end_of_the_process_can_do_nothing_more():
    """What it did before the end stays; every call after the end ends it again."""
    report = explore(one_object(Swallowing))
    assert report.wrong == ()


def test_an_object_that_is_made_twice_is_found():
    wrong = explore(one_object(Doubling)).wrong
    assert any("world ConfigMap/site-1" in problem for finding in wrong for problem in finding.problems)


def test_a_scenario_that_is_never_the_same_is_refused():
    numbers = iter(range(1_000))

    def build():
        world = World()
        world.declare(config("site", number=str(next(numbers))))
        return world

    with pytest.raises(AssertionError, match=r"two runs differ, first in .*make Scenario.build repeatable"):
        record(Scenario(name="drifting", build=build))


def test_a_scenario_that_never_comes_to_rest_is_told():
    class Restless(MemoryTarget):
        def observe(self, ctx, query):
            for key in self.objects:
                self.edit(key, {"data": {"color": f"shade {sum(self.calls.values())}"}})
            return super().observe(ctx, query)

    with pytest.raises(AssertionError, match="did not come to rest"):
        record(one_object(Restless))


def test_nothing_is_allowed_that_no_reason_is_given_for():
    assert all(len(allowed.reason) > 60 for allowed in ALLOWED)
    assert issubclass(ProcessDeath, BaseException)
    assert not issubclass(ProcessDeath, Exception)
