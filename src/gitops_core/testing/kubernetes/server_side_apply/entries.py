"""The entries of ``metadata.managedFields``: read, sorted and written as the server does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from gitops_core.testing.kubernetes.server_side_apply.field_sets import FieldSet, ordered, union

APPLY = "Apply"
UPDATE = "Update"
SCALE = "scale"
BEFORE_FIRST_APPLY = "before-first-apply"
ANCIENT_CHANGES = "ancient-changes"
MAX_UPDATE_MANAGERS = 10


@attrs.frozen
class Writer:
    """
    Who writes, and how.

    Attributes:
        manager: The field manager: the parameter ``fieldManager``, else the user agent up to the first slash.
        api_version: Group and version of the request, as ``apiVersion`` writes them.
        now: The time of the request, RFC 3339 in seconds: ``2026-01-31T12:00:00Z``.
        subresource: ``status``, ``scale`` or another; empty for the object itself.
    """

    manager: str
    api_version: str
    now: str
    subresource: str = ""

    @property
    def time(self) -> str:
        """The time of what it changes; observed: the server keeps none of a change through ``scale``."""
        return "" if self.subresource == SCALE else self.now

    def entry(self, operation: str, fields: FieldSet, time: str = "") -> Entry:
        """Return the entry of this writer."""
        return Entry(self.manager, operation, self.api_version, self.subresource, time, fields)


@attrs.frozen
class Entry:
    """
    What one manager owns.

    Attributes:
        manager: Its name.
        operation: ``Apply`` or ``Update``.
        api_version: The version that the fields are written in.
        subresource: Where it wrote; empty for the object itself.
        time: When it last changed something or what it owns; empty when unknown.
        fields: What it owns.
    """

    manager: str
    operation: str
    api_version: str
    subresource: str
    time: str
    fields: FieldSet = attrs.field(repr=False)

    @property
    def identity(self) -> tuple[str, ...]:
        """Who this is; an applier stays the same in every version of the API."""
        version = "" if self.operation == APPLY else self.api_version
        return (self.manager, self.operation, version, self.subresource)

    def owning(self, fields: FieldSet, time: str | None = None) -> Entry:
        """Return the entry with other fields, and another time if one is given."""
        return Entry(
            self.manager, self.operation, self.api_version, self.subresource, self.time if time is None else time, fields
        )

    @property
    def named(self) -> str:
        """How a conflict names the manager."""
        where = f' with subresource "{self.subresource}"' if self.subresource else ""
        version = f" using {self.api_version}" if self.operation == UPDATE else ""
        return f'"{self.manager}"{where}{version}'


def read(managed: Iterable[Mapping[str, Any]] | None) -> list[Entry]:
    """Return the entries of ``metadata.managedFields``; two with one identity are one."""
    found: dict[tuple[str, ...], Entry] = {}
    for one in managed or ():
        entry = Entry(
            one.get("manager", ""),
            one.get("operation", ""),
            one.get("apiVersion", ""),
            one.get("subresource", ""),
            one.get("time") or "",
            one.get("fieldsV1") or {},
        )
        found[entry.identity] = entry
    return list(found.values())


def written(entries: Iterable[Entry], *, custom: bool) -> list[dict[str, Any]]:
    """
    Return ``metadata.managedFields``: only entries that own something, appliers first, then by time, manager, version, subresource.

    Args:
        entries: In any order; their sets in canonical order unless *custom*.
        custom: Write the keys by their bytes, as the server does for custom resources.
    """
    kept = sorted((entry for entry in entries if entry.fields), key=_place)
    return [_custom(entry) if custom else _builtin(entry) for entry in kept]


def capped(entries: list[Entry]) -> list[Entry]:
    """
    Return the entries with at most ten that update: the oldest of each API version are put together under one name.

    Source: Kubernetes documentation, "Server-Side Apply"; the name ``ancient-changes`` and the number are observed.
    """
    updates = sorted(
        (entry for entry in entries if entry.operation == UPDATE), key=lambda entry: (_seconds(entry.time), entry.manager)
    )
    kept = {entry.identity: entry for entry in entries}
    first: dict[str, Entry] = {}
    surplus = len(updates) - MAX_UPDATE_MANAGERS
    for entry in updates:
        if surplus <= 0:
            break
        oldest = first.setdefault(entry.api_version, entry)
        if oldest is entry:
            continue
        bucket = Entry(ANCIENT_CHANGES, UPDATE, entry.api_version, "", entry.time, {})
        known = kept.get(bucket.identity) or kept.pop(oldest.identity)
        del kept[entry.identity]
        kept[bucket.identity] = bucket.owning(ordered(union(known.fields, entry.fields)))
        surplus -= 1
    return list(kept.values())


def _place(entry: Entry) -> tuple[Any, ...]:
    return (entry.operation, _seconds(entry.time), entry.manager, entry.api_version, entry.subresource)


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp() if time else 0.0


def _builtin(entry: Entry) -> dict[str, Any]:
    out: dict[str, Any] = {"manager": entry.manager, "operation": entry.operation, "apiVersion": entry.api_version}
    if entry.time:
        out["time"] = entry.time
    out |= {"fieldsType": "FieldsV1", "fieldsV1": entry.fields}
    if entry.subresource:
        out["subresource"] = entry.subresource
    return out


def _custom(entry: Entry) -> dict[str, Any]:
    return dict(sorted((_builtin(entry) | {"fieldsV1": ordered(entry.fields, as_text=True)}).items()))
