"""Tables: how ``kubectl get`` shows objects. Pure. Name and age for every kind, and the columns of a custom kind's definition."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

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
    seconds = max(0, int(now - datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()))
    for below, shown in _AGES:
        if seconds < below:
            return shown(seconds)
    return f"{seconds // 86_400}d"


def _minutes_and_seconds(seconds: int) -> str:
    return f"{seconds // 60}m{seconds % 60}s" if seconds % 60 else f"{seconds // 60}m"


_AGES: Final[tuple[tuple[int, Callable[[int], str]], ...]] = (
    (120, lambda seconds: f"{seconds}s"),
    (600, _minutes_and_seconds),
    (3 * 3600, lambda seconds: f"{seconds // 60}m"),
    (48 * 3600, lambda seconds: f"{seconds // 3600}h"),
)


def _column(name: str, description: str) -> Object:
    kind = "name" if name == "Name" else ""
    return {"name": name, "type": "string", "format": kind, "description": description, "priority": 0}


def _row(value: Object, cells: list[Any], form: Form) -> Object:
    if form.include == "None":
        return {"cells": cells}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]}
    return {"cells": cells, "object": value if form.include == "Object" else partial}
