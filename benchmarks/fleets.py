"""Many small applications as a platform has them: a hundred in a repository, one to five objects each, all on one API."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import Any, Final

from benchmarks.workloads import OWNER
from gitops_core import Application, Limits, Options, ResourceKey
from gitops_core.controller.controller import Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import ControllerStatus, Phase
from gitops_core.engine.runtime import Runtime
from gitops_core.interfaces import Clock, Context, Query, Sink, StateStore, TargetChange
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Live
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.executors import InlineExecutor
from gitops_core.testing.platforms import Monorepo
from gitops_core.testing.worlds import OPEN, JsonRenderer, config

PER_REPOSITORY: Final = 100
LATENCY: Final = 0.010  # seconds


class Fleet:
    """
    Applications, their repositories, and what they share.

    Args:
        count: Applications.
        target: Where all of them go.
        objects: Of each application; from one to five by turns when 0.
        options: Of each application.
    """

    def __init__(self, count: int, target: MemoryTarget, objects: int = 0, options: Options = Options()) -> None:
        self.target = target
        self.objects = [objects or 1 + number % 5 for number in range(count)]
        self.repositories = [Monorepo(f"repository-{number}") for number in range(max(1, count // PER_REPOSITORY))]
        self.applications: list[Application] = []
        for turn, repository in enumerate(self.repositories):
            numbers = range(turn, count, len(self.repositories))
            repository.commits.commit({path: text for number in numbers for path, text in self._files(number).items()})
            self.applications += [self._application(number, repository, options) for number in numbers]

    def commit(self, color: str) -> tuple[str, str]:
        """Change one object of the first application; return that one's id and the revision."""
        files = {path: json.dumps(config(_object(0, 0), color=color)) for path in list(self._files(0))[:1]}
        return self.applications[0].id, self.repositories[0].commits.commit(files).id

    def key(self, number: int) -> ResourceKey:
        """Return the key of the first object of one application."""
        return ResourceKey("", "ConfigMap", "", _object(number, 0))

    @property
    def resolves(self) -> int:
        """How often any repository was asked for its newest revision."""
        return sum(repository.calls["resolve"] for repository in self.repositories)

    def _files(self, number: int) -> dict[str, str]:
        bodies = {k: config(_object(number, k), color="blue") for k in range(self.objects[number])}
        return {f"{_name(number)}/{k}.json": json.dumps(body) for k, body in bodies.items()}

    def _application(self, number: int, repository: Monorepo, options: Options) -> Application:
        name = _name(number)
        return Application(
            name=name, owner=OWNER, source=repository.folder(name), renderer=JsonRenderer(), target=self.target, guard=OPEN,
            options=options,
        )  # fmt: skip


class DistantTarget(MemoryTarget):
    """An API each of whose calls takes :data:`LATENCY` on the real clock, and which serves so many at once."""

    def __init__(self, concurrency: int) -> None:
        super().__init__("distant", limits=Limits(concurrency=concurrency))

    @property
    def requests(self) -> int:
        """Calls so far, of every kind but the watch, which is one that lasts."""
        return sum(count for name, count in self.calls.items() if name != "watch")

    def observe(self, ctx: Context, query: Query) -> Any:
        time.sleep(LATENCY)
        return super().observe(ctx, query)

    def create(self, ctx: Context, change: TargetChange) -> Live:
        time.sleep(LATENCY)
        return super().create(ctx, change)

    def update(self, ctx: Context, change: TargetChange) -> Live:
        time.sleep(LATENCY)
        return super().update(ctx, change)

    def etag(self, ctx: Context) -> str:
        time.sleep(LATENCY)
        return super().etag(ctx)


class SlowlyReady(MemoryTarget):
    """An API whose objects need some seconds of *clock* until they are ready, as what a hook starts does."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__("slowly")
        self._clock = clock
        self._seconds = seconds
        self._made: dict[ResourceKey, float] = {}

    def create(self, ctx: Context, change: TargetChange) -> Live:
        self._made[change.key] = self._clock.monotonic()
        return super().create(ctx, change)

    def health(self, live: Live) -> Health | None:
        is_ready = self._clock.monotonic() >= self._made[live.key] + self._seconds
        return Health(settled=is_ready, status=HealthStatus.HEALTHY if is_ready else HealthStatus.PROGRESSING, reason="Hook")


def simulated(fleet: Fleet, clock: Clock, store: StateStore | None = None) -> Controller:
    """Return a controller on a virtual clock, single-stepped; its intervals do not vary, so that requests can be counted."""
    runtime = Runtime(clock=clock, executor=InlineExecutor, random=random.Random(1))
    limits = ControllerLimits(jitter=0.0)
    return Controller(fleet.applications, store=store or MemoryStore(), runtime=runtime, limits=limits, executor=InlineExecutor)


def real(fleet: Fleet, workers: int = 16, sinks: tuple[Sink, ...] = ()) -> Controller:
    """Return a controller on the machine's clock, with threads."""
    runtime = Runtime(random=random.Random(1), sinks=sinks)
    return Controller(fleet.applications, store=MemoryStore(), runtime=runtime, limits=ControllerLimits(workers=workers))


def is_calm(status: ControllerStatus) -> bool:
    """Tell whether everything is as declared and nobody works."""
    if status.busy or status.waiting:
        return False
    return all(application.phase is Phase.SYNCED for application in status.applications.values())


def wait_until(condition: Any, seconds: float = 600.0) -> float:
    """Return the seconds until *condition* is true, looking twice a millisecond; TimeoutError when it does not become so."""
    begun, never = time.perf_counter(), threading.Event()
    while not condition():
        if time.perf_counter() - begun > seconds:
            raise TimeoutError(f"not so after {seconds} s")
        never.wait(0.0005)
    return time.perf_counter() - begun


def _name(number: int) -> str:
    return f"app-{number:05d}"


def _object(number: int, which: int) -> str:
    return f"{_name(number)}-{which}"
