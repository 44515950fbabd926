"""Which fields an object has: what an applier owns after applying it, and what is written when all of it is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.elements import element_of
from gitops_core.testing.kubernetes.server_side_apply.field_sets import LEAF, MEMBER, FieldSet, element_order
from gitops_core.testing.kubernetes.server_side_apply.schemas import DEDUCED, Node, Shape

NEVER_OWNED = ("f:apiVersion", "f:kind")
NEVER_OWNED_IN_METADATA = frozenset(
    {
        "f:name",
        "f:namespace",
        "f:creationTimestamp",
        "f:selfLink",
        "f:uid",
        "f:clusterName",
        "f:generation",
        "f:managedFields",
        "f:resourceVersion",
        MEMBER,
    }
)
_MERGED_LISTS = frozenset({Shape.KEYED, Shape.SET})


def fields_of(value: Mapping[str, Any], node: Node, doubts: list[str] | None = None) -> FieldSet:
    """
    Return the fields of an applied configuration, in canonical order.

    A leaf is a member, and so are empty maps, items of lists and the entries of maps with free keys; a named map with
    something in it is not. Lists and maps that are one value are members as a whole.

    Args:
        value: The configuration.
        node: What the schema says about it.
        doubts: Gets the names of fields that are null, empty, unknown or of another type, and of items that are there twice:
            while it stays empty, the configuration fits the schema and is stored as it is.

    Raises:
        MissingKeys: An item of a keyed list has no key.

    Cost: one visit of each field.
    """
    return _fields(value, node, [] if doubts is None else doubts)


def _fields(value: Mapping[str, Any], node: Node, doubts: list[str]) -> FieldSet:
    named = node.fields
    out: FieldSet = {}
    for name in sorted(value):
        child = named.get(name)
        if child is None:
            out["f:" + name] = _entry(name, value[name], node, doubts)
        elif child.shape is Shape.SCALAR:
            out["f:" + name] = LEAF
            if type(value[name]) not in child.accepts:
                doubts.append(name)
        else:
            item = value[name]
            if not item and (item is None or not child.fields):
                doubts.append(name)
            below = _below(item, child, doubts)
            if below is not None:
                out["f:" + name] = below
    return out


def _entry(name: str, value: Any, node: Node, doubts: list[str]) -> FieldSet:
    kind = node.element
    if kind is None or (type(value) not in kind.accepts if kind.accepts else not value):
        doubts.append(name)
    below = _below(value, kind or DEDUCED, doubts)
    return {MEMBER: LEAF, **below} if below else LEAF


def _below(value: Any, node: Node, doubts: list[str]) -> FieldSet | None:
    shape = node.shape
    if isinstance(value, dict):
        if shape is not Shape.MAP and shape is not Shape.DEDUCED:
            doubts.append("a map")
            return LEAF
        fields = _fields(value, node, doubts)
        return LEAF if node.atomic or not value else fields or None
    if isinstance(value, list):
        if shape in _MERGED_LISTS:
            return _items(value, node, doubts) or None
        _one_value(value, node, doubts)
    elif shape is not Shape.SCALAR and shape is not Shape.DEDUCED:
        doubts.append("no map or list")
    return LEAF


def _one_value(items: list[Any], node: Node, doubts: list[str]) -> None:
    kind = node.element
    if node.shape is not Shape.ATOMIC_LIST or kind is None:
        if node.shape is not Shape.DEDUCED:
            doubts.append("a list")
    elif kind.accepts:
        doubts.extend("an item" for item in items if type(item) not in kind.accepts)
    else:
        for item in items:
            _below(item, kind, doubts)


def _items(items: list[Any], node: Node, doubts: list[str]) -> FieldSet:
    found = {element_of(item, node): item for item in items}
    if len(found) != len(items):
        doubts.append("an item twice")
    kind = node.element or DEDUCED
    out: FieldSet = {}
    for element in sorted(found, key=element_order) if len(found) > 1 else found:
        below = _below(found[element], kind, doubts) if not kind.accepts else None
        out[element] = {MEMBER: LEAF, **below} if below else LEAF
    return out


def everything(value: Any, node: Node) -> FieldSet:
    """
    Return *value*'s set when all of it is new: as :func:`fields_of`, and every map and list with something in it is a member too.

    Raises:
        MissingKeys: An item of a keyed list has no key.
    """
    if isinstance(value, dict):
        if node.atomic or not value or node.shape is Shape.SCALAR:
            return LEAF
        return {MEMBER: LEAF, **{"f:" + name: everything(value[name], node.child(name) or DEDUCED) for name in value}}
    if isinstance(value, list) and value and node.shape in _MERGED_LISTS:
        return {MEMBER: LEAF, **_every_item(value, node)}
    return LEAF


def _every_item(items: list[Any], node: Node) -> FieldSet:
    out: FieldSet = {}
    for item in items:
        element = element_of(item, node)
        out[element] = LEAF if element in out else everything(item, node.element or DEDUCED)  # twice: one value
    return out


def stripped(fields: FieldSet, *, status: bool = True) -> FieldSet:
    """
    Return *fields* without those that nobody ever owns, and without ``status`` when *status* is off.

    Source: Kubernetes documentation, "Server-Side Apply"; observed: the server keeps no owner of what identifies an object.
    """
    out = {name: below for name, below in fields.items() if name not in NEVER_OWNED}
    if not status:
        out.pop("f:status", None)
    metadata = out.pop("f:metadata", None)
    if metadata:
        kept = {name: below for name, below in metadata.items() if name not in NEVER_OWNED_IN_METADATA}
        if kept:
            out = {"f:metadata": kept, **out}
    return out
