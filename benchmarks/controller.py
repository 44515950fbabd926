"""A controller with thousands of small applications: converging, idle, hurried by a commit, mending drift, waiting, and its memory."""

from __future__ import annotations

import ctypes
import json
import statistics
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Final

from benchmarks.fleets import LATENCY, DistantTarget, Fleet, SlowlyReady, is_calm, real, simulated, wait_until
from benchmarks.measuring import Report, Scale, Spent, measure, measure_child
from benchmarks.memory import in_use
from gitops_core import Options
from gitops_core.controller.controller import Controller
from gitops_core.model.events import Event, EventType
from gitops_core.model.resources import ResourceKey
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.clock import VirtualClock

_FACTOR: Final = 10  # applications here, for each one that the other benchmarks have
_CONCURRENCY: Final = (8, 16)
_OBJECTS: Final = 5
_WAIT: Final = 10.0  # seconds
_HOUR: Final = 3600.0
_POLLS: Final = 60  # an hour
_CHILD: Final = "import sys; from benchmarks.controller import child; child(*sys.argv[1:])"


def run(scale: Scale) -> Report:
    """Measure everything with ten times the scale's applications."""
    count = scale.applications * _FACTOR
    report = Report(f"Controller, {count:,} applications of one to five objects")
    for concurrency in _CONCURRENCY:
        _converge(report, count, concurrency)
    _stay_idle(report, count)
    _hurry(report, count, scale.repetitions)
    _mend(report, count, scale.repetitions)
    _wait_for_all(report, count)
    _weigh(report, count)
    report.notes.append(
        f"The API is a MemoryTarget whose every call sleeps {LATENCY * 1000:.0f} ms on the real clock and which serves so many calls at "
        "once; the controller has as many workers. Bound: requests x latency / concurrency. Repositories are in memory, a hundred "
        "applications each; an hour and ten-second waits go by on a virtual clock, in one thread. Watches need threads and do not run there: a watched "
        "application is one whose interval is the hour after which a controller looks at it all the same."
    )
    return report


def _converge(report: Report, count: int, concurrency: int) -> None:
    target = DistantTarget(concurrency)
    fleet = Fleet(count, target)
    controller = real(fleet, concurrency)
    spent, _ = measure(lambda: controller.run(until=is_calm))
    bound = target.requests * LATENCY / concurrency
    share = bound / spent.wall
    told = f"{share:.2f} of the bound of {bound:.1f} s; {_each(spent, count)} of processor time an application"
    report.add(f"first convergence, {concurrency} calls at once", told, ">= 0.70", is_met=share >= 0.7)
    report.counts[f"objects, {concurrency} at once"] = len(target.objects)
    report.counts[f"requests, {concurrency} at once"] = target.requests


def _stay_idle(report: Report, count: int) -> None:
    """An hour in which nothing happens: where drift is told by a watch, and where it has to be looked for."""
    for how, interval in (("watched", _HOUR), ("looked at every 3 min", 180.0)):
        clock, target = VirtualClock(), MemoryTarget()
        fleet = Fleet(count, target, options=Options(interval=interval))
        controller = simulated(fleet, clock)
        controller.run(until=is_calm)
        asked, calls = fleet.resolves, Counter(target.calls)
        cpu = measure(partial(_run_for, controller, clock, _HOUR))[0].cpu
        calls = target.calls - calls
        polls, wanted = fleet.resolves - asked, len(fleet.repositories) * _POLLS
        report.add(f"an idle hour, {how}: requests", f"{polls:,} resolves", f"{wanted:,}", is_met=polls <= wanted)
        told = f"{cpu:.1f} s of processor time, {cpu / _HOUR:.2%} of a core"
        report.add(f"an idle hour, {how}", told, "< 2 %", is_met=cpu / _HOUR < 0.02)
        report.counts[f"resolves in an idle hour, {how}"] = polls
        report.counts[f"etags in an idle hour, {how}"] = calls["etag"]
        report.counts[f"writes in an idle hour, {how}"] = sum(calls[verb] for verb in ("create", "update", "delete"))
    report.counts["repositories"] = len(fleet.repositories)


def _run_for(controller: Controller, clock: VirtualClock, seconds: float) -> None:
    end = clock.monotonic() + seconds
    controller.run(until=lambda _status: clock.monotonic() >= end)


