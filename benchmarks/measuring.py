"""
Side by side, many times, in one run: the only numbers that mean something on a machine that others use, too.

One *episode* measures everything that is to be compared, one after the other; a result is the median over the episodes of the
ratio within each. Processor time leaves out what other programs take; wall time is shown where waiting is what matters.
Garbage is collected before each measurement and the collector stays on while it runs, as it is in the programs of an embedder.
"""

from __future__ import annotations

import atexit
import functools
import gc
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

ROOT: Final = Path(__file__).resolve().parents[1]
T = TypeVar("T")


@attrs.frozen
class Scale:
    """
    How much to measure.

    Attributes:
        documents: In the repository.
        repetitions: Episodes.
        applications: That share one repository.
    """

    documents: int = 10_000
    repetitions: int = 3
    applications: int = 1_000


QUICK: Final = Scale(documents=1_000, repetitions=3, applications=100)


@attrs.frozen
class Spent:
    """
    What one piece of work took.

    Attributes:
        cpu: Seconds of processor time, of all threads (for a child process: of it and its children).
        wall: Seconds on the clock.
    """

    cpu: float
    wall: float


Episode = Mapping[str, Spent]


def measure(work: Callable[[], T]) -> tuple[Spent, T]:
    """Return what *work* took, and its result."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return Spent(time.process_time() - cpu, time.perf_counter() - wall), result


def measure_child(code: str, *arguments: str) -> tuple[Spent, str]:
    """
    Return what a new interpreter took that ran *code*, from start to end, and what it printed.

    It finds and leaves bytecode, as an installed program does, whatever the settings are here: run it once to warm up.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = _bytecode()
    gc.collect()
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code, *arguments]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    after, elapsed = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - wall
    if run.returncode != 0:
        raise RuntimeError(f"the measured process failed:\n{run.stderr}")
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, elapsed), run.stdout


@functools.cache
def _bytecode() -> str:
    place = tempfile.mkdtemp(prefix="bytecode-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def in_turns(cases: Mapping[str, Callable[[], Any]], repetitions: int) -> Samples:
    """Run every case once an episode, each time beginning with another one."""
    names, samples = list(cases), Samples()
    for turn in range(repetitions):
        order = names[turn % len(names) :] + names[: turn % len(names)]
        samples.add({name: measure(cases[name])[0] for name in order})
    return samples


class Samples:
    """The episodes so far."""

    def __init__(self) -> None:
        self._episodes: list[Episode] = []

    def add(self, episode: Episode) -> None:
        self._episodes.append(episode)

    def ratio(self, numerator: str, denominator: str, clock: str = "cpu") -> float:
        """Return the median of *numerator* / *denominator* on one clock, ``cpu`` or ``wall``."""
        return statistics.median(getattr(e[numerator], clock) / getattr(e[denominator], clock) for e in self._episodes)

    def seconds(self, name: str, clock: str = "cpu") -> float:
        """Return the median time of *name*: for ratios to a count, not to be shown as it is."""
        return statistics.median(getattr(e[name], clock) for e in self._episodes)


@attrs.frozen
class Row:
    """
    One line of a report.

    Attributes:
        what: Was measured.
        result: What came out, with its unit.
        target: What was asked for; empty when nothing was.
        is_met: The result is within the target.
    """

    what: str
    result: str
    target: str = ""
    is_met: bool = True

    def __str__(self) -> str:
        verdict = ("met" if self.is_met else "**not met**") if self.target else ""
        return f"| {self.what} | {self.result} | {self.target} | {verdict} |"


@attrs.define
class Report:
    """
    What one benchmark found.

    Attributes:
        title: What it is about.
        rows: Results.
        notes: What a reader must know to believe them.
        counts: What was counted: equal on every machine, so a test asserts it.
    """

    title: str
    rows: list[Row] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)
    counts: dict[str, int] = attrs.field(factory=dict)

    def add(self, what: str, result: str, target: str = "", *, is_met: bool = True) -> None:
        self.rows.append(Row(what, result, target, is_met))

    def text(self) -> str:
        """Return the report in Markdown."""
        head = [f"## {self.title}", "", "| measured | result | target | |", "|---|---|---|---|"]
        counted = [f"Counted: {', '.join(f'{name} {count:,}' for name, count in self.counts.items())}."] if self.counts else []
        paragraphs = [text for note in (*counted, *self.notes) for text in ("", note)]
        return "\n".join([*head, *map(str, self.rows), *paragraphs])


def fraction(ratio: float) -> str:
    """Return a small ratio as people say it: ``1/210``; large ones as percent."""
    return f"1/{1 / ratio:,.0f}" if ratio < 0.2 else f"{ratio:.0%}"


def times(ratios: Sequence[float]) -> str:
    """Return ratios as ``2.1x``."""
    return ", ".join(f"{ratio:.2g}x" if ratio < 100 else f"{ratio:,.0f}x" for ratio in ratios)
