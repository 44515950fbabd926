"""Several controllers share their applications: each works on its own, takes over what others leave, and writes nothing once its time is over."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import ClassVar

import attrs
import pytest

from gitops_core.controller.controller import Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import ControllerStatus, Phase
from gitops_core.coordination.local import LocalCoordinator
from gitops_core.coordination.pace import Pace
from gitops_core.errors import StateUnavailable
from gitops_core.interfaces import Context, Coordinator, Target, TargetChange
from gitops_core.model.applications import Application, Options
from gitops_core.model.resources import Live
from gitops_core.model.revisions import Revision
from gitops_core.model.rosters import Member, Standing, owner_of
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.builders.applications import OWNER
from gitops_core.testing.platforms import Monorepo
from gitops_core.testing.scheduling import Scheduler
from gitops_core.testing.worlds import OPEN, JsonRenderer, config

PACE = Pace(interval=3.0, validity=10.0, duration=15.0)
NAMES = [f"app{n}" for n in range(12)]
ELSEWHERE = Phase.ELSEWHERE


class Line(Coordinator):
    """One member's line to what all share; it can be cut, or slow."""

    interval = PACE.interval

    def __init__(self, hall: LocalCoordinator) -> None:
        self._hall = hall
        self.is_cut = False
        self.lasts = 0.0
        self.standing: Standing | None = None

    def beat(self, ctx: Context, member: Member) -> Standing:
        if self.lasts:
            ctx.clock.wait(ctx.cancel, self.lasts)
        if self.is_cut:
            raise StateUnavailable("the line is cut; mend it")
        self.standing = self._hall.beat(ctx, member)
        return self.standing

    def leave(self, ctx: Context, member: Member) -> None:
        if self.is_cut:
            raise StateUnavailable("the line is cut; mend it")
        self._hall.leave(ctx, member)


@attrs.frozen
class Write:
    """Who wrote what, when, and until when it might."""

    at: float
    member: str
    key: str
    until: float


class Seen(MemoryTarget):
    """What a member sees of the world that all share; each write takes its time and is noted."""

    def __init__(self, world: MemoryTarget, member: str, log: list[Write]) -> None:
        super().__init__(world.name)
        self._live, self._feeds, self._lock = world._live, world._feeds, world._lock
        self._world, self._member, self._log = world._world, member, log
        self.line: Line | None = None
        self.seconds = 0.0

    watch = Target.watch  # nobody watches: a virtual quarter of a second is a turn for each who does

    def create(self, ctx: Context, change: TargetChange) -> Live:
        return self._noted(ctx, change, super().create)

    def update(self, ctx: Context, change: TargetChange) -> Live:
        return self._noted(ctx, change, super().update)

    def _noted(self, ctx: Context, change: TargetChange, write: Callable[[Context, TargetChange], Live]) -> Live:
        """Note it and do it at once; the answer comes late."""
        until = self.line.standing.valid_until if self.line is not None and self.line.standing is not None else float("inf")
        begun = ctx.clock.monotonic()
        live = write(ctx, change)
        self._log.append(Write(begun, self._member, f"{self.name}/{change.key}", until))
        if self.seconds:
            ctx.clock.wait(_NEVER, self.seconds)
        return live


class _Never:
    def is_set(self):
        return False


_NEVER = _Never()


