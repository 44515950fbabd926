"""Who owns what after an object was created, replaced or patched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.comparing import Differences, compare
from gitops_core.testing.kubernetes.server_side_apply.entries import UPDATE, Entry, Writer, capped, read, written
from gitops_core.testing.kubernetes.server_side_apply.field_sets import difference, ordered, union
from gitops_core.testing.kubernetes.server_side_apply.owned import stripped
from gitops_core.testing.kubernetes.server_side_apply.schemas import Schema
from gitops_core.testing.kubernetes.server_side_apply.stored import settle, with_managed_fields

RESET: tuple[list[Any], ...] = ([], [{}])


def track_update(before: Mapping[str, Any] | None, after: Mapping[str, Any], *, writer: Writer, schema: Schema) -> dict[str, Any]:
    """
    Return *after* with ``metadata.managedFields`` as a write that is no apply leaves them.

    Fields that are new or have another value belong to the writer alone; what is gone belongs to nobody. A client that sends
    ``managedFields: []`` or ``[{}]`` resets them all; from then on an object has no managers until somebody applies to it.

    Args:
        before: What was stored; None when the object is created.
        after: What will be stored, defaults included; what a subresource does not take is as it was before.
        writer: Who writes.
        schema: Of the kind.

    Raises:
        MissingKeys: An item of a keyed list has no key.

    Cost: a visit of what differs, and of what the managers own of it.
    """
    sent = after.get("metadata", {}).get("managedFields")
    live = None if before is None else before.get("metadata", {}).get("managedFields")
    managed = [] if sent in RESET else read(live if writer.subresource else sent) or read(live)
    if before is not None and not managed:
        return with_managed_fields(after, [])
    old = schema.empty if before is None else {**before, "apiVersion": after.get("apiVersion")}
    entries = updated(managed, compare(old, after, schema.root), writer, schema)
    fields = written(capped(entries), custom=schema.custom)
    return settle(before, with_managed_fields(after, fields))


def updated(managed: list[Entry], differences: Differences, writer: Writer, schema: Schema) -> list[Entry]:
    """Return the entries after an update by *writer* that made *differences*."""
    status = bool(writer.subresource) or not schema.status
    changed, removed = stripped(differences.changed, status=status), stripped(differences.removed, status=status)
    if not changed and not removed:
        return managed
    lost = union(changed, removed)
    entries = {entry.identity: _less(entry, lost) for entry in managed}
    if changed:
        entry = writer.entry(UPDATE, changed, writer.time)
        previous = entries.get(entry.identity)
        entries[entry.identity] = entry.owning(ordered(changed if previous is None else union(previous.fields, changed)))
    return [entry for entry in entries.values() if entry.fields]


def _less(entry: Entry, lost: Any) -> Entry:
    fields = difference(entry.fields, lost)
    return entry if fields == entry.fields else entry.owning(fields)
