"""Fields taken out of an object: what an applier owned, no longer applies, and nobody else owns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.elements import element_of
from gitops_core.testing.kubernetes.server_side_apply.field_sets import (
    LEAF,
    MEMBER,
    FieldSet,
    difference,
    intersection,
    is_member,
)
from gitops_core.testing.kubernetes.server_side_apply.owned import fields_of
from gitops_core.testing.kubernetes.server_side_apply.schemas import DEDUCED, Node, Shape


def prune(merged: dict[str, Any], last: FieldSet, owned: FieldSet, node: Node) -> dict[str, Any]:
    """
    Return *merged* without the fields that were applied last time and are no longer owned by anybody.

    What stands below such a field goes with it, unless somebody owns something there; a field that was never applied
    and stands on its own stays.

    Args:
        merged: The live object with the new configuration laid over it.
        last: What the applier owned before.
        owned: What all managers own now, the applier's new configuration included, with the name and all.
        node: The schema of the object.

    Source: Kubernetes documentation, "Server-Side Apply"; the three steps are observed: an item that is removed takes
    its defaulted fields along, and stays when another manager owns one of its fields.
    """
    if not difference(last, owned):
        return merged
    last, owned = with_named(last, node), with_named(owned, node)
    everything = with_named(fields_of(merged, node), node)

    def gone(kept: Mapping[str, Any]) -> FieldSet:
        return difference(everything, with_named(fields_of(kept, node), node))

    without_last = remove(merged, last, node)
    without_unowned = remove(merged, difference(gone(without_last), owned), node)
    return remove(merged, intersection(gone(without_unowned), last), node)


def with_named(fields: FieldSet, node: Node) -> FieldSet:
    """Return *fields* and every named field of the schema that has a member below it."""
    out: FieldSet = {}
    for element, below in fields.items():
        child = node.fields.get(element[2:]) if element.startswith("f:") else None
        if child is None:
            kind = node.element or DEDUCED
            out[element] = with_named(below, kind) if below else LEAF
        else:
            more = with_named(below, child) if below else LEAF
            out[element] = more if is_member(more) else {MEMBER: LEAF, **more}
    return out


def remove(value: Mapping[str, Any], fields: FieldSet, node: Node) -> dict[str, Any]:
    """Return *value* without the members of *fields*; a list or map that loses all it has becomes null."""
    return _without(value, fields, node) or {}


def _without(value: Any, fields: FieldSet, node: Node) -> Any:
    if not value or node.atomic:
        return None
    if isinstance(value, dict):
        return _map(value, fields, node) or None
    if isinstance(value, list) and node.shape in {Shape.KEYED, Shape.SET}:
        return _list(value, fields, node) or None
    return None


def _map(value: Mapping[str, Any], fields: FieldSet, node: Node) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, child in value.items():
        below = fields.get("f:" + name)
        if below is None:
            out[name] = child
        elif not is_member(below):
            out[name] = _without(child, below, node.child(name) or DEDUCED)
    return out


def _list(items: list[Any], fields: FieldSet, node: Node) -> list[Any]:
    out: list[Any] = []
    for item in items:
        below = fields.get(element_of(item, node))
        if below is None:
            out.append(item)
        elif not is_member(below):
            out.append(_without(item, below, node.element or DEDUCED))
    return out
