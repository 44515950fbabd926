"""The store contract finds every broken store listed here: what it would not find, it would not promise."""

from __future__ import annotations

import inspect
import time
from contextlib import nullcontext

import attrs
import pytest

from gitops_core.errors import StateConflict, StateLocked
from gitops_core.model.inventory import Holder, InventoryUpdate
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.store_contract import StateStoreContract


class Contract(StateStoreContract):
    def make_store(self):
        return MemoryStore()


def broken_promises(make):
    """The names of the checks that *make*'s store fails."""
    failed = []
    for name, check in inspect.getmembers(Contract(), inspect.ismethod):
        if name.startswith("test_"):
            given = {"store": make()} | ({"serial": 0} if "serial" in inspect.signature(check).parameters else {})
            try:
                check(**given)
            except (AssertionError, pytest.fail.Exception, StateConflict, StateLocked, KeyError):
                failed.append(name)
    return failed


class NoCompareAndSwap(MemoryStore):
    def update_inventory(self, application, update, *, serial):
        return super().update_inventory(application, update, serial=self.inventory(application).serial)


class WritesBeforeRefusing(MemoryStore):
    def update_inventory(self, application, update, *, serial):
        current = self.inventory(application).serial
        super().update_inventory(application, update, serial=current)
        if current != serial:
            raise StateConflict("too late")
        return self.inventory(application)


class RacyCompareAndSwap(MemoryStore):
    def update_inventory(self, application, update, *, serial):
        before = self.inventory(application)
        if before.serial != serial:
            raise StateConflict("checked outside of the transaction")
        after = update.apply_to(before)
        time.sleep(0.0005)
        self._of(application).inventory = after
        return after


class LosesIntents(MemoryStore):
    def update_inventory(self, application, update, *, serial):
        return super().update_inventory(application, attrs.evolve(update, open_intents=()), serial=serial)


class ForgetsProtection(MemoryStore):
    def update_inventory(self, application, update, *, serial):
        put = tuple(attrs.evolve(entry, protected=False) for entry in update.put)
        return super().update_inventory(application, attrs.evolve(update, put=put), serial=serial)


class FoldsCase(MemoryStore):
    def update_inventory(self, application, update, *, serial):
        put = tuple(attrs.evolve(e, key=e.key._replace(name=e.key.name.lower())) for e in update.put)
        return super().update_inventory(application, attrs.evolve(update, put=put), serial=serial)


class DropsFirst(MemoryStore):
    def update_inventory(self, application, update, *, serial):
        kept = tuple(key for key in update.drop if key not in {e.key for e in update.put})
        return super().update_inventory(application, attrs.evolve(update, drop=kept), serial=serial)


class WritesIntoWhatItHandedOut(MemoryStore):
    def update_inventory(self, application, update, *, serial):
        before = self.inventory(application)
        after = super().update_inventory(application, update, serial=serial)
        if isinstance(before.entries, dict):
            before.entries.clear()
            before.entries.update(after.entries)
        return after


class CutsLongInventories(MemoryStore):
    def update_inventory(self, application, update, *, serial):
        return super().update_inventory(application, attrs.evolve(update, put=update.put[:5000]), serial=serial)


class OneLockForAll(MemoryStore):
    def exclusive(self, application, timeout):
        return super().exclusive("all", timeout)


class NoLock(MemoryStore):
    def exclusive(self, application, timeout):
        return nullcontext()


class HoldsItself(MemoryStore):
    def holders(self, application, objects):
        return super().holders("nobody", objects)


class IgnoresTheScope(MemoryStore):
    def holders(self, application, objects):
        return super().holders(application, [(scope, key) for _, key in objects for scope in ("world", "elsewhere")])


class EmptyScopeMatches(MemoryStore):
    def holders(self, application, objects):
        found = dict(super().holders(application, objects))
        for scope, key in objects:
            for name in () if scope else self._kept:
                entry = self.inventory(name).entries.get(key)
                found |= {key: Holder(name, entry.state)} if entry else {}
        return found


class NamesTheClaimant(MemoryStore):
    def holders(self, application, objects):
        found = {}
        for name in sorted(set(self._kept) - {application}):
            entries = self.inventory(name).entries
            held = {key: entries[key] for scope, key in objects if scope and key in entries and entries[key].scope == scope}
            found = {key: Holder(name, entry.state) for key, entry in held.items()} | found
        return found


class EverybodyIsANeighbour(MemoryStore):
    def neighbours(self, application, scopes):
        return sorted(set(self._kept) - {application})


class ANeighbourOfItself(MemoryStore):
    def neighbours(self, application, scopes):
        return super().neighbours("", scopes)


class OldestFirst(MemoryStore):
    def journal(self, application, key=None, limit=100):
        return super().journal(application, key, limit)[::-1]


class MixesJournals(MemoryStore):
    def append_journal(self, application, records):
        super().append_journal("all", records)

    def journal(self, application, key=None, limit=100):
        return super().journal("all", key, limit)


class CountsNothing(MemoryStore):
    def record_pass(self, application, record, *, keep):
        self._of(application).passes.appendleft(record)


class IgnoresMemoAge(MemoryStore):
    def get_memo(self, space, key, *, not_before):
        return super().get_memo(space, key, not_before=float("-inf"))


class MixesMemoSpaces(MemoryStore):
    def put_memo(self, space, key, value, *, now):
        super().put_memo("", key, value, now=now)

    def get_memo(self, space, key, *, not_before):
        return super().get_memo("", key, not_before=not_before)


class ReadingCreates(MemoryStore):
    def inventory(self, application):
        self._of(application)
        return super().inventory(application)


class ForgetsOnlyTheInventory(MemoryStore):
    def forget(self, application):
        update = InventoryUpdate(drop=tuple(self.inventory(application).entries))
        super().update_inventory(application, update, serial=self.inventory(application).serial)


class ForgetsAll(MemoryStore):
    def forget(self, application):
        self._kept.clear()


class NewSaltEachTime(MemoryStore):
    def salt(self):
        return MemoryStore().salt()


class ShortSalt(MemoryStore):
    def salt(self):
        return b"salt"


MUTANTS = [cls for cls in list(vars().values()) if isinstance(cls, type) and MemoryStore in cls.__bases__]


def test_the_sound_store_breaks_nothing():
    assert broken_promises(MemoryStore) == []


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_contract_finds(mutant):
    assert broken_promises(mutant)
