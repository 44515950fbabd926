"""Checks of what a store remembers about objects: inventory, neighbours, holders."""
# ruff: noqa: S101, S106, PLR2004  # why: asserting is what a contract does; an expected number is its own name; a pass id is no password

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import StaleTerm, StateConflict
from gitops_core.interfaces import StateStore
from gitops_core.model.inventory import EntryState, Holder, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.orders import Orders
from gitops_core.testing.filled import filled
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.store_examples import APP, ODD, OTHER, SITE, WEB, many, owned, put


class InventoryChecks:
    """What we own, who else is there, and whose an object is."""

    # -- inventory ----------------------------------------------------------------------------------------------------

    @check(
        Layer.STATEFUL,
        why="The first write of an engine names serial 0; any other number locks it out.",
        cure="Return Inventory(application) for an unknown name.",
    )
    def test_a_new_application_owns_nothing(self, store: StateStore) -> None:
        """A new application has an empty inventory at serial 0."""
        assert store.inventory(APP) == Inventory(APP), (
            "A new application must have no entries, no intents and serial 0: the first write of an engine names serial 0, so any other number locks it out"
        )

    @check(
        Layer.STATEFUL,
        why="The write-ahead promise rests on this: an object that we are about to create must be found by the next process.",
        cure="Return update.apply_to(previous), and commit before returning.",
    )
    def test_an_update_is_what_is_read_next(self, store: StateStore) -> None:
        """What an update returns, the next read returns, one serial later."""
        after = store.update_inventory(APP, put(owned(SITE)), serial=0)
        assert after == Inventory(APP, {SITE: owned(SITE)}, {}, 1), (
            "update_inventory must return the inventory after the update, with the serial raised by one: the engine bases its next write on it without reading again"
        )
        assert store.inventory(APP) == after, "What update_inventory returned was not what inventory() read next"

    @pytest.mark.parametrize("serial", [0, 2, 7])
    @check(
        Layer.STATEFUL,
        why="Two engines that write on top of each other lose the record of an object that one of them created, and nobody will ever delete it.",
        cure="Compare the serial inside of the transaction that writes.",
    )
    def test_a_stale_write_is_refused_whole(self, store: StateStore, serial: int) -> None:
        """A write that names another serial than the stored one raises StateConflict and changes nothing."""
        before = store.update_inventory(APP, put(owned(SITE)), serial=0)
        with pytest.raises(StateConflict):
            store.update_inventory(APP, InventoryUpdate(put=(owned(WEB),), drop=(SITE,)), serial=serial)
        assert store.inventory(APP) == before, "A refused write left traces"

    @check(
        Layer.STATEFUL,
        why="Its writer saw an inventory that has been removed since.",
        cure="Refuse it with StateConflict, so that it reads again.",
    )
    def test_an_update_of_an_unknown_application_names_serial_0(self, store: StateStore) -> None:
        """Only serial 0 starts an application."""
        with pytest.raises(StateConflict):
            store.update_inventory(APP, put(owned(SITE)), serial=3)
        assert store.inventory(APP) == Inventory(APP), "A write based on serial 3 of an application that nobody knows was kept"

    @check(
        Layer.STATEFUL,
        why="What is owned would depend on the store.",
        cure="Apply the value's own method: put before drop, later entries win, absent keys are no error, every write counts one serial.",
    )
    def test_updates_follow_the_law(self, store: StateStore) -> None:
        """Every update does exactly what InventoryUpdate.apply_to says."""
        intent = Intent(WEB, "k-1", token="t", desired="d", started_at=5.0)
        expected = Inventory(APP)
        for update in (
            put(owned(SITE), owned(WEB)),
            InventoryUpdate(open_intents=(intent, Intent(SITE, "k-2"))),
            put(owned(SITE, state=EntryState.DELETING)),
            InventoryUpdate(put=(owned(SITE), owned(SITE, "elsewhere"))),
            InventoryUpdate(put=(owned(SITE),), drop=(SITE,)),
            InventoryUpdate(drop=(SITE,), close_intents=(SITE,)),
            InventoryUpdate(open_intents=(attrs.evolve(intent, token="later"),), close_intents=(ODD[0],)),
            InventoryUpdate(),
            InventoryUpdate(drop=(WEB,), close_intents=(WEB,), put=(owned(SITE),), open_intents=(Intent(WEB, "k-3"),)),
        ):
            got = store.update_inventory(APP, update, serial=expected.serial)
            expected = update.apply_to(expected)
            assert got == expected == store.inventory(APP), (
                f"After {update} the inventory differs from InventoryUpdate.apply_to, the one definition of an update: put before drop, later entries win, absent keys are no error, every write counts one serial"
            )

    @check(
        Layer.STATEFUL,
        why="Each one decides something: ownership ids, protection, delete order, memos.",
        cure="Keep the values as they are, or every field of attrs.fields().",
    )
    def test_every_field_survives(self, store: StateStore) -> None:
        """Every field of an entry and of an intent is read back as written."""
        entry, intent = filled(InventoryEntry), filled(Intent)
        store.update_inventory(APP, InventoryUpdate(put=(entry,), open_intents=(intent,)), serial=0)
        assert store.inventory(APP) == Inventory(APP, {entry.key: entry}, {intent.key: intent}, 1), (
            "A field of an entry or an intent was lost or changed"
        )

    @check(
        Layer.STATEFUL,
        why="A suspension that is forgotten lets an engine write in the midst of somebody's repair.",
        cure="Keep term and orders beside the serial, and leave them alone where an update says nothing about them.",
    )
    def test_orders_stay_until_they_are_changed(self, store: StateStore) -> None:
        """Every field of the orders is read back as written, and a later update without orders leaves them."""
        orders = filled(Orders)
        store.update_inventory(APP, InventoryUpdate(orders=orders, term=3), serial=0)
        store.update_inventory(APP, put(owned(SITE)), serial=1)
        assert store.inventory(APP) == Inventory(APP, {SITE: owned(SITE)}, {}, 2, 3, orders), (
            "Orders or the term were lost or changed"
        )
        store.update_inventory(APP, InventoryUpdate(orders=Orders(), term=4), serial=2)
        assert store.inventory(APP) == Inventory(APP, {SITE: owned(SITE)}, {}, 3, 4), (
            "Orders that were taken back are still there"
        )

    @check(
        Layer.STATEFUL,
        why="An engine that was stopped for a minute would write on when another has taken over.",
        cure="Refuse an update whose term is lower than the stored one with StaleTerm, before anything is written; 0 is no term.",
    )
    def test_a_write_of_an_earlier_term_is_refused(self, store: StateStore) -> None:
        """The store shuts out everybody who works under an earlier term, and nobody who has none."""
        store.update_inventory(APP, InventoryUpdate(put=(owned(SITE),), term=7), serial=0)
        with pytest.raises(StaleTerm):
            store.update_inventory(APP, InventoryUpdate(put=(owned(WEB),), term=6), serial=1)
        assert store.inventory(APP) == Inventory(APP, {SITE: owned(SITE)}, {}, 1, 7), "A write of an earlier term was kept"
        store.update_inventory(APP, put(owned(WEB)), serial=1)
        assert store.inventory(APP).term == 7, "A write without a term changed the term"

    @check(
        Layer.STATEFUL,
        why="Plans are decided from it while other threads write.",
        cure="Hand out a copy, or build each new inventory beside the old one.",
    )
    def test_an_inventory_in_hand_never_changes(self, store: StateStore) -> None:
        """A later write does not reach into an inventory that was handed out."""
        first = store.update_inventory(APP, put(owned(SITE)), serial=0)
        store.update_inventory(APP, InventoryUpdate(put=(owned(WEB),), drop=(SITE,)), serial=1)
        assert dict(first.entries) == {SITE: owned(SITE)}, "An inventory that a caller holds changed under it"

    @check(
        Layer.STATEFUL,
        why="Two objects that share a row are one object to prune.",
        cure="Store the four parts of a key apart, and compare them byte by byte.",
    )
    def test_odd_keys_are_kept_apart(self, store: StateStore) -> None:
        """Keys with separators, quotes, capitals or any script are distinct objects."""
        entries = tuple(attrs.evolve(owned(key), declared=("/data/ключ~1", '/a"b/\n')) for key in ODD)
        store.update_inventory(APP, put(*entries), serial=0)
        assert dict(store.inventory(APP).entries) == {entry.key: entry for entry in entries}, "Keys were mixed up or mangled"

    @check(
        Layer.STATEFUL,
        why="One application would prune what another one owns.",
        cure="Make the application part of the primary key.",
    )
    def test_applications_do_not_mix(self, store: StateStore) -> None:
        """The same key in two applications is two entries."""
        store.update_inventory(APP, put(owned(SITE)), serial=0)
        store.update_inventory(OTHER, put(owned(SITE, "elsewhere")), serial=0)
        assert (store.inventory(APP).entries[SITE].scope, store.inventory(OTHER).entries[SITE].scope) == ("world", "elsewhere"), (
            "One application's entry was found in another's inventory"
        )

    @check(
        Layer.SCALE,
        why="What is cut off is never deleted.",
        cure="Cut nothing off; mind the limits of a row, a statement and a request.",
    )
    def test_ten_thousand_entries(self, store: StateStore) -> None:
        """A large inventory is written in one update and read back whole."""
        update = put(*many(10_000))
        store.update_inventory(APP, update, serial=0)
        assert store.inventory(APP) == update.apply_to(Inventory(APP)), (
            "An inventory of 10,000 entries did not come back as written; nothing may be cut off."
        )

    # -- neighbours ---------------------------------------------------------------------------------------------------

    @check(
        Layer.STATEFUL,
        why="A delete waits for them to look first, so that an object that moves to one of them is handed over; one that is left out loses the object.",
        cure="Look the scopes up among all entries, claims included, and leave out the application that asks.",
    )
    def test_neighbours_are_the_other_applications_in_a_scope(self, store: StateStore) -> None:
        """The neighbours of an application are the others with an object in one of the scopes, in whatever state, sorted."""
        for name, state, scope in ((APP, "applied", "world"), (OTHER, "applied", "world"), ("a/b/claims", "claimed", "moon")):
            entry = InventoryEntry(SITE, EntryState(state), scope=scope)
            store.update_inventory(name, InventoryUpdate(put=(entry,)), serial=0)
        found = [list(store.neighbours(APP, scopes)) for scopes in (["world"], ["moon", "world"], [""], [], ["mars"])]
        assert found == [[OTHER], sorted([OTHER, "a/b/claims"]), [], [], []], (
            "neighbours() must name exactly the other applications with an object in one of the scopes, sorted"
        )

    # -- holders ------------------------------------------------------------------------------------------------------

    @check(
        Layer.STATEFUL,
        why="What is missed, two engines fight over; what is invented, is never applied.",
        cure="Match scope and key, and leave the asking application out.",
    )
    def test_another_applications_objects_are_found(self, store: StateStore) -> None:
        """The holders of an object are named by scope and key, with their state, and never ourselves."""
        store.update_inventory(APP, put(owned(SITE), owned(WEB)), serial=0)
        store.update_inventory(OTHER, put(owned(SITE, state=EntryState.PLANNED), owned(WEB, "elsewhere")), serial=0)
        assert dict(store.holders(APP, [("world", SITE), ("world", WEB)])) == {SITE: Holder(OTHER, EntryState.PLANNED)}, (
            "holders() must report exactly the objects that another application has in the same scope"
        )

    @check(
        Layer.STATEFUL,
        why="An empty scope means that the target cannot tell its world from another's: two such objects with one key are not the same object.",
        cure="Answer nothing for an empty scope.",
    )
    def test_an_object_without_a_scope_has_no_holder(self, store: StateStore) -> None:
        """An object in the empty scope has no holder."""
        store.update_inventory(OTHER, put(owned(SITE, "")), serial=0)
        assert not store.holders(APP, [("", SITE)]), (
            "An empty scope means that the target cannot tell its world from another's: two such objects with one key are not the same object"
        )

    @check(
        Layer.STATEFUL,
        why="That is how an object moves from one application to another without a delete.",
        cure="Order holders by (claimed, name) and name the first.",
    )
    def test_an_owner_comes_before_a_claimant(self, store: StateStore) -> None:
        """Of several holders the one that owns is named; a claim shows when nobody owns."""
        for name, state in (("a/b/claims", EntryState.CLAIMED), ("a/b/owns", EntryState.APPLIED)):
            store.update_inventory(name, put(owned(SITE, state=state)), serial=0)
        asked = [("world", SITE)]
        answers = [dict(store.holders(name, asked))[SITE] for name in (APP, "a/b/owns")]
        assert answers == [Holder("a/b/owns", EntryState.APPLIED), Holder("a/b/claims", EntryState.CLAIMED)], (
            "A third application must hear of the owner, and the owner of the claimant: that is how an object moves from one application to another without a delete"
        )

    @check(
        Layer.STATEFUL,
        why="Nobody else could ever declare it.",
        cure="Keep the index of holders in the same transaction as the inventory.",
    )
    def test_a_dropped_object_is_free(self, store: StateStore) -> None:
        """An object that was dropped or forgotten has no holder any more."""
        store.update_inventory(OTHER, put(owned(SITE), owned(WEB)), serial=0)
        store.update_inventory(OTHER, InventoryUpdate(drop=(SITE,)), serial=1)
        assert set(store.holders(APP, [("world", key) for key in (SITE, WEB, *ODD)])) == {WEB}, (
            "holders() reported an object that its application no longer has (or missed one that it has)"
        )
