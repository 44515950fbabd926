"""The schemas of custom resources, from the structural schema of their definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.kinds import builtin_schema
from gitops_core.testing.kubernetes.server_side_apply.schemas import DEDUCED, Node, Schema, Shape

_SCALARS = {"string": "s", "integer": "n", "number": "n", "boolean": "b"}


def custom_schema(structural: Mapping[str, Any], *, status: bool = False) -> Schema:
    """
    Return the schema of a custom resource.

    Args:
        structural: ``openAPIV3Schema`` of a version of a CustomResourceDefinition; ``{}`` when nothing is known.
        status: The definition has the status subresource.

    Source: Kubernetes documentation, "Server-Side Apply", "Merge strategy": lists without a type are one value, maps are merged.
    """
    node = _node(structural) if structural else Node(Shape.MAP, element=DEDUCED)
    known = builtin_schema("", "v1", "ConfigMap")
    metadata = known.root.fields["metadata"] if known else DEDUCED
    text = Node(Shape.SCALAR, type="s")
    fields = {**node.fields, "apiVersion": text, "kind": text, "metadata": metadata}
    return Schema(Node(Shape.MAP, fields=fields, element=node.element), status=status, custom=True)


def _node(schema: Mapping[str, Any]) -> Node:
    if schema.get("x-kubernetes-int-or-string"):
        return Node(Shape.SCALAR, type="u")
    kind = schema.get("type", "")
    if kind == "array":
        return _list(schema)
    if kind == "object" or "properties" in schema:
        return _map(schema)
    return Node(Shape.SCALAR, type=_SCALARS[kind]) if kind in _SCALARS else DEDUCED


def _map(schema: Mapping[str, Any]) -> Node:
    fields = {name: _node(child) for name, child in schema.get("properties", {}).items()}
    more = schema.get("additionalProperties")
    element = _node(more) if isinstance(more, Mapping) else None
    if schema.get("x-kubernetes-preserve-unknown-fields") or more is True:
        element = DEDUCED
    return Node(Shape.MAP, atomic=schema.get("x-kubernetes-map-type") == "atomic", fields=fields, element=element)


def _list(schema: Mapping[str, Any]) -> Node:
    item = schema.get("items", {})
    element = _node(item)
    match schema.get("x-kubernetes-list-type", "atomic"):
        case "set":
            return Node(Shape.SET, element=element)
        case "map":
            defaults = {name: child.get("default") for name, child in item.get("properties", {}).items()}
            keys = tuple((name, defaults.get(name)) for name in schema.get("x-kubernetes-list-map-keys", ()))
            return Node(Shape.KEYED, element=element, keys=keys)
    return Node(Shape.ATOMIC_LIST, element=element)


def schema_of(
    group: str, kind: str, crd_schema: Mapping[str, Any] | None = None, *, version: str = "", status: bool = False
) -> Schema:
    """
    Return what server-side apply has to know about a kind.

    Args:
        group: The API group; empty for the core group.
        kind: The kind.
        crd_schema: For a custom resource: ``openAPIV3Schema`` of the version, ``{}`` when it has none. None for a built-in kind.
        version: The version of a built-in kind; empty for the newest.
        status: For a custom resource: its definition has the status subresource.

    Raises:
        LookupError: No built-in kind has this name; a custom resource needs *crd_schema*.

    Cost: built-in kinds are read once and kept; the schema of a custom resource is built at every call, so keep it.
    """
    if crd_schema is not None:
        return custom_schema(crd_schema, status=status)
    found = builtin_schema(group, version, kind)
    if found is None:
        raise LookupError(f"no built-in kind {kind} in group {group or 'core'!r}; give crd_schema for a custom resource")
    return found
