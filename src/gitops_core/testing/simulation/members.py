"""What stands between one simulated controller and the world: it can be paused, killed and cut off, and what it writes is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

import attrs

from gitops_core.errors import SourceUnavailable, StateUnavailable
from gitops_core.interfaces import Clock, Context, Coordinator, Signal, Source, StateStore
from gitops_core.model.inventory import Inventory, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.model.revisions import Revision, Tree
from gitops_core.model.rosters import Member, Standing
from gitops_core.testing.scheduling import Dice, Scheduler
from gitops_core.testing.simulation.places import SimulatedTarget
from gitops_core.testing.watched_store import WatchedStore

T = TypeVar("T")


class Killed(BaseException):
    """Ends a thread of a process that was killed."""


@attrs.define(eq=False)
class Gate:
    """
    Where the threads of one member pass before each thing they do outside.

    Attributes:
        scheduler: Others may go on at every passing.
        member: Its name.
        paused_until: Nobody passes before that, on the monotonic clock.
        pause_in_write: Seconds for which the next write will be paused, in the middle of it.
        killed: Nobody passes any more.
        standing: What the coordinator answered last.
        cut: What is out of reach now: ``store``, ``source``, ``coordinator``.
        targets: As this member sees them, by name.
    """

    scheduler: Scheduler
    member: str
    paused_until: float = 0.0
    pause_in_write: float = 0.0
    killed: bool = False
    standing: Standing | None = None
    cut: Counter[str] = attrs.field(factory=Counter)
    targets: dict[str, MemberTarget] = attrs.field(factory=dict)

    def pass_through(self, place: str) -> None:
        """Let others go on, wait while paused; raises :class:`Killed`."""
        self.scheduler.step(place)
        clock = self.scheduler.clock
        if self.pause_in_write and place in ("create", "update", "delete"):
            self.paused_until, self.pause_in_write = clock.monotonic() + self.pause_in_write, 0.0
        self.stand_still()
        if self.killed:
            raise Killed(self.member)

    def stand_still(self) -> None:
        """Wait while paused."""
        clock = self.scheduler.clock
        while clock.monotonic() < self.paused_until and not self.killed:
            clock.take(lambda _seconds: self.killed, self.paused_until - clock.monotonic())


@attrs.frozen(eq=False)
class MemberClock(Clock):
    """The clock of one member: while it is paused no wait of it ends, so that its thread that decides stands still, too."""

    inner: Clock
    gate: Gate
    is_real = False

    def now(self) -> float:
        return self.inner.now()

    def monotonic(self) -> float:
        return self.inner.monotonic()

    def wait(self, signal: Signal, seconds: float) -> bool:
        self.inner.wait(signal, seconds)
        self.gate.stand_still()
        return signal.is_set()

    def take(self, attempt: Callable[[float], T], seconds: float) -> T:
        taken = self.inner.take(attempt, seconds)
        self.gate.stand_still()
        return taken


@attrs.define(eq=False)
class Referee:
    """
    Judges what all members do, as they do it.

    Attributes:
        scheduler: Tells the time.
        causes: Why an object may have been written so often: declared, changed, drifted.
        writes: How often it was.
        looked: When the inventory of an application was asked for, on the monotonic clock.
        found: What must not have happened, one sentence each.
    """

    scheduler: Scheduler
    causes: Counter[str] = attrs.field(factory=Counter)
    writes: Counter[str] = attrs.field(factory=Counter)
    looked: dict[str, list[float]] = attrs.field(factory=dict)
    found: list[str] = attrs.field(factory=list)
    _inside: dict[str, str] = attrs.field(factory=dict)
    _asking: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    _terms: dict[tuple[str, str], int] = attrs.field(factory=dict)
    _highest: dict[str, int] = attrs.field(factory=dict)

    def says(self, sentence: str) -> None:
        """Note what must not have happened."""
        self.found.append(f"at {self.scheduler.clock.monotonic():.2f} s: {sentence}")

    def looks(self, application: str) -> None:
        """Note that somebody looks up what is known about *application*, as every pass does first."""
        self.looked.setdefault(application, []).append(self.scheduler.clock.monotonic())

    def asks(self, member: str, application: str) -> None:
        """Note that a worker of *member* begins to work on *application*."""
        self._asking[member, application] += 1
        if self._asking[member, application] > 1:
            self.says(f"two workers of {member} work on {application} at once")

    def ends(self, member: str, application: str) -> None:
        """Note that it has ended."""
        self._asking[member, application] -= 1

    def works_under(self, member: str, application: str, term: int) -> None:
        """Note the generation under which *member* works on *application*."""
        self._terms[member, application] = term

    def recorded(self, application: str, term: int) -> None:
        """Note that the store has taken what a member of generation *term* has to say about *application*."""
        self._highest[application] = max(self._highest.get(application, 0), term)

    def wrote(self, gate: Gate, application: str, key: ResourceKey) -> None:
        """Judge a write of *key*, which belongs to *application*."""
        self.writes[key.name] += 1
        now, standing = self.scheduler.clock.monotonic(), gate.standing
        if standing is None or now >= standing.valid_until:
            self.says(f"{gate.member} wrote {key} although its standing is over")
        term, highest = self._terms.get((gate.member, application), 0), self._highest.get(application, 0)
        if term < highest:
            self.says(f"{gate.member} wrote {key} in generation {term}, after somebody of generation {highest}")

    @contextmanager
    def writing(self, gate: Gate, application: str) -> Iterator[None]:
        """Judge who else writes to *application* meanwhile."""
        other = self._inside.get(application)
        if other is not None and other != gate.member:
            self.says(f"{gate.member} and {other} write to {application} at once")
        self._inside[application] = gate.member
        try:
            yield
        finally:
            self._inside.pop(application, None)


class MemberTarget(SimulatedTarget):
    """A target as one member sees it; all share its memory, and its trouble."""

    gate: Gate
    referee: Referee
    trouble: SimulatedTarget

    def _meet(self, ctx: Context, verb: str) -> None:
        self.gate.pass_through(verb)
        self.unreachable = self.trouble.unreachable
        super()._meet(ctx, verb)

    def create(self, ctx: Context, change: Any) -> Any:
        with self.referee.writing(self.gate, _application(change.key)):
            return super().create(ctx, change)

    def update(self, ctx: Context, change: Any) -> Any:
        with self.referee.writing(self.gate, _application(change.key)):
            return super().update(ctx, change)

    def delete(self, ctx: Context, change: Any) -> None:
        with self.referee.writing(self.gate, _application(change.key)):
            super().delete(ctx, change)


def _application(key: ResourceKey) -> str:
    """Return the application of an object: its name begins with it."""
    return key.name.rpartition("-")[0]


def member_target(trouble: SimulatedTarget, gate: Gate, referee: Referee) -> MemberTarget:
    """Return *trouble* as the member behind *gate* sees it."""
    target = MemberTarget(trouble.memory, Dice(f"{gate.scheduler.seed}/{gate.member}/{trouble.name}"))
    target.storms = trouble.storms
    target.gate, target.referee, target.trouble = gate, referee, trouble
    target.on_write = lambda key, _verb: referee.wrote(gate, _application(key), key)
    return target


@attrs.frozen(eq=False)
class MemberSource(Source):
    """A source as one member sees it."""

    inner: Source
    gate: Gate

    @property
    def reference(self) -> str:
        return self.inner.reference

    def is_told_by(self, repository: str, ref: str) -> bool:
        return self.inner.is_told_by(repository, ref)

    def resolve(self, ctx: Context) -> Revision:
        self._meet("resolve")
        return self.inner.resolve(ctx)

    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        self._meet("fetch")
        return self.inner.fetch(ctx, revision)

    def _meet(self, verb: str) -> None:
        self.gate.pass_through(verb)
        if self.gate.cut["source"]:
            raise SourceUnavailable("the repository cannot be reached")


class MemberStore(WatchedStore):
    """The store as one member sees it."""

    def __init__(self, inner: StateStore, gate: Gate, referee: Referee, name_of: Callable[[str], str]) -> None:
        super().__init__(inner, self._meet)
        self._gate, self._referee, self._name_of = gate, referee, name_of

    def _meet(self, method: str) -> None:
        self._gate.pass_through(method)
        if self._gate.cut["store"]:
            raise StateUnavailable("the state store cannot be reached")

    def exclusive(self, application: str, timeout: float) -> AbstractContextManager[None]:
        return self._exclusive(super().exclusive(application, timeout), self._name_of(application))

    @contextmanager
    def _exclusive(self, inner: AbstractContextManager[None], application: str) -> Iterator[None]:
        self._referee.asks(self._gate.member, application)
        try:
            with inner:
                yield
        finally:
            self._referee.ends(self._gate.member, application)

    def update_inventory(self, application: str, update: InventoryUpdate, *, serial: int) -> Inventory:
        name = self._name_of(application)
        self._referee.works_under(self._gate.member, name, update.term)
        taken = super().update_inventory(application, update, serial=serial)
        self._referee.recorded(name, update.term)
        return taken

    def inventory(self, application: str) -> Inventory:
        self._referee.looks(self._name_of(application))
        return super().inventory(application)


@attrs.frozen(eq=False)
class MemberCoordinator(Coordinator):
    """The coordinator as one member sees it."""

    inner: Coordinator
    gate: Gate
    interval: float

    def beat(self, ctx: Context, member: Member) -> Standing:
        self._meet("beat")
        self.gate.standing = standing = self.inner.beat(ctx, member)
        return standing

    def leave(self, ctx: Context, member: Member) -> None:
        if self.gate.killed:
            raise StateUnavailable("a process that was killed tells nobody")
        self.inner.leave(ctx, member)

    def _meet(self, verb: str) -> None:
        self.gate.pass_through(verb)
        if self.gate.cut["coordinator"]:
            raise StateUnavailable("the coordinator cannot be reached")
