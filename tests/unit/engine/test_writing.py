"""One change, one call: batches, half-made objects, refused replacements, and what is put back."""

from __future__ import annotations

import pytest

from gitops_core.errors import AlreadyExists, Conflict, Denied, Invalid, NotFound, Partial, Transient
from gitops_core.interfaces import Identity, Limits
from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Guard
from gitops_core.model.plans import Action
from gitops_core.model.resources import Pending, ResourceKey
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.targets.router import Route, RouterTarget
from gitops_core.testing.worlds import World, config

OPEN = Guard(delete_floor=100, delete_fraction=1.0, delete_cap=100, touched_fraction=1.0, allow_empty=True)


class Batching(MemoryTarget):
    """Takes many changes in one call."""

    limits = Limits(concurrency=1)
    batches: tuple = ()
    faults: dict = {}  # noqa: RUF012  # why: replaced by tests, never changed

    def apply_batch(self, ctx, changes):
        self.batches = (*self.batches, tuple(c.key.name for c in changes))
        for change in changes:
            fault = self.faults.get(change.key.name)
            if fault is not None:
                yield fault
                continue
            call = {Action.CREATE: self.create, Action.UPDATE: self.update, Action.DELETE: self.delete}[change.action]
            yield call(ctx, change)


def test_many_changes_go_in_one_call_to_a_target_that_takes_batches():
    world = World(target=Batching(), options=Options(workers=1))
    world.declare(*(config(f"c{i:02}") for i in range(40)))
    result = world.reconcile()
    assert result.ok
    assert len(world.target.objects) == 40
    assert max(map(len, world.target.batches)) > 5
    assert result.cost.writes < 40


def test_one_answer_of_a_batch_may_be_an_error():
    world = World(target=Batching(), options=Options(workers=1))
    world.target.faults = {"c3": Denied("not this one"), "c4": ValueError("what?"), "c5": Partial("half", live=None)}
    world.declare(*(config(f"c{i}") for i in range(30)))
    result = world.reconcile()
    failed = {o.key.name: o.failure.error for o in result.outcomes if o.failure}
    assert failed == {"c3": "Denied", "c4": "PluginError", "c5": "Partial"}
    assert len(world.target.objects) == 27


def test_a_batch_with_too_few_answers_is_the_plugins_fault():
    class Lazy(Batching):
        def apply_batch(self, ctx, changes):
            return []

    world = World(target=Lazy(), options=Options(workers=1))
    world.declare(*(config(f"c{i}") for i in range(30)))
    result = world.reconcile()
    assert any("gave 0 answers" in o.reason for o in result.outcomes)
    assert result.status is PassStatus.DEGRADED


def test_a_batch_that_fails_as_a_whole_fails_each_of_its_changes():
    class Down(Batching):
        def apply_batch(self, ctx, changes):
            raise Denied("no batches today")

    world = World(target=Down(), options=Options(workers=1))
    world.declare(*(config(f"c{i}") for i in range(30)))
    assert sum(o.status is OutcomeStatus.FAILED for o in world.reconcile().outcomes) > 5


def test_deleting_what_is_gone_succeeds_in_a_batch_too():
    world = World(target=Batching(), options=Options(workers=1), guard=OPEN)
    world.declare(*(config(f"c{i:02}") for i in range(40)), config("kept", kind="Secret"))
    world.reconcile()
    gone = {f"c{i:02}" for i in range(40)}

    def vanish(ctx, changes):
        for change in changes:
            world.target.remove(change.key)
            yield NotFound("gone")

    world.target.apply_batch = vanish
    type(world.target).apply_batch  # noqa: B018  # why: it stays overridden, so batches go on
    world.undeclare(*(f"ConfigMap/{name}" for name in sorted(gone)))
    assert world.reconcile().ok
    assert {k.name for k in world.target.objects} == {"kept"}


def test_an_object_that_appeared_in_the_meantime_is_not_ours():
    class Race(MemoryTarget):
        def create(self, ctx, change):
            raise AlreadyExists("somebody was faster")

    world = World(target=Race())
    world.declare(config("a"))
    result = world.reconcile()
    assert (result["ConfigMap/a"].status, result.status) == (OutcomeStatus.STALE, PassStatus.STALE)
    assert world.store.inventory(world.app.id).entries == {}


