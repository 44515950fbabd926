"""What the server stores of an object: no nulls and no empty values where its types leave them out, and times that say when something changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.schemas import Node, Schema, Shape

_ZERO: dict[str, Any] = {"s": "", "n": 0, "b": False}
_NOTHING: tuple[Any, ...] = (None, {}, [])


def settle(before: Mapping[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    """
    Return *after*, with the managed fields of *before* when nothing but times of managers differs.

    To be called last, when *after* has all its defaults. The result equals *before* when a write changes nothing, and is then not stored.

    Source: observed: an apply or update that changes nothing leaves the resource version and every time as they were.
    """
    if before is None:
        return after
    known, new = before.get("metadata", {}).get("managedFields"), after.get("metadata", {}).get("managedFields")
    if not known or not new or known == new or _timeless(known) != _timeless(new):
        return after
    settled = with_managed_fields(after, known)
    return settled if settled == before else after


def with_managed_fields(body: Mapping[str, Any], fields: list[dict[str, Any]]) -> dict[str, Any]:
    """Return *body* with these managed fields; without any when there are none."""
    metadata = {name: value for name, value in (body.get("metadata") or {}).items() if name != "managedFields"}
    if fields:
        metadata["managedFields"] = fields
    return {**body, "metadata": metadata}


def as_stored(body: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """
    Return *body* as the server's own types write it: fields that are null, and lists and maps with free keys that are empty, are left out.

    A structure stays when it is empty (``emptyDir: {}``), and so does whatever a custom resource has. Parts without a difference are shared.
    """
    return body if schema.custom else _map(body, schema.root)


def _map(value: dict[str, Any], node: Node) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for name, child in value.items():
        kind = node.fields.get(name) or node.element
        if kind is None or kind.shape is Shape.DEDUCED or (kind.shape is Shape.SCALAR and child is not None):
            continue
        kept = _value(child, kind)
        if kept is None and name not in node.fields and kind.type in _ZERO:
            kept = _ZERO[kind.type]
        if kept is not child or _left_out(kept, kind):
            changed[name] = kept
    if not changed:
        return value
    kinds = {name: node.fields.get(name) or node.element for name in changed}
    merged = {**value, **changed}
    return {name: child for name, child in merged.items() if name not in changed or not _left_out(child, kinds[name])}


def _left_out(value: Any, node: Node | None) -> bool:
    if node is None or value not in _NOTHING:
        return False
    if node.present:
        return value is None and bool(node.fields)
    return value is None or not node.fields


def _value(value: Any, node: Node) -> Any:
    if isinstance(value, dict):
        return _map(value, node)
    if isinstance(value, list) and node.element is not None and node.element.shape is not Shape.SCALAR:
        items = [_value(item, node.element) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def _timeless(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if name != "time"} for entry in fields]
