"""The inventory changes by atomic updates."""

from __future__ import annotations

import attrs

from gitops_core.model.inventory import EntryState, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.orders import Orders
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


def test_orders_are_an_update_a_term_alone_is_none_and_both_outlive_updates_without_them() -> None:
    assert InventoryUpdate(orders=Orders())
    assert not InventoryUpdate(term=3)
    ordered = InventoryUpdate(orders=Orders(handled=("t",)), term=3).apply_to(Inventory("app"))
    assert (ordered.orders, ordered.term) == (Orders(handled=("t",)), 3)
    after = InventoryUpdate(drop=(A,)).apply_to(ordered)
    assert (after.orders, after.term) == (ordered.orders, 3)


def test_a_term_never_goes_back() -> None:
    assert InventoryUpdate(term=2).apply_to(Inventory("app", term=3)).term == 3


def test_an_entry_with_another_id_is_the_same_in_all_else() -> None:
    """It is not made by ``attrs.evolve``: a field that is added must not be forgotten."""
    entry = InventoryEntry(A, EntryState.APPLIED, id="1", declared=("/a",), wave=2, written="digest", written_at=5.0)
    assert entry.with_id("2") == attrs.evolve(entry, id="2")
