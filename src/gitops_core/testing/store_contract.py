"""
The promises of a :class:`~gitops_core.interfaces.StateStore`, as a pytest class to inherit from.

::

    class TestMyStore(PersistentStoreContract):    # StateStoreContract if the state dies with the object
        def make_store(self):
            return MyStore(self.directory / "state")

        def reopen(self, store):
            return MyStore(self.directory / "state")
"""

# ruff: noqa: S101, S106, PLR2004  # why: asserting is what a contract does; an expected number is its own name; a pass id is no password

from __future__ import annotations

import abc
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import attrs
import pytest

from gitops_core.errors import StateConflict, StateLocked
from gitops_core.interfaces import StateStore
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import EntryState, Holder, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.testing.filled import filled

APP, OTHER = "example.org/demo/edge", "example.org/demo/other"
SITE, WEB = ResourceKey("", "ConfigMap", "", "site"), ResourceKey("apps", "Deployment", "shop", "web")
ODD = (
    ResourceKey("", "Größe", "名前空間", "naïve ☃ 😀"),
    ResourceKey("g", "K", "a/b", "c"),
    ResourceKey("g", "K", "a", "b/c"),
    ResourceKey("g", "K", "", "100%2F'\"; --\n"),
    ResourceKey("G", "k", "", "Case"),
    ResourceKey("G", "k", "", "case"),
)


def put(*entries: InventoryEntry) -> InventoryUpdate:
    """Return the update that adds *entries*."""
    return InventoryUpdate(put=entries)


def owned(key: ResourceKey, scope: str = "world", state: EntryState = EntryState.APPLIED) -> InventoryEntry:
    """Return an entry of an object that lives in *scope*."""
    return InventoryEntry(key, state, scope=scope)


def many(count: int) -> tuple[InventoryEntry, ...]:
    """Return *count* entries with a few shapes among them, as real ones have."""
    keys = (ResourceKey("", "ConfigMap", f"n{i % 7}", f"c{i}") for i in range(count))
    return tuple(attrs.evolve(owned(key), declared=(f"/data/{i % 5}", "/kind")) for i, key in enumerate(keys))


