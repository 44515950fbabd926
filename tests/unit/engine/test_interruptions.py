"""What a pass does when it is cut short or its surroundings break: nothing is lost, nothing is half done, nothing hangs."""

from __future__ import annotations

import json
import threading
import time

import attrs
import pytest

from gitops_core import reconcile
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import Invalid, NotFound, StateUnavailable, Transient
from gitops_core.interfaces import Limits, Policy
from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Guard
from gitops_core.model.plans import Plan
from gitops_core.model.resources import Live, Pending
from gitops_core.model.results import PassStatus
from gitops_core.model.verdicts import Violation
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import JsonRenderer, World, config

OPEN = Guard(delete_floor=1000, delete_fraction=1.0, delete_cap=1000, touched_fraction=1.0)


def names(world: World) -> list[str]:
    return sorted(key.name for key in world.target.objects)


# -- the store ------------------------------------------------------------------------------------------------------------


class FullStore(MemoryStore):
    """Refuses every write from the chosen one on."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 10**9

    def _spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise StateUnavailable("disk full")

    def update_inventory(self, application, update, *, serial):
        self._spend()
        return super().update_inventory(application, update, serial=serial)

    def append_journal(self, application, records):
        self._spend()
        super().append_journal(application, records)

    def record_pass(self, application, record, *, keep):
        self._spend()
        super().record_pass(application, record, keep=keep)


@pytest.mark.parametrize("left", range(1, 7))
def test_a_store_that_fills_up_in_the_middle_loses_no_outcome_and_the_next_pass_converges(left):
    world = World(store=FullStore(), options=Options(workers=1))
    world.declare(config("a"), config("b", notes={"example.org/depends-on": "ConfigMap/a"}))
    world.store.left = left
    result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.FAILED, "StateUnavailable")
    assert result.requeue_after == world.options.backoff_cap
    assert [outcome.key.name for outcome in result.outcomes] == ["a", "b"]
    written = {outcome.key.name for outcome in result.outcomes if outcome.status in ("done", "pending")}
    assert set(names(world)) == written
    world.store.left = 10**9
    assert world.reconcile().ok
    assert names(world) == ["a", "b"]


@pytest.mark.slow
def test_when_the_store_fails_nothing_new_is_begun_with_real_threads():
    store = FullStore()
    world = World(store=store, options=Options(workers=2))

    class Slow(MemoryTarget):
        def create(self, ctx, change):
            time.sleep(0.01)
            return MemoryTarget.create(self, ctx, change)

    world.target = Slow()
    world.declare(*(config(f"c{i}") for i in range(200)))
    store.left = 2
    result = reconcile(world.app, store=store, runtime=Runtime())
    assert result.status is PassStatus.FAILED
    assert len(world.target.objects) < 100
    assert {o.status.value for o in result.outcomes} <= {"done", "pending", "skipped"}
    store.left = 10**9
    assert world.reconcile().ok
    assert len(world.target.objects) == 200


def test_a_history_that_cannot_be_written_leaves_the_outcomes_in_the_result():
    world = World()
    world.declare(config("a"))

    def full(*_args, **_facts):
        raise StateUnavailable("disk full")

    world.store.record_pass = full
    result = world.reconcile()
    assert (result.status, result["ConfigMap/a"].status) == (PassStatus.FAILED, "done")


def test_a_memo_that_cannot_be_kept_is_a_notice():
    class Remembering(JsonRenderer):
        def render(self, ctx, tree):
            ctx.memo.get("space", "key")
            ctx.memo.put("space", "key", b"value")
            yield from super().render(ctx, tree)

    def full(*_args, **_facts):
        raise StateUnavailable("disk full")

    world = World(renderer=Remembering())
    world.store.get_memo = world.store.put_memo = full
    world.declare(config("a"))
    result = world.reconcile()
    assert result.ok
    assert [notice.code for notice in result.notices] == ["memo-unavailable", "memo-unavailable"]


# -- interrupts -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_interrupt_begins_nothing_more_and_keeps_what_came_back():
    """Control-C in the pass's own thread, with hundreds of changes queued."""

    class Sink:
        def emit(self, event):
            if event.type == "change-finished":
                raise KeyboardInterrupt

    class Slow(MemoryTarget):
        limits = Limits(concurrency=2)

        def create(self, ctx, change):
            time.sleep(0.005)
            return MemoryTarget.create(self, ctx, change)

    world = World(target=Slow(), options=Options(workers=2))
    world.declare(*(config(f"c{i}") for i in range(400)))
    with pytest.raises(KeyboardInterrupt):
        reconcile(world.app, store=world.store, runtime=Runtime(sinks=[Sink()]))
    made = len(world.target.objects)
    assert made < 200
    entries = world.store.inventory(world.app.id).entries
    assert set(world.target.objects) <= set(entries)
    assert all(entries[key].id for key in world.target.objects)
    assert world.reconcile().ok
    assert len(world.target.objects) == 400


