"""
Controllers on a clock that never waits: one to three of them share applications while everything goes wrong.

Their threads run one at a time in an order that the seed decides, see :mod:`gitops_core.testing.scheduling`.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

import attrs

from gitops_core.controller.controller import Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import Phase
from gitops_core.coordination.local import LocalCoordinator
from gitops_core.coordination.pace import Pace
from gitops_core.interfaces import Source, StateStore
from gitops_core.model.applications import Application, Dependency, Options
from gitops_core.model.rosters import Member
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.builders.applications import OWNER
from gitops_core.testing.platforms import Monorepo
from gitops_core.testing.scheduling import Deadlock, Dice, Scheduler
from gitops_core.testing.simulation.members import (
    Gate,
    MemberClock,
    MemberCoordinator,
    MemberSource,
    MemberStore,
    Referee,
    member_target,
)
from gitops_core.testing.simulation.places import SimulatedTarget, Throttling
from gitops_core.testing.worlds import OPEN, JsonRenderer, config

_TROUBLE: Final = 60.0  # virtual seconds in which things happen
_QUIET: Final = 90.0  # and in which everything has to converge
_MOST_A_MINUTE: Final = 240  # looks at one inventory: one pass a second, the shortest back-off there is, with four each
_MOST_MEMBERS: Final = 3
_PACE: Final = Pace(interval=2.0, validity=6.0, duration=8.0)
_LIMITS: Final = ControllerLimits(
    workers=3, poll=10.0, backoff=1.0, backoff_cap=15.0, breaker_pause=5.0, shutdown=5.0, contested_after=1000
)
_OPTIONS: Final = Options(interval=20.0, handover=0.0, attempts=2, deadline=30.0, lock_timeout=3.0, workers=2)


@attrs.define(eq=False)
class _Process:
    """A member: its controller, its gate, and what it runs in."""

    gate: Gate
    controller: Controller
    task: Future[None]
    is_stopping: bool = False

    @property
    def is_alive(self) -> bool:
        return not self.gate.killed and not self.task.done()


@attrs.define(eq=False)
class ControllerSimulation:
    """
    One run; equal seeds give equal runs.

    Example::

        ControllerSimulation(seed=7).run()

    Attributes:
        seed: Of every decision: how many members, what happens, who goes on.
        strict: Check too what controllers are known not to keep yet: an application may depend on one that another member works on;
            who takes over applies no revision older than the applied one; members say ``elsewhere`` of what others work on.
        scheduler: Runs it all.
        referee: Judges what happens while it happens.
        store: Shared by all members.
        happened: What happened, in order, one line each.
    """

    seed: int
    strict: bool = False
    scheduler: Scheduler = attrs.field(init=False)
    referee: Referee = attrs.field(init=False)
    store: StateStore = attrs.field(factory=lambda: MemoryStore(salt=b"simulation"))
    happened: list[str] = attrs.field(factory=list, init=False)
    _dice: Dice = attrs.field(init=False)
    _coordinator: LocalCoordinator = attrs.field(factory=lambda: LocalCoordinator(_PACE), init=False)
    _repositories: list[Monorepo] = attrs.field(init=False)
    _targets: list[SimulatedTarget] = attrs.field(init=False)
    _declared: dict[str, dict[str, str]] = attrs.field(factory=dict, init=False)
    _processes: list[_Process] = attrs.field(factory=list, init=False)
    _never: threading.Event = attrs.field(factory=threading.Event, init=False)
    _commits: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.scheduler = Scheduler(self.seed, patience=600.0, most_steps=300_000)
        self.referee = Referee(self.scheduler)
        self._dice = Dice(f"{self.seed}/controllers")
        self._repositories = [Monorepo(f"repository{number}") for number in range(2)]
        self._targets = [SimulatedTarget(MemoryTarget(f"target{n}"), Dice(f"{self.seed}/{n}")) for n in range(2)]
        for name in ("app0", "app1", "app2", "app3"):
            self._declared[name] = {}
            for number in range(2):
                self._commit(name, f"{name}-{number}")

    # -- for you -----------------------------------------------------------------------------------------------------------
    def run(self) -> None:
        """
        Let it all happen, and check it.

        Raises:
            AssertionError: Something must not have happened, or has not converged; one line each, and how to see it again.

        Cost: some 0.1 s.
        """
        self.scheduler.spawn("world", self._happen)
        try:
            self.scheduler.run()
        except Deadlock as deadlock:
            self.referee.says(str(deadlock))
        self.referee.found.extend(self._paces())
        if self.referee.found:
            again = f"again with: python -m gitops_core.testing.simulation --seed {self.seed}"
            raise AssertionError("\n".join([f"seed {self.seed}:", *self.happened, *self.referee.found[:20], again]))

    # -- the world ---------------------------------------------------------------------------------------------------------
    def _happen(self) -> None:
        for _ in range(self._dice.choice((1, 2, 2, 3))):
            self._join()
        while self.scheduler.clock.monotonic() < _TROUBLE:
            self._sleep(self._dice.expovariate(1 / 3.0))
            self._dice.choice(self._choices())()
        self._end_trouble()
        self._sleep(_QUIET)
        try:
            self.referee.found.extend(self._problems())
        finally:
            for process in self._processes:
                process.controller.stop(0.0)

    def _choices(self) -> list[Callable[[], None]]:
        """Return what can happen, the likely more than once."""
        often = [self._change, self._change, self._drift, self._drift, self._take_away, self._trigger]
        trouble: list[Callable[[], None]] = [
            self._target_outage,
            self._storm,
            partial(self._cut, "source"),
            partial(self._cut, "store"),
        ]
        members: list[Callable[[], None]] = [
            self._join,
            self._pause,
            self._pause_in_write,
            self._kill,
            self._stop,
            partial(self._cut, "coordinator"),
        ]
        return [*often, *trouble, *members]

    def _note(self, what: str) -> None:
        self.happened.append(f"  {self.scheduler.clock.monotonic():7.2f} s  {what}")

    def _sleep(self, seconds: float) -> None:
        self.scheduler.clock.wait(self._never, seconds)

    def _alive(self) -> list[_Process]:
        return [process for process in self._processes if process.is_alive]

    def _lasting(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        """Let something begin now, and end before the trouble is over."""
        begin()
        seconds = min(self._dice.uniform(2.0, 25.0), max(0.0, _TROUBLE - self.scheduler.clock.monotonic()))

        def later() -> None:
            self._sleep(seconds)
            end()

        self.scheduler.spawn("end of trouble", later)

    def _end_trouble(self) -> None:
        """Wait for what still lasts, and see that somebody is there."""
        for process in self._processes:
            process.gate.pause_in_write = 0.0
        self._sleep(1.0)
        if all(process.is_stopping for process in self._alive()):
            self._join()

    # -- commits and drift ---------------------------------------------------------------------------------------------------
    def _object(self) -> tuple[str, str]:
        name = self._dice.choice(sorted(self._declared))
        return name, self._dice.choice(sorted(self._declared[name]))

    def _commit(self, name: str, key: str) -> None:
        self._commits += 1
        value = f"{self._commits}"
        self._repository(name).declare(name, config(key, commit=value))
        self._declared[name][key] = value
        self.referee.causes[key] += 1

    def _repository(self, name: str) -> Monorepo:
        return self._repositories[int(name[3:]) % 2]

    def _target(self, name: str) -> SimulatedTarget:
        return self._targets[int(name[3:]) // 2]

    def _change(self) -> None:
        name, key = self._object()
        self._commit(name, key)
        self._note(f"commit to {key}")
        if self._dice.choice((True, False)):
            for process in self._alive():
                process.controller.notify([self._repository(name).name])

    def _drift(self) -> None:
        name, key = self._object()
        if self._target(name).change_by_hand(f"ConfigMap/{key}", {"data": {"commit": "-1"}}):
            self.referee.causes[key] += 1
            self._note(f"{key} is changed by hand")
            self._tell(name)

    def _take_away(self) -> None:
        name, key = self._object()
        if self._target(name).change_by_hand(f"ConfigMap/{key}", None):
            self.referee.causes[key] += 1
            self._note(f"{key} is deleted by hand")

    def _trigger(self) -> None:
        name, _key = self._object()
        self._note(f"trigger {name}")
        self._tell(name)

    def _tell(self, name: str) -> None:
        for process in self._alive():
            process.controller.trigger(self._id(name))

    # -- trouble ---------------------------------------------------------------------------------------------------------------
    def _target_outage(self) -> None:
        target = self._dice.choice(self._targets)
        self._note(f"{target.name} is out of reach")
        self._lasting(partial(_add, target, 1), partial(_add, target, -1))

    def _storm(self) -> None:
        target, storm = self._dice.choice(self._targets), Throttling(self._dice.random(), 5.0)
        self._note(f"{target.name} says 429")
        self._lasting(partial(target.storms.append, storm), partial(target.storms.remove, storm))

    def _cut(self, what: str) -> None:
        for process in self._chosen():
            self._note(f"{process.gate.member} cannot reach its {what}")
            cut = process.gate.cut
            self._lasting(partial(cut.update, {what: 1}), partial(cut.subtract, {what: 1}))

    # -- members -----------------------------------------------------------------------------------------------------------------
    def _chosen(self) -> list[_Process]:
        alive = self._alive()
        return [self._dice.choice(alive)] if alive else []

    def _join(self) -> None:
        if len(self._alive()) >= _MOST_MEMBERS:
            return
        gate = Gate(self.scheduler, f"member{len(self._processes)}")
        self._note(f"{gate.member} joins")
        controller = Controller(
            [self._application(name, gate) for name in self._declared],
            store=MemberStore(self.store, gate, self.referee, _name),
            runtime=attrs.evolve(self.scheduler.runtime(name=gate.member), clock=MemberClock(self.scheduler.clock, gate)),
            limits=_LIMITS,
            coordinator=MemberCoordinator(self._coordinator, gate, _PACE.interval),
            member=Member(gate.member),
            executor=self.scheduler.executor,
        )
        self._processes.append(_Process(gate, controller, self.scheduler.spawn(gate.member, controller.run)))
        self.scheduler.spawn("drift", self._drift_soon)

    def _drift_soon(self) -> None:
        """Let something drift while members do not know of each other yet."""
        self._sleep(self._dice.uniform(0.2, 1.9))
        if self.scheduler.clock.monotonic() < _TROUBLE:
            self._drift()
            self._drift()

    def _application(self, name: str, gate: Gate) -> Application:
        source: Source = MemberSource(self._repository(name).folder(name), gate)
        needs = (Dependency(self._id("app0")),) if name == "app1" and self.strict else ()
        return Application(
            name=name, owner=OWNER, source=source, renderer=JsonRenderer(), guard=OPEN, options=_OPTIONS,
            target=_shared(gate, self._target(name), self.referee), depends_on=needs,
        )  # fmt: skip

    def _id(self, name: str) -> str:
        return f"{OWNER.domain}/{OWNER.name}/{name}"

    def _pause(self) -> None:
        for process in self._chosen():
            now = self.scheduler.clock.monotonic()
            process.gate.paused_until = min(now + self._dice.uniform(1.0, 20.0), _TROUBLE)
            self._note(f"{process.gate.member} is paused until {process.gate.paused_until:.2f} s")

    def _pause_in_write(self) -> None:
        for process in self._chosen():
            process.gate.pause_in_write = self._dice.uniform(5.0, 20.0)
            self._note(f"{process.gate.member} will be paused in its next write")
            self._drift()

    def _kill(self) -> None:
        for process in self._chosen():
            self._note(f"{process.gate.member} is killed")
            process.gate.killed = True
            process.controller.stop(0.0, at_once=True)

    def _stop(self) -> None:
        for process in self._chosen():
            self._note(f"{process.gate.member} is stopped")
            process.is_stopping = True
            process.controller.stop(0.0)

    # -- what must hold ------------------------------------------------------------------------------------------------------------
    def _problems(self) -> Iterator[str]:
        for name, declared in self._declared.items():
            objects = {key.name: body for key, body in self._target(name).memory.objects.items() if key.name.startswith(name)}
            there = {key: body["data"]["commit"] for key, body in objects.items()}
            if there != declared:
                yield f"{name} has not converged: {there} is there, {declared} is declared; {self._phases(name)}"
            entries = {key.name for key in self.store.inventory(self._id(name)).entries}
            if entries != declared.keys():
                yield f"{name}: the inventory has {sorted(entries)}, declared are {sorted(declared)}"
            yield from self._said(name)
        for key, writes in sorted(self.referee.writes.items()):
            taken_over = 0 if self.strict else 2 * len(self._processes)  # an older revision first, then the newest again
            if writes > self.referee.causes[key] + taken_over:
                yield f"{key} was written {writes} times, for {self.referee.causes[key]} reasons"

    def _said(self, name: str) -> Iterator[str]:
        phases = self._phases(name)
        others = (Phase.ELSEWHERE,) if self.strict else (Phase.ELSEWHERE, Phase.FAILED)
        working = [phase for phase in phases.values() if phase not in others]
        if working != [Phase.SYNCED]:
            yield f"{name}: one member has to say synced, and the others elsewhere; they say {phases}"
        for process in self._alive():
            status = process.controller.application(self._id(name))
            if status.phase is Phase.SYNCED and not status.is_current:
                yield f"{name}: synced at {status.converged}, and {status.revision} is wanted"

    def _phases(self, name: str) -> dict[str, Any]:
        return {p.gate.member: p.controller.application(self._id(name)).phase for p in self._alive()}

    def _paces(self) -> Iterator[str]:
        """Yield who was worked on more often than anything is a reason for."""
        for name, looked in sorted(self.referee.looked.items()):
            most = max(bisect_left(looked, at + 60.0) - number for number, at in enumerate(looked))
            if most > _MOST_A_MINUTE:
                yield f"{name} was looked up {most} times within a minute"


def _name(application: str) -> str:
    return application.rpartition("/")[2]


def _add(target: SimulatedTarget, number: int) -> None:
    target.unreachable += number


def _shared(gate: Gate, target: SimulatedTarget, referee: Referee) -> SimulatedTarget:
    """Return one target of a member for all its applications: breakers go by identity."""
    if target.name not in gate.targets:
        gate.targets[target.name] = member_target(target, gate, referee)
    return gate.targets[target.name]
