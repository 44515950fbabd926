"""A pass that would only wait ends, says when to come back, and the next one goes on exactly there."""

from __future__ import annotations

import pytest

from gitops_core.errors import StateLocked, Throttled, Transient
from gitops_core.interfaces import Limits
from gitops_core.model.applications import Options
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.inventory import EntryState
from gitops_core.model.resources import Live, Pending, as_key
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import OPEN, World, config


class Slow(MemoryTarget):
    """Objects settle some seconds after they were written."""

    def __init__(self, seconds: dict[str, float], clock=None) -> None:
        super().__init__()
        self.seconds, self.written, self.clock = seconds, {}, clock
        self.log: list[str] = []

    def create(self, ctx, change):
        self.clock = ctx.clock
        self.written[change.key] = ctx.clock.monotonic()
        self.log.append(f"create {change.key.name}")
        return super().create(ctx, change)

    def update(self, ctx, change):
        self.written[change.key] = ctx.clock.monotonic()
        self.log.append(f"update {change.key.name}")
        return super().update(ctx, change)

    def delete(self, ctx, change):
        self.log.append(f"delete {change.key.name}")
        return super().delete(ctx, change)

    def health(self, live):
        left = self.written[live.key] + self.seconds.get(live.key.name, 0.0) - self.clock.monotonic()
        if left <= 0:
            return Health(settled=True, status=HealthStatus.HEALTHY)
        return Health(settled=False, status=HealthStatus.PROGRESSING, message="starting")


class Late(Slow):
    """Shows what was written some seconds later, as an API that is eventually consistent does."""

    def __init__(self, lag: float) -> None:
        super().__init__({})
        self.lag, self.before = lag, {}

    def create(self, ctx, change):
        self.before[change.key] = (ctx.clock.monotonic() + self.lag, None)
        return super().create(ctx, change)

    def update(self, ctx, change):
        self.before[change.key] = (
            ctx.clock.monotonic() + self.lag,
            Live(change.key, self.objects[change.key], id=change.live.id),
        )
        return super().update(ctx, change)

    def delete(self, ctx, change):
        self.before[change.key] = (ctx.clock.monotonic() + self.lag, change.live)
        return super().delete(ctx, change)

    def observe(self, ctx, query):
        now = ctx.clock.monotonic()
        hidden = {key: old for key, (until, old) in self.before.items() if now < until}
        for live in super().observe(ctx, query):
            if live.key not in hidden:
                yield live
        yield from (old for key, old in hidden.items() if old is not None and key in query.keys)


def world_of(target, **options) -> World:
    return World(target=target, guard=OPEN, waits=False, options=Options(**options))


def drive(world: World, most: int = 60) -> list[PassStatus]:
    """Run passes, each at the time that the one before it asked for, until one has nothing left to do."""
    seen = []
    for _ in range(most):
        result = world.reconcile()
        seen.append(result.status)
        if result.ok:
            return seen
        world.clock.advance(result.requeue_after)
    raise AssertionError(f"not done after {most} passes: {seen}\n{result.text()}")


def entry_of(world: World, name: str):
    return world.store.inventory(world.app.id).entries[as_key(f"ConfigMap/{name}")]


def needing(name: str, other: str, **data):
    return config(name, notes={"example.org/depends-on": f"ConfigMap/{other}"}, **data)


# -- health --------------------------------------------------------------------------------------------------------------


def test_a_pass_that_would_wait_for_health_ends_at_once_and_says_when_to_come_back():
    world = world_of(Slow({"a": 10.0}))
    world.declare(config("a"))
    result = world.reconcile()
    assert (result.status, result.requeue_after, world.clock.slept) == (PassStatus.PENDING, 1.0, [])
    outcome = result["ConfigMap/a"]
    assert (outcome.status, outcome.reason, outcome.health.status) == ("pending", "Progressing: starting", "Progressing")
    (awaited,) = result.awaited
    assert (awaited.key.name, awaited.reason) == ("a", "Progressing: starting")
    assert awaited.until == awaited.since + world.options.health_timeout