def _hurry(report: Report, count: int, repetitions: int) -> None:
    """One commit, told by a webhook, that touches one application."""
    fleet, heard = Fleet(count, MemoryTarget()), Passes()
    with _settled(fleet, heard) as controller:
        seconds: list[float] = []
        for turn in range(repetitions):
            heard.forget()
            seconds.append(_from_commit(fleet, controller, f"color-{turn}"))
            wait_until(lambda: heard.passes and not controller.status().busy)
            report.counts["passes after a commit"] = sum(heard.passes.values())
    took = statistics.median(seconds)
    report.add("commit to converged, told by a webhook", f"{took * 1000:.0f} ms", "< 1 s", is_met=took < 1.0)


def _from_commit(fleet: Fleet, controller: Controller, color: str) -> float:
    application, revision = fleet.commit(color)
    controller.notify([fleet.repositories[0].name])
    return wait_until(lambda: controller.application(application).converged == revision)


def _from_edit(fleet: Fleet, key: ResourceKey) -> float:
    updates = fleet.target.calls["update"]
    fleet.target.edit(key, {"data": {"color": "red"}})
    seconds = wait_until(lambda: fleet.target.calls["update"] > updates)
    if fleet.target.objects[key]["data"]["color"] != "blue":
        raise RuntimeError(f"{key} was written, and is not as declared")
    return seconds


def _mend(report: Report, count: int, repetitions: int) -> None:
    """Somebody edits one object of fifty thousand."""
    fleet, heard = Fleet(count, MemoryTarget(), _OBJECTS), Passes()
    with _settled(fleet, heard):
        seconds: list[float] = []
        for turn in range(repetitions):
            heard.forget()
            seconds.append(_from_edit(fleet, fleet.key(turn)))
            wait_until(lambda: heard.passes)
        report.counts["passes after a drift"] = sum(heard.passes.values())
    took = statistics.median(seconds)
    what = f"one drift among {len(fleet.target.objects):,} watched objects, to its repair"
    report.add(what, f"{took * 1000:.0f} ms", "< 200 ms", is_met=took < 0.2)


def _wait_for_all(report: Report, count: int) -> None:
    one, all_ = (_simulated_wait(applications) for applications in (1, count))
    report.counts["seconds for one wait"], report.counts["seconds for all waits"] = round(one), round(all_)
    told = f"{all_:.1f} s on the virtual clock; one application: {one:.1f} s"
    report.add(f"a {_WAIT:.0f} s wait in each application", told, "that of one", is_met=all_ <= 2 * one)


def _simulated_wait(count: int) -> float:
    clock = VirtualClock()
    controller = simulated(Fleet(count, SlowlyReady(clock, _WAIT), 1), clock)
    controller.run(until=is_calm)
    return clock.monotonic()


def _weigh(report: Report, count: int) -> None:
    for how in ("traced", "resident"):
        found = json.loads(measure_child(_CHILD, str(count), how)[1])
        each = found["kept"] / count / 1000
        what = "tracemalloc" if how == "traced" else "resident, after malloc_trim"
        report.add(
            f"memory of an idle application with {_OBJECTS} objects, {what}", f"{each:.1f} KB", "<= 20 KB", is_met=each <= 20
        )
        report.counts[f"objects weighed, {how}"] = found["objects"]


def child(count: str, how: str) -> None:
    """Be the measured process; print bytes: the controller and its MemoryStore, without the world and the applications as values."""
    clock, target = VirtualClock(), MemoryTarget()
    simulated(Fleet(1, MemoryTarget("other"), _OBJECTS), clock).run(until=is_calm)
    fleet = Fleet(int(count), target, _OBJECTS)
    if how == "traced":
        __import__("tracemalloc").start()
    before = in_use(traced=how == "traced")
    store = MemoryStore()
    controller = simulated(fleet, clock, store)
    controller.run(until=is_calm)
    objects = len(target.objects)
    for key in list(target.objects):
        target.remove(key)
    in_use(traced=how == "traced")
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    print(json.dumps({"kept": in_use(traced=how == "traced") - before, "objects": objects}))
    del controller, store


class Passes:
    """A sink that counts passes by application; it hears of them a little later."""

    def __init__(self) -> None:
        self.passes: Counter[str] = Counter()
        self._since = 0.0

    def forget(self) -> None:
        """Count anew; passes that ended before now are not counted when they are told later."""
        self._since = time.time()
        self.passes.clear()

    def emit(self, event: Event) -> None:
        if event.type is EventType.PASS_FINISHED and event.time >= self._since:
            self.passes[event.application] += 1


def _settled(fleet: Fleet, heard: Passes) -> Controller:
    """Return a controller that runs, and has nothing to do."""
    controller = real(fleet, sinks=(heard,)).start()
    wait_until(lambda: is_calm(controller.status()))
    return controller


def _each(spent: Spent, count: int) -> str:
    return f"{spent.cpu / count * 1000:.1f} ms"