class StateStoreContract(abc.ABC):
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

    # -- inventory ----------------------------------------------------------------------------------------------------

    def test_a_new_application_owns_nothing(self, store: StateStore) -> None:
        """A new application has an empty inventory at serial 0."""
        assert store.inventory(APP) == Inventory(APP), (
            "A new application must have no entries, no intents and serial 0: the first write of an engine names serial 0, so any "
            "other number locks it out. Return Inventory(application) for an unknown name."
        )

    def test_an_update_is_what_is_read_next(self, store: StateStore) -> None:
        """What an update returns, the next read returns, one serial later."""
        after = store.update_inventory(APP, put(owned(SITE)), serial=0)
        assert after == Inventory(APP, {SITE: owned(SITE)}, {}, 1), (
            "update_inventory must return the inventory after the update, with the serial raised by one: the engine bases its next "
            "write on it without reading again. Return update.apply_to(previous)."
        )
        assert store.inventory(APP) == after, (
            "What update_inventory returned was not what inventory() read next. The write-ahead promise rests on this: an object "
            "that we are about to create must be found by the next process. Commit before returning."
        )

    @pytest.mark.parametrize("serial", [0, 2, 7])
    def test_a_stale_write_is_refused_whole(self, store: StateStore, serial: int) -> None:
        """A write that names another serial than the stored one raises StateConflict and changes nothing."""
        before = store.update_inventory(APP, put(owned(SITE)), serial=0)
        with pytest.raises(StateConflict):
            store.update_inventory(APP, InventoryUpdate(put=(owned(WEB),), drop=(SITE,)), serial=serial)
        assert store.inventory(APP) == before, (
            "A refused write left traces. Two engines that write on top of each other lose the record of an object that one of "
            "them created, and nobody will ever delete it. Compare the serial inside of the transaction that writes."
        )

    def test_an_update_of_an_unknown_application_names_serial_0(self, store: StateStore) -> None:
        """Only serial 0 starts an application."""
        with pytest.raises(StateConflict):
            store.update_inventory(APP, put(owned(SITE)), serial=3)
        assert store.inventory(APP) == Inventory(APP), (
            "A write based on serial 3 of an application that nobody knows was kept. Its writer saw an inventory that has been "
            "removed since; refuse it with StateConflict, so that it reads again."
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
                f"After {update} the inventory differs from InventoryUpdate.apply_to, the one definition of an update: put before "
                "drop, later entries win, absent keys are no error, every write counts one serial. Apply the value's own method."
            )

    def test_every_field_survives(self, store: StateStore) -> None:
        """Every field of an entry and of an intent is read back as written."""
        entry, intent = filled(InventoryEntry), filled(Intent)
        store.update_inventory(APP, InventoryUpdate(put=(entry,), open_intents=(intent,)), serial=0)
        assert store.inventory(APP) == Inventory(APP, {entry.key: entry}, {intent.key: intent}, 1), (
            "A field of an entry or an intent was lost or changed. Each one decides something (ownership ids, protection, delete "
            "order, memos). Keep the values as they are, or every field of attrs.fields()."
        )

    def test_an_inventory_in_hand_never_changes(self, store: StateStore) -> None:
        """A later write does not reach into an inventory that was handed out."""
        first = store.update_inventory(APP, put(owned(SITE)), serial=0)
        store.update_inventory(APP, InventoryUpdate(put=(owned(WEB),), drop=(SITE,)), serial=1)
        assert dict(first.entries) == {SITE: owned(SITE)}, (
            "An inventory that a caller holds changed under it. Plans are decided from it while other threads write; hand out a "
            "copy, or build each new inventory beside the old one."
        )

    def test_odd_keys_are_kept_apart(self, store: StateStore) -> None:
        """Keys with separators, quotes, capitals or any script are distinct objects."""
        entries = tuple(attrs.evolve(owned(key), declared=("/data/ключ~1", '/a"b/\n')) for key in ODD)
        store.update_inventory(APP, put(*entries), serial=0)
        assert dict(store.inventory(APP).entries) == {entry.key: entry for entry in entries}, (
            "Keys were mixed up or mangled. Two objects that share a row are one object to prune. Store the four parts of a key "
            "apart, and compare them byte by byte."
        )

    def test_applications_do_not_mix(self, store: StateStore) -> None:
        """The same key in two applications is two entries."""
        store.update_inventory(APP, put(owned(SITE)), serial=0)
        store.update_inventory(OTHER, put(owned(SITE, "elsewhere")), serial=0)
        assert (store.inventory(APP).entries[SITE].scope, store.inventory(OTHER).entries[SITE].scope) == ("world", "elsewhere"), (
            "One application's entry was found in another's inventory. Make the application part of the primary key."
        )

    def test_ten_thousand_entries(self, store: StateStore) -> None:
        """A large inventory is written in one update and read back whole."""
        update = put(*many(10_000))
        store.update_inventory(APP, update, serial=0)
        assert store.inventory(APP) == update.apply_to(Inventory(APP)), (
            "An inventory of 10,000 entries did not come back as written; nothing may be cut off."
        )

    # -- neighbours ---------------------------------------------------------------------------------------------------

    def test_neighbours_are_the_other_applications_in_a_scope(self, store: StateStore) -> None:
        """neighbours() names who else has an object in a scope, in whatever state; never ourselves."""
        for name, state, scope in ((APP, "applied", "world"), (OTHER, "applied", "world"), ("a/b/claims", "claimed", "moon")):
            entry = InventoryEntry(SITE, EntryState(state), scope=scope)
            store.update_inventory(name, InventoryUpdate(put=(entry,)), serial=0)
        found = [list(store.neighbours(APP, scopes)) for scopes in (["world"], ["moon", "world"], [""], [], ["mars"])]
        assert found == [[OTHER], sorted([OTHER, "a/b/claims"]), [], [], []], (
            "neighbours() must name exactly the other applications with an object in one of the scopes, sorted. A delete waits for "
            "them to look first, so that an object that moves to one of them is handed over; one that is left out loses the object. "
            "Look the scopes up among all entries, claims included, and leave out the application that asks."
        )

    # -- holders ------------------------------------------------------------------------------------------------------

    def test_another_applications_objects_are_found(self, store: StateStore) -> None:
        """holders() names the other application and its state, by scope and key; never ourselves."""
        store.update_inventory(APP, put(owned(SITE), owned(WEB)), serial=0)
        store.update_inventory(OTHER, put(owned(SITE, state=EntryState.PLANNED), owned(WEB, "elsewhere")), serial=0)
        assert dict(store.holders(APP, [("world", SITE), ("world", WEB)])) == {SITE: Holder(OTHER, EntryState.PLANNED)}, (
            "holders() must report exactly the objects that another application has in the same scope. What it misses, two "
            "engines fight over; what it invents, is never applied. Match scope and key, and leave the asking application out."
        )

    def test_an_object_without_a_scope_has_no_holder(self, store: StateStore) -> None:
        """A target that cannot say where its objects live has no neighbours."""
        store.update_inventory(OTHER, put(owned(SITE, "")), serial=0)
        assert not store.holders(APP, [("", SITE)]), (
            "An empty scope means that the target cannot tell its world from another's: two such objects with one key are not "
            "the same object. Answer nothing for an empty scope."
        )

    def test_an_owner_comes_before_a_claimant(self, store: StateStore) -> None:
        """Of several holders the one that owns is named; a claim shows when nobody owns."""
        for name, state in (("a/b/claims", EntryState.CLAIMED), ("a/b/owns", EntryState.APPLIED)):
            store.update_inventory(name, put(owned(SITE, state=state)), serial=0)
        asked = [("world", SITE)]
        answers = [dict(store.holders(name, asked))[SITE] for name in (APP, "a/b/owns")]
        assert answers == [Holder("a/b/owns", EntryState.APPLIED), Holder("a/b/claims", EntryState.CLAIMED)], (
            "A third application must hear of the owner, and the owner of the claimant: that is how an object moves from one "
            "application to another without a delete. Order holders by (claimed, name) and name the first."
        )

    def test_a_dropped_object_is_free(self, store: StateStore) -> None:
        """An object that was dropped or forgotten has no holder any more, and neither has one never seen."""
        store.update_inventory(OTHER, put(owned(SITE), owned(WEB)), serial=0)
        store.update_inventory(OTHER, InventoryUpdate(drop=(SITE,)), serial=1)
        assert set(store.holders(APP, [("world", key) for key in (SITE, WEB, *ODD)])) == {WEB}, (
            "holders() reported an object that its application no longer has (or missed one that it has). Keep its index in "
            "the same transaction as the inventory."
        )

    # -- exclusive ----------------------------------------------------------------------------------------------------

    def test_a_second_thread_is_kept_out(self, store: StateStore) -> None:
        """While one thread holds an application, another gets StateLocked that names it; other applications are free."""
        with store.exclusive(APP, 1.0):
            refused = _in_thread(lambda: _enter(store, APP, 0.05))
            free = _in_thread(lambda: _enter(store, OTHER, 0.05))
        assert isinstance(refused, StateLocked), (
            "Two threads worked on one application at the same time. Each would create what the other is just creating. "
            "exclusive() must keep threads of one process apart, too, not only processes."
        )
        assert APP in str(refused), "StateLocked must name the application: a host of a thousand of them cannot tell otherwise."
        assert free is None, f"One application's lock kept another one out ({free}); a slow application must not stop the rest."

    def test_a_waiter_gets_in_when_the_holder_leaves(self, store: StateStore) -> None:
        """Waiting ends as soon as the holder is gone, long before the timeout."""
        inside = threading.Event()
        waiter: list[object] = []

        def wait() -> None:
            inside.wait()
            waiter.append(_raised_by(lambda: _enter(store, APP, 30.0)))

        thread = threading.Thread(target=wait)
        thread.start()
        with store.exclusive(APP, 1.0):
            inside.set()
        thread.join(20)
        assert waiter == [None], (
            "A waiter did not get the lock that was free. exclusive(timeout=30) must try until its time is up, and wake early."
        )

    def test_an_exception_releases_the_lock(self, store: StateStore) -> None:
        """The lock is free after a pass that failed."""
        with pytest.raises(ZeroDivisionError), store.exclusive(APP, 1.0):
            raise ZeroDivisionError
        assert _in_thread(lambda: _enter(store, APP, 0.05)) is None, (
            "A pass that raised kept its application locked for ever. Release in a finally."
        )

    # -- journal and history ------------------------------------------------------------------------------------------

    def test_the_journal_tells_the_newest_first(self, store: StateStore) -> None:
        """Records come newest first, of one object or of all, at most *limit*, with every field."""
        records = [
            attrs.evolve(filled(JournalRecord), key=key, time=float(i)) for i, key in enumerate((SITE, WEB, SITE, WEB, SITE))
        ]
        store.append_journal(APP, records[:2])
        store.append_journal(APP, records[2:])
        store.append_journal(APP, [])
        newest = records[::-1]
        assert list(store.journal(APP)) == newest, "journal() must return every record, newest first, field by field as appended."
        assert list(store.journal(APP, SITE)) == newest[::2], (
            "journal(key=...) must return the records of that object only: explain() reads it."
        )
        assert list(store.journal(APP, limit=3)) == newest[:3], "journal(limit=3) must return the three newest records."
        assert list(store.journal(APP, WEB, limit=1)) == [newest[1]], (
            "journal(key, limit=1) must return that object's newest record."
        )
        assert not store.journal(APP, limit=0), "journal(limit=0) must return nothing."
        assert not store.journal(OTHER), "A journal must not show another application's records."

    def test_a_repeated_pass_is_counted(self, store: StateStore) -> None:
        """A pass that ended as the one before raises its count and its end, and adds no record."""
        first = filled(PassRecord)
        again = attrs.evolve(first, pass_id="p2", started_at=50.0, finished_at=60.0, repeats=0)
        other = attrs.evolve(first, pass_id="p3", revision="r2", repeats=0)
        for record in (first, again, other, again):
            store.record_pass(APP, record, keep=10)
        counted = attrs.evolve(first, finished_at=60.0, repeats=first.repeats + 1)
        assert list(store.history(APP)) == [again, other, counted], (
            "The history must be newest first and count repetitions (PassRecord.repeats_of the newest): a loop that is in sync "
            "passes every few minutes and would push everything of interest out. Keep the first id and start, the last end."
        )

    def test_the_history_is_bounded(self, store: StateStore) -> None:
        """Only the last *keep* passes stay; *limit* bounds what is returned."""
        records = [attrs.evolve(filled(PassRecord), revision=str(i)) for i in range(6)]
        for record in records:
            store.record_pass(APP, record, keep=4)
        assert list(store.history(APP)) == records[:1:-1], "record_pass(keep=4) must keep exactly the last four passes."
        assert list(store.history(APP, limit=2)) == records[:3:-1], "history(limit=2) must return the two newest passes."
        assert not store.history(OTHER), "A history must not show another application's passes."

    # -- memos --------------------------------------------------------------------------------------------------------

    def test_memos_have_an_age(self, store: StateStore) -> None:
        """A memo is found from its own second on, and never when a younger one is asked for."""
        store.put_memo("render", "k", b"\x00value", now=100.0)
        found = [store.get_memo("render", "k", not_before=t) for t in (0.0, 100.0, 100.5)]
        assert found == [b"\x00value", b"\x00value", None], (
            "get_memo must return what was put at or after not_before, bytes unchanged, and None for what is older: stale memos "
            "hide changes of webhooks and schemas."
        )

    def test_memos_are_replaced_and_kept_apart(self, store: StateStore) -> None:
        """The last value wins; spaces and keys do not mix; a miss is None; an empty value is a value."""
        for space, key, value in (("a", "k", b"1"), ("a", "k", b"2"), ("b", "k", b"3"), ("a", "k2", b"")):
            store.put_memo(space, key, value, now=1.0)
        found = [store.get_memo(*place, not_before=0.0) for place in (("a", "k"), ("b", "k"), ("a", "k2"), ("b", "k2"))]
        assert found == [b"2", b"3", b"", None], "put_memo must replace the value of the same (space, key) and touch no other."

    # -- the whole ----------------------------------------------------------------------------------------------------

    def test_applications_are_listed(self, store: StateStore) -> None:
        """Every application with an inventory, a journal or a history is listed, sorted; reading creates none."""
        store.inventory("never/written/to")
        store.update_inventory("c/inventory/x", put(owned(SITE)), serial=0)
        store.append_journal("b/journal/x", [filled(JournalRecord)])
        store.record_pass("a/history/x", filled(PassRecord), keep=1)
        assert list(store.applications()) == ["a/history/x", "b/journal/x", "c/inventory/x"], (
            "applications() must list, sorted, every application that anything is stored about, and none that was only looked at."
        )

    def test_a_forgotten_application_is_new_again(self, store: StateStore) -> None:
        """forget() removes everything about one application and nothing about another; unknown names are no error."""
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

    def test_the_salt_is_made_once(self, store: StateStore) -> None:
        """The salt is 32 random bytes and stays what it is."""
        salt = store.salt()
        assert len(salt) == 32, "The salt must have 32 bytes: it keys the digests of secrets, which a short one lets be guessed."
        assert store.salt() == salt, "The salt changed between two calls: every secret would look changed on every pass."

    def test_threads_lose_no_update(self, store: StateStore) -> None:
        """Threads that write one application with compare-and-swap lose no entry."""
        keys = [ResourceKey("", "K", "", str(i)) for i in range(40)]
        lost = _in_thread(*(partial(_insist, store, keys[n::4]) for n in range(4)))
        inventory = store.inventory(APP)
        assert (lost, set(inventory.entries), inventory.serial) == (None, set(keys), 40), (
            "Entries were lost (or an error got out) while four threads wrote with compare-and-swap. Reading the serial, "
            "comparing it and writing must be one atomic step."
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

    def test_every_field_is_stored(self, store: StateStore, twin: StateStore) -> None:
        """Every field of an entry and of an intent is read back as written by a handle that did not write it."""
        update = InventoryUpdate(put=(filled(InventoryEntry),), open_intents=(filled(Intent),))
        store.update_inventory(APP, update, serial=0)
        assert twin.inventory(APP) == update.apply_to(Inventory(APP)), (
            "A field of an entry or an intent was lost or changed on the way to the next process. Each one decides something "
            "(ownership ids, protection, delete order, memos). Store every field of attrs.fields(), by name."
        )

    def test_ten_thousand_entries_are_stored(self, store: StateStore, twin: StateStore) -> None:
        """A large inventory comes back whole through another handle."""
        update = put(*many(10_000))
        store.update_inventory(APP, update, serial=0)
        assert twin.inventory(APP) == update.apply_to(Inventory(APP)), (
            "An inventory of 10,000 entries did not come back as written; nothing may be cut off."
        )

    def test_the_second_handle_is_kept_out(self, store: StateStore, twin: StateStore) -> None:
        """The lock is the state's, not the object's."""
        with store.exclusive(APP, 1.0):
            refused = _in_thread(lambda: _enter(twin, APP, 0.05))
        assert isinstance(refused, StateLocked), (
            "Two handles on one state were in the same application at once. A second process has a handle of its own: the lock "
            "must live where the state lives."
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
            "After forget() and a new start through the other handle, this one still showed the old inventory: equal serials of "
            "two lives of one name are not the same state. Make the life part of the cache's key."
        )
        assert store.salt() == twin.salt(), "Two handles on one state have two salts; every secret would look changed."

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
                "Something did not survive a close and a new start. The next process would not know what it owns, and leak it."
            )
            assert again.salt() == salt, "The salt changed with the process: every write-only secret would be written again."


def _enter(store: StateStore, application: str, timeout: float) -> None:
    with store.exclusive(application, timeout):
        return


def _insist(store: StateStore, keys: Sequence[ResourceKey]) -> None:
    left = list(keys)
    while left:
        try:
            store.update_inventory(APP, put(owned(left[-1])), serial=store.inventory(APP).serial)
        except StateConflict:
            continue
        left.pop()


def _raised_by(call: Callable[[], object]) -> Exception | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001  # why: handed to the test, which asserts on it
        return error
    return None


def _in_thread(*calls: Callable[[], object]) -> Exception | None:
    """Run *calls* in a thread each and return the first exception, if there is one."""
    raised: list[Exception | None] = []
    threads = [threading.Thread(target=lambda call=call: raised.append(_raised_by(call))) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return next(filter(None, raised), None)
