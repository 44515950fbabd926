"""Broken stores, each a few lines over the store in memory."""

import time
from contextlib import contextmanager, nullcontext

import attrs
from killing import Catalogue

from gitops_core.errors import StateConflict
from gitops_core.model.inventory import Holder, InventoryUpdate
from gitops_core.model.orders import Orders
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.store_contract import StateStoreContract


def suite(make):
    """Return the contract filled in for *make*'s stores."""

    class Suite(StateStoreContract):
        def make_store(self):
            return make()

    return Suite


STORES = Catalogue(suite)


@STORES.mutant("store", "test_a_stale_write_is_refused_whole", "test_an_update_of_an_unknown_application_names_serial_0")
class NoCompareAndSwap(MemoryStore):
    """It writes whatever the serial says."""

    def update_inventory(self, application, update, *, serial):
        return super().update_inventory(application, update, serial=self.inventory(application).serial)


@STORES.mutant("store", "test_a_stale_write_is_refused_whole")
class WritesBeforeRefusing(MemoryStore):
    """It compares the serial after it has written."""

    def update_inventory(self, application, update, *, serial):
        current = self.inventory(application).serial
        super().update_inventory(application, update, serial=current)
        if current != serial:
            raise StateConflict("too late")
        return self.inventory(application)


@STORES.mutant("store", "test_threads_lose_no_update")
class RacyCompareAndSwap(MemoryStore):
    """It compares the serial outside of the transaction."""

    def update_inventory(self, application, update, *, serial):
        before = self.inventory(application)
        if before.serial != serial:
            raise StateConflict("checked outside of the transaction")
        after = update.apply_to(before)
        time.sleep(0.0005)
        self._of(application).inventory = after
        return after


@STORES.mutant("store", "test_orders_stay_until_they_are_changed")
class ForgetsOrders(MemoryStore):
    """A later write takes the orders away."""

    def update_inventory(self, application, update, *, serial):
        orders = update.orders or Orders()
        return super().update_inventory(application, attrs.evolve(update, orders=orders), serial=serial)


@STORES.mutant("store", "test_a_write_of_an_earlier_term_is_refused")
class LetsTheLateWrite(MemoryStore):
    """It keeps the term and does not compare it."""

    def update_inventory(self, application, update, *, serial):
        term = max(update.term, self.inventory(application).term)
        return super().update_inventory(application, attrs.evolve(update, term=term), serial=serial)


@STORES.mutant("store", "test_every_field_survives")
class LosesIntents(MemoryStore):
    """It stores no intents."""

    def update_inventory(self, application, update, *, serial):
        return super().update_inventory(application, attrs.evolve(update, open_intents=()), serial=serial)


@STORES.mutant("store", "test_every_field_survives")
class ForgetsProtection(MemoryStore):
    """It leaves out a field of an entry."""

    def update_inventory(self, application, update, *, serial):
        put = tuple(attrs.evolve(entry, protected=False) for entry in update.put)
        return super().update_inventory(application, attrs.evolve(update, put=put), serial=serial)


@STORES.mutant("store", "test_odd_keys_are_kept_apart")
class FoldsCase(MemoryStore):
    """It takes capitals for small letters."""

    def update_inventory(self, application, update, *, serial):
        put = tuple(attrs.evolve(e, key=e.key._replace(name=e.key.name.lower())) for e in update.put)
        return super().update_inventory(application, attrs.evolve(update, put=put), serial=serial)


@STORES.mutant("store", "test_updates_follow_the_law")
class DropsFirst(MemoryStore):
    """It drops before it puts."""

    def update_inventory(self, application, update, *, serial):
        kept = tuple(key for key in update.drop if key not in {e.key for e in update.put})
        return super().update_inventory(application, attrs.evolve(update, drop=kept), serial=serial)


