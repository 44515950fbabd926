"""The machine finds every seeded bug within a bounded number of stories, and none where none is planted."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from seeded_bugs import BUGS, Bug

from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.testing.machine import PromiseBroken
from gitops_core.testing.machine.openings import STORIES
from gitops_core.testing.machine.rules import ReconcilerMachine

BOUND = 120
"""Stories within which each bug is found, when they begin with the openings about its promise."""


def play(
    machine: type[ReconcilerMachine], stories: int, *, seed: int | None = None, phases=(Phase.generate,), steps: int = 12
) -> int:
    """Let *machine* play so many stories; return how many it began."""
    begun = itertools.count()

    class Counted(machine):
        def __init__(self):
            next(begun)
            super().__init__()

    how = settings(
        max_examples=stories, stateful_step_count=steps, derandomize=seed is None, database=None, deadline=None,
        suppress_health_check=list(HealthCheck), phases=phases, report_multiple_bugs=False,
    )  # fmt: skip
    factory = hypothesis.seed(seed)(Counted) if seed is not None else Counted
    try:
        run_state_machine_as_test(factory, settings=how)
    except PromiseBroken as error:
        error.stories = next(begun)
        raise
    return next(begun)


def about(promise: int) -> type[ReconcilerMachine]:
    return type("Machine", (ReconcilerMachine,), {"openings": STORIES[promise]})


def test_no_promise_is_broken_in_a_few_dozen_stories():
    play(ReconcilerMachine, 20, steps=8)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(3))
def test_no_promise_is_broken_in_many_stories(seed):
    play(ReconcilerMachine, 200, seed=seed, steps=25)


@pytest.mark.slow
def test_files_and_sqlite_keep_them_too(tmp_path):
    numbers = itertools.count()

    class OnDisk(ReconcilerMachine):
        def make_target(self):
            return DirectoryTarget(tmp_path / f"world{next(numbers)}", durable=False)

        def make_store(self):
            return SqliteStore(tmp_path / f"state{next(numbers)}.sqlite")

    play(OnDisk, 12, steps=8)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_the_machine_finds_every_seeded_bug(bug: Bug):
    with bug.planted(), pytest.raises(PromiseBroken) as caught:
        play(about(bug.promise), BOUND)
    assert caught.value.stories <= BOUND
    print(f"\n{bug.name}: {caught.value.stories} stories, {caught.value}")  # noqa: T201  # why: the counts are wanted


@pytest.mark.slow
def test_a_shrunk_failure_prints_a_test_of_about_ten_lines():
    (bug,) = [b for b in BUGS if b.name == "partial render prunes"]
    with bug.planted(), pytest.raises(PromiseBroken) as caught:
        play(about(bug.promise), BOUND, phases=(Phase.generate, Phase.shrink), steps=6)
    text = caught.value.__notes__[0]
    assert text.startswith("from gitops_core.testing.machine import Scenario")
    assert len(text.splitlines()) <= 16


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "seeded-bugs.md"


def test_the_reference_lists_every_seeded_bug_with_its_promise():
    rows = [line.split("|")[1:-1] for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]
    shown = {(int(promise), name.strip(), what.strip()) for promise, name, what, _stories in rows}
    assert shown == {(bug.promise, bug.name, bug.what) for bug in BUGS}
    assert all(int(stories) <= BOUND for *_, stories in rows)
