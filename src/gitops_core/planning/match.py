"""Whose is it? Before anything is compared, each key is put into one of six situations."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import attrs

from gitops_core.errors import UnknownKind
from gitops_core.model.inventory import EntryState, InventoryEntry
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.planning.request import PlanRequest

WITHOUT_IT: Final = frozenset({EntryState.CLAIMED, EntryState.RELEASED})
"""An application with such an entry does not have the object, or lets anybody have it who waits for it."""

HAVING_IT: Final = frozenset({EntryState.APPLIED, EntryState.DELETING})
"""One with such an entry has it; with any other it is only about to, and may give it up."""


class Standing(enum.Enum):
    """What a key is to us."""

    ABSENT = "absent"
    OURS = "ours"
    UNOWNED = "unowned"
    FOREIGN = "foreign"
    DELETING = "deleting"
    UNREADABLE = "unreadable"


@attrs.frozen
class Match:
    """
    One key's situation.

    Attributes:
        standing: In one word.
        entry: Our record of it, if it is ours to change; a claim is none.
        live: What is there.
        other: FOREIGN: the application that has it.
        why: UNREADABLE: the error; UNOWNED: what is special about it.
    """

    standing: Standing
    entry: InventoryEntry | None = None
    live: Live | None = None
    other: str = ""
    why: str = ""


class Blind:
    """
    What could not be observed, ready to be asked about many keys.

    Attributes:
        unknown: (group, kind) pairs that the API does not have, and what it said. Nothing of them can be there: they are absent.
    """

    def __init__(self, unreadable: Iterable[Unreadable]) -> None:
        self._keys: dict[ResourceKey, str] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        self.unknown: dict[tuple[str, str], str] = {}
        for item in unreadable:
            text = error_text(item.error)
            if isinstance(item.error, UnknownKind):
                self.unknown.setdefault(
                    (item.key.group, item.key.kind) if item.key is not None else item.kind, item.error.message
                )
            elif item.key is not None:
                self._keys.setdefault(item.key, text)
            else:
                self._kinds.setdefault(item.kind, text)

    def __bool__(self) -> bool:
        return bool(self._keys or self._kinds)

    def error(self, key: ResourceKey) -> str | None:
        """Return why nothing is known about *key*, or None when it was observed."""
        found = self._keys.get(key)
        if found is None and self._kinds:
            found = self._kinds.get((key.group, key.kind), self._kinds.get(("*", "*")))
        return found


def error_text(error: Exception | str) -> str:
    """Return *error* on one line, with its class."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return " ".join(text.split()) or "no reason given"


def match(request: PlanRequest, key: ResourceKey, blind: Blind) -> Match:
    """Return what *key* is to us. Bodies are not looked at."""
    live = request.live.get(key)
    entry = owned_entry(request, key)
    if live is None and entry is None and not blind and not request.holders:
        return _NEW
    error = blind.error(key) if blind else None
    if error is not None:
        return Match(Standing.UNREADABLE, entry, live, why=error)
    other = other_owner(request, key)
    if other:
        return Match(Standing.FOREIGN, entry, live, other=other)
    if live is None or live.deleting:
        return Match(Standing.DELETING if live else Standing.ABSENT, entry, live)
    return _owned_or_not(request, entry, live)


_NEW: Final = Match(Standing.ABSENT)


def _owned_or_not(request: PlanRequest, entry: InventoryEntry | None, live: Live) -> Match:
    if live.owner == request.application:
        return Match(Standing.OURS, entry, live)
    if entry is None or (live.owner and entry.state is EntryState.PLANNED):  # handed over, and not written since
        return Match(
            Standing.UNOWNED,
            entry,
            live,
            why=f"{live.owner} has let go of it" if live.owner else "it is there and nobody owns it",
        )
    if is_another(entry, live):
        return Match(Standing.UNOWNED, entry, live, why=recreated(entry, live))
    return Match(Standing.OURS, entry, live)


def recreated(entry: InventoryEntry, live: Live) -> str:
    """Say that *live* only has the name of what we recorded."""
    return f"somebody deleted and re-created it (was {entry.id}, is {live.id})"


def owned_entry(request: PlanRequest, key: ResourceKey) -> InventoryEntry | None:
    """Return our entry of *key*, unless it is only a claim."""
    entry = request.inventory.entries.get(key)
    return None if entry is None or entry.state is EntryState.CLAIMED else entry


def is_another(entry: InventoryEntry, live: Live) -> bool:
    """Tell whether *live* is another object than the one we recorded, under the same name."""
    return bool(entry.id and live.id and entry.id != live.id)


def other_owner(request: PlanRequest, key: ResourceKey) -> str:
    """
    Return the application that has *key* and is not us, or "".

    The mark on the object counts before the records. A mark of an application that has let go of it (it was in the same
    state store when we claimed the object, and is there no longer) counts for nothing.
    """
    live, holder = request.live.get(key), request.holders.get(key)
    holds = holder.application if holder is not None and holder.state not in WITHOUT_IT else ""
    marked = live.owner or "" if live is not None else ""
    if marked == request.application:
        return ""
    if marked and not _let_go(request, key, marked, holds):
        return marked
    return holds if holds and not _comes_first(request, key) else ""


def _let_go(request: PlanRequest, key: ResourceKey, marked: str, holds: str) -> bool:
    entry = request.inventory.entries.get(key)
    return entry is not None and entry.held_by == marked and holds != marked


def _comes_first(request: PlanRequest, key: ResourceKey) -> bool:
    """Two inventories hold it (both began at once): the one that has applied it keeps it, else the first by name."""
    entry, holder = owned_entry(request, key), request.holders[key]
    if entry is None or entry.state is EntryState.RELEASED:
        return False
    ours, theirs = entry.state is EntryState.PLANNED, holder.state is EntryState.PLANNED
    return ours < theirs or (ours == theirs and request.application < holder.application)
