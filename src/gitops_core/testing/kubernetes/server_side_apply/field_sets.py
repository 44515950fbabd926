"""
Sets of fields, as ``managedFields`` writes them.

A set is the JSON of ``fieldsV1`` itself: a map from a path element to what is below it. An element is a member when nothing is below it
(``{}``) or when ``.`` is. ``f:`` is a field, ``k:`` an item of a keyed list, ``v:`` a value of a set, ``i:`` an index.
Sets are never changed once made, and share their parts.

Source: Kubernetes API reference, ``FieldsV1``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

FieldSet = dict[str, Any]
"""A set of fields; ``{}`` at the top is the empty set, ``{}`` below an element makes that element a member."""

LEAF: FieldSet = {}
MEMBER = "."
_ORDER = {"f": 0, "k": 1, "v": 2, "i": 3}


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Return the members of either set. Cost: what *right* holds; equal parts are shared."""
    if not left or not right:
        return left or right
    return _both(left, right)


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Return the members of *left* that are not members of *right*; members below them stay."""
    return left if not right else _without(left, right)


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Return the members of both sets."""
    out: FieldSet = {}
    for element, mine in left.items():
        other = right.get(element)
        if other is not None and element != MEMBER:
            below = intersection(mine, other)
            if is_member(mine) and is_member(other):
                out[element] = {MEMBER: LEAF, **below} if below else LEAF
            elif below:
                out[element] = below
    return out


def is_member(node: FieldSet) -> bool:
    """Tell whether the element that *node* stands below is in the set itself."""
    return not node or MEMBER in node


def contains(fields: FieldSet, *path: str) -> bool:
    """Tell whether the path is a member: ``contains(fields, "f:spec", "f:replicas")``."""
    node: FieldSet | None = fields
    for element in path:
        node = None if node is None else node.get(element)
    return node is not None and bool(path) and is_member(node)


def paths(fields: FieldSet) -> Iterator[tuple[str, ...]]:
    """Yield every member: at each level the members in the order of the set, then what is below each element."""
    yield from ((element,) for element, below in fields.items() if element != MEMBER and is_member(below))
    for element, below in fields.items():
        if element != MEMBER and below:
            yield from ((element, *rest) for rest in paths(below))


def of_paths(members: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> FieldSet:
    """Return the set with exactly these members, in canonical order."""
    fields: FieldSet = {}
    for path in members:
        below: FieldSet = LEAF
        for element in reversed(path):
            below = {element: below}
        fields = union(fields, below)
    return ordered(fields)


def ordered(fields: FieldSet, *, as_text: bool = False) -> FieldSet:
    """
    Return the same set in canonical order.

    Args:
        fields: Any set.
        as_text: By the bytes of the elements, as the server writes them for custom resources; else fields by name,
            then items by their keys, then values, then indexes, as it does for its own kinds.
    """
    names = sorted(fields) if as_text else sorted(fields, key=element_order)
    return {name: ordered(below, as_text=as_text) if (below := fields[name]) else LEAF for name in names}


@lru_cache(maxsize=65536)
def element_order(element: str) -> tuple[Any, ...]:
    """Return what elements are sorted by: ``.``, then fields, items, values and indexes."""
    kind, _, rest = element.partition(":")
    if kind in {"f", MEMBER}:
        return (0 if kind == "f" else -1, rest)
    value = json.loads(rest)
    parts = sorted(value.items()) if isinstance(value, dict) else [("", value)]
    return (_ORDER[kind], *((name, *_value_order(one)) for name, one in parts))


def _value_order(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool):
        return (2, int(value))
    if isinstance(value, (int, float)):
        return (0, value)
    return (1, value) if isinstance(value, str) else (3, json.dumps(value, sort_keys=True))


def _both(left: FieldSet, right: FieldSet) -> FieldSet:
    if left is right:
        return left
    if not left or not right:  # one of them is a bare member
        more = left or right
        return more if is_member(more) else {MEMBER: LEAF, **more}
    out = dict(left)
    for element, below in right.items():
        mine = out.get(element)
        out[element] = below if mine is None else _both(mine, below)
    return out


def _without(left: FieldSet, right: FieldSet) -> FieldSet:
    out: FieldSet = {}
    for element, mine in left.items():
        other = right.get(element)
        if element == MEMBER:
            continue
        if other is None:
            out[element] = mine
            continue
        below = _without(mine, other) if mine else LEAF
        if is_member(mine) and not is_member(other):
            out[element] = {MEMBER: LEAF, **below} if below else LEAF
        elif below:
            out[element] = below
    return out
