"""
``python -m benchmarks.soak [--minutes 20]``: a controller at work for a long time, and whether it stays as small as it was.

Real threads, repositories on disk, a state file, directories and watched targets in memory. Commits, drift by hand, pushes that are
told, and a second member that comes and goes, all at random. Memory, threads and open files are looked at every few seconds; the
first third is warm-up, the second is compared with the last. At the end everything must have converged.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import statistics
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.measuring import Report
from gitops_core import Application, Owner
from gitops_core.controller.controller import Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.coordination.local import LocalCoordinator
from gitops_core.coordination.pace import Pace
from gitops_core.engine.runtime import Runtime
from gitops_core.model.applications import Options
from gitops_core.model.events import Event
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.git import GitSource
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.builders.repositories import GitRepository
from gitops_core.testing.worlds import OPEN, config

_OWNER: Final = Owner("example.org", "soak")
_OBJECTS: Final = 5
_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_GROWTH: Final = 0.05  # share; what the middle of an hour and its end may differ by without anything being kept
_SPARE: Final = 2  # threads and files: one pass more or less is under way when we look
_PACKS: Final = 2 * 4 * 13  # of a repository: 13 packs, twice while some are put together; each is two files, mapped, too
_REPOSITORIES: Final = 4
_PATIENCE: Final = 120.0  # seconds for everything to converge at the end


@attrs.frozen
class Sample:
    """
    One look at the process.

    Attributes:
        at: Seconds from the beginning.
        resident: Bytes of the process in memory.
        traced: Bytes that Python objects hold, by tracemalloc, after a collection.
        threads: Of Python.
        files: Open descriptors, but for those of packs.
        packs: Open descriptors of Git's packs: every fetch adds two, until the packs are put together.
    """

    at: float
    resident: int
    traced: int
    threads: int
    files: int
    packs: int


@attrs.frozen
class Flatness:
    """
    How one number of the samples moved after the warm-up.

    Attributes:
        middle: Its median in the second third.
        last: Its median in the last third.
        slope: Its growth by the hour, by least squares over both.
    """

    middle: float
    last: float
    slope: float

    @property
    def growth(self) -> float:
        """The last third is larger by this share."""
        return self.last / self.middle - 1.0 if self.middle else 0.0


def flatness(samples: list[Sample], number: str) -> Flatness:
    """Return how *number*, an attribute of the samples, moved after the first third of them."""
    third = len(samples) // 3
    values = [float(getattr(sample, number)) for sample in samples]
    later, times = values[third:], [sample.at for sample in samples[third:]]
    mean, middle = statistics.fmean(times), statistics.fmean(later)
    spread = sum((at - mean) ** 2 for at in times)
    slope = sum((at - mean) * (value - middle) for at, value in zip(times, later, strict=True)) / spread if spread else 0.0
    return Flatness(statistics.median(values[third : 2 * third]), statistics.median(values[2 * third :]), slope * 3600.0)


class Platform:
    """
    The applications, and everything that happens to them.

    Args:
        home: Where repositories, state and directories are.
        seed: Of what happens.
        repositories: How many; each has *folders* applications.
        folders: In each.
    """

    def __init__(self, home: Path, seed: int, repositories: int = _REPOSITORIES, folders: int = 6) -> None:
        self.home = home
        self.counts: Counter[str] = Counter()
        self._dice = random.Random(seed)
        self._repositories = [GitRepository.create(home / f"repo{number}.git") for number in range(repositories)]
        self._memories = [MemoryTarget(f"memory{number}") for number in range(2)]
        self._declared: dict[str, dict[str, Mapping[str, Any]]] = {}
        self._places: dict[str, tuple[GitRepository, str]] = {}
        self.applications = [self._made(number, folder) for number in range(repositories) for folder in range(folders)]

    def _made(self, number: int, folder: int) -> Application:
        repository, name = self._repositories[number], f"app{number}-{folder}"
        self._places[name] = (repository, f"folder{folder}")
        self._declared[name] = {}
        for each in range(_OBJECTS):
            self._declare(name, f"{name}-{each}", "begin")
        target = DirectoryTarget(self.home / "targets" / name) if folder % 2 else self._memories[number % 2]
        source = GitSource(repository.url, ref="main", path=f"folder{folder}", cache_dir=self.home / "cache")
        return Application(
            name=name, owner=_OWNER, source=source, renderer=ManifestsRenderer(), target=target, guard=OPEN,
            options=Options(interval=5.0, handover=0.0),
        )  # fmt: skip

    def _declare(self, name: str, key: str, value: str | None) -> None:
        """Commit one object of *name*; None takes it out."""
        repository, folder = self._places[name]
        if value is None:
            self._declared[name].pop(key)
            repository.commit({f"{folder}/{key}.yaml": None})
            return
        body = config(key, value=value)
        self._declared[name][key] = body
        repository.commit({f"{folder}/{key}.yaml": {"apiVersion": "v1", **body}})

    # -- what happens ------------------------------------------------------------------------------------------------------
    def happen(self, controller: Controller) -> None:
        """Let one thing happen."""
        what = self._dice.choices(("commit", "take out", "drift", "push", "trigger"), (4, 1, 4, 1, 1))[0]
        self.counts[what] += 1
        app = self._dice.choice(self.applications)
        {
            "commit": lambda: self._commit(app), "take out": lambda: self._take_out(app), "drift": lambda: self._drift(app),
            "push": lambda: controller.notify([self._places[app.name][0].url]),
            "trigger": lambda: controller.trigger(app, f"token-{self._dice.getrandbits(64):x}"),
        }[what]()  # fmt: skip

    def _commit(self, app: Application) -> None:
        self._declare(app.name, f"{app.name}-{self._dice.randrange(_OBJECTS)}", f"{self._dice.getrandbits(64):x}")

    def _take_out(self, app: Application) -> None:
        declared = self._declared[app.name]
        if len(declared) > 1:
            self._declare(app.name, self._dice.choice(sorted(declared)), None)

    def _drift(self, app: Application) -> None:
        value = f"{self._dice.getrandbits(64):x}"
        if isinstance(app.target, MemoryTarget):
            mine = sorted(key for key in app.target.objects if key.name.startswith(f"{app.name}-"))
            if mine:
                self._edit(app.target, self._dice.choice(mine), value)
            return
        files = sorted(path for path in (self.home / "targets" / app.name).rglob("*.yaml") if path.is_file())
        if files:
            self._dice.choice(files).unlink(missing_ok=True)

    def _edit(self, target: MemoryTarget, key: Any, value: str) -> None:
        try:
            target.edit(key, {"data": {"value": value}})
        except KeyError:
            self.counts["drift too late"] += 1  # a pass has deleted it meanwhile

    # -- what must hold ----------------------------------------------------------------------------------------------------
    def problems(self) -> list[str]:
        """Return what is not as declared, one sentence each."""
        return [problem for app in self.applications for problem in self._problems(app)]

    def _problems(self, app: Application) -> Iterator[str]:
        declared = {key: body["data"] for key, body in self._declared[app.name].items()}
        there = dict(self._there(app))
        for key in sorted(declared.keys() | there.keys()):
            if declared.get(key) != there.get(key):
                yield f"{app.name}: {key} is {there.get(key)}, and {declared.get(key)} is declared"

    def _there(self, app: Application) -> Iterator[tuple[str, Any]]:
        if isinstance(app.target, MemoryTarget):
            mine = [(key.name, body["data"]) for key, body in app.target.objects.items() if key.name.startswith(f"{app.name}-")]
            yield from mine
            return
        import yaml  # why here: only to check

        for path in (self.home / "targets" / app.name).rglob("*.yaml"):
            with suppress(FileNotFoundError):  # a pass has pruned it since it was listed
                body = yaml.safe_load(path.read_text(encoding="utf-8"))
                yield body["metadata"]["name"], body["data"]


class _Counting:
    """A sink that keeps numbers, no events."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def emit(self, event: Event) -> None:
        self.counts[event.type.value] += 1


