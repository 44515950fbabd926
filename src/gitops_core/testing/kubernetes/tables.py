"""Tables: how ``kubectl get`` shows objects. Pure. Name and age for every kind, and the columns of a custom kind's definition."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gitops_core.testing.kubernetes.kinds import Kind

if TYPE_CHECKING:
    from gitops_core.testing.kubernetes.presenting import Form

Object = dict[str, Any]


def table(_kind: Kind, values: list[Object], metadata: Object, form: Form) -> Object:
    """Return the table of *values*."""
    columns = [_column("Name", "Must be unique within a namespace."), _column("Age", "How long ago it was created.")]
    rows = [
        _row(value, [value["metadata"]["name"], age(value["metadata"].get("creationTimestamp"), form.now)], form)
        for value in values
    ]
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": columns, "rows": rows}


def age(created: str | None, now: float) -> str:
    """Return how long ago *created* was, as ``kubectl get`` shows it: ``5s``, ``3m20s``, ``4h``, ``12d``."""
    if not created:
        return "<unknown>"
    seconds = int(now - datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    if seconds < 120:  # noqa: PLR2004  # why: two minutes are shown in seconds
        return f"{max(0, seconds)}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:  # noqa: PLR2004  # why: ten minutes are shown with seconds
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:  # noqa: PLR2004  # why: three hours are shown in minutes
        return f"{minutes}m"
    return f"{hours}h" if hours < 48 else f"{days}d"  # noqa: PLR2004  # why: two days are shown in hours


def _column(name: str, description: str) -> Object:
    kind = "name" if name == "Name" else ""
    return {"name": name, "type": "string", "format": kind, "description": description, "priority": 0}


def _row(value: Object, cells: list[Any], form: Form) -> Object:
    if form.include == "None":
        return {"cells": cells}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]}
    return {"cells": cells, "object": value if form.include == "Object" else partial}
