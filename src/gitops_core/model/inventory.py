"""What we created and have not deleted: the record that survives us."""

from __future__ import annotations

import enum
import operator
from collections.abc import Mapping
from typing import Final

import attrs

from gitops_core.model.orders import Orders
from gitops_core.model.resources import ResourceKey


class EntryState(enum.StrEnum):
    """
    PLANNED is written before the first write of a pass, APPLIED after a success, DELETING before a delete.

    CLAIMED means that another application has the object and we declare it: it is not ours, but tells the other one to
    hand it over instead of deleting it. RELEASED is what the other one makes of its entry then: no longer declared, and its own
    until it has been taken over; when nobody waits for it any more, it is deleted like everything else.
    """

    PLANNED = "planned"
    APPLIED = "applied"
    DELETING = "deleting"
    CLAIMED = "claimed"
    RELEASED = "released"


@attrs.frozen
class InventoryEntry:
    """
    One object that is ours, or that we are about to make ours. Digests only: no body, no secret.

    Attributes:
        key: Identity.
        state: How far we are with it.
        id: What the API calls it; empty until known. A delete names this id, never only the key.
        desired: Digest of the declaration that was applied last.
        version: ``Live.version`` seen right after, for the memo that says UNCHANGED without a comparison.
        live: Digest of the normalised live object at that time; used when the API has no version.
        declared: The pointers that declaration set, sorted; a pointer that later vanishes from Git is a change.
        protected: The declaration asked for protection. It stays in force when the declaration is removed.
        checked_at: When live was last compared with desired in full, epoch seconds; bounds the age of the memo.
        adopted: The object was there before us.
        settled: Health had settled when last assessed.
        depends_on: Keys it depended on when applied: deletes run in the reverse order.
        scope: ``Target.scope`` of the key: the world it lives in.
        path: File that declared it, for reports after the declaration is gone.
        revision: The revision that was applied last.
        write_only: Salted digest of the write-only values that were applied last; empty when there were none.
        sensitive: Pointers that were secret because the renderer said so; a removed one is still masked.
        held_by: The application of the same state store that had it when we claimed it: once that one lets go, it is ours to adopt.
        refers_to: Declared keys that it only referred to when applied; they are deleted after it, or after it has changed.
        wave: The wave in which it was applied; deletes go through the waves backwards.
        unconfirmed: Addresses in ``declared`` that only a write has set of which nobody knows whether it happened.
        written_at: When what is being waited for was written, epoch seconds: until it has been seen, and has settled. 0 when
            nothing is. Deadlines count from here, over as many passes as it takes.
        written: Digest of the declaration that was written then; empty for a delete, and once it has been seen (APPLIED).
    """

    key: ResourceKey
    state: EntryState = EntryState.PLANNED
    id: str = ""
    desired: str = ""
    version: str = ""
    live: str = ""
    declared: tuple[str, ...] = ()
    protected: bool = False
    checked_at: float = 0.0
    adopted: bool = False
    settled: bool = False
    depends_on: tuple[ResourceKey, ...] = ()
    scope: str = ""
    path: str = ""
    revision: str = ""
    write_only: str = ""
    sensitive: tuple[str, ...] = ()
    held_by: str = ""
    refers_to: tuple[ResourceKey, ...] = ()
    wave: int = 0
    unconfirmed: tuple[str, ...] = ()
    written_at: float = 0.0
    written: str = ""

    def with_id(self, id: str) -> InventoryEntry:  # noqa: A002  # why: the attribute's name
        """Return this entry with another id. Cost: a fifth of ``attrs.evolve``, for what every create needs."""
        facts = list(_facts(self))
        facts[_ID] = id
        return InventoryEntry(*facts)

    def is_but_for_id(self, other: InventoryEntry) -> bool:
        """Tell whether *other* is this entry, or this one with another id."""
        return bool(_all_but_id(self) == _all_but_id(other))


_FIELDS: Final = tuple(field.name for field in attrs.fields(InventoryEntry))
_ID: Final = _FIELDS.index("id")
_facts: Final = operator.attrgetter(*_FIELDS)
_all_but_id: Final = operator.attrgetter(
    "state", *(name for name in _FIELDS if name not in ("id", "state"))
)  # what changes first


@attrs.frozen
class Holder:
    """Another application that has an object in its inventory, and in which state."""

    application: str
    state: EntryState


@attrs.frozen
class Intent:
    """
    "I am about to create this": written before a create whose id the API invents, removed when the outcome is recorded.

    Attributes:
        key: The object.
        idempotency_key: The same on every retry and after a crash, so that an API that honours it makes one object.
        token: Token of a :class:`Pending` operation, to be polled after a restart.
        desired: Digest of the declaration.
        started_at: Epoch seconds.
    """

    key: ResourceKey
    idempotency_key: str
    token: str = ""
    desired: str = ""
    started_at: float = 0.0


@attrs.frozen
class Inventory:
    """
    Everything one application owns.

    Attributes:
        application: ``Application.id``.
        entries: By key.
        intents: Open intents by key.
        serial: Counts writes; a write names the serial it was based on, and a stale one is refused (StateConflict).
        term: The highest term under which it was written: a write of an earlier one is refused (StaleTerm).
        orders: What people have ordered about the application.

    An entry exists from before the first write of its object until after its delete.
    """

    application: str
    entries: Mapping[ResourceKey, InventoryEntry] = attrs.field(factory=dict)
    intents: Mapping[ResourceKey, Intent] = attrs.field(factory=dict)
    serial: int = 0
    term: int = 0
    orders: Orders = Orders()


@attrs.frozen
class InventoryUpdate:
    """
    One atomic change of an inventory.

    Attributes:
        put: Entries to add or replace.
        drop: Keys to remove (a no-op where absent).
        open_intents: Intents to add or replace.
        close_intents: Keys whose intent is done.
        term: The term of who writes; 0 for one that does not share its work with others.
        orders: The orders from now on; None leaves them.
    """

    put: tuple[InventoryEntry, ...] = ()
    drop: tuple[ResourceKey, ...] = ()
    open_intents: tuple[Intent, ...] = ()
    close_intents: tuple[ResourceKey, ...] = ()
    term: int = 0
    orders: Orders | None = None

    def __bool__(self) -> bool:
        """Tell whether it says anything about objects or orders; a term alone changes nothing that is owned."""
        return bool(self.put or self.drop or self.open_intents or self.close_intents or self.orders is not None)

    def apply_to(self, inventory: Inventory) -> Inventory:
        """Return *inventory* after this update, with the next serial."""
        entries = {**inventory.entries, **{e.key: e for e in self.put}}
        intents = {**inventory.intents, **{i.key: i for i in self.open_intents}}
        for key in self.drop:
            entries.pop(key, None)
        for key in self.close_intents:
            intents.pop(key, None)
        return Inventory(inventory.application, entries, intents, inventory.serial + 1, *self.standing(inventory))

    def standing(self, inventory: Inventory) -> tuple[int, Orders]:
        """Return term and orders after this update of *inventory*."""
        return max(inventory.term, self.term), inventory.orders if self.orders is None else self.orders