def test_dependents_stay_back_in_the_next_passes_too_until_what_they_need_has_settled():
    target = Slow({"a": 10.0})
    world = world_of(target)
    world.declare(config("a"), needing("b", "a"), needing("c", "b"))
    for _ in range(10):
        result = world.reconcile()
        assert target.log == ["create a"]
        assert result.status is PassStatus.PENDING
        assert {result["ConfigMap/b"].status, result["ConfigMap/c"].status} == {OutcomeStatus.SKIPPED}
        world.clock.advance(result.requeue_after)
    assert "needs" in result["ConfigMap/b"].reason
    assert world.reconcile().status is PassStatus.CHANGED
    assert target.log == ["create a", "create b", "create c"]
    assert world.clock.monotonic() == 10.0


def test_what_does_not_need_it_goes_on():
    target = Slow({"a": 10.0})
    world = world_of(target)
    world.declare(config("a"), config("z"))
    result = world.reconcile()
    assert result["ConfigMap/z"].status is OutcomeStatus.DONE


def test_a_later_wave_waits_for_an_earlier_one_over_the_passes():
    target = Slow({"a": 3.0})
    world = world_of(target)
    world.declare(config("a", notes={"example.org/wave": "0"}), config("b", notes={"example.org/wave": "1"}))
    assert drive(world) == ["pending"] * 3 + ["changed"]
    assert (target.log, world.clock.monotonic()) == (["create a", "create b"], 3.0)


def test_an_update_waits_for_what_it_needs_and_so_does_what_needs_that():
    target = Slow({})
    world = world_of(target)
    world.declare(config("a"), needing("b", "a"), needing("c", "b"))
    drive(world)
    target.seconds, target.log = {"a": 3.0}, []
    world.declare(config("a", x="2"), needing("b", "a", x="2"), needing("c", "b", x="2"))
    assert drive(world) == ["pending"] * 3 + ["changed"]
    assert target.log == ["update a", "update b", "update c"]


def test_deletes_wait_while_what_was_written_has_time_to_become_what_it_should_be():
    target = Slow({"new": 5.0})
    world = world_of(target)
    world.declare(config("old"))
    drive(world)
    target.log = []
    world.declare(config("new"))
    world.undeclare("ConfigMap/old")
    result = world.reconcile()
    assert result["ConfigMap/old"].status is OutcomeStatus.SKIPPED
    world.clock.advance(1.0)
    result = world.reconcile()
    assert result["ConfigMap/old"].status is OutcomeStatus.DEFERRED
    assert "put off: ConfigMap/new is not done" in result["ConfigMap/old"].reason
    drive(world)
    assert target.log == ["create new", "delete old"]


def test_what_never_settles_is_looked_at_less_often_when_its_time_is_up_and_its_dependents_still_wait():
    target = Slow({"a": 1e9})
    world = world_of(target, health_timeout=20.0)
    world.declare(config("a"), needing("b", "a"))
    times = []
    for _ in range(25):
        result = world.reconcile()
        times.append(result.requeue_after)
        world.clock.advance(result.requeue_after)
    assert times == [1.0] * 20 + [30.0] * 5
    assert result.status is PassStatus.PENDING
    assert target.log == ["create a"]
    (awaited,) = result.awaited
    assert awaited.until < world.clock.now()


def test_what_has_failed_for_good_is_not_looked_at_every_second():
    class Sick(MemoryTarget):
        def health(self, live):
            return Health(settled=False, status=HealthStatus.DEGRADED, message="no backend", failed=True)

    world = world_of(Sick())
    world.declare(config("a"), needing("b", "a"))
    assert world.reconcile()["ConfigMap/a"].status is OutcomeStatus.UNSETTLED
    result = world.reconcile()
    assert (result.status, result.requeue_after) == (PassStatus.PENDING, 30.0)
    assert [a.reason for a in result.awaited] == ["Degraded: no backend"]


