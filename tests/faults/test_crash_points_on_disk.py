"""
The same stories with a DirectoryTarget and a SqliteStore: a real process killed by SIGKILL, the power cut, the disk broken and full.

The slow run takes a seeded sample of every story, the deep run (`pytest --deep`) all cuts that leave different things behind, and
all errors. `pytest -s` shows how many of how many.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import tempfile
from pathlib import Path

import attrs
import pytest

from gitops_core.testing.crash_points import (
    ALLOWED,
    STORIES,
    Cut,
    Moment,
    Seam,
    break_disk,
    cuts_of,
    distinct_cuts,
    errors_of,
    explore,
    in_child,
    in_process,
    on_disk,
    record,
    table,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

SEED, SAMPLE = 29, 12
ENDINGS = {"raised": in_process, "killed": in_child}


@pytest.fixture(autouse=True)
def no_disk(monkeypatch):
    """Forcing bytes to a real disk takes seconds and proves nothing here: the calls are counted, and the power cut goes by them."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)


def has_marks(directory):
    try:
        os.setxattr(directory, "user.reconciled", b"made")
    except OSError:
        return False
    return True


@pytest.fixture
def home():
    """A directory in memory, where there is one that knows extended attributes."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    place = tempfile.mkdtemp(dir=memory)
    if memory and not has_marks(place):
        shutil.rmtree(place)
        place = tempfile.mkdtemp()
    yield Path(place) / "home"
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def shown():
    """Collects reports and prints them when all have been made."""
    reports = {}
    yield reports
    columns = [allowed.name for allowed in ALLOWED]
    for how, found in reports.items():
        print(f"\n{how}:\n\n{table(found, columns)}")  # noqa: T201  # why: the table is wanted


def sample(story, everything):
    return random.Random(f"{SEED} {story.name}").sample(everything, SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("how", ENDINGS)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_promises_1_and_3_wherever_the_process_dies_the_next_one_ends_where_an_uncut_run_ends(story, how, home, shown):
    scenario = on_disk(story, home)
    report = explore(scenario, cuts=sample(story, cuts_of(record(scenario).points)), ending=ENDINGS[how])
    shown.setdefault(how, []).append(report)
    report.check()
    assert len(report.findings) == SAMPLE


@pytest.mark.deep
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_promises_1_and_3_killed_at_every_call_that_changes_something(story, home, shown):
    scenario = on_disk(story, home)
    cuts = distinct_cuts(record(scenario).points)
    report = explore(scenario, cuts=cuts, ending=in_child)
    shown.setdefault("killed at every change", []).append(report)
    report.check()
    assert len(report.findings) == len(cuts) > 40


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_disk_that_is_full_or_broken_is_told_loses_nothing_and_the_next_pass_ends_where_a_whole_one_does(story, home, shown):
    scenario = on_disk(story, home)
    report = break_disk(scenario, errors=sample(story, errors_of(record(scenario).points)))
    shown.setdefault("disk errors", []).append(report)
    report.check()


@pytest.mark.deep
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_every_write_may_fail(story, home, shown):
    report = break_disk(on_disk(story, home))
    shown.setdefault("every disk error", []).append(report)
    report.check()
    assert len(report.findings) == report.possible > 40


def test_files_locks_and_statements_are_among_the_calls_with_their_middles_and_power_cuts(home):
    points = record(on_disk(STORIES[0], home)).points
    named = {f"{p.call.seam} {p.call.name}" for p in points}
    assert named >= {
        "file open", "file write", "file fchmod", "file fsync", "file link", "file mkdir", "file rename", "file setxattr",
        "file lock", "file stat", "file scandir", "sql BEGIN", "sql INSERT", "sql UPDATE", "sql COMMIT",
        "store update_inventory", "target create",
    }  # fmt: skip
    halves = {f"{p.call.seam} {p.call.name}" for p in points if Moment.MIDDLE in p.moments}
    assert halves == {"file write", "sql INSERT"}
    assert {p.call.seam for p in points if Moment.POWER in p.moments} == {Seam.FILE}


def test_the_whole_making_of_a_state_file_is_among_the_calls_when_there_is_none(home):
    """The file, its directory, its lock, its schema: the first process may die there, too."""
    scenario = on_disk(STORIES[0], home)
    build = scenario.build

    def without_state():
        worlds = build()
        for path in home.glob("state*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return worlds

    scenario = attrs.evolve(scenario, build=without_state)
    points = record(scenario).points
    making = [cut for cut in distinct_cuts(points) if points[cut.number - 1].call.name in ("mkdir", "open", "CREATE", "PRAGMA")]
    assert len(making) > 15
    explore(scenario, cuts=random.Random(SEED).sample(making, 15), ending=in_child).check()


def test_a_full_disk_is_reported_as_full_and_a_broken_one_as_broken(home):
    scenario = on_disk(STORIES[1], home)
    errors = errors_of(record(scenario).points)
    assert {e.code for e in errors} == {errno.EIO, errno.ENOSPC}
    picked = [next(e for e in errors if e.code == code) for code in (errno.EIO, errno.ENOSPC)]
    report = break_disk(scenario, errors=picked)
    report.check()
    assert [f.how for f in report.findings] == ["EIO at", "ENOSPC from here on at"]


def fails(worlds):
    raise RuntimeError("a bug in the scenario")


@pytest.mark.parametrize(("run", "told"), [(None, "ended with 0"), (fails, "ended with 1")])
def test_a_child_that_is_not_killed_is_told(run, told, home, capfd):
    scenario = on_disk(STORIES[1], home)
    if run:
        scenario = attrs.evolve(scenario, run=run)
    assert told in in_child(scenario, scenario.worlds(), Cut(9999, Moment.BEFORE))
    assert ("a bug in the scenario" in capfd.readouterr().err) == bool(run)


def test_a_cut_that_never_comes_is_told(home):
    scenario = on_disk(STORIES[1], home)
    assert in_process(scenario, scenario.worlds(), Cut(9999, Moment.BEFORE)) == "the call never came"
