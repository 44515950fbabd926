"""An object that cannot be changed in place."""

from __future__ import annotations

import pytest

from gitops_core.errors import Invalid
from gitops_core.model.fields import Fields
from gitops_core.model.plans import Action
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import OutcomeStatus
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import OPEN, World, bodies, config


def test_an_immutable_field_is_replaced_by_delete_and_create():
    world = World(target=MemoryTarget(fields=Fields(immutable={"/data/zone"})), guard=OPEN)
    world.declare(config("a", zone="1"), config("b"))
    first = world.reconcile()["ConfigMap/a"].id
    world.declare(config("a", zone="2"))
    change = world.plan()["ConfigMap/a"]
    assert (change.action, change.diff[0].forces_replacement) == (Action.REPLACE, True)
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.DONE
    assert result["ConfigMap/a"].id != first
    assert world.store.inventory(world.app.id).entries[ResourceKey("", "ConfigMap", "", "a")].id == result["ConfigMap/a"].id
    assert world.reconcile().plan.is_empty


class Picky(MemoryTarget):
    """Refuses zone 3, in a preview and for real."""

    def preview(self, ctx, change):
        if change.desired["data"].get("zone") == "3":
            raise Invalid("there is no zone 3", "/data/zone")
        return super().preview(ctx, change)

    def create(self, ctx, change):
        if change.desired["data"].get("zone") == "3":
            raise Invalid("there is no zone 3", "/data/zone")
        return super().create(ctx, change)


class PickyWithoutPreview(Picky):
    preview = MemoryTarget.__mro__[1].preview  # Target's: not overridden


@pytest.mark.parametrize("target", [Picky, PickyWithoutPreview])
def test_a_replace_with_an_invalid_manifest_leaves_the_old_object(target):
    world = World(target=target(fields=Fields(immutable={"/data/zone"})), guard=OPEN)
    world.declare(config("a", zone="1"), config("b"))
    world.reconcile()
    world.declare(config("a", zone="3"))
    result = world.reconcile()
    assert result["ConfigMap/a"].status is OutcomeStatus.FAILED
    assert "there is no zone 3" in result["ConfigMap/a"].reason
    assert bodies(world)["ConfigMap/a"]["data"] == {"zone": "1"}