@pytest.mark.parametrize("waits", [True, False])
def test_a_newer_declaration_of_what_has_not_settled_is_applied_at_once(waits):
    """It is there as it was written; nobody waits for that any more."""
    target = Slow({"a": 1e9})
    world = world_of(target, health_timeout=5.0)
    world.waits = waits
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.declare(config("a", color="red"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    world.reconcile()
    assert [entry for entry in target.log if entry.endswith("a")] == ["create a", "update a", "delete a"]


def test_where_the_declaration_says_not_to_wait_nothing_waits():
    target = Slow({"a": 1e9})
    world = world_of(target)
    world.declare(config("a", notes={"example.org/wait": "false"}), needing("b", "a"))
    assert world.reconcile()["ConfigMap/b"].status is OutcomeStatus.DONE
    world.declare(config("a", notes={"example.org/wait": "false"}), config("c", notes={"example.org/depends-on": "ConfigMap/a"}))
    assert world.reconcile()["ConfigMap/c"].status is OutcomeStatus.DONE


def test_what_an_unsettled_workload_refers_to_is_repaired():
    target = Slow({"web": 1e9})
    world = world_of(target)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "x"},
        "spec": {"containers": [], "volumes": [{"configMap": {"name": "settings"}}]},
    }
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "x"},
        "data": {"color": "red"},
    }
    world.declare(pod, settings)
    world.reconcile()
    target.edit("ConfigMap/x/settings", {"data": {"color": "blue"}})
    target.log = []
    world.clock.advance(1.0)
    world.reconcile()
    assert target.log == ["update settings"]


# -- APIs that are eventually consistent ---------------------------------------------------------------------------------


def test_what_does_not_show_up_yet_is_not_created_again():
    target = Late(5.0)
    world = world_of(target)
    world.declare(config("a"), needing("b", "a"))
    result = world.reconcile()
    assert (result.status, result["ConfigMap/a"].status) == (PassStatus.PENDING, OutcomeStatus.PENDING)
    world.clock.advance(1.0)
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    assert "it was written, and the target does not show it" in result["ConfigMap/a"].reason
    assert result["ConfigMap/b"].status is OutcomeStatus.SKIPPED
    drive(world)
    assert target.log == ["create a", "create b"]
    assert entry_of(world, "a").state is EntryState.APPLIED
    assert (entry_of(world, "a").written_at, entry_of(world, "a").written) == (0.0, "")


def test_an_update_that_does_not_show_up_yet_is_not_repeated_and_holds_its_dependents():
    target = Late(0.0)
    world = world_of(target)
    world.declare(config("a"))
    drive(world)
    target.lag, target.log = 5.0, []
    world.declare(config("a", color="red"), needing("b", "a"))
    drive(world)
    assert target.log == ["update a", "create b"]
    assert target.objects[as_key("ConfigMap/a")]["data"] == {"color": "red"}


def test_a_newer_declaration_supersedes_an_update_that_has_not_shown_up():
    target = Late(0.0)
    world = world_of(target)
    world.declare(config("a"))
    drive(world)
    target.lag, target.log = 5.0, []
    world.declare(config("a", color="red"))
    world.reconcile()
    world.declare(config("a", color="green"))
    world.reconcile()
    assert target.log == ["update a", "update a"]


def test_a_delete_that_does_not_show_yet_is_not_repeated():
    target = Late(0.0)
    world = world_of(target)
    world.declare(config("a"), config("b"))
    drive(world)
    target.lag, target.log = 5.0, []
    world.undeclare("ConfigMap/a")
    assert drive(world)[0] is PassStatus.PENDING
    assert target.log == ["delete a"]
    assert as_key("ConfigMap/a") not in world.store.inventory(world.app.id).entries


def test_what_is_declared_again_while_its_delete_does_not_show_yet_is_created_when_it_is_gone():
    target = Late(0.0)
    world = world_of(target)
    world.declare(config("a"), config("b"))
    drive(world)
    target.lag, target.log = 5.0, []
    world.undeclare("ConfigMap/a")
    world.reconcile()
    world.declare(config("a"))
    result = world.reconcile()
    assert (result.status, result["ConfigMap/a"].status) == (PassStatus.PENDING, OutcomeStatus.DEFERRED)
    drive(world)
    assert target.log == ["delete a", "create a"]


def test_what_was_deleted_and_is_still_there_when_its_time_is_up_is_taken_up_again():
    target = Late(0.0)
    world = world_of(target)
    world.declare(config("a"), config("b"))
    drive(world)
    target.lag = 1e9
    world.undeclare("ConfigMap/a")
    world.reconcile()
    world.clock.advance(11.0)
    world.declare(config("a"))
    assert world.reconcile().ok


def test_what_is_no_longer_declared_before_it_shows_up_is_not_forgotten():
    target = Late(5.0)
    world = world_of(target)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    drive(world)
    target.lag = 0.0
    drive(world)
    assert [key.name for key in target.objects] == ["b"]
    assert target.log == ["create a", "create b", "delete a"]


