"""
One test for each promise, named after its number; and each of them fails when a bug against its promise is planted.

A test tells every story about its promise to the end: :data:`gitops_core.testing.machine.openings.STORIES`.
"""

from __future__ import annotations

import pytest
from seeded_bugs import BUGS, Bug, named

from gitops_core.testing.machine import PromiseBroken, Scenario
from gitops_core.testing.machine.openings import STORIES, Opening
from gitops_core.testing.machine.promises import PROMISES


def told(story: Opening) -> Scenario:
    s = Scenario()
    story(s)
    if not s.is_broken:
        s.settle()
    return s


def keeps(number: int) -> None:
    for story in STORIES[number]:
        told(story).check()


def test_promise_01_the_inventory_has_everything_that_we_made():
    keeps(1)


def test_promise_02_only_what_is_ours_and_nobody_declares_is_deleted():
    keeps(2)


def test_promise_03_after_a_crash_everything_ends_as_without_one():
    keeps(3)


def test_promise_04_planning_writes_nothing_and_what_is_said_to_be_done_is_done():
    keeps(4)


def test_promise_05_what_depends_on_no_failure_converges():
    keeps(5)


def test_promise_06_nothing_is_lost_for_a_replacement_that_fails():
    keeps(6)


def test_promise_07_what_is_anothers_is_refused_and_never_fought_over_silently():
    """CONTESTED, when the same drift returns twice, belongs here as soon as the engine says it; so far it refuses."""
    keeps(7)


def test_promise_08_no_pass_takes_more_than_the_guard_allows():
    keeps(8)


def test_promise_09_the_newest_revision_wins_and_nothing_outlives_its_time():
    keeps(9)


def test_promise_10_no_secret_is_said():
    keeps(10)


def test_promise_11_retries_back_off_with_jitter_and_obey_the_api():
    keeps(11)


def test_promise_12_equal_situations_give_equal_plans_in_one_order():
    keeps(12)


TESTS = {int(name[13:15]): test for name, test in list(globals().items()) if name.startswith("test_promise_")}


def test_every_promise_has_its_test_its_stories_and_a_bug():
    assert sorted(TESTS) == sorted(STORIES) == sorted({bug.promise for bug in BUGS}) == list(range(1, 13))
    assert sorted(PROMISES) == [n for n in range(1, 13) if n != 3]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "-"))
def test_the_test_of_a_promise_fails_with_a_bug_against_it(bug: Bug):
    with bug.planted(), pytest.raises(PromiseBroken):
        TESTS[bug.promise]()


PRINTED = [
    "inventory written after apply",
    "partial render prunes",
    "adoption takes what others have",
    "an empty render prunes everything",
]


@pytest.mark.parametrize("name", PRINTED)
def test_what_is_printed_about_a_failure_is_a_test_that_fails_with_the_bug_and_passes_without(name):
    bug = named(name)
    with bug.planted():
        failed = [s for s in map(told, STORIES[bug.promise]) if s.is_broken]
        with pytest.raises(PromiseBroken) as caught:
            failed[0].check()
    (text,) = caught.value.__notes__
    assert len(text.splitlines()) <= 20
    module: dict = {}
    exec(compile(text, "pasted.py", "exec"), module)
    (test,) = [value for key, value in module.items() if key.startswith("test_promise_")]
    with bug.planted(), pytest.raises(PromiseBroken):
        test()
    test()
