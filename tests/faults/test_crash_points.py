"""
Cut a pass at every call that leaves the process, before and after it, then start anew: nothing is lost, nothing is doubled.

Promises 1 and 3 of the design. The points are enumerated, not drawn: a pass that makes one call more gets two cuts more.
"""

from __future__ import annotations

import itertools

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_core.interfaces import Identity
from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Guard
from gitops_core.model.inventory import EntryState
from gitops_core.model.resources import Pending, ResourceKey
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World, config

OPEN = Guard(delete_floor=100, delete_fraction=1.0, delete_cap=100, touched_fraction=1.0)


class Crash(BaseException):
    """The process dies here."""


@attrs.define
class Cut:
    """Counts the calls that leave the process and dies at the chosen one."""

    at: int = 0
    after: bool = False
    seen: int = 0
    armed: bool = False

    def through(self, run):
        if not self.armed:
            return run()
        self.seen += 1
        mine = self.seen
        if mine == self.at and not self.after:
            raise Crash
        answer = run()
        if mine == self.at:
            raise Crash
        return answer


class Target(MemoryTarget):
    """Dies as told; remembers which objects the engine made."""

    def __init__(self, cut: Cut, **options) -> None:
        super().__init__("world", **options)
        self.cut = cut
        self.made: set = set()

    def observe(self, ctx, query):
        return self.cut.through(lambda: list(MemoryTarget.observe(self, ctx, query)))

    def create(self, ctx, change):
        def run():
            live = MemoryTarget.create(self, ctx, change)
            self.made.add(change.key)
            return live

        return self.cut.through(run)

    def update(self, ctx, change):
        return self.cut.through(lambda: MemoryTarget.update(self, ctx, change))

    def delete(self, ctx, change):
        def run():
            MemoryTarget.delete(self, ctx, change)
            self.made.discard(change.key)

        return self.cut.through(run)


class AssigningTarget(Target):
    """Invents ids, honours idempotency keys, and takes its time."""

    identity = Identity.ASSIGNED

    def __init__(self, cut: Cut, **options) -> None:
        super().__init__(cut, **options)
        self.accepted: dict = {}
        self.begun: list = []

    def create(self, ctx, change):
        return self.cut.through(lambda: self._accept(change))

    def _accept(self, change):
        if change.idempotency_key not in self.accepted:
            self.accepted[change.idempotency_key] = change
            self.begun.append(change.key)
        return Pending(change.idempotency_key, retry_after=1.0)

    def poll(self, ctx, pending):
        def run():
            change = self.accepted[pending.token]
            if change is None:
                return None
            live = MemoryTarget.create(self, ctx, change)
            self.accepted[pending.token] = None
            self.made.add(change.key)
            return live

        return self.cut.through(run)


class Store(MemoryStore):
    def __init__(self, cut: Cut) -> None:
        super().__init__()
        self.cut = cut

    def update_inventory(self, application, update, *, serial):
        return self.cut.through(lambda: MemoryStore.update_inventory(self, application, update, serial=serial))

    def append_journal(self, application, records):
        return self.cut.through(lambda: MemoryStore.append_journal(self, application, records))

    def record_pass(self, application, record, *, keep):
        return self.cut.through(lambda: MemoryStore.record_pass(self, application, record, keep=keep))


def make_world(kind, cut: Cut) -> World:
    fields = Fields(immutable={"/data/zone"})
    target = kind(cut, fields=fields, objects=[config("stranger"), config("adopted", color="grey")])
    world = World(target=target, store=Store(cut), guard=OPEN, options=Options(memo_age=1e9))
    world.declare(config("kept", color="blue"), config("edited", color="red"), config("moved", zone="1"), config("gone"))
    assert world.reconcile().ok
    world.declare(config("edited", color="green"), config("moved", zone="2"), config("adopted", color="blue"))
    world.declare(config("new"), config("newer", notes={"example.org/depends-on": "ConfigMap/new"}))
    world.undeclare("ConfigMap/gone")
    return world


def check_nothing_is_lost(world: World) -> None:
    """Promise 1: the inventory has every object that we made and did not delete."""
    entries = world.store.inventory(world.app.id).entries
    owned = {key for key, entry in entries.items() if entry.state is not EntryState.CLAIMED}
    assert world.target.made <= owned


def check_nothing_is_doubled(world: World) -> None:
    """An API that invents ids began one operation for each object, and a second one for the one that was replaced."""
    begun = getattr(world.target, "begun", [])
    twice = {key.name for key in begun if begun.count(key) > 1}
    assert twice <= {"moved"}
    assert begun.count(ResourceKey("", "ConfigMap", "", "moved")) <= 2


def drive(world: World) -> tuple:
    """Run until there is nothing left to do, and return what is there then."""
    for _ in range(6):
        if world.reconcile().status == "in-sync":
            break
    else:
        pytest.fail(f"it did not converge: {world.reconcile().text()}")
    inventory = world.store.inventory(world.app.id)
    check_nothing_is_lost(world)
    check_nothing_is_doubled(world)
    objects = {str(key): body for key, body in world.target.objects.items()}
    entries = {(str(k), e.state, e.desired, bool(e.id), e.declared, e.adopted) for k, e in inventory.entries.items()}
    return objects, entries, dict(inventory.intents)


def uncut(kind) -> tuple[tuple, int]:
    cut = Cut()
    world = make_world(kind, cut)
    cut.armed = True
    end = drive(world)
    return end, cut.seen


KINDS = [Target, AssigningTarget]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_promises_1_and_3_a_crash_at_any_call_loses_nothing_and_the_next_runs_end_where_an_uncut_run_ends(kind, after):
    end, points = uncut(kind)
    assert points >= 10
    for at in range(1, points + 1):
        cut = Cut(at=at, after=after)
        world = make_world(kind, cut)
        cut.armed = True
        with pytest.raises(Crash):
            drive(world)
        cut.armed = False
        check_nothing_is_lost(world)
        world.seed = at
        found = drive(World(**{f.name: getattr(world, f.name) for f in attrs.fields(World) if f.init}))
        assert found == end, f"cut {'after' if after else 'before'} call {at} of {points}"
    cut = "after" if after else "before"
    print(f"\n{kind.__name__}: {points} points cut {cut} the call, all ended alike")  # noqa: T201  # why: the counts are wanted


@pytest.mark.parametrize("kind", KINDS)
@given(cuts=st.lists(st.tuples(st.integers(1, 25), st.booleans()), min_size=2, max_size=4))
def test_promise_3_several_crashes_in_a_row_end_there_too(kind, cuts):
    end, _ = uncut(kind)
    cut = Cut()
    world = make_world(kind, cut)
    for at, after in cuts:
        cut.at, cut.after, cut.seen, cut.armed = at, after, 0, True
        try:
            drive(world)
        except Crash:
            check_nothing_is_lost(world)
    cut.armed = False
    assert drive(world) == end


def test_the_points_are_those_of_a_whole_pass():
    """Both halves of the replace, the write-ahead, and the records are among them."""
    counts = [uncut(kind)[1] for kind in KINDS]
    assert all(b >= a for a, b in itertools.pairwise(counts))
