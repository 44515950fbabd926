"""Server-side apply: merge, ownership, conflicts, and what nobody wants any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.checking import check
from gitops_core.testing.kubernetes.server_side_apply.comparing import Differences, compare
from gitops_core.testing.kubernetes.server_side_apply.elements import spelled_members
from gitops_core.testing.kubernetes.server_side_apply.entries import (
    APPLY,
    BEFORE_FIRST_APPLY,
    Entry,
    Writer,
    capped,
    read,
    written,
)
from gitops_core.testing.kubernetes.server_side_apply.errors import ApplyConflicts, FieldConflict
from gitops_core.testing.kubernetes.server_side_apply.field_sets import FieldSet, difference, intersection, ordered, union
from gitops_core.testing.kubernetes.server_side_apply.merging import merge
from gitops_core.testing.kubernetes.server_side_apply.owned import fields_of, stripped
from gitops_core.testing.kubernetes.server_side_apply.removing import prune
from gitops_core.testing.kubernetes.server_side_apply.schemas import Schema
from gitops_core.testing.kubernetes.server_side_apply.updating import updated


def apply_patch(
    live: Mapping[str, Any] | None, applied: Mapping[str, Any], *, writer: Writer, schema: Schema, force: bool = False
) -> dict[str, Any]:
    """
    Return the object after *applied* is applied to *live*, with ``metadata.managedFields``; not yet defaulted.

    The applier owns exactly what it applies. What it applied last time, does not apply now and nobody else owns goes away.
    An apply that changes nothing returns what is live, times of managers included.

    Args:
        live: What is stored; None when the object is not there.
        applied: The configuration, without what the caller resets (``status`` on the object itself) and without ``managedFields``.
        writer: Who applies.
        schema: Of the kind.
        force: Take fields that others own with another value.

    Raises:
        InvalidApply: *applied* does not fit the schema.
        ApplyConflicts: Others own fields of *applied* with other values, and *force* is off.

    Cost: a visit of each field of *applied* and of what differs; for a new object nothing is copied but its metadata.
    """
    check(applied, schema.root)
    mine = stripped(fields_of(applied, schema.root))
    if live is None:
        return _with(applied, written([writer.entry(APPLY, mine, writer.now)], custom=schema.custom))
    managed = read(live.get("metadata", {}).get("managedFields")) or _before_first_apply(live, writer, schema)
    now = writer.entry(APPLY, mine)
    last = next((entry for entry in managed if entry.identity == now.identity), now.owning({}))
    others = [entry for entry in managed if entry.identity != now.identity]
    merged = merge(live, applied, schema.root)
    if last.fields:
        owned = mine
        for entry in others:
            owned = union(owned, entry.fields)
        merged = prune(merged, last.fields, owned, schema.root)
    differences = compare(live, merged, schema.root)
    if not force:
        _refuse_conflicts(others, differences)
    same = not differences.changed and not differences.removed
    entries = [now.owning(mine, last.time if same else writer.now), *_losing(others, differences)]
    return _with(live if same else merged, written(capped(entries), custom=schema.custom))


def _before_first_apply(live: Mapping[str, Any], writer: Writer, schema: Schema) -> list[Entry]:
    """Return one entry that owns all of an object that nobody has kept track of."""
    before = Writer(BEFORE_FIRST_APPLY, writer.api_version, writer.now)
    return updated([], compare(schema.empty, live, schema.root), before)


def _refuse_conflicts(others: list[Entry], differences: Differences) -> None:
    found: list[FieldConflict] = []
    for entry in sorted(others, key=lambda entry: entry.identity):
        lost = intersection(entry.fields, differences.changed)
        found.extend(FieldConflict(entry.named, field) for field in spelled_members(ordered(lost)))
    if found:
        raise ApplyConflicts(found)


def _losing(others: list[Entry], differences: Differences) -> list[Entry]:
    lost: FieldSet = union(differences.changed, differences.removed)
    return [entry.owning(difference(entry.fields, lost)) for entry in others] if lost else others


def _with(merged: Mapping[str, Any], fields: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {name: value for name, value in merged.get("metadata", {}).items() if name != "managedFields"}
    if fields:
        metadata["managedFields"] = fields
    return {**merged, "metadata": metadata}
