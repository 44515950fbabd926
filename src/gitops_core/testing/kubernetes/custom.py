"""Custom kinds: how their objects are read."""

from __future__ import annotations

from typing import Any

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.types import Found, read

Object = dict[str, Any]


def read_custom(kind: Kind, value: Object, found: Found) -> Object:
    """Return *value* as the server keeps an object of a custom kind."""
    metadata = read("meta.v1.ObjectMeta", value.get("metadata") or {}, found, "metadata")
    rest = {name: item for name, item in value.items() if name not in {"kind", "apiVersion", "metadata"}}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **rest}
