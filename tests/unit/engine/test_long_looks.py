"""A look at very many objects is taken in parts: no worker waits for its end, and what cuts it short loses nothing."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from gitops_core.errors import StateUnavailable
from gitops_core.model.applications import Options
from gitops_core.model.fields import Fields
from gitops_core.model.inventory import EntryState
from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.resources import Pending
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import OPEN, World, config


class Logging(MemoryTarget):
    """Notes each look, comparison and create; a create takes a twentieth of a second, a delete is seen later where fields are fixed."""

    def __init__(self, **facts):
        super().__init__(**facts)
        self.log = []
        self.at = {}

    def note(self, what):
        self.log.append(what)
        self.at.get((what, self.log.count(what)), lambda: None)()

    def observe(self, ctx, query):
        self.note("look")
        return super().observe(ctx, query)

    def create(self, ctx, change):
        ctx.sleep(0.05)
        self.note("create")
        return super().create(ctx, change)

    def delete(self, ctx, change):
        super().delete(ctx, change)
        return Pending("deleting", retry_after=0.0) if self.fields.immutable else None

    def diff(self, desired, live):
        self.note("compare")
        is_fixed = bool(self.fields.immutable)
        return (
            [] if desired["data"] == live["data"] else [FieldDiff("/data", DiffOp.REPLACE, "data", forces_replacement=is_fixed)]
        )


def world_of(objects, **facts):
    facts = {"options": Options(workers=1, health_interval=10.0), "guard": OPEN} | facts
    world = World(target=Logging(**facts.pop("target", {})), **facts)
    world.declare(*(config(f"c{i:03}", zone="1") for i in range(objects)))
    return world


def test_between_the_parts_of_one_look_workers_get_more_to_do():
    world = world_of(500)
    assert world.reconcile().ok
    assert Counter(world.target.log)["compare"] == 500
    looks = [tuple(what for what, _ in groupby(part)) for part in parted(world.target.log, "look")]
    assert ("compare", "create", "compare") in [look[:3] for look in looks]


def parted(log, mark):
    """Return the parts of *log* that follow each *mark*."""
    parts = []
    for what in log:
        if what == mark:
            parts.append([])
        else:
            parts[-1].append(what)
    return parts


def test_a_stop_in_the_midst_of_a_look_keeps_what_has_been_compared():
    world = world_of(200)
    world.target.at["compare", 70] = world.cancel.set
    result = world.reconcile()
    told = Counter(outcome.status for outcome in result.outcomes)
    compared = Counter(world.target.log)["compare"]
    assert 70 <= compared < 200
    assert told == {OutcomeStatus.DONE: compared, OutcomeStatus.PENDING: 200 - compared}
    states = Counter(entry.state for entry in world.store.inventory(world.app.id).entries.values())
    assert states == {EntryState.APPLIED: compared, EntryState.PLANNED: 200 - compared}
    world.cancel.clear()
    assert world.reconcile().ok
    assert Counter(world.target.log)["create"] == 200


def test_a_stop_in_the_midst_of_a_look_finishes_the_replaces_that_it_found_half_done():
    world = world_of(60, target={"fields": Fields(immutable={"/data/zone"})})
    assert world.reconcile().ok
    world.declare(*(config(f"c{i:03}", zone="2") for i in range(60)), *(config(f"n{i}", zone="1") for i in range(40)))
    world.target.at["compare", world.target.log.count("compare") + 61] = (
        world.cancel.set
    )  # 60 in the plan, then that of a new one
    result = world.reconcile()
    assert {body["data"]["zone"] for key, body in world.target.objects.items() if key.name.startswith("c")} == {"2"}
    assert {o.status for o in result.outcomes if o.key.name.startswith("c")} == {OutcomeStatus.DONE, OutcomeStatus.PENDING}
    world.cancel.clear()
    assert world.reconcile().ok
    assert len(world.target.objects) == 100


class Failing(MemoryStore):
    """Takes no inventory while it is full."""

    is_full = False

    def update_inventory(self, application, update, *, serial):
        if self.is_full:
            raise StateUnavailable("disk full")
        return super().update_inventory(application, update, serial=serial)


def test_a_store_that_fails_in_the_midst_of_a_look_ends_the_pass_and_the_next_one_goes_on():
    store = Failing()
    world = world_of(500, store=store)
    world.target.at["compare", 10] = lambda: setattr(store, "is_full", True)
    assert world.reconcile().status is PassStatus.FAILED
    created = Counter(world.target.log)["create"]
    assert created < 500
    store.is_full = False
    assert world.reconcile().ok
    assert Counter(world.target.log)["create"] == 500
