"""Rules that every store follows, so that two stores never decide differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import attrs

from gitops_core.errors import StaleTerm, StateConflict
from gitops_core.model.history import PassRecord
from gitops_core.model.inventory import EntryState, Inventory, InventoryUpdate
from gitops_core.model.resources import ResourceKey

_V = TypeVar("_V")

JOURNAL_LIMIT: Final = 20_000
"""Journal records kept for each application: a first pass over 10,000 objects and its aftermath."""

MEMO_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of memos kept in one store."""

HOLDER_RANK: Final = {EntryState.CLAIMED: 1, EntryState.RELEASED: 2}
"""Who has an object comes first (0), who only claims it after that, who lets go of it last."""


def repetition(newest: PassRecord | None, record: PassRecord) -> PassRecord | None:
    """Return *newest* with *record* counted in, or None when *record* is something new."""
    if newest is None or not record.repeats_of(newest):
        return None
    return attrs.evolve(newest, finished_at=record.finished_at, repeats=newest.repeats + record.repeats + 1)


def check_serial(application: str, *, based_on: int, stored: int) -> None:
    """
    Refuse a write that was based on another state than the stored one.

    Raises:
        StateConflict: The serials differ. RETRY.
    """
    if based_on != stored:
        raise StateConflict(
            f"{application}: the inventory is at serial {stored}, this write was based on serial {based_on}: another engine wrote "
            "in between; read the inventory again and plan anew"
        )


def check_term(inventory: Inventory, update: InventoryUpdate) -> None:
    """
    Refuse a write of somebody whose time is over.

    Raises:
        StaleTerm: Somebody with a later term has written. WAIT.

    Source: fencing tokens as in Kleppmann, "How to do distributed locking" (2016).
    """
    if 0 < update.term < inventory.term:
        raise StaleTerm(
            f"{inventory.application}: this engine works under term {update.term} and another one has taken over under term "
            f"{inventory.term}; nothing was written. It goes on by itself as soon as its coordinator counts it in again"
        )


def changed(
    keys: Iterable[ResourceKey], before: Mapping[ResourceKey, _V], after: Mapping[ResourceKey, _V]
) -> dict[ResourceKey, _V | None]:
    """Return what each of *keys* is afterwards, None for gone, without those that are what they were."""
    values = ((key, after.get(key)) for key in dict.fromkeys(keys))
    return {key: value for key, value in values if before.get(key) != value}
