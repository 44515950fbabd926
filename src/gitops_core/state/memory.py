"""A state store that lives as long as the process: for tests, simulations, and hosts that keep nothing."""

from __future__ import annotations

import secrets
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice

import attrs

from gitops_core.interfaces import StateStore
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import Holder, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.resources import ResourceKey
from gitops_core.state.locks import ThreadLocks
from gitops_core.state.rules import HOLDER_RANK, JOURNAL_LIMIT, MEMO_LIMIT, check_serial, check_term, repetition


@attrs.define
class _Kept:
    """What is known about one application; the newest record of a journal or history comes first."""

    inventory: Inventory
    journal: deque[JournalRecord]
    passes: deque[PassRecord] = attrs.field(factory=deque)


class _Places:
    """Which applications have what, and where: so that nobody has to go through the inventories of all."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[ResourceKey, tuple[str, ...]]] = {}  # by scope
        self._scopes: dict[str, Counter[str]] = {}

    def at(self, scope: str, key: ResourceKey) -> tuple[str, ...]:
        """Return the applications that have *key* in *scope*; the empty scope has none."""
        return self._objects.get(scope, {}).get(key, ()) if scope else ()

    def within(self, scopes: Collection[str]) -> set[str]:
        """Return the applications that have anything in one of *scopes*; the empty scope has none."""
        return {name for scope in scopes if scope for name in self._scopes.get(scope, ())}

    def move(self, application: str, before: InventoryEntry | None, after: InventoryEntry | None) -> None:
        """Take in that an entry of *application* has come, gone, or has another scope now."""
        if before is not None and (after is None or after.scope != before.scope):
            self._leave(application, before)
        if after is not None and (before is None or after.scope != before.scope):
            objects = self._objects.setdefault(after.scope, {})
            objects[after.key] = (*objects.get(after.key, ()), application)
            self._scopes.setdefault(after.scope, Counter())[application] += 1

    def _leave(self, application: str, entry: InventoryEntry) -> None:
        objects, counts = self._objects[entry.scope], self._scopes[entry.scope]
        left = tuple(name for name in objects[entry.key] if name != application)
        if left:
            objects[entry.key] = left
        else:
            del objects[entry.key]
        counts[application] -= 1
        if not counts[application]:
            del counts[application]


class MemoryStore(StateStore):
    """
    State in this process only.

    Args:
        salt: Fixes the key of secret digests, so that a test's plans are the same in every run; random when left out.
        journal_limit: Journal records kept for each application.
        memo_limit: Bytes of memos kept; the oldest go first.

    Cost: every method is O(what it is given and returns), ``update_inventory`` O(entries) for the copy it returns.
    """

    def __init__(self, *, salt: bytes | None = None, journal_limit: int = JOURNAL_LIMIT, memo_limit: int = MEMO_LIMIT) -> None:
        self._salt = salt if salt is not None else secrets.token_bytes(32)
        self._journal_limit = journal_limit
        self._memo_limit = memo_limit
        self._lock = threading.Lock()
        self._holding = ThreadLocks()
        self._kept: dict[str, _Kept] = {}
        self._places = _Places()
        self._memos: OrderedDict[tuple[str, str], tuple[float, bytes]] = OrderedDict()
        self._memo_bytes = 0

    def salt(self) -> bytes:
        """Return the salt given, or the one made with this store."""
        return self._salt

    def exclusive(self, application: str, timeout: float) -> AbstractContextManager[None]:
        """Keep other threads out; there are no other processes to keep out."""
        return self._holding.hold(application, timeout)

    def inventory(self, application: str) -> Inventory:
        """Return the inventory as it was last written: the same object until the next write."""
        kept = self._kept.get(application)
        return kept.inventory if kept else Inventory(application)

    def update_inventory(self, application: str, update: InventoryUpdate, *, serial: int) -> Inventory:
        """Apply *update*, if nobody wrote since *serial*."""
        with self._lock:
            current = self.inventory(application)
            check_serial(application, based_on=serial, stored=current.serial)
            check_term(current, update)
            kept = self._of(application)
            after = kept.inventory = update.apply_to(current)
            put = {entry.key: entry for entry in update.put}
            for key, entry in put.items():
                was = current.entries.get(key)
                if was is None or was.scope != entry.scope:
                    self._places.move(application, was, entry)
            for key in dict.fromkeys(update.drop):
                self._places.move(application, put.get(key, current.entries.get(key)), None)
            return after

    def holders(self, application: str, objects: Collection[tuple[str, ResourceKey]]) -> Mapping[ResourceKey, Holder]:
        """Return who else has each of *objects*: its owner before those who only claim it. Cost: O(objects)."""
        found: dict[ResourceKey, Holder] = {}
        with self._lock:
            if self._places.within({scope for scope, _ in objects}) <= {application}:
                return found
            for scope, key in objects:
                others = [name for name in self._places.at(scope, key) if name != application]
                holders = [Holder(name, self._kept[name].inventory.entries[key].state) for name in others]
                if holders:
                    found[key] = min(holders, key=lambda h: (HOLDER_RANK.get(h.state, 0), h.application))
        return found

    def neighbours(self, application: str, scopes: Collection[str]) -> Sequence[str]:
        """Return the other applications that have an object in one of *scopes*. Cost: O(applications in them)."""
        with self._lock:
            found = self._places.within(scopes)
        return sorted(found - {application})

    def append_journal(self, application: str, records: Sequence[JournalRecord]) -> None:
        """Add *records* in their order."""
        with self._lock:
            if records:
                self._of(application).journal.extendleft(records)

    def journal(self, application: str, key: ResourceKey | None = None, limit: int = 100) -> Sequence[JournalRecord]:
        """Return the newest records first. Cost: O(records) for one key."""
        with self._lock:
            kept = self._kept.get(application)
            records = (r for r in kept.journal if key is None or r.key == key) if kept else ()
            return tuple(islice(records, max(limit, 0)))

    def record_pass(self, application: str, record: PassRecord, *, keep: int) -> None:
        """Add *record*, or count it as a repetition."""
        with self._lock:
            passes = self._of(application).passes
            repeated = repetition(passes[0] if passes else None, record)
            if repeated:
                passes[0] = repeated
            else:
                passes.appendleft(record)
            while len(passes) > max(keep, 0):
                passes.pop()

    def history(self, application: str, limit: int = 20) -> Sequence[PassRecord]:
        """Return the newest passes first."""
        with self._lock:
            kept = self._kept.get(application)
            return tuple(islice(kept.passes, max(limit, 0))) if kept else ()

    def get_memo(self, space: str, key: str, *, not_before: float) -> bytes | None:
        """Return the value if it is young enough."""
        with self._lock:
            stored_at, value = self._memos.get((space, key), (float("-inf"), None))
            return value if stored_at >= not_before else None

    def put_memo(self, space: str, key: str, value: bytes, *, now: float) -> None:
        """Remember *value*; a value larger than the limit is not kept."""
        with self._lock:
            self._drop_memo((space, key))
            if len(value) > self._memo_limit:
                return
            self._memos[space, key] = (now, value)
            self._memo_bytes += len(value)
            while self._memo_bytes > self._memo_limit:
                self._drop_memo(next(iter(self._memos)))

    def applications(self) -> Sequence[str]:
        """Return every application that was ever written to, sorted."""
        with self._lock:
            return tuple(sorted(self._kept))

    def forget(self, application: str) -> None:
        """Remove everything about *application*."""
        with self._lock:
            kept = self._kept.pop(application, None)
            for entry in kept.inventory.entries.values() if kept is not None else ():
                self._places.move(application, entry, None)

    def _of(self, application: str) -> _Kept:
        kept = self._kept.get(application)
        if kept is None:
            kept = self._kept[application] = _Kept(Inventory(application), deque(maxlen=self._journal_limit))
        return kept

    def _drop_memo(self, place: tuple[str, str]) -> None:
        known = self._memos.pop(place, None)
        if known:
            self._memo_bytes -= len(known[1])