def test_a_replace_that_has_deleted_is_finished_although_the_host_wants_to_stop():
    class Target(MemoryTarget):
        def delete(self, ctx, change):
            MemoryTarget.delete(self, ctx, change)
            world.cancel.set()

    world = World(target=Target(fields=Fields(immutable={"/data/zone"})), guard=OPEN)
    world.declare(config("a", zone="1"))
    assert world.reconcile().ok
    world.declare(config("a", zone="2"))
    world.reconcile()
    assert names(world) == ["a"]
    world.cancel.clear()
    assert world.reconcile().ok
    assert next(iter(world.target.objects.values()))["data"] == {"zone": "2"}


def test_a_replace_whose_create_is_refused_puts_back_an_object_whose_body_is_read_late():
    class Target(MemoryTarget):
        preview = MemoryTarget.__mro__[1].preview  # this API has no dry run
        refuse = False

        def observe(self, ctx, query):
            for live in MemoryTarget.observe(self, ctx, query):
                yield attrs.evolve(live, body=lambda key=live.key: self._body(key))

        def _body(self, key):
            if key not in self.objects:
                raise NotFound("gone")
            return self.objects[key]

        def create(self, ctx, change):
            if self.refuse and change.desired["data"]["zone"] == "2":
                raise Invalid("no such zone")
            return MemoryTarget.create(self, ctx, change)

    world = World(target=Target(fields=Fields(immutable={"/data/zone"})), guard=OPEN)
    world.declare(config("a", zone="1"))
    assert world.reconcile().ok
    world.declare(config("a", zone="2"))
    world.target.refuse = True
    result = world.reconcile()
    assert "what was there before has been put back" in result["ConfigMap/a"].reason
    assert next(iter(world.target.objects.values()))["data"] == {"zone": "1"}


# -- saved plans that were tampered with -----------------------------------------------------------------------------------


def tampered(plan: Plan, change) -> Plan:
    document = json.loads(plan.to_json())
    change(document["changes"])
    return Plan.from_json(json.dumps(document))


def in_a_circle(changes):
    first, second = changes[0]["key"], changes[1]["key"]
    changes[0]["depends_on"], changes[1]["depends_on"] = [second], [first]


def on_itself(changes):
    changes[0]["depends_on"] = [changes[0]["key"]]


def twice(changes):
    changes.append(changes[0])


@pytest.mark.parametrize("how", [in_a_circle, on_itself, twice])
def test_a_tampered_plan_ends(how):
    world = World()
    world.declare(config("a"), config("b"), config("c"))
    saved = tampered(world.plan(), how)
    results = []
    thread = threading.Thread(target=lambda: results.append(world.apply(saved)), daemon=True)
    thread.start()
    thread.join(10)
    assert results, "it hangs"
    assert results[0]["ConfigMap/c"].status == "done"
    assert world.reconcile().ok


def test_applying_a_saved_plan_twice_changes_nothing_the_second_time():
    world = World()
    world.declare(config("a"), config("b"))
    saved = world.plan()
    assert world.apply(saved).ok
    calls = dict(world.target.calls)
    again = world.apply(saved)
    assert "as planned" in again["ConfigMap/a"].reason
    assert world.target.calls["create"] == calls["create"]


# -- destroy ---------------------------------------------------------------------------------------------------------------


def test_destroy_deletes_although_pruning_is_off_and_a_second_one_finds_nothing():
    world = World(options=Options(prune=False))
    world.declare(*(config(f"c{i}") for i in range(60)))
    world.reconcile()
    assert world.destroy().ok
    assert names(world) == []
    assert world.destroy().status is PassStatus.IN_SYNC


