"""Who owns what after an object was created, replaced or patched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.comparing import Differences, compare
from gitops_core.testing.kubernetes.server_side_apply.entries import UPDATE, Entry, Writer, capped, read, written
from gitops_core.testing.kubernetes.server_side_apply.field_sets import difference, ordered, union
from gitops_core.testing.kubernetes.server_side_apply.owned import stripped
from gitops_core.testing.kubernetes.server_side_apply.schemas import Schema


def track_update(before: Mapping[str, Any] | None, after: Mapping[str, Any], *, writer: Writer, schema: Schema) -> dict[str, Any]:
    """
    Return *after* with ``metadata.managedFields`` as a write that is no apply leaves them.

    Fields that are new or have another value belong to the writer alone; what is gone belongs to nobody. A client that sends
    ``managedFields: [{}]`` resets them all; one that sends none or an empty list does not.

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
    managed = [] if sent == [{}] else read(live if writer.subresource else sent) or read(live)
    if before is not None and not managed:
        return _with(after, [])
    if before is None:
        managed = read(sent) if sent != [{}] else []
    differences = compare(schema.empty if before is None else before, after, schema.root)
    entries = capped(_moved(managed, differences, writer))
    fields = written(entries, custom=schema.custom)
    return _with(after, live if live and _only_times_differ(fields, live) and _same_object(before, after) else fields)


def updated(managed: list[Entry], differences: Differences, writer: Writer) -> list[Entry]:
    """Return the entries after an update by *writer* that made *differences*."""
    return _moved(managed, differences, writer)


def _moved(managed: list[Entry], differences: Differences, writer: Writer) -> list[Entry]:
    changed, removed = differences.changed, differences.removed
    if not changed and not removed:
        return managed
    lost = union(changed, removed)
    entries = {entry.identity: _less(entry, lost) for entry in managed}
    mine = stripped(changed)
    if mine:
        entry = writer.entry(UPDATE, mine, writer.now)
        previous = entries.get(entry.identity)
        entries[entry.identity] = entry.owning(ordered(mine if previous is None else union(previous.fields, mine)))
    return [entry for entry in entries.values() if entry.fields]


def _less(entry: Entry, lost: Any) -> Entry:
    fields = difference(entry.fields, lost)
    return entry if fields == entry.fields else entry.owning(fields)


def _with(after: Mapping[str, Any], fields: list[dict[str, Any]]) -> dict[str, Any]:
    metadata = {name: value for name, value in after.get("metadata", {}).items() if name != "managedFields"}
    if fields:
        metadata["managedFields"] = fields
    return {**after, "metadata": metadata}


def _only_times_differ(fields: list[dict[str, Any]], live: list[dict[str, Any]]) -> bool:
    return _timeless(fields) == _timeless(live)


def _timeless(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if name != "time"} for entry in fields]


def _same_object(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    return before is not None and _with(before, []) == _with(after, [])
