"""What differs between two states of an object, as sets of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from gitops_core.testing.kubernetes.server_side_apply.elements import element_of
from gitops_core.testing.kubernetes.server_side_apply.field_sets import LEAF, MEMBER, FieldSet
from gitops_core.testing.kubernetes.server_side_apply.owned import everything
from gitops_core.testing.kubernetes.server_side_apply.schemas import DEDUCED, Node, Shape

_MISSING = object()


@attrs.frozen
class Differences:
    """
    What differs.

    Attributes:
        changed: Fields that are new or have another value.
        removed: Fields that are gone, with everything that was below them.
    """

    changed: FieldSet
    removed: FieldSet


def compare(before: Mapping[str, Any], after: Mapping[str, Any], node: Node) -> Differences:
    """
    Return what differs between two objects of one kind.

    The order of items in a keyed list or a set is no difference; two empty values (null, ``{}``, ``[]``) of different spelling are.

    Raises:
        MissingKeys: An item of a keyed list has no key.

    Cost: parts that are equal are compared once and not visited.
    """
    changed: FieldSet = {}
    removed: FieldSet = {}
    _maps(before, after, node, (changed, removed))
    return Differences(changed, removed)


_Found = tuple[FieldSet, FieldSet]


def _maps(before: Mapping[str, Any], after: Mapping[str, Any], node: Node, found: _Found) -> None:
    for name, new in after.items():
        old = before.get(name, _MISSING)
        if old is not new and not same(old, new):
            _child("f:" + name, (old, new), node.child(name) or DEDUCED, found)
    for name, old in before.items():
        if name not in after:
            found[1]["f:" + name] = everything(old, node.child(name) or DEDUCED)


def _child(element: str, values: tuple[Any, Any], node: Node, found: _Found) -> None:
    old, new = values
    if old is _MISSING:
        found[0][element] = everything(new, node)
        return
    changed: FieldSet = {}
    removed: FieldSet = {}
    if _both_maps(old, new, node):
        _maps(old or {}, new or {}, node, (changed, removed))
    elif _both_lists(old, new, node):
        _lists(old or [], new or [], node, (changed, removed))
    else:
        found[0][element] = LEAF
        if node.shape is Shape.DEDUCED and isinstance(old, dict) and old:
            found[1][element] = {name: below for name, below in everything(old, node).items() if name != MEMBER}
        if node.shape is Shape.DEDUCED and isinstance(new, dict) and new:
            found[0][element] = everything(new, node)
        return
    if changed:
        found[0][element] = changed
    if removed:
        found[1][element] = removed


def _lists(before: list[Any], after: list[Any], node: Node, found: _Found) -> None:
    old_items, new_items = _by_element(before, node), _by_element(after, node)
    kind = node.element or DEDUCED
    for element, new in new_items.items():
        old = old_items.get(element, [_MISSING])
        if len(old) == len(new) == 1:
            if not same(old[0], new[0]):
                _child(element, (old[0], new[0]), kind, found)
        elif not same(old, new):
            _repeated(element, (old, new), kind, found)
    for element, old in old_items.items():
        if element not in new_items:
            found[1][element] = everything(old[0], kind)


def _repeated(element: str, items: tuple[list[Any], list[Any]], node: Node, found: _Found) -> None:
    """An item that is there twice is one value: its fields have no owner of their own."""
    old, new = items
    found[0][element] = LEAF if len(new) > 1 else everything(new[0], node)
    if len(old) == 1 and old[0] is not _MISSING:
        found[1][element] = {name: below for name, below in everything(old[0], node).items() if name != MEMBER}


def _by_element(items: list[Any], node: Node) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for item in items:
        found.setdefault(element_of(item, node), []).append(item)
    return found


def _both_maps(old: Any, new: Any, node: Node) -> bool:
    if node.atomic or not (node.shape is Shape.MAP or node.shape is Shape.DEDUCED):
        return False
    return _are(dict, old, new)


def _both_lists(old: Any, new: Any, node: Node) -> bool:
    return node.shape in {Shape.KEYED, Shape.SET} and _are(list, old, new)


def _are(kind: type, old: Any, new: Any) -> bool:
    """Tell whether both are of *kind*, where null is an empty one, and not both are empty."""
    return bool(old or new) and (old is None or isinstance(old, kind)) and (new is None or isinstance(new, kind))


def same(old: Any, new: Any) -> bool:
    """Tell whether two values are equal; unlike in Python a boolean is no number."""
    return bool(old == new) and isinstance(old, bool) is isinstance(new, bool)