@pytest.mark.parametrize("waits", [True, False])
def test_what_does_not_show_up_in_time_is_unverified_and_written_again_at_the_interval(waits):
    """The deadline counts from the write, over as many passes as it takes."""
    target = Late(1e9)
    world = world_of(target)
    world.waits = waits
    world.declare(config("a"))
    seen = []
    while "unverified" not in seen:
        result = world.reconcile()
        seen.append(str(result["ConfigMap/a"].status))
        at, pause = world.clock.monotonic(), result.requeue_after
        world.clock.advance(pause)
    assert (target.log, at, pause, result.status) == (["create a"], 10.0, 180.0, PassStatus.DEGRADED)
    target.remove("ConfigMap/a")  # the API has lost it
    world.reconcile()
    assert target.log == ["create a", "create a"]


def test_a_replacement_goes_on_when_the_old_object_is_gone():
    class Fixed(Late):
        def __init__(self):
            super().__init__(3.0)

        update = MemoryTarget.__mro__[1].update  # absent: a difference is a replacement

    target = Fixed()
    world = world_of(target)
    world.declare(config("a"))
    drive(world)
    target.log = []
    world.declare(config("a", color="red"))
    assert drive(world)[0] is PassStatus.PENDING
    assert target.log == ["delete a", "create a"]
    assert target.objects[as_key("ConfigMap/a")]["data"] == {"color": "red"}


def test_finalizers_are_waited_for_without_standing_by():
    class Held(Slow):
        leaving = None

        def delete(self, ctx, change):
            self.log.append(f"delete {change.key.name}")
            self.leaving = ctx.clock.monotonic()

        def observe(self, ctx, query):
            if self.leaving is not None and ctx.clock.monotonic() - self.leaving >= 40.0:
                self.remove("ConfigMap/a")
                self.leaving = None
            for live in super().observe(ctx, query):
                deleting = self.leaving is not None and live.key.name == "a"
                yield Live(live.key, live.body, id=live.id, version=live.version, owner=live.owner, deleting=deleting)

    target = Held({})
    world = world_of(target)
    world.declare(config("a"), config("b"))
    drive(world)
    target.log = []
    world.undeclare("ConfigMap/a")
    assert set(drive(world)[:-1]) == {PassStatus.PENDING}
    assert (target.log, world.clock.slept) == (["delete a"], [])
    assert list(world.store.inventory(world.app.id).entries) == [as_key("ConfigMap/b")]


# -- accepted operations -------------------------------------------------------------------------------------------------


class Accepting(Slow):
    """Accepts what it is told, and is done some seconds later; asked by the token of the operation, where it can be asked."""

    def __init__(self, seconds: float) -> None:
        super().__init__({})
        self.takes, self.begun, self.polls = seconds, {}, []

    def _accept(self, ctx, change, do):
        token = f"op-{len(self.begun)}"
        self.begun[token] = (ctx.clock.monotonic(), do)
        return Pending(token, retry_after=4.0)

    def create(self, ctx, change):
        self.log.append(f"create {change.key.name}")
        self.clock = ctx.clock
        self.written[change.key] = 0.0
        return self._accept(ctx, change, lambda ctx: MemoryTarget.create(self, ctx, change))

    def poll(self, ctx, pending):
        self.polls.append(ctx.clock.monotonic())
        at, do = self.begun[pending.token]
        if ctx.clock.monotonic() - at < self.takes:
            return Pending(pending.token, retry_after=4.0, message="provisioning")
        if do is not None:
            do(ctx)
            self.begun[pending.token] = (at, None)
        return None


def test_an_accepted_operation_is_asked_about_when_the_api_said_to_and_never_begun_twice():
    target = Accepting(10.0)
    world = world_of(target)
    world.declare(config("a"), needing("b", "a"))
    result = world.reconcile()
    assert (result.status, result.requeue_after, result.awaited[0].retry_after) == (PassStatus.PENDING, 4.0, 4.0)
    world.clock.advance(4.0)
    result = world.reconcile()
    world.clock.advance(4.0)
    assert (result.requeue_after, result["ConfigMap/a"].status) == (4.0, OutcomeStatus.DEFERRED)
    assert result["ConfigMap/b"].status is OutcomeStatus.SKIPPED
    drive(world)
    assert target.log == ["create a", "create b"]
    assert target.polls[:3] == [4.0, 8.0, 12.0]
    assert world.store.inventory(world.app.id).intents == {}