class Crowd:
    """Controllers on one clock, one store, one world for each application."""

    needs: ClassVar[dict[str, str]] = {}

    def __init__(
        self, *names: str, seed: int = 0, apps: list[str] = NAMES, objects: int = 2, weights: dict[str, float] | None = None
    ):
        self.scheduler = Scheduler(seed, patience=4000.0)
        self.clock = self.scheduler.clock
        self.hall, self.store, self.repository = LocalCoordinator(PACE), MemoryStore(), Monorepo()
        self.worlds = {app: MemoryTarget(app) for app in apps}
        for app in apps:
            self.repository.declare(app, *(config(f"c{n}", color="blue") for n in range(objects)))
        self.log: list[Write] = []
        self.weights = weights or {}
        self.lines: dict[str, Line] = {}
        self.controllers: dict[str, Controller] = {}
        self.targets: dict[str, dict[str, Seen]] = {}
        for name in names:
            self.make(name)

    def make(self, name: str) -> Controller:
        self.lines[name] = Line(self.hall)
        self.targets[name] = {}
        apps = [self._app(name, app) for app in self.worlds]
        self.controllers[name] = Controller(
            apps, store=self.store, runtime=self.scheduler.runtime(name=name),
            limits=ControllerLimits(workers=3), coordinator=self.lines[name],
            member=Member(name, self.weights.get(name, 1.0)), executor=self.scheduler.executor,
        )  # fmt: skip
        self.scheduler.spawn(name, self.controllers[name].run)
        return self.controllers[name]

    def _app(self, member: str, app: str) -> Application:
        target = self.targets[member][app] = Seen(self.worlds[app], member, self.log)
        target.line = self.lines[member]
        return Application(
            name=app, owner=OWNER, source=self.repository.folder(app), renderer=JsonRenderer(), target=target, guard=OPEN,
            options=Options(interval=120.0), depends_on=[self.needs[app]] if app in self.needs else (),
        )  # fmt: skip

    def play(self, *scenes) -> None:
        """Do each of *scenes*: let so many seconds go by, or call it; then stop everybody."""

        def director() -> None:
            try:
                for scene in scenes:
                    if callable(scene):
                        scene()
                    else:
                        self.clock.wait(_NEVER, scene)
            finally:
                for line in self.lines.values():
                    line.is_cut = False
                for controller in self.controllers.values():
                    controller.stop(0.0)

        future = self.scheduler.spawn("director", director)
        self.scheduler.run()
        future.result()

    # -- what is asked ------------------------------------------------------------------------------------------------

    def statuses(self) -> dict[str, ControllerStatus]:
        return {name: controller.status() for name, controller in self.controllers.items()}

    def holders(self, *among: str) -> dict[str, list[str]]:
        """Return, for each application, those who say that they work on it."""
        found: dict[str, list[str]] = {app: [] for app in self.worlds}
        for name in among or self.controllers:
            for status in self.controllers[name].status().applications.values():
                if status.phase is not ELSEWHERE:
                    found[status.application.rpartition("/")[2]].append(name)
        return found

    def each_has_one(self, *among: str) -> None:
        assert [len(held) for held in self.holders(*among).values()] == [1] * len(self.worlds)
        for name in among or self.controllers:
            phases = {s.phase for s in self.controllers[name].status().applications.values()}
            assert phases <= {ELSEWHERE, Phase.SYNCED}

    def writes(self) -> Counter[tuple[str, str]]:
        return Counter((write.member, write.key) for write in self.log)

    def late(self) -> list[Write]:
        return [write for write in self.log if write.at >= write.until]

    def declare(self, color: str) -> None:
        for app in self.worlds:
            self.repository.declare(app, *(config(f"c{n}", color=color) for n in range(2)))


@pytest.mark.parametrize("seed", range(5))
def test_each_application_is_worked_on_by_exactly_one_member(seed: int) -> None:
    crowd = Crowd("a", "b", "c", seed=seed)
    roster = []

    def look() -> None:
        crowd.each_has_one()
        roster.append(crowd.hall._roster)
        for app, (holder,) in crowd.holders().items():
            assert owner_of(f"{OWNER.domain}/{OWNER.name}/{app}", roster[0]) == holder
        for status in crowd.statuses().values():
            assert (status.generation, status.members, status.error) == (roster[0].generation, ("a", "b", "c"), "")

    crowd.play(200.0, look)
    assert not crowd.late()
    assert set(Counter(key for _member, key in crowd.writes()).values()) == {1}, "an object was created by two"
    assert len(crowd.writes()) == 2 * len(NAMES)


def test_what_a_member_leaves_is_taken_over_at_once() -> None:
    """Within two intervals: one until somebody looks, one until all have heard. Not after the duration of its place."""
    crowd = Crowd("a", "b", "c")
    left = []

    def goes() -> None:
        crowd.each_has_one()
        crowd.controllers["b"].stop(0.0)
        crowd.declare("red")
        left.append(crowd.clock.monotonic())

    def look() -> None:
        crowd.each_has_one("a", "c")

    crowd.play(30.0, goes, 2 * PACE.interval + 1.0, look, 60.0)
    assert [write for write in crowd.log if write.member == "b" and write.at > left[0]] == []
    assert not crowd.late()
    assert set(crowd.writes().values()) <= {1, 2}
    assert {str(body["data"]) for world in crowd.worlds.values() for body in world.objects.values()} == {"{'color': 'red'}"}


def test_a_member_that_joins_takes_its_share_and_does_nothing_again() -> None:
    crowd = Crowd("a", "b")

    def joins() -> None:
        crowd.each_has_one()
        crowd.make("c")

    def look() -> None:
        crowd.each_has_one()
        assert [held for held in crowd.holders().values() if held == ["c"]] != []

    crowd.play(30.0, joins, 60.0, look)
    assert set(Counter(key for _member, key in crowd.writes()).values()) == {1}


@pytest.mark.parametrize("seed", range(3))
def test_what_comes_back_to_a_member_is_not_set_back_to_the_revision_that_it_knew(seed: int, monkeypatch) -> None:
    """It was cut off while another one brought everything to a new revision; first of all it looks at the source again."""
    crowd = Crowd("a", "b", seed=seed)
    folder = type(crowd.repository.folder("app0"))
    resolve = folder.resolve

    def slowly(self, ctx: Context) -> Revision:
        ctx.clock.wait(_NEVER, 2.0)
        return resolve(self, ctx)

    monkeypatch.setattr(folder, "resolve", slowly)
    back: list[float] = []

    def comes_back() -> None:
        assert not [held for held in crowd.holders().values() if held != ["a"]]
        crowd.lines["b"].is_cut = False
        back.append(crowd.clock.monotonic())

    def look() -> None:
        crowd.each_has_one()
        assert ["b"] in crowd.holders().values()

    crowd.play(
        60.0, lambda: setattr(crowd.lines["b"], "is_cut", True), 20.0, lambda: crowd.declare("red"), 80.0, comes_back, 60.0, look
    )
    assert [write for write in crowd.log if write.at >= back[0]] == []
    assert {str(body["data"]) for world in crowd.worlds.values() for body in world.objects.values()} == {"{'color': 'red'}"}


