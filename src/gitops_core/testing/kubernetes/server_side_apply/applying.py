"""Server-side apply: merge, ownership, conflicts, and what nobody wants any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.checking import problems
from gitops_core.testing.kubernetes.server_side_apply.comparing import Differences, compare
from gitops_core.testing.kubernetes.server_side_apply.elements import MissingKeys, spelled_members
from gitops_core.testing.kubernetes.server_side_apply.entries import (
    APPLY,
    BEFORE_FIRST_APPLY,
    Entry,
    Writer,
    capped,
    read,
    written,
)
from gitops_core.testing.kubernetes.server_side_apply.errors import ApplyConflicts, FieldConflict, InvalidApply
from gitops_core.testing.kubernetes.server_side_apply.field_sets import FieldSet, difference, intersection, ordered, union
from gitops_core.testing.kubernetes.server_side_apply.last_applied import annotated, takeable
from gitops_core.testing.kubernetes.server_side_apply.merging import merge
from gitops_core.testing.kubernetes.server_side_apply.owned import fields_of, stripped
from gitops_core.testing.kubernetes.server_side_apply.removing import prune
from gitops_core.testing.kubernetes.server_side_apply.schemas import Schema
from gitops_core.testing.kubernetes.server_side_apply.stored import as_stored, settle, with_managed_fields
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
    doubts: list[str] = []
    wanted = _wanted(applied, schema, doubts)
    mine = stripped(wanted, status=bool(writer.subresource) or not schema.status)
    if live is None:
        body = as_stored(dict(applied), schema) if doubts else applied
        return with_managed_fields(body, written([writer.entry(APPLY, mine, writer.time)], custom=schema.custom))
    managed = read(live.get("metadata", {}).get("managedFields")) or _before_first_apply(live, writer, schema)
    now = writer.entry(APPLY, mine)
    last = next((entry for entry in managed if entry.identity == now.identity), now.owning({}))
    others = [entry for entry in managed if entry.identity != now.identity]
    here = {**live, "apiVersion": applied.get("apiVersion")}
    laid = merge(here, applied, schema.root)
    merged = prune(laid, last.fields, _owned(wanted, others), schema.root) if last.fields and last.fields != mine else laid
    differences = compare(here, merged, schema.root)
    if not force:
        _refuse_conflicts(others, differences, lambda: takeable(live, writer, schema))
    same = not differences.changed and not differences.removed
    entries = [now.owning(mine, last.time if same else writer.time), *_losing(others, differences)]
    body = here if same else merged if merged is laid and not doubts else as_stored(merged, schema)
    body = with_managed_fields(body, written(capped(entries), custom=schema.custom))
    return settle(live, annotated(body, applied, writer))


def _wanted(applied: Mapping[str, Any], schema: Schema, doubts: list[str]) -> FieldSet:
    try:
        wanted = fields_of(applied, schema.root, doubts)
    except MissingKeys as missing:
        raise InvalidApply(problems(applied, schema.root)) from missing
    found = problems(applied, schema.root) if doubts else []
    if found:
        raise InvalidApply(found)
    return wanted


def _owned(mine: FieldSet, others: list[Entry]) -> FieldSet:
    for entry in others:
        mine = union(mine, entry.fields)
    return mine


def _before_first_apply(live: Mapping[str, Any], writer: Writer, schema: Schema) -> list[Entry]:
    """Return one entry that owns all of an object that nobody has kept track of."""
    before = Writer(BEFORE_FIRST_APPLY, writer.api_version, writer.now)
    return updated([], compare(schema.empty, live, schema.root), before, schema)


def _refuse_conflicts(others: list[Entry], differences: Differences, takeable: Callable[[], FieldSet]) -> None:
    lost = [(entry.named, intersection(entry.fields, differences.changed)) for entry in others]
    if not any(fields for _, fields in lost):
        return
    free = takeable()
    found = [
        FieldConflict(owner, field)
        for owner, fields in sorted(lost, key=itemgetter(0))
        for field in spelled_members(ordered(difference(fields, free)))
    ]
    if found:
        raise ApplyConflicts(found)


def _losing(others: list[Entry], differences: Differences) -> list[Entry]:
    lost: FieldSet = union(differences.changed, differences.removed)
    return [entry.owning(difference(entry.fields, lost)) for entry in others] if lost else others
