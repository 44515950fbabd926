"""
Cut a pass at every call that leaves the process, before and after it, then start anew: nothing is lost, nothing is doubled.

Promises 1 and 3 of the design. The points are enumerated, not drawn: a pass that makes one call more gets two cuts more.
`pytest -s` shows the table.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops_core.testing.crash_points import (
    ALLOWED,
    NOT_COMPARED,
    STORIES,
    Cut,
    Moment,
    Seam,
    explore,
    in_memory,
    in_process,
    record,
    table,
)
from gitops_core.testing.crash_points.exploring import broken_promises
from gitops_core.testing.crash_points.pictures import differences, picture

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "crash-points.md"
NAMES = {story.name: story for story in STORIES}


@functools.cache
def report(name):
    return explore(in_memory(NAMES[name]))


@functools.cache
def recording(name):
    return record(in_memory(NAMES[name]))


def shown_table():
    return table(map(report, NAMES), [allowed.name for allowed in ALLOWED])


@pytest.mark.parametrize("name", NAMES)
def test_promises_1_and_3_a_crash_at_any_call_loses_nothing_and_the_next_runs_end_where_an_uncut_run_ends(name):
    found = report(name)
    found.check()
    assert len(found.findings) == found.possible == 2 * len(found.points)
    print(f"\n{name}: {len(found.points)} calls, {found.possible} cuts, {found.equal} equal, {dict(found.allowed)}")  # noqa: T201  # why: the counts are wanted


def test_the_calls_of_a_pass_are_all_there():
    """Both halves of a replacement, the write-ahead before them, what comes back after them, the records at the end."""
    calls = [f"{p.call.seam} {p.call.name}" for p in recording("replace").points]
    write = [i for i, call in enumerate(calls) if call in ("target delete", "target create")]
    assert [calls[i] for i in write] == ["target delete", "target create"]
    assert "store update_inventory" in calls[: write[0]]
    assert "store update_inventory" in calls[write[0] : write[1]]
    assert "store update_inventory" in calls[write[1] :]
    assert calls[-2:] == ["store append_journal", "store record_pass"]
    assert {"store salt", "store exclusive", "source resolve", "source fetch", "source read", "target observe"} <= set(calls)


def test_every_kind_of_change_is_among_the_stories():
    made = {p.call.name for name in NAMES for p in recording(name).points if p.call.seam is Seam.TARGET}
    assert made >= {"create", "update", "delete", "observe", "poll", "preview"}
    told = " ".join(str(fact) for name in NAMES for key, fact in recording(name).end.items() if key.startswith("journal"))
    assert {"create", "update", "replace", "delete", "adopt"} <= set(re.findall(r"\w+", told))


def test_a_move_is_a_hand_over_and_the_object_is_never_deleted():
    assert "delete" not in {p.call.name for p in recording("move").points}
    assert recording("move").end["inventory other ConfigMap/first"]["adopted"]


@pytest.mark.parametrize("name", ["create", "replace", "assigned ids", "takes time", "delete"])
@settings(max_examples=25)
@given(cuts=st.lists(st.tuples(st.integers(1, 25), st.sampled_from([Moment.BEFORE, Moment.AFTER])), min_size=2, max_size=4))
def test_promise_3_several_crashes_in_a_row_end_there_too(name, cuts):
    scenario, uncut = in_memory(NAMES[name]), recording(name)
    worlds = scenario.worlds()
    for number, moment in cuts:
        in_process(scenario, worlds, Cut(number, moment))
        worlds = scenario.restart(worlds)
        assert broken_promises(scenario, uncut, worlds) == []
    scenario.finish(worlds)
    found = differences(uncut.end, picture(scenario, worlds))
    assert [str(d) for d in found if not any(allowed.covers(d) for allowed in ALLOWED)] == []


# -- where nobody waits ------------------------------------------------------------------------------------------------


def giving_back(name):
    """The same story by passes that end instead of waiting: what one leaves open, the next one goes on with."""
    scenario = in_memory(NAMES[name])

    def build():
        return tuple(attrs.evolve(world, waits=False) for world in scenario.build())

    def run(worlds):
        results = []
        for _ in range(4):
            for world in worlds:
                results.append(world.reconcile())
                world.clock.advance(0.0 if results[-1].ok else results[-1].requeue_after)
        return results

    return attrs.evolve(scenario, build=build, run=run)


@pytest.mark.parametrize("name", NAMES)
def test_promises_1_and_3_hold_at_every_call_of_passes_that_do_not_wait(name):
    found = explore(giving_back(name))
    found.check()
    assert len(found.findings) == found.possible


def test_passes_that_do_not_wait_end_where_those_that_wait_end():
    for name in NAMES:
        told = [d for d in differences(record(giving_back(name)).end, recording(name).end) if not d.fact.startswith("journal")]
        assert [str(d) for d in told] == [], name


# -- what the documentation says ----------------------------------------------------------------------------------------


def test_the_table_of_the_page_is_what_was_found():
    """`DOCS_UPDATE=1` writes it anew."""
    if os.environ.get("DOCS_UPDATE"):
        PAGE.write_text(re.sub(r"\| scenario \|.*?\n\| all \|[^\n]*", shown_table(), PAGE.read_text(), flags=re.DOTALL))
    print(f"\n{shown_table()}")  # noqa: T201  # why: the table is wanted
    assert shown_table() in PAGE.read_text()


def test_every_allowed_difference_is_seen_and_stands_on_the_page_with_its_reason():
    seen = {name for story in NAMES for name in report(story).allowed}
    assert seen == {allowed.name for allowed in ALLOWED}
    text = " ".join(PAGE.read_text().split())
    assert [a.name for a in ALLOWED if f"| {a.name} | {a.reason} |" not in text] == []


def test_everything_that_is_not_compared_stands_on_the_page_with_its_reason():
    text = PAGE.read_text()
    assert [field for field, why in NOT_COMPARED.items() if f"| `{field}` | {why} |" not in text] == []
