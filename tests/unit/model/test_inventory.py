"""The inventory changes by atomic updates."""

from __future__ import annotations

from gitops_core.model.inventory import EntryState, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey

A, B = (ResourceKey("", "File", "", name) for name in "ab")


def test_an_update_puts_drops_opens_and_closes_at_once() -> None:
    before = Inventory("app", {A: InventoryEntry(A)}, {A: Intent(A, "1")}, serial=4)
    update = InventoryUpdate(
        put=(InventoryEntry(B, EntryState.APPLIED),), drop=(A,), open_intents=(Intent(B, "2"),), close_intents=(A,)
    )
    after = update.apply_to(before)
    assert after == Inventory("app", {B: InventoryEntry(B, EntryState.APPLIED)}, {B: Intent(B, "2")}, serial=5)
    assert before == Inventory("app", {A: InventoryEntry(A)}, {A: Intent(A, "1")}, serial=4)


def test_dropping_what_is_absent_changes_only_the_serial() -> None:
    assert InventoryUpdate(drop=(A,), close_intents=(A,)).apply_to(Inventory("app")) == Inventory("app", serial=1)


def test_an_update_knows_whether_it_is_empty() -> None:
    assert not InventoryUpdate()
    assert InventoryUpdate(put=(InventoryEntry(A),))
    assert InventoryUpdate(drop=(A,))
    assert InventoryUpdate(open_intents=(Intent(A, "1"),))
    assert InventoryUpdate(close_intents=(A,))
