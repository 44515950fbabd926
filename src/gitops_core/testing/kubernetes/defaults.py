"""Defaults that the server writes into objects of built-in kinds."""

from __future__ import annotations

from typing import Any

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.world import World

Object = dict[str, Any]


def defaulted(kind: Kind, value: Object, world: World, before: Object | None) -> Object:
    """Return *value* with its defaults."""
    if kind.key == ("", "namespaces"):
        return _namespace(value)
    return value


def _namespace(value: Object) -> Object:
    meta = value["metadata"]
    labels = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta.get("name", "")}
    spec = value.get("spec") or {"finalizers": ["kubernetes"]}
    return {
        **value,
        "metadata": {**meta, "labels": labels},
        "spec": spec,
        "status": {"phase": "Active", **(value.get("status") or {})},
    }