@contextmanager
def _traced() -> Iterator[None]:
    """Have tracemalloc on; it stays on when it was before."""
    was_on = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        yield
    finally:
        if not was_on:
            tracemalloc.stop()


def look(at: float) -> Sample:
    """Return how the process is now. Linux only: it reads ``/proc``."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    traced, _peak = tracemalloc.get_traced_memory()
    files = [_opened(descriptor) for descriptor in Path("/proc/self/fd").iterdir()]
    packs = sum("/objects/pack/" in file for file in files)
    return Sample(at, resident, traced, threading.active_count(), len(files) - packs, packs)


def _opened(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""


@attrs.frozen
class Soaked:
    """
    What came out of it.

    Attributes:
        samples: In order of time.
        counts: What happened, and what the controllers told.
        problems: What was not as declared at the end, or is still there after the controllers have stopped.
    """

    samples: list[Sample]
    counts: Mapping[str, int]
    problems: list[str]


def soak(home: Path, seconds: float, *, seed: int = 0, every: float = 0.5, sampled: float = 5.0) -> Soaked:
    """
    Work for *seconds*, and return what was seen.

    Args:
        home: An empty directory.
        seconds: How long things happen; convergence at the end comes on top.
        seed: Of what happens.
        every: Seconds between two happenings, on average.
        sampled: Seconds between two looks at the process.
    """
    threads = threading.active_count()
    with _traced():
        platform = Platform(home, seed)
        sink, samples = _Counting(), list[Sample]()
        with SqliteStore(home / "state.sqlite3") as store:
            make = _maker(platform, store, sink)
            problems = _work(platform, make, (seconds, every, sampled), samples)
    if not _waited(lambda: threading.active_count() <= threads, 10.0):
        left = sorted(thread.name for thread in threading.enumerate())
        problems.append(f"threads are left after the end: {', '.join(left)}")
    return Soaked(samples, {**platform.counts, **{f"event {name}": number for name, number in sink.counts.items()}}, problems)


def _maker(platform: Platform, store: SqliteStore, sink: _Counting) -> Callable[[], Controller]:
    coordinator = LocalCoordinator(Pace(interval=1.0, validity=4.0, duration=6.0))
    limits = ControllerLimits(poll=2.0, workers=4, contested_after=1_000_000, backoff_cap=10.0, shutdown=20.0)

    def make() -> Controller:
        return Controller(
            platform.applications, store=store, runtime=Runtime(sinks=(sink,)), limits=limits, coordinator=coordinator
        )

    return make


def _work(
    platform: Platform, make: Callable[[], Controller], pace: tuple[float, float, float], samples: list[Sample]
) -> list[str]:
    seconds, every, sampled = pace
    dice, began, next_look, other = random.Random(platform.home.name), time.monotonic(), 0.0, None
    next_change = sampled * 2
    with make() as controller:
        controller.start()
        while (elapsed := time.monotonic() - began) < seconds:
            platform.happen(controller)
            if elapsed >= next_look:
                samples.append(look(elapsed))
                next_look += sampled
            if elapsed >= next_change:
                other = _changed(platform, make, other)
                next_change += sampled * 4
            time.sleep(dice.uniform(0.0, 2 * every))
        if other is not None:
            other.stop()
        _waited(lambda: not platform.problems(), _PATIENCE)
        return platform.problems()


def _changed(platform: Platform, make: Callable[[], Controller], other: Controller | None) -> Controller | None:
    """Let a second member join, or leave."""
    platform.counts["member joined" if other is None else "member left"] += 1
    if other is None:
        return make().start()
    other.stop()
    return None


def _waited(is_so: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def report(soaked: Soaked, seconds: float) -> Report:
    """Return the table."""
    found = Report(f"A controller at work for {seconds / 60:g} minutes, 24 applications in 4 repositories")
    for number, what, unit in (("resident", "resident memory", 1e6), ("traced", "Python's memory", 1e6)):
        flat = flatness(soaked.samples, number)
        text = f"{flat.middle / unit:.1f} MB, then {flat.last / unit:.1f} MB ({flat.growth:+.1%}; {flat.slope / unit:+.1f} MB/h)"
        found.add(what, text, f"<= {_GROWTH:+.0%}", is_met=flat.growth <= _GROWTH)
    for number, what in (("threads", "threads"), ("files", "other open files")):
        flat = flatness(soaked.samples, number)
        text = f"{flat.middle:g}, then {flat.last:g} ({flat.slope:+.1f}/h)"
        found.add(what, text, f"<= +{_SPARE}", is_met=flat.last - flat.middle <= _SPARE)
    packs, most = max(sample.packs for sample in soaked.samples), _PACKS * _REPOSITORIES
    found.add("open files of Git packs, at most", f"{packs}", f"<= {most}", is_met=packs <= most)
    found.add("not as declared at the end, or left", str(len(soaked.problems)), "0", is_met=not soaked.problems)
    found.counts = dict(sorted(soaked.counts.items()))
    found.notes = [f"The first third is warm-up; medians of the second and the last of {len(soaked.samples)} looks."]
    found.notes += soaked.problems[:20]
    return found


def main() -> int:
    """Run it, print the table, and return 1 when something grew or was not as declared."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        soaked = soak(Path(home), options.minutes * 60.0, seed=options.seed)
    found = report(soaked, options.minutes * 60.0)
    print(found.text())
    return 0 if all(row.is_met for row in found.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