@STORES.mutant("store", "test_an_inventory_in_hand_never_changes")
class WritesIntoWhatItHandedOut(MemoryStore):
    """It changes inventories that callers hold."""

    def update_inventory(self, application, update, *, serial):
        before = self.inventory(application)
        after = super().update_inventory(application, update, serial=serial)
        if isinstance(before.entries, dict):
            before.entries.clear()
            before.entries.update(after.entries)
        return after


@STORES.mutant("store", "test_ten_thousand_entries")
class CutsLongInventories(MemoryStore):
    """It keeps five thousand entries of an update."""

    def update_inventory(self, application, update, *, serial):
        return super().update_inventory(application, attrs.evolve(update, put=update.put[:5000]), serial=serial)


@STORES.mutant("store", "test_a_second_thread_is_kept_out")
class OneLockForAll(MemoryStore):
    """It has one lock for all applications."""

    def exclusive(self, application, timeout):
        return super().exclusive("all", timeout)


@STORES.mutant("store", "test_a_second_thread_is_kept_out")
class NoLock(MemoryStore):
    """It has no lock."""

    def exclusive(self, application, timeout):
        return nullcontext()


@STORES.mutant("store", "test_another_applications_objects_are_found")
class HoldsItself(MemoryStore):
    """It names the asking application as a holder."""

    def holders(self, application, objects):
        return super().holders("nobody", objects)


@STORES.mutant("store", "test_another_applications_objects_are_found")
class IgnoresTheScope(MemoryStore):
    """It finds holders in every scope."""

    def holders(self, application, objects):
        return super().holders(application, [(scope, key) for _, key in objects for scope in ("world", "elsewhere")])


@STORES.mutant("store", "test_an_object_without_a_scope_has_no_holder")
class EmptyScopeMatches(MemoryStore):
    """It takes the empty scope for a scope."""

    def holders(self, application, objects):
        found = dict(super().holders(application, objects))
        for scope, key in objects:
            for name in () if scope else self._kept:
                entry = self.inventory(name).entries.get(key)
                found |= {key: Holder(name, entry.state)} if entry else {}
        return found


@STORES.mutant("store", "test_an_owner_comes_before_a_claimant")
class NamesTheClaimant(MemoryStore):
    """It names whoever comes first in the alphabet."""

    def holders(self, application, objects):
        found = {}
        for name in sorted(set(self._kept) - {application}):
            entries = self.inventory(name).entries
            held = {key: entries[key] for scope, key in objects if scope and key in entries and entries[key].scope == scope}
            found = {key: Holder(name, entry.state) for key, entry in held.items()} | found
        return found


@STORES.mutant("store", "test_neighbours_are_the_other_applications_in_a_scope")
class EverybodyIsANeighbour(MemoryStore):
    """Everybody is a neighbour."""

    def neighbours(self, application, scopes):
        return sorted(set(self._kept) - {application})


@STORES.mutant("store", "test_neighbours_are_the_other_applications_in_a_scope")
class ANeighbourOfItself(MemoryStore):
    """An application is its own neighbour."""

    def neighbours(self, application, scopes):
        return super().neighbours("", scopes)


@STORES.mutant("store", "test_the_journal_tells_the_newest_first")
class OldestFirst(MemoryStore):
    """Its journal begins with the oldest record."""

    def journal(self, application, key=None, limit=100):
        return super().journal(application, key, limit)[::-1]


@STORES.mutant("store", "test_the_journal_tells_the_newest_first")
class MixesJournals(MemoryStore):
    """It has one journal for all applications."""

    def append_journal(self, application, records):
        super().append_journal("all", records)

    def journal(self, application, key=None, limit=100):
        return super().journal("all", key, limit)


@STORES.mutant("store", "test_a_repeated_pass_is_counted", "test_the_history_is_bounded")
class CountsNothing(MemoryStore):
    """It adds a record for every pass, for ever."""

    def record_pass(self, application, record, *, keep):
        self._of(application).passes.appendleft(record)


@STORES.mutant("store", "test_memos_have_an_age")
class IgnoresMemoAge(MemoryStore):
    """Its memos never age."""

    def get_memo(self, space, key, *, not_before):
        return super().get_memo(space, key, not_before=float("-inf"))