def test_an_operation_that_nobody_can_be_asked_about_is_waited_for_as_long_as_health():
    class Silent(Accepting):
        poll = MemoryTarget.__mro__[1].poll

        def observe(self, ctx, query):
            for at, do in self.begun.values():
                if ctx.clock.monotonic() - at >= self.takes:
                    do(ctx)
            self.begun = {t: (at, do) for t, (at, do) in self.begun.items() if ctx.clock.monotonic() - at < self.takes}
            yield from super().observe(ctx, query)

    target = Silent(50.0)
    world = world_of(target)
    world.declare(config("a"))
    drive(world)
    assert target.log == ["create a"]
    assert world.store.inventory(world.app.id).intents == {}


# -- back-off ------------------------------------------------------------------------------------------------------------


class Refusing(Slow):
    """Raises what it was given, one error a write."""

    def __init__(self, *errors) -> None:
        super().__init__({})
        self.errors = list(errors)

    def create(self, ctx, change):
        if self.errors:
            raise self.errors.pop(0)
        return super().create(ctx, change)


def test_a_long_back_off_is_given_back_and_a_short_one_is_not():
    world = world_of(Refusing(Transient("down", retry_after=0.5), Transient("down", retry_after=20.0)))
    world.declare(config("a"))
    result = world.reconcile()
    assert (result.status, result.requeue_after) == (PassStatus.DEGRADED, 20.0)
    assert result["ConfigMap/a"].failure.retry_after == 20.0
    assert sum(world.clock.slept) < 1.0
    world.clock.advance(20.0)
    assert world.reconcile().ok


def test_a_target_that_asks_for_a_pause_gets_it_and_no_worker_stands_by():
    target = Refusing(Throttled("slow down", retry_after=60.0))
    world = world_of(target, workers=1)
    world.declare(*(config(name) for name in "abc"))
    result = world.reconcile()
    assert world.clock.slept == []
    assert [result[f"ConfigMap/{n}"].status for n in "abc"] == ["failed", "skipped", "skipped"]
    assert result.requeue_after == 60.0
    assert [e.key.name for e in world.store.inventory(world.app.id).entries.values()] == ["a"]
    world.clock.advance(30.0)
    result = world.reconcile()  # too early: the target is not called
    assert (result.status, result.requeue_after, target.log) == (PassStatus.DEGRADED, 30.0, [])
    world.clock.advance(30.0)
    assert world.reconcile().ok


def test_a_rate_that_is_slower_than_a_moment_is_given_back_too():
    class Rare(Slow):
        limits = Limits(rate=0.1, concurrency=1)

    target = Rare({})
    world = world_of(target)
    world.declare(config("a"), config("b"))
    drive(world)
    assert (target.log, world.clock.slept) == (["create a", "create b"], [])


def test_an_application_that_another_engine_holds_is_left_at_once():
    world = world_of(Slow({}))
    world.declare(config("a"))
    with world.store.exclusive(world.app.id, 0.0):
        result = world.reconcile()
    assert (result.status, result.failures[0].error, result.requeue_after) == ("failed", StateLocked.__name__, 1.0)
    assert world.clock.slept == []
    assert world.reconcile().ok


# -- many ----------------------------------------------------------------------------------------------------------------


def test_two_hundred_waits_of_ten_seconds_take_one_thread_ten_seconds_in_all():
    clock = World().clock
    worlds = [World(target=Slow({"a": 10.0}), guard=OPEN, waits=False, clock=clock, name=f"app-{i}") for i in range(200)]
    for world in worlds:
        world.declare(config("a"), needing("b", "a"))
    due = dict.fromkeys(range(200), 0.0)
    while due:
        clock.advance(max(0.0, min(due.values()) - clock.monotonic()))
        for i in [i for i, at in due.items() if at <= clock.monotonic()]:
            result = worlds[i].reconcile()
            del due[i]
            if not result.ok:
                due[i] = clock.monotonic() + result.requeue_after
    assert clock.monotonic() == 10.0
    assert all(world.target.log == ["create a", "create b"] for world in worlds)
