"""
The promises of a :class:`~gitops_core.interfaces.StateStore`, as a pytest class to inherit from.

::

    class TestMyStore(PersistentStoreContract):    # StateStoreContract if the state dies with the object
        def make_store(self):
            return MyStore(self.directory / "state")

        def reopen(self, store):
            return MyStore(self.directory / "state")
"""
# ruff: noqa: S101, PLR2004  # why: asserting is what a contract does; an expected number is its own name; a pass id is no password

from __future__ import annotations

import abc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gitops_core.errors import StateConflict, StateLocked
from gitops_core.interfaces import StateStore
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.testing.filled import filled
from gitops_core.testing.promises import Layer, check
from gitops_core.testing.store_examples import APP, OTHER, SITE, WEB, enter, in_thread, insist, many, owned, put
from gitops_core.testing.store_inventory_checks import InventoryChecks
from gitops_core.testing.store_record_checks import RecordChecks


class StateStoreContract(RecordChecks, InventoryChecks, abc.ABC):
    """What every store promises."""

    directory: Path

    @abc.abstractmethod
    def make_store(self) -> StateStore:
        """Return an empty store; ``self.directory`` is an empty directory of this test's own."""

    @pytest.fixture(autouse=True)
    def _own_directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path

    @pytest.fixture
    def store(self) -> Iterator[StateStore]:
        """The store under test."""
        with self.make_store() as store:
            yield store

    # -- the whole ----------------------------------------------------------------------------------------------------

    @check(
        Layer.STATEFUL,
        why="What is not listed is never cleaned up.",
        cure="List what anything is stored about, and write nothing on a read.",
    )
    def test_applications_are_listed(self, store: StateStore) -> None:
        """Every application with an inventory, a journal or a history is listed, sorted; reading creates none."""
        store.inventory("never/written/to")
        store.update_inventory("c/inventory/x", put(owned(SITE)), serial=0)
        store.append_journal("b/journal/x", [filled(JournalRecord)])
        store.record_pass("a/history/x", filled(PassRecord), keep=1)
        assert list(store.applications()) == ["a/history/x", "b/journal/x", "c/inventory/x"], (
            "applications() must list, sorted, every application that anything is stored about, and none that was only looked at."
        )

    @check(
        Layer.STATEFUL,
        why="A new application of that name would inherit it; another one's objects would leak.",
        cure="Delete by the exact name from every table, in one transaction.",
    )
    def test_a_forgotten_application_is_new_again(self, store: StateStore) -> None:
        """A forgotten application leaves nothing behind, and takes nothing of another with it."""
        for name in (APP, OTHER):
            store.update_inventory(name, InventoryUpdate(put=(owned(SITE),), open_intents=(Intent(SITE, "k"),)), serial=0)
            store.append_journal(name, [filled(JournalRecord)])
            store.record_pass(name, filled(PassRecord), keep=1)
        store.forget(APP)
        store.forget("never/heard/of")
        left = (store.inventory(APP), list(store.journal(APP)), list(store.history(APP)), list(store.applications()))
        assert left == (Inventory(APP), [], [], [OTHER]), (
            "forget() left something behind; a new application of that name would inherit it."
        )
        assert SITE in store.inventory(OTHER).entries, "forget() removed another application's entries: their objects would leak."
        assert store.update_inventory(APP, put(owned(WEB)), serial=0).serial == 1, (
            "A forgotten application must start at serial 0 again."
        )

    @check(
        Layer.STATEFUL,
        why="It keys the digests of secrets: a short one lets them be guessed, another one makes every secret look changed.",
        cure="Make it once, from os.urandom(32), and store it.",
    )
    def test_the_salt_is_made_once(self, store: StateStore) -> None:
        """The salt is 32 random bytes and stays what it is."""
        salt = store.salt()
        assert len(salt) == 32, "The salt must have 32 bytes: it keys the digests of secrets, which a short one lets be guessed."
        assert store.salt() == salt, "The salt changed between two calls: every secret would look changed on every pass."

    @check(
        Layer.STATEFUL,
        why="An object whose record is lost is never deleted.",
        cure="Make reading the serial, comparing it and writing one atomic step.",
    )
    def test_threads_lose_no_update(self, store: StateStore) -> None:
        """Threads that write one application with compare-and-swap lose no entry."""
        keys = [ResourceKey("", "K", "", str(i)) for i in range(40)]
        lost = in_thread(*(partial(insist, store, keys[n::4]) for n in range(4)))
        inventory = store.inventory(APP)
        assert (lost, set(inventory.entries), inventory.serial) == (None, set(keys), 40), (
            "Entries were lost (or an error got out) while four threads wrote with compare-and-swap"
        )


