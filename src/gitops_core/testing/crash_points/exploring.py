"""Record a run, cut it everywhere, start anew, and compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Final, Protocol

import attrs

from gitops_core.interfaces import Plugin
from gitops_core.testing.crash_points.allowed import ALLOWED
from gitops_core.testing.crash_points.gate import Gate, ProcessDeath
from gitops_core.testing.crash_points.pictures import Allowed, differences, picture
from gitops_core.testing.crash_points.plugin_calls import plugins_through
from gitops_core.testing.crash_points.points import Cut, Point, cuts_of
from gitops_core.testing.crash_points.reports import Finding, Report
from gitops_core.testing.crash_points.scenarios import LEFTOVER, Facts, Scenario, Worlds, equal_salts, owned
from gitops_core.testing.crash_points.system_calls import system_through

_SHOWN: Final = 5


class Ending(Protocol):
    """Runs *scenario* in *worlds* up to *cut*, and returns why that is not a proper end; empty when it is one."""

    def __call__(self, scenario: Scenario, worlds: Worlds, cut: Cut) -> str: ...


@attrs.frozen(kw_only=True)
class Recording:
    """
    A run without a cut.

    Attributes:
        points: Every call that left the process.
        before: What was there outside before it.
        after: What was there right after it.
        end: World, inventories, intents and journals when it had come to rest.
        owned: What the inventories had then.
    """

    points: tuple[Point, ...]
    before: Facts
    after: Facts
    end: Facts
    owned: frozenset[str]


@contextmanager
def armed(gate: Gate, worlds: Worlds) -> Iterator[None]:
    """Lead every call of *worlds*, and every system call and SQL statement of this thread, through *gate*."""
    plugins: list[Plugin] = [plugin for world in worlds for plugin in (world.source, world.target, world.store)]
    with plugins_through(gate, plugins), system_through(gate):
        yield


@equal_salts()
def record(scenario: Scenario) -> Recording:
    """
    Run *scenario* without a cut and list every call that leaves the process.

    Raises:
        AssertionError: It never comes to rest, or two runs are not alike: then points cannot be found again.
    """
    first, second = _recorded(scenario), _recorded(scenario)
    if _unlike(first, second):  # the first run of a process loads modules, and that is calls, too
        first, second = second, _recorded(scenario)
    found = _unlike(first, second)
    if found:
        raise AssertionError(f"{scenario.name}: two runs differ, first in {found}; make Scenario.build repeatable")
    return second


def _unlike(first: Recording, second: Recording) -> str:
    """Return the first call or fact in which two runs differ; empty when they are alike."""
    for pair in zip_longest(first.points, second.points):
        if str(pair[0]) != str(pair[1]):
            return " and ".join(str(point or "the end") for point in pair)
    return str(next(iter(differences(first.end, second.end)), ""))


def _recorded(scenario: Scenario) -> Recording:
    worlds = scenario.worlds()
    before = scenario.outside(worlds)
    _close(worlds)
    gate = Gate()
    with armed(gate, worlds):
        scenario.run(worlds)
    after = scenario.outside(worlds)
    following = scenario.restart(worlds)
    scenario.finish(following)
    recording = Recording(
        points=tuple(gate.points),
        before=before,
        after=after,
        end=picture(scenario, following),
        owned=owned(following),
    )
    _discard(scenario, following)
    return recording


def in_process(scenario: Scenario, worlds: Worlds, cut: Cut) -> str:
    """End the run by an exception. Fast; what the process would have done on its way out cannot leave it any more."""
    gate = Gate(cut)
    with armed(gate, worlds):
        try:
            scenario.run(worlds)
        except ProcessDeath:
            return ""
    return "something caught the end of the process" if gate.dead else "the call never came"


@equal_salts()
def explore(
    scenario: Scenario,
    *,
    cuts: Sequence[Cut] | None = None,
    ending: Ending = in_process,
    allowed: Sequence[Allowed] = ALLOWED,
) -> Report:
    """
    Cut *scenario* at every call, before, in the middle and after it; each time start anew, go on to the end, and compare.

    Args:
        scenario: What to run.
        cuts: Where to cut; everywhere when left out.
        ending: How the process ends.
        allowed: Differences that mean nothing.

    Cost: a build, a cut run, and two or three passes for each cut: in memory about 5 ms.
    """
    recording = record(scenario)
    every = cuts_of(recording.points)
    findings = [_finding(scenario, recording, cut, ending, allowed) for cut in (every if cuts is None else cuts)]
    return Report(scenario.name, recording.points, len(every), tuple(findings))


def _finding(scenario: Scenario, recording: Recording, cut: Cut, ending: Ending, allowed: Sequence[Allowed]) -> Finding:
    worlds = scenario.worlds()
    _close(worlds)
    improper = ending(scenario, worlds, cut)
    return compared(scenario, recording, worlds, (cut.moment, cut.number, [improper] if improper else []), allowed)


def compared(
    scenario: Scenario, recording: Recording, worlds: Worlds, what: tuple[str, int, list[str]], allowed: Sequence[Allowed]
) -> Finding:
    """
    Start anew in *worlds*, go on to the end, and return what is not as in *recording*.

    Args:
        scenario: What was run.
        recording: The uncut run.
        worlds: Those of the process that ended.
        what: How it ended, at which call, and what was wrong with it already.
        allowed: Differences that mean nothing.
    """
    how, number, problems = what
    following = scenario.restart(worlds)
    problems = [*problems, *broken_promises(scenario, recording, following)]
    try:
        scenario.finish(following)
    except AssertionError as error:
        problems.append(str(error))
    seen: set[str] = set()
    for difference in differences(recording.end, picture(scenario, following)):
        names = [a.name for a in allowed if a.covers(difference)]
        seen.update(names[:1])
        if not names:
            problems.append(str(difference))
    _discard(scenario, following)
    return Finding(how, recording.points[number - 1], tuple(problems[:_SHOWN]), frozenset(seen))


def broken_promises(scenario: Scenario, recording: Recording, worlds: Worlds) -> list[str]:
    """
    Return what must not be so right after a crash, before anybody has repaired anything.

    Promise 1: the inventory has every object that we made. And no object is torn: each is what it was, what it shall be, or
    not there.
    """
    now, known = scenario.outside(worlds), owned(worlds)
    made = [name for name in now if name in recording.owned and name not in recording.before and name not in known]
    whole = {name: (recording.before.get(name), recording.after.get(name)) for name in now if not name.startswith(LEFTOVER)}
    torn = [name for name, facts in whole.items() if now[name] not in facts]
    return [
        *(f"{name} is there and no inventory has it" for name in made),
        *(f"{name} is neither what it was nor what it shall be: {now[name]!r}" for name in torn),
    ]


def _close(worlds: Worlds) -> None:
    """A process begins with nothing open."""
    for world in worlds:
        world.store.close()


def _discard(scenario: Scenario, worlds: Worlds) -> None:
    _close(worlds)
    scenario.dispose(worlds)
