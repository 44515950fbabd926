"""Operations that an earlier pass left with an API that accepts first and works later."""

from __future__ import annotations

import pytest

from gitops_core.engine.ledger import Ledger
from gitops_core.engine.passes import begin
from gitops_core.engine.pending import resume
from gitops_core.errors import Denied, NotStabilized
from gitops_core.model.inventory import EntryState, Intent, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import Pending, as_key
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.worlds import World

A = as_key("ConfigMap/a")


class Asked(MemoryTarget):
    """Answers a poll with what a test has written down."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer, self.polled = answer, []

    def poll(self, ctx, pending):
        self.polled.append(pending.token)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def resumed(target, *, token="op-1", written=None):
    """Resume over an intent with *token*; return what could not be observed, and the intents that are left."""
    world = World(target=target)
    p = begin(world.app, world.store, world.runtime)
    put = () if written is None else (InventoryEntry(A, EntryState.PLANNED, written_at=p.started_at - written),)
    update = InventoryUpdate(put=put, open_intents=(Intent(A, "k", token=token),))
    inventory = world.store.update_inventory(world.app.id, update, serial=0)
    seen = resume(p, Ledger(world.store, inventory, 0))
    return seen.unreadable, world.store.inventory(world.app.id).intents


def test_an_operation_that_has_ended_is_closed():
    assert resumed(Asked(None)) == ((), {})


def test_an_operation_still_at_work_is_left_alone_and_is_asked_by_its_new_token_the_next_time():
    [unreadable], intents = resumed(Asked(Pending("op-2", retry_after=7.0)))
    assert isinstance(unreadable.error, NotStabilized)
    assert (unreadable.key, unreadable.error.retry_after, intents[A].token) == (A, 7.0, "op-2")


def test_an_operation_that_cannot_be_asked_about_keeps_its_token():
    [unreadable], intents = resumed(Asked(Denied("no")))
    assert isinstance(unreadable.error, Denied)
    assert intents[A].token == "op-1"


def test_an_intent_without_a_token_is_nothing_to_ask_about():
    target = Asked(None)
    unreadable, intents = resumed(target, token="")
    assert (unreadable, list(intents), target.polled) == ((), [A], [])


@pytest.mark.parametrize(("written", "left"), [(1.0, [A]), (10_000.0, []), (None, [])])
def test_where_nobody_can_ask_an_operation_is_believed_for_as_long_as_it_may_take(written, left):
    unreadable, intents = resumed(MemoryTarget(), written=written)
    assert (unreadable, list(intents)) == ((), left)