def test_a_member_without_weight_works_on_nothing_while_others_have_some() -> None:
    crowd = Crowd("a", "b", "idle", weights={"idle": 0.0})

    def look() -> None:
        crowd.each_has_one()
        assert ["idle"] not in crowd.holders().values()

    crowd.play(60.0, look)
    assert {write.member for write in crowd.log} == {"a", "b"}


@pytest.mark.parametrize("seed", range(4))
def test_a_member_that_is_cut_off_in_the_middle_of_a_pass_writes_nothing_after_its_standing(seed: int) -> None:
    """Others take over after that, and write what it has not; it says why it stands still, and comes back by itself."""
    crowd = Crowd("a", "b", seed=seed, apps=["slow"], objects=30)
    roster = crowd.hall
    seen = {}

    def cut() -> None:
        seen["owner"] = owner_of(f"{OWNER.domain}/{OWNER.name}/slow", roster._roster)
        crowd.lines[seen["owner"]].is_cut = True
        seen["at"] = crowd.clock.monotonic()

    def silent() -> None:
        status = crowd.controllers[seen["owner"]].status()
        assert "the line is cut" in status.error
        (application,) = status.applications.values()
        assert application.phase is ELSEWHERE
        assert not application.running
        crowd.lines[seen["owner"]].is_cut = False

    def back() -> None:
        crowd.each_has_one()
        assert [status.error for status in crowd.statuses().values()] == ["", ""]

    for name in "ab":
        crowd.targets[name]["slow"].seconds = 1.0
    crowd.play(6.0, cut, 60.0, silent, 60.0, back)
    assert not crowd.late()
    assert len(crowd.worlds["slow"].objects) == 30
    assert {write.member for write in crowd.log} == {"a", "b"}
    created = Counter(key for _member, key in crowd.writes())
    assert set(created.values()) == {1}, "a create was sent twice"
    until = max(write.until for write in crowd.log if write.member == seen["owner"] and write.at < seen["at"] + PACE.validity)
    others = [write.at for write in crowd.log if write.member != seen["owner"] and write.at > seen["at"]]
    assert until < min(others) < seen["at"] + PACE.duration + 2 * PACE.interval + 2.0


def test_a_stop_waits_for_the_change_in_hand_under_a_standing_that_is_renewed() -> None:
    """The change takes longer than a standing lasts; it is recorded, nobody repeats it, and then the place is given back."""
    crowd = Crowd("a", "b", apps=["slow"], objects=1)
    seen = {}

    def stop() -> None:
        seen["owner"] = owner_of(f"{OWNER.domain}/{OWNER.name}/slow", crowd.hall._roster)
        crowd.controllers[seen["owner"]].stop(0.0)

    def look() -> None:
        assert crowd.hall._roster.ids == ("a", "b")

    for name in "ab":
        crowd.targets[name]["slow"].seconds = 30.0
    crowd.play(8.0, stop, 20.0, look, 60.0)
    assert len(crowd.log) == 1
    assert not crowd.hall._roster.ids or seen["owner"] not in crowd.hall._roster.ids
    (entry,) = crowd.store.inventory(f"{OWNER.domain}/{OWNER.name}/slow").entries.values()
    assert entry.version


def test_a_beat_under_way_at_the_stop_does_not_put_the_member_back() -> None:
    crowd = Crowd("a", "b")

    def stop() -> None:
        crowd.controllers["a"].stop(0.0)

    def look() -> None:
        assert crowd.hall._roster.ids == ("b",)

    crowd.lines["a"].lasts = 2.5
    crowd.play(17.5, stop, 10.0, look)


class Chain(Crowd):
    """Each application depends on the one before, whoever works on that."""

    needs: ClassVar = {after: before for before, after in itertools.pairwise(NAMES)}


@pytest.mark.parametrize("seed", range(3))
def test_an_application_waits_for_one_that_another_member_works_on(seed: int) -> None:
    """In what has become of the second declaration, each comes after the one it depends on, and both members have written."""
    crowd = Chain("one", "two", seed=seed)
    begun = []
    crowd.play(100.0, lambda: begun.append(crowd.clock.monotonic()), lambda: crowd.declare("green"), 400.0)
    later = [write for write in crowd.log if write.at > begun[0]]
    first = [min(write.at for write in later if write.key.startswith(f"{app}/")) for app in NAMES]
    assert first == sorted(first)
    assert {write.member for write in later} == {"one", "two"}
    assert all("green" in str(world.objects) and "blue" not in str(world.objects) for world in crowd.worlds.values())