def test_destroy_asks_the_policies():
    class Keep(Policy):
        needs_plan = True

        def review(self, ctx, subject):
            for change in subject.plan.changes if subject.plan else ():
                if change.key.name == "a" and change.action == "delete":
                    yield Violation(change.key, "keep it")

    world = World(policies=(Keep(),))
    world.declare(config("a"), config("b"))
    world.reconcile()
    result = world.destroy()
    assert (result.status, names(world)) == (PassStatus.REFUSED, ["a"])


def test_destroy_tells_its_listeners_that_it_begins_and_ends():
    world = World()
    world.declare(config("a"))
    world.reconcile()
    world.sink.events.clear()
    world.destroy()
    types = [event.type.value for event in world.sink.events]
    assert (types[0], types[-1]) == ("pass-started", "pass-finished")


# -- what the result says ----------------------------------------------------------------------------------------------------


def test_a_target_that_cannot_be_read_is_a_failure_that_is_tried_again_soon():
    class Down(MemoryTarget):
        def observe(self, ctx, query):
            yield from MemoryTarget.observe(self, ctx, query)
            raise Transient("connection reset in the middle of a page")

    world = World(target=Down())
    world.declare(config("a"))
    result = world.reconcile()
    assert (result.status, result.failures[0].error) == (PassStatus.DEGRADED, "Transient")
    assert result.requeue_after == world.options.backoff_cap
    assert names(world) == []


def test_an_operation_of_an_earlier_pass_that_is_not_finished_is_pending_and_not_degraded():
    class Patient(MemoryTarget):
        def create(self, ctx, change):
            return Pending("token", retry_after=50.0)

        def poll(self, ctx, pending):
            return pending

    world = World(target=Patient(), options=Options(deadline=10.0))
    world.declare(config("a"))
    assert world.reconcile().status is PassStatus.PENDING
    assert world.reconcile().status is PassStatus.PENDING


def test_a_body_that_cannot_be_read_after_the_write_is_a_failure_with_object_and_file():
    class Odd(MemoryTarget):
        def observe(self, ctx, query):
            for live in MemoryTarget.observe(self, ctx, query):
                yield Live(live.key, {"x": object()} if live.key.name == "a" else live.body, live.id)

    world = World(target=Odd())
    world.declare(config("a"), config("b"))
    result = world.reconcile()
    (failure,) = result.failures
    assert (str(failure.key), failure.origin.path, failure.stage) == ("ConfigMap/a", "ConfigMap.a.json", "verify")
    assert result["ConfigMap/b"].status == "done"


def test_an_id_that_is_a_number_is_the_same_id_after_a_restart():
    class Numbered(MemoryTarget):
        def observe(self, ctx, query):
            for live in MemoryTarget.observe(self, ctx, query):
                yield Live(live.key, live.body, 42, 7)

        def create(self, ctx, change):
            MemoryTarget.create(self, ctx, change)

        def delete(self, ctx, change):
            assert change.live.id == "42"
            del self.objects[change.key]

    world = World(target=Numbered())
    world.declare(config("a"))
    world.reconcile()
    assert next(iter(world.store.inventory(world.app.id).entries.values())).id == "42"
    assert world.reconcile().status is PassStatus.IN_SYNC


def test_two_applications_that_share_a_target_object_keep_their_own_declarations():
    target = MemoryTarget(fields=Fields(sensitive={"/data/password"}))
    one, two = (World(target=target, name=name) for name in ("one", "two"))
    one.declare(config("a", password="hunter2"))
    two.declare(config("b", password="hunter2"))
    for world in (one, two, one, two):
        assert world.reconcile().ok
    assert one.reconcile().status is two.reconcile().status is PassStatus.IN_SYNC


def test_two_equal_declarations_are_two_for_a_target_with_rules_of_its_own():
    class TwiceRenderer(JsonRenderer):
        def render(self, ctx, tree):
            for resource in super().render(ctx, tree):
                yield resource
                yield resource

    world = World(target=MemoryTarget(fields=Fields(sensitive={"/data/x"})), renderer=TwiceRenderer())
    world.declare(config("a"))
    result = world.reconcile()
    assert [failure.error for failure in result.failures] == ["DuplicateResource"]
