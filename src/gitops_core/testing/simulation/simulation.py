"""The simulation itself: a world, its engines, a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, ParamSpec

import attrs
from attrs.validators import ge, gt, lt

from gitops_core.errors import ConfigError
from gitops_core.interfaces import Policy, Renderer, StateStore
from gitops_core.model.applications import Application, Options, Owner
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.resources import as_key
from gitops_core.operations import reconcile
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.scheduling import Dice, Scheduler
from gitops_core.testing.simulation.chaos import Chaos
from gitops_core.testing.simulation.happenings import Commit, Happening
from gitops_core.testing.simulation.invariants import problems
from gitops_core.testing.simulation.places import Line, SimulatedSource, SimulatedTarget
from gitops_core.testing.simulation.report import Convergence, Repair, Report, span
from gitops_core.testing.simulation.scoring import Passed, Score
from gitops_core.testing.watched_store import WatchedStore

P = ParamSpec("P")

_OWNER: Final = Owner("example.org", "simulation")
_DAY: Final = 86400.0
_OPTIONS: Final = Options(memo_age=_DAY)


def _tuple(values: Any) -> tuple[Any, ...]:
    return tuple(values)


@attrs.frozen
class SimulatedApplication:
    """
    An application and the repository it has for itself.

    Attributes:
        name: Its name.
        target: Name of the target where its objects live; several applications may share one.
        bodies: What it declares from the beginning, one file each.
        policies, guard, approvals, options, renderer: As in :class:`Application`; but memos are believed for a day by default,
            because the state token of a target in memory never lies.
    """

    name: str
    target: str
    bodies: tuple[Mapping[str, Any], ...] = attrs.field(default=(), converter=_tuple)
    policies: tuple[Policy, ...] = attrs.field(default=(), converter=_tuple)
    guard: Guard = Guard()
    approvals: tuple[Approval, ...] = attrs.field(default=(), converter=_tuple)
    options: Options = _OPTIONS
    renderer: Renderer = attrs.field(factory=ManifestsRenderer)


@attrs.define(kw_only=True, eq=False)
class Simulation:
    """
    Applications, targets and engines on one virtual clock, and a time line of what happens to them. It runs once.

    Every engine passes every application at *interval*; passes of different applications run at the same virtual time, and
    several engines compete for the same store. Equal arguments give equal reports, byte for byte.

    Example::

        shop = SimulatedApplication("shop", "eu", [config("web", color="blue")])
        edit = Edit(at=3600, target="eu", key="ConfigMap/web", patch={"data": {"color": "red"}})
        simulation = Simulation(applications=[shop], timeline=[edit])
        print(simulation.run(days=1))
        simulation.verify()

    Attributes:
        applications: Names are unique.
        engines: Their names.
        timeline: What happens, in any order; what :attr:`chaos` has drawn is added when the run begins.
        chaos: What else happens.
        interval: Seconds between two passes of one application by one engine.
        jitter: Share by which that differs from pass to pass, from 0 to 1.
        seed: Of every decision.
        memories: What is behind targets, by name; others begin empty.
        targets, sources, lines: The parts that can be in trouble, by name of the target, the application, the engine.
        store: Where the engines keep state.
        scheduler: Runs it all, on its :attr:`clock`.
        score: What the report is made of.
    """

    applications: tuple[SimulatedApplication, ...] = attrs.field(converter=_tuple)
    engines: tuple[str, ...] = attrs.field(default=("engine",), converter=_tuple)
    timeline: tuple[Happening, ...] = attrs.field(default=(), converter=_tuple)
    chaos: Chaos = Chaos()
    interval: float = attrs.field(default=600.0, validator=gt(0.0))
    jitter: float = attrs.field(default=0.1, validator=[ge(0.0), lt(1.0)])
    seed: int = 0
    memories: Mapping[str, MemoryTarget] = attrs.field(factory=dict)
    store: StateStore = attrs.field(factory=lambda: MemoryStore(salt=b"simulation"))
    targets: Mapping[str, SimulatedTarget] = attrs.field(init=False)
    sources: Mapping[str, SimulatedSource] = attrs.field(init=False)
    lines: Mapping[str, Line] = attrs.field(init=False)
    scheduler: Scheduler = attrs.field(init=False)
    score: Score = attrs.field(factory=Score, init=False)
    _stores: Mapping[str, StateStore] = attrs.field(init=False)
    _tasks: dict[str, Future[None]] = attrs.field(factory=dict, init=False)
    _until: float = attrs.field(default=0.0, init=False)
    _never: threading.Event = attrs.field(factory=threading.Event, init=False)

    def __attrs_post_init__(self) -> None:
        _check_names(self.applications, self.engines)
        self.scheduler = Scheduler(self.seed)
        self.targets = {name: self._target(name) for name in dict.fromkeys(a.target for a in self.applications)}
        self.sources = {a.name: SimulatedSource() for a in self.applications}
        self.lines = {name: Line(self._between) for name in self.engines}
        self._stores = {name: WatchedStore(self.store, line.use) for name, line in self.lines.items()}

    def _target(self, name: str) -> SimulatedTarget:
        target = SimulatedTarget(self.memories.get(name) or MemoryTarget(name), Dice(f"{self.seed}/target/{name}"))
        target.on_write = lambda key, verb: self.score.wrote(name, key, verb, self.elapsed)
        self.score.foreign.update((name, key) for key in target.memory.objects)
        return target

    # -- for you -----------------------------------------------------------------------------------------------------------
    def run(self, *, days: float = 0.0, seconds: float = 0.0) -> Report:
        """
        Let it all happen, and return the report.

        Args:
            days: How long, in virtual days.
            seconds: And so many virtual seconds.

        Raises:
            Deadlock: The engines wait for each other.
            RuntimeError: It has run before.

        Cost: a few real milliseconds an application, and about 0.2 ms a pass that finds nothing to do.
        """
        if self._until:
            raise RuntimeError("a simulation runs once; make another one with the same arguments")
        self._until = days * _DAY + seconds
        drawn = self.chaos.draw(self.seed, self._until, self.applications, self.engines)
        begun = tuple(Commit(at=0.0, application=a.name, bodies=a.bodies, message="Begin") for a in self.applications)
        self.timeline = tuple(sorted((*begun, *self.timeline, *drawn), key=lambda happening: happening.at))
        self.spawn("world", self._happen)
        for engine in self.engines:
            for application in self.applications:
                self.spawn(f"{engine}/{application.name}", self._pass_again_and_again, engine, application)
        self.scheduler.run()
        for task in self._tasks.values():
            task.result()
        return self.report()

    def verify(self) -> None:
        """
        Check that all is well now: every application has converged, no object is there that nobody declares, each inventory has
        what is declared and nothing else, and no engine has touched what somebody else has put there.

        Declarations are compared with objects here, not by the engine.

        Raises:
            AssertionError: Something is not so; the text has one line for each problem.
        """
        found = list(problems(self))
        if found:
            raise AssertionError("\n".join([f"seed {self.seed}, after {span(self.elapsed)}:", *found]))

    def report(self) -> Report:
        """Return what came out of it so far."""
        return Report(
            seed=self.seed, seconds=self.elapsed, applications=len(self.applications), engines=len(self.engines),
            passes=dict(self.score.passes), commits=self.score.commits, repairs=self.score.repairs,
            requests={name: dict(target.requests) for name, target in self.targets.items()},
            refused=self.score.refused, failed=self.score.failed,
        )  # fmt: skip

    @property
    def clock(self) -> VirtualClock:
        """All time."""
        return self.scheduler.clock

    @property
    def elapsed(self) -> float:
        """Virtual seconds from the beginning."""
        return self.clock.monotonic()

    # -- for happenings ------------------------------------------------------------------------------------------------------
    def commit(self, application: str, files: Mapping[str, str | None], message: str) -> None:
        """Change *files* in the repository of *application*; files to be removed may be missing."""
        source = self.sources[application]
        known = source.files()
        changes = {path: content for path, content in files.items() if content is not None or path in known}
        revision = source.commit(changes, author="simulation", message=message, time=self.clock.now())
        self.score.committed(Convergence(application, self.elapsed, revision.id, message))

    def force_push(self, application: str) -> None:
        """Throw the newest commit of *application* away; see :class:`ForcePush`."""
        source = self.sources[application]
        gone = source.throw_newest_away()
        if gone is not None:
            self.score.vanished(application, gone)

    def drift(self, target: str, key: str, patch: Mapping[str, Any] | None, cause: str) -> None:
        """Change an object by hand, or delete it with None; what changes nothing is no drift."""
        if self.targets[target].change_by_hand(key, patch):
            self.score.drifted(as_key(key), Repair(target, key, self.elapsed, cause))

    def put_foreign(self, target: str, body: Mapping[str, Any]) -> None:
        """Make an object that is somebody else's."""
        self.score.foreign.add((target, self.targets[target].memory.put(body)))

    def spawn(self, name: str, work: Callable[P, None], /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Let *work* go on beside everything else."""
        number = len(self._tasks)
        self._tasks[f"{number} {name}"] = self.scheduler.spawn(name, work, *args, **kwargs)

    def sleep(self, seconds: float) -> None:
        """Let virtual time go by, in a task."""
        self.clock.wait(self._never, seconds)

    def id_of(self, application: str) -> str:
        """Return ``Application.id`` of an application."""
        return f"{_OWNER.domain}/{_OWNER.name}/{application}"

    # -- what runs ---------------------------------------------------------------------------------------------------------
    def _happen(self) -> None:
        """Begin and end everything on the time line, in order of time."""
        numbered = list(enumerate(self.timeline))
        begins = [(happening.at, number, happening.begin) for number, happening in numbered]
        ends = [(h.at + h.lasting, len(numbered) + number, h.end) for number, h in numbered if h.lasting]
        for at, _number, do in sorted(begins + ends, key=lambda due: due[:2]):
            if at <= self._until:
                self._sleep_until(at)
                do(self)
        self._sleep_until(self._until)

    def _sleep_until(self, at: float) -> None:
        if at > self.elapsed:
            self.sleep(at - self.elapsed)

    def _pass_again_and_again(self, engine: str, spec: SimulatedApplication) -> None:
        dice = Dice(f"{self.seed}/interval/{engine}/{spec.name}")
        app, store = self._application(spec), self._stores[engine]
        runtime = self.scheduler.runtime(name=f"{engine}/{spec.name}")
        due = dice.uniform(0.0, self.interval)
        while due <= self._until:
            self._sleep_until(due)
            began = self.elapsed
            result = reconcile(app, store=store, runtime=runtime)
            owned = frozenset(self.store.inventory(app.id).entries)
            self.score.passed(Passed(spec.name, spec.target, owned, began, self.elapsed, result))
            due = max(due + self.interval * dice.uniform(1.0 - self.jitter, 1.0 + self.jitter), self.elapsed)

    def _application(self, spec: SimulatedApplication) -> Application:
        return Application(
            name=spec.name, owner=_OWNER, source=self.sources[spec.name], renderer=spec.renderer,
            target=self.targets[spec.target], policies=spec.policies, guard=spec.guard, approvals=spec.approvals,
            options=spec.options,
        )  # fmt: skip

    def _between(self, method: str) -> None:
        """Let engines interleave at every call of the store, where there are several."""
        if len(self.engines) > 1:
            self.scheduler.step(method)


def _check_names(applications: Sequence[SimulatedApplication], engines: Sequence[str]) -> None:
    for kind, names in (("application", [a.name for a in applications]), ("engine", list(engines))):
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"a simulation needs {kind}s of different names, at least one; it got {names}")
