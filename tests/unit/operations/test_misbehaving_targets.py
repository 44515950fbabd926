"""Targets that fail, lie, or answer nonsense."""

from __future__ import annotations

import pytest

from gitops_core.errors import Denied, Invalid, Transient
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.model.results import OutcomeStatus, PassStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import OPEN, World, bodies, config, statuses


class Moody(MemoryTarget):
    """Fails as told, by operation and name."""

    def __init__(self, **faults: Exception) -> None:
        super().__init__()
        self.faults = faults

    def create(self, ctx, change):
        error = self.faults.get(f"create_{change.key.name}")
        if error is not None:
            raise error
        return super().create(ctx, change)


def test_independent_objects_converge_even_if_another_fails_for_ever():
    world = World(target=Moody(create_bad=Denied("no permission to create; grant it")))
    world.declare(config("bad"), config("a"), config("needs", notes={"example.org/depends-on": "ConfigMap/bad"}))
    result = world.reconcile()
    assert result.status is PassStatus.DEGRADED
    assert statuses(result) == {"ConfigMap/bad": "failed", "ConfigMap/a": "done", "ConfigMap/needs": "skipped"}
    assert "ConfigMap/bad" in result["ConfigMap/needs"].reason
    (failure,) = result.failures
    assert (failure.error, failure.key, failure.origin.path) == (
        "Denied",
        ResourceKey("", "ConfigMap", "", "bad"),
        "ConfigMap.bad.json",
    )


def test_an_object_that_the_api_refused_is_not_in_the_inventory():
    world = World(target=Moody(create_bad=Invalid("bad name")))
    world.declare(config("bad"), config("a"))
    world.reconcile()
    assert [str(k) for k in world.store.inventory(world.app.id).entries] == ["ConfigMap/a"]


def test_a_target_that_cannot_be_read_is_left_alone():
    class Down(MemoryTarget):
        down = False

        def observe(self, ctx, query):
            if self.down:
                raise Transient("connection refused")
            yield from super().observe(ctx, query)

    world = World(target=Down())
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.target.down = True
    world.undeclare("ConfigMap/a")
    world.declare(config("c"))
    result = world.reconcile()
    assert result.status is PassStatus.DEGRADED
    assert sorted(bodies(world)) == ["ConfigMap/a", "ConfigMap/b"]
    assert any("connection refused" in text for text in result.plan.unreadable)


def test_unreadable_never_becomes_absent():
    class Blind(MemoryTarget):
        def observe(self, ctx, query):
            for live in super().observe(ctx, query):
                yield Unreadable(live.key, "conversion failed") if live.key.name == "a" else live

    world = World(target=Blind(objects=[config("a", color="theirs")]), guard=OPEN)
    world.declare(config("a"), config("b"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DEFERRED
    assert bodies(world)["ConfigMap/a"]["data"] == {"color": "theirs"}
    assert result["ConfigMap/b"].status is OutcomeStatus.DONE


class LyingCreate(MemoryTarget):
    def create(self, ctx, change):
        return Live(change.key, change.desired, id="42")


class LyingUpdate(MemoryTarget):
    def update(self, ctx, change):
        return None


class LyingDelete(MemoryTarget):
    def delete(self, ctx, change):
        return None


def test_a_create_that_creates_nothing_is_found_out():
    world = World(target=LyingCreate())
    world.declare(config("a"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.UNVERIFIED
    assert result.status is PassStatus.DEGRADED
    assert ResourceKey("", "ConfigMap", "", "a") in world.store.inventory(world.app.id).entries


def test_an_update_that_updates_nothing_is_found_out_with_the_diff():
    world = World(target=LyingUpdate())
    world.declare(config("a", color="blue"))
    world.reconcile()
    world.declare(config("a", color="red"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.UNVERIFIED
    assert [d.after for d in result["ConfigMap/a"].diff] == ['"red"']


def test_a_delete_that_deletes_nothing_is_found_out_and_stays_ours():
    world = World(target=LyingDelete(), guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.UNVERIFIED
    assert ResourceKey("", "ConfigMap", "", "a") in world.store.inventory(world.app.id).entries


def test_a_lost_reply_makes_no_second_object():
    class Lossy(MemoryTarget):
        lost = False

        def create(self, ctx, change):
            answer = super().create(ctx, change)
            if not self.lost:
                self.lost = True
                raise Transient("connection reset")
            return answer

    world = World(target=Lossy())
    world.declare(config("a"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DONE
    assert result.cost.retries == 1


@pytest.mark.parametrize(("method", "answer"), [("observe", 7), ("observe", ["x"]), ("create", "yes"), ("delete", 3)])
def test_a_plugin_that_returns_the_wrong_type_is_named(method, answer):
    world = World(target=MemoryTarget(), guard=OPEN)
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    world.declare(config("c"))
    wrong = type("Wrong", (MemoryTarget,), {method: lambda self, ctx, arg: answer})
    world.target = wrong.from_snapshot(world.target.snapshot())
    result = world.reconcile()
    text = result.text() + " ".join(result.plan.unreadable)
    assert f"memory.{method}" in text
    assert type(answer).__name__ in text or "str" in text


def test_every_change_that_ends_is_told_even_if_it_never_began():
    world = World(target=Moody(create_bad=Denied("no")))
    world.declare(
        config("bad"),
        config("needs", notes={"example.org/depends-on": "ConfigMap/bad"}),
        config("odd", notes={"example.org/x": "y"}),
    )
    world.reconcile()
    told = {str(e.key): e.data["status"] for e in world.sink.events if e.type.value == "change-finished"}
    assert told == {"ConfigMap/bad": "failed", "ConfigMap/needs": "skipped", "ConfigMap/odd": "refused"}
