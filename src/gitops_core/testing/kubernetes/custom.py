"""Objects of custom kinds: read, completed and checked by the schema of their version. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import Cause
from gitops_core.testing.kubernetes.structural import completed, pruned, schema_problems
from gitops_core.testing.kubernetes.types import Found, read

Object = dict[str, Any]
_IMPLIED: Final = frozenset({"apiVersion", "kind", "metadata"})


def schema_of_version(kind: Kind) -> Any:
    """Return the structural schema of a custom kind; an empty one when it has none."""
    return (kind.custom.get("schema") or {}).get("openAPIV3Schema") or {}


def read_custom(kind: Kind, value: Object, found: Found) -> Object:
    """Return *value* as the server keeps it, without unknown fields; TypeMismatch for metadata of a wrong type."""
    metadata = read("meta.v1.ObjectMeta", value.get("metadata") or {}, found, "metadata")
    rest = {name: item for name, item in value.items() if name not in _IMPLIED}
    if not kind.custom.get("preserveUnknownFields"):
        rest = pruned(schema_of_version(kind), rest, found.unknown)
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **rest}


def defaulted_custom(kind: Kind, value: Object) -> Object:
    """Return *value* with the defaults of its schema."""
    rest = completed(schema_of_version(kind), {name: item for name, item in value.items() if name not in _IMPLIED})
    return {**{name: value[name] for name in ("apiVersion", "kind", "metadata")}, **rest}


def custom_problems(kind: Kind, value: Object) -> Iterator[Cause]:
    """Yield what is wrong with *value*."""
    rest = {name: item for name, item in value.items() if name not in _IMPLIED}
    yield from schema_problems(schema_of_version(kind), rest, "")