class PersistentStoreContract(StateStoreContract):
    """What a store promises, too, whose state outlives the object and the process."""

    @abc.abstractmethod
    def reopen(self, store: StateStore) -> StateStore:
        """Return a second handle on the state of *store*, which may be open or closed."""

    @pytest.fixture
    def twin(self, store: StateStore) -> Iterator[StateStore]:
        """A second handle on the same state."""
        with self.reopen(store) as twin:
            yield twin

    @check(
        Layer.STATEFUL,
        why="Each one decides something: ownership ids, protection, delete order, memos.",
        cure="Store every field of attrs.fields(), by name.",
    )
    def test_every_field_is_stored(self, store: StateStore, twin: StateStore) -> None:
        """Every field of an entry and of an intent is read back as written by a handle that did not write it."""
        update = InventoryUpdate(put=(filled(InventoryEntry),), open_intents=(filled(Intent),))
        store.update_inventory(APP, update, serial=0)
        assert twin.inventory(APP) == update.apply_to(Inventory(APP)), (
            "A field of an entry or an intent was lost or changed on the way to the next process"
        )

    @check(
        Layer.SCALE,
        why="What is cut off is never deleted.",
        cure="Cut nothing off; mind the limits of a row, a statement and a request.",
    )
    def test_ten_thousand_entries_are_stored(self, store: StateStore, twin: StateStore) -> None:
        """A large inventory comes back whole through another handle."""
        update = put(*many(10_000))
        store.update_inventory(APP, update, serial=0)
        assert twin.inventory(APP) == update.apply_to(Inventory(APP)), (
            "An inventory of 10,000 entries did not come back as written; nothing may be cut off."
        )

    @check(
        Layer.STATEFUL,
        why="A second process has a handle of its own, and two of them would be in one application at once.",
        cure="Let the lock live where the state lives.",
    )
    def test_the_second_handle_is_kept_out(self, store: StateStore, twin: StateStore) -> None:
        """The lock is the state's, not the object's."""
        with store.exclusive(APP, 1.0):
            refused = in_thread(lambda: enter(twin, APP, 0.05))
        assert isinstance(refused, StateLocked), "Two handles on one state were in the same application at once"

    @check(
        Layer.STATEFUL,
        why="Equal serials of two lives of one name are not the same state.",
        cure="Check the serial on each read, and make the life of the application part of a cache's key.",
    )
    def test_two_handles_see_each_other(self, store: StateStore, twin: StateStore) -> None:
        """What one handle writes the other reads at once, after a forget, too, and a stale write of the other is refused."""
        store.update_inventory(APP, put(owned(SITE)), serial=0)
        assert twin.inventory(APP) == store.inventory(APP), (
            "A write through one handle was invisible to the other: a cache outlived its serial."
        )
        with pytest.raises(StateConflict):
            twin.update_inventory(APP, put(owned(WEB)), serial=0)
        twin.forget(APP)
        twin.update_inventory(APP, put(owned(WEB)), serial=0)
        assert store.inventory(APP) == twin.inventory(APP), (
            "After forget() and a new start through the other handle, this one still showed the old inventory: equal serials of two lives of one name are not the same state"
        )
        assert store.salt() == twin.salt(), "Two handles on one state have two salts; every secret would look changed."

    @check(
        Layer.FAULT,
        why="The next process would not know what it owns, and leak it.",
        cure="Commit before each method returns.",
    )
    def test_state_outlives_the_store(self, store: StateStore) -> None:
        """Everything is there after a close and a new start."""
        update = InventoryUpdate(put=(owned(SITE),), open_intents=(filled(Intent),))
        store.update_inventory(APP, update, serial=0)
        store.append_journal(APP, [filled(JournalRecord)])
        store.record_pass(APP, filled(PassRecord), keep=3)
        store.put_memo("s", "k", b"v", now=1.0)
        salt = store.salt()
        store.close()
        store.close()
        with self.reopen(store) as again:
            found = (
                again.inventory(APP),
                list(again.journal(APP)),
                list(again.history(APP)),
                again.get_memo("s", "k", not_before=0),
            )
            assert found == (update.apply_to(Inventory(APP)), [filled(JournalRecord)], [filled(PassRecord)], b"v"), (
                "Something did not survive a close and a new start"
            )
            assert again.salt() == salt, "The salt changed with the process: every write-only secret would be written again."
