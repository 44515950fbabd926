"""Who else has an object is asked for as long as it is not settled."""

from __future__ import annotations

from gitops_core.model.inventory import EntryState
from gitops_core.model.resources import ResourceKey
from gitops_core.testing.worlds import World, config

SITE = ResourceKey("", "ConfigMap", "", "site")


def two_worlds() -> tuple[World, World]:
    """Two applications that declare the same object of one target, and share a store; the first one has it."""
    first = World(name="first")
    first.declare(config("site", color="blue"))
    assert first.reconcile().ok
    second = World(name="second", store=first.store, target=first.target)
    second.declare(config("site", color="red"))
    return first, second


def test_an_object_of_another_application_is_refused_on_every_pass() -> None:
    """The claim that the first refusal leaves behind must not look like something of our own to the second pass."""
    first, second = two_worlds()
    for _ in range(3):
        assert second.reconcile().status == "refused"
        assert first.reconcile().status == "in-sync"
    assert first.store.inventory(second.app.id).entries[SITE].state is EntryState.CLAIMED
    assert first.target.objects[SITE]["data"] == {"color": "blue"}


def test_an_object_that_the_other_application_lets_go_of_is_taken_over_without_a_delete() -> None:
    first, second = two_worlds()
    second.reconcile()
    first.undeclare("ConfigMap/site")
    first.reconcile()
    result = second.reconcile()
    assert result.ok, result.text()
    assert first.target.objects[SITE]["data"] == {"color": "red"}
    assert first.target.calls["delete"] == 0
