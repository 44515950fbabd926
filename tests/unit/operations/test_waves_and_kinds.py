"""Waves and kinds that the API does not have, through a whole pass."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import UnknownKind
from gitops_core.model.applications import Options
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Unreadable
from gitops_core.model.results import PassStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import OPEN, World, bodies, config, statuses


class Slow(MemoryTarget):
    """Objects settle when they are looked at for the third time; what happens is noted in order."""

    def __init__(self, never=()):
        super().__init__()
        self.story = []
        self.looks = {}
        self.never = never

    def create(self, ctx, change):
        self.story.append(f"create {change.key.name}")
        return super().create(ctx, change)

    def delete(self, ctx, change):
        self.story.append(f"delete {change.key.name}")
        return super().delete(ctx, change)

    def health(self, live):
        name = live.key.name
        self.looks[name] = self.looks.get(name, 0) + 1
        settled = self.looks[name] > 2 and name not in self.never
        if settled and f"settled {name}" not in self.story:
            self.story.append(f"settled {name}")
        return Health(settled=settled, status=HealthStatus.HEALTHY if settled else HealthStatus.PROGRESSING)


def in_wave(name, wave, **data):
    return config(name, notes={"example.org/wave": wave}, **data)


def test_a_wave_has_settled_before_the_next_begins_and_deletes_go_backwards():
    world = World(target=Slow(), guard=OPEN)
    world.declare(in_wave("a", "-1"), in_wave("b", "-1"), config("c"), in_wave("d", "2"), config("stays"))
    assert world.reconcile().ok
    story = [event for event in world.target.story if "stays" not in event]
    assert story == [
        "create a", "create b", "settled a", "settled b", "create c", "settled c", "create d", "settled d",
    ]  # fmt: skip
    world.target.story.clear()
    world.undeclare("ConfigMap/a", "ConfigMap/b", "ConfigMap/c", "ConfigMap/d")
    assert world.reconcile().ok
    assert world.target.story == ["delete d", "delete c", "delete a", "delete b"]


def test_a_wave_that_does_not_settle_keeps_the_next_from_beginning():
    world = World(target=Slow(never={"a"}), options=Options(health_timeout=3.0))
    world.declare(in_wave("a", "-1"), config("b"))
    result = world.reconcile()
    assert statuses(result) == {"ConfigMap/a": "unsettled", "ConfigMap/b": "skipped"}
    assert sorted(bodies(world)) == ["ConfigMap/a"]


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "cats.g.io"},
    "spec": {"group": "g.io", "names": {"kind": "Cat"}},
}  # fmt: skip
CAT = {"apiVersion": "g.io/v1", "kind": "Cat", "metadata": {"name": "tom"}}


class Discovering(MemoryTarget):
    """Has cats once it has their definition."""

    def observe(self, ctx, query):
        there = list(super().observe(ctx, query))
        if ("g.io", "Cat") in query.kinds and not any(key.kind == "CustomResourceDefinition" for key in self.objects):
            yield Unreadable(None, UnknownKind("no kind Cat in g.io; apply its definition first"), kind=("g.io", "Cat"))
        yield from (live for live in there if live.key.kind != "Cat")
        yield from (live for live in there if live.key.kind == "Cat")

    def create(self, ctx, change):
        if change.key.kind == "Cat" and not any(key.kind == "CustomResourceDefinition" for key in self.objects):
            raise UnknownKind("no kind Cat in g.io; apply its definition first", key=change.key)
        return super().create(ctx, change)


def test_a_definition_and_its_object_are_applied_in_one_pass_and_nothing_is_called_degraded():
    world = World(target=Discovering())
    world.declare(CRD, CAT)
    result = world.reconcile()
    assert set(statuses(result).values()) == {"done"}
    assert result.status is PassStatus.CHANGED
    assert world.reconcile().status is PassStatus.IN_SYNC


def test_an_object_without_a_definition_is_pending_and_the_others_are_applied():
    world = World(target=Discovering())
    world.declare(CAT, config("a"))
    result = world.reconcile()
    assert (result.status, statuses(result)) == (PassStatus.PENDING, {"ConfigMap/a": "done", "g.io/Cat//tom": "deferred"})
    assert "apply its definition first" in result["g.io/Cat//tom"].reason
    world.target.put(CRD)
    assert world.reconcile().ok
    assert "g.io/Cat//tom" in bodies(world)


def test_when_a_definition_goes_its_objects_are_forgotten():
    world = World(target=Discovering(), guard=OPEN)
    world.target.put(CRD)
    world.declare(CAT, config("a"))
    world.reconcile()
    for key in ("g.io/Cat//tom", "apiextensions.k8s.io/CustomResourceDefinition//cats.g.io"):
        world.target.remove(key)
    world.undeclare("g.io/Cat//tom")
    result = world.reconcile()
    assert (result.ok, statuses(result)) == (True, {"g.io/Cat//tom": "done"})
    assert [str(key) for key in world.store.inventory(world.app.id).entries] == ["ConfigMap/a"]


@pytest.mark.parametrize(
    ("finalizers", "told"),
    [
        (("example.org/backup", "kubernetes.io/pvc"), "example.org/backup, kubernetes.io/pvc must let go of it first"),
        ((), "look at its finalizers"),
    ],
)
def test_a_deletion_that_does_not_end_names_what_holds_it(finalizers, told):
    class Holding(MemoryTarget):
        deleting = False

        def observe(self, ctx, query):
            for live in super().observe(ctx, query):
                yield attrs.evolve(live, deleting=self.deleting and live.key.name == "a", finalizers=finalizers)

        def delete(self, ctx, change):
            self.deleting = True

    world = World(target=Holding(), guard=OPEN, options=Options(health_timeout=3.0))
    world.declare(config("a"), config("b"))
    world.reconcile()
    world.undeclare("ConfigMap/a")
    result = world.reconcile()
    assert statuses(result) == {"ConfigMap/a": "pending"}
    assert told in result["ConfigMap/a"].reason