@STORES.mutant("store", "test_memos_are_replaced_and_kept_apart")
class MixesMemoSpaces(MemoryStore):
    """It has one space for all memos."""

    def put_memo(self, space, key, value, *, now):
        super().put_memo("", key, value, now=now)

    def get_memo(self, space, key, *, not_before):
        return super().get_memo("", key, not_before=not_before)


@STORES.mutant("store", "test_applications_are_listed")
class ReadingCreates(MemoryStore):
    """It lists whatever was looked at."""

    def inventory(self, application):
        self._of(application)
        return super().inventory(application)


@STORES.mutant("store", "test_a_forgotten_application_is_new_again")
class ForgetsOnlyTheInventory(MemoryStore):
    """It forgets entries, and keeps journal, history and serial."""

    def forget(self, application):
        update = InventoryUpdate(drop=tuple(self.inventory(application).entries))
        super().update_inventory(application, update, serial=self.inventory(application).serial)


@STORES.mutant("store", "test_a_forgotten_application_is_new_again")
class ForgetsAll(MemoryStore):
    """It forgets every application."""

    def forget(self, application):
        self._kept.clear()


@STORES.mutant("store", "test_the_salt_is_made_once")
class NewSaltEachTime(MemoryStore):
    """It makes a salt at each call."""

    def salt(self):
        return MemoryStore().salt()


@STORES.mutant("store", "test_the_salt_is_made_once")
class ShortSalt(MemoryStore):
    """Its salt has four bytes."""

    def salt(self):
        return b"salt"


@STORES.mutant("store", "test_a_new_application_owns_nothing")
class StartsAtOne(MemoryStore):
    """A new application begins at serial 1."""

    def inventory(self, application):
        found = super().inventory(application)
        return found if found.serial else attrs.evolve(found, serial=1)


@STORES.mutant("store", "test_an_update_is_what_is_read_next")
class WritesLater(MemoryStore):
    """A read finds what was there before the last update."""

    def update_inventory(self, application, update, *, serial):
        self.before = self.inventory(application)
        return super().update_inventory(application, update, serial=serial)

    def inventory(self, application):
        return getattr(self, "before", None) or super().inventory(application)


@STORES.mutant("store", "test_applications_do_not_mix")
class MixesApplications(MemoryStore):
    """It keeps one inventory for all applications."""

    def update_inventory(self, application, update, *, serial):
        found = super().update_inventory("all", update, serial=super().inventory("all").serial)
        return attrs.evolve(found, application=application)

    def inventory(self, application):
        return attrs.evolve(super().inventory("all"), application=application)


@STORES.mutant("store", "test_a_dropped_object_is_free")
class HoldsWhatIsGone(MemoryStore):
    """It names whoever once had the object."""

    def update_inventory(self, application, update, *, serial):
        self.once = {**getattr(self, "once", {}), **{e.key: Holder(application, e.state) for e in update.put if e.scope}}
        return super().update_inventory(application, update, serial=serial)

    def holders(self, application, objects):
        once = {key: self.once[key] for scope, key in objects if scope and key in getattr(self, "once", {})}
        return {**{key: holder for key, holder in once.items() if holder.application != application}}


@STORES.mutant("store", "test_an_exception_releases_the_lock")
class KeepsTheLock(MemoryStore):
    """A pass that fails keeps its lock."""

    @contextmanager
    def exclusive(self, application, timeout):
        lock = super().exclusive(application, timeout)
        self.kept = [*getattr(self, "kept", ()), lock]  # collected, it would let go
        lock.__enter__()
        yield
        lock.__exit__(None, None, None)


@STORES.mutant("store", "test_a_waiter_gets_in_when_the_holder_leaves")
class TriesOnce(MemoryStore):
    """It does not wait for a lock."""

    def exclusive(self, application, timeout):
        return super().exclusive(application, 0.0)
