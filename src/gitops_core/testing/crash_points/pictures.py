"""How a run ended, as facts that can be compared, and which differences mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Final

import attrs

from gitops_core.model.history import JournalRecord
from gitops_core.model.inventory import Intent, InventoryEntry
from gitops_core.testing.crash_points.scenarios import Facts, Scenario, Worlds
from gitops_core.testing.worlds import World

NOT_COMPARED: Final = {
    "InventoryEntry.checked_at": "a time of day",
    "Intent.started_at": "a time of day",
    "Intent.idempotency_key": "has the id of the pass that invented it in it",
    "Inventory.serial": "counts writes, and a run with a crash makes others",
    "JournalRecord.time": "a time of day",
    "JournalRecord.pass_id": "another pass did it",
    "JournalRecord.reason": "prose about what that pass found",
}
"""What differs between any two runs, and why."""


@attrs.frozen
class Difference:
    """One fact that is not as in the uncut run; None stands for "is not there"."""

    fact: str
    uncut: object
    cut: object

    def __str__(self) -> str:
        uncut, cut = self.uncut, self.cut
        if isinstance(uncut, Mapping) and isinstance(cut, Mapping):
            names = [name for name in sorted({*uncut, *cut}) if uncut.get(name) != cut.get(name)]
            uncut, cut = ({name: side.get(name) for name in names} for side in (uncut, cut))
        return f"{self.fact}: {cut!r}, and {uncut!r} without the cut"


@attrs.frozen
class Allowed:
    """
    A difference that means nothing.

    Attributes:
        name: For tables.
        reason: Why it means nothing.
        covers: Tells whether a difference is one of these.
    """

    name: str
    reason: str
    covers: Callable[[Difference], bool] = attrs.field(repr=False)


def picture(scenario: Scenario, worlds: Worlds) -> Facts:
    """Return the world, the inventories, the intents and the journals, one fact each."""
    facts: dict[str, object] = {f"world {name}": fact for name, fact in scenario.outside(worlds).items()}
    for world in worlds:
        facts |= _inventory(world) | _journal(world)
    return facts


def differences(uncut: Facts, cut: Facts) -> tuple[Difference, ...]:
    """Return what is not alike, sorted by name."""
    names = sorted(uncut.keys() | cut.keys())
    return tuple(Difference(name, uncut.get(name), cut.get(name)) for name in names if uncut.get(name) != cut.get(name))


def _inventory(world: World) -> dict[str, object]:
    inventory = world.store.inventory(world.app.id)
    entries: dict[str, object] = {f"inventory {world.name} {key}": _comparable(entry) for key, entry in inventory.entries.items()}
    return entries | {f"intent {world.name} {key}": _comparable(intent) for key, intent in inventory.intents.items()}


def _comparable(part: InventoryEntry | Intent) -> dict[str, object]:
    left_out = {name for owner, _, name in (key.partition(".") for key in NOT_COMPARED) if owner == type(part).__name__}
    return {field.name: getattr(part, field.name) for field in attrs.fields(type(part)) if field.name not in left_out}


def _journal(world: World) -> dict[str, object]:
    """Return what became of each object, oldest first; a failure that repeats is one."""
    told: dict[str, list[tuple[str, ...]]] = {}
    for record in reversed(world.store.journal(world.app.id, limit=10_000)):
        told.setdefault(str(record.key), []).append(_told(record))
    return {f"journal {world.name} {key}": tuple(step for step, _ in groupby(steps)) for key, steps in told.items()}


def _told(record: JournalRecord) -> tuple[str, ...]:
    return (record.action, record.status, record.desired[:8], record.revision[:8], record.author, record.origin.path)