def test_a_conflict_is_stale_and_tried_again_soon():
    class Busy(MemoryTarget):
        def update(self, ctx, change):
            raise Conflict("version 7 is not version 8")

    world = World(target=Busy())
    world.declare(config("a", color="red"))
    world.reconcile()
    world.declare(config("a", color="blue"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.STALE
    assert result.requeue_after == world.options.backoff_cap


def test_a_half_made_object_is_ours_and_is_repaired_not_doubled():
    class HalfMade(MemoryTarget):
        identity = Identity.ASSIGNED
        broken = True

        def create(self, ctx, change):
            live = super().create(ctx, change)
            if self.broken:
                self.broken = False
                self.edit(change.key, {"data": {"color": "half"}})
                raise Partial("the color could not be set", live)
            return live

    world = World(target=HalfMade())
    world.declare(config("a", color="blue"))
    first = world.reconcile()
    assert first["ConfigMap/a"].failure.error == "Partial"
    entry = world.store.inventory(world.app.id).entries[ResourceKey("", "ConfigMap", "", "a")]
    assert entry.id
    assert world.reconcile()["ConfigMap/a"].action is Action.UPDATE
    assert world.target.calls["create"] == 1


class NoWayBack(MemoryTarget):
    """Refuses the new object, and then the old one, too."""

    preview = MemoryTarget.__mro__[1].preview  # Target's own: not overridden
    refuse = False

    def create(self, ctx, change):
        if self.refuse:
            raise Invalid("quota")
        return super().create(ctx, change)


def test_when_the_old_object_cannot_be_put_back_the_outcome_says_so():
    world = World(target=NoWayBack(fields=Fields(immutable={"/data/zone"})), guard=OPEN)
    world.declare(config("a", zone="1"), config("b"))
    world.reconcile()
    world.target.refuse = True
    world.declare(config("a", zone="2"))
    outcome = world.reconcile()["ConfigMap/a"]
    assert outcome.status is OutcomeStatus.FAILED
    assert "putting the old one back failed" in outcome.reason
    world.target.refuse = False
    assert world.reconcile()["ConfigMap/a"].action is Action.CREATE


class SlowDelete(MemoryTarget):
    """Accepts deletes and carries them out later."""

    left = 2

    def delete(self, ctx, change):
        self.going = change
        return Pending("token", retry_after=1.0)

    def poll(self, ctx, pending):
        if self.left:
            self.left -= 1
            return pending
        MemoryTarget.delete(self, ctx, self.going)
        return None


def test_a_replacement_is_made_when_the_old_object_is_really_gone():
    world = World(target=SlowDelete(fields=Fields(immutable={"/data/zone"})), guard=OPEN)
    world.declare(config("a", zone="1"), config("b"))
    world.reconcile()
    world.declare(config("a", zone="2"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DONE
    assert world.target.objects[ResourceKey("", "ConfigMap", "", "a")]["data"] == {"zone": "2"}


def test_a_delete_that_is_not_finished_in_time_is_pending_and_stays_in_the_inventory():
    class Finalizing(MemoryTarget):
        def delete(self, ctx, change):
            self.finalizing = True

        finalizing = False

        def observe(self, ctx, query):
            import attrs

            for live in super().observe(ctx, query):
                yield attrs.evolve(live, body=live.body, deleting=self.finalizing and live.key.name == "a")

    world = World(target=Finalizing(), guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    outcome = world.reconcile()["ConfigMap/a"]
    assert (outcome.status, "finalizers" in outcome.reason) == (OutcomeStatus.PENDING, True)
    assert ResourceKey("", "ConfigMap", "", "a") in world.store.inventory(world.app.id).entries


@pytest.mark.parametrize("error", [Transient("gone away"), Invalid("bad token")])
def test_an_operation_that_cannot_be_asked_about_fails_its_object_only(error):
    class Deaf(MemoryTarget):
        def create(self, ctx, change):
            return Pending("t") if change.key.name == "a" else super().create(ctx, change)

        def poll(self, ctx, pending):
            raise error

    world = World(target=Deaf(), options=Options(attempts=2))
    world.declare(config("a"), config("b"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.FAILED
    assert result["ConfigMap/b"].status is OutcomeStatus.DONE
    again = world.reconcile()["ConfigMap/a"]
    assert again.status is OutcomeStatus.DEFERRED
    assert error.message in again.reason


def test_without_poll_a_pending_object_is_found_by_looking():
    class Later(MemoryTarget):
        looks = 0

        def create(self, ctx, change):
            self.late = change
            return Pending("t", retry_after=2.0)

        def observe(self, ctx, query):
            self.looks += 1
            if self.looks == 4:
                MemoryTarget.create(self, ctx, self.late)
            yield from super().observe(ctx, query)

    world = World(target=Later())
    world.declare(config("a"))
    assert world.reconcile()["ConfigMap/a"].status is OutcomeStatus.DONE


def test_an_eventually_consistent_target_is_given_time_to_show_what_was_written():
    class Lagging(MemoryTarget):
        looks = 0

        def observe(self, ctx, query):
            self.looks += 1
            if self.looks in (2, 3, 4):
                return
            yield from super().observe(ctx, query)

    world = World(target=Lagging())
    world.declare(config("a"))
    assert world.reconcile()["ConfigMap/a"].status is OutcomeStatus.DONE


def test_a_batch_holds_changes_of_one_member_only():
    """A router's members take their own objects, however the changes are mixed."""
    one, two = Batching("one"), MemoryTarget("two")
    world = World(target=RouterTarget([Route(one, kinds={"A"}), Route(two, kinds={"B"})]), options=Options(workers=1))
    world.declare(*(config(f"c{i:02}", kind="AB"[i % 2]) for i in range(40)))
    assert world.reconcile().ok
    assert {k.kind for k in one.objects} == {"A"}
    assert {k.kind for k in two.objects} == {"B"}
    assert max(map(len, one.batches)) > 1
