"""An applied configuration laid over what is live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.comparing import same
from gitops_core.testing.kubernetes.server_side_apply.elements import element_of
from gitops_core.testing.kubernetes.server_side_apply.schemas import DEDUCED, Node, Shape

_MISSING = object()
_MERGED_MAPS = frozenset({Shape.MAP, Shape.DEDUCED})
_MERGED_LISTS = frozenset({Shape.KEYED, Shape.SET})


def merge(live: dict[str, Any], applied: Mapping[str, Any], node: Node) -> dict[str, Any]:
    """
    Return *live* with every field of *applied*; nothing is taken away. Parts are shared with both, and what does not change is *live* itself.

    Raises:
        MissingKeys: An item of a keyed list has no key.
    """
    out: dict[str, Any] | None = None
    for name, new in applied.items():
        old = live.get(name, _MISSING)
        merged = new if old is None or old is _MISSING else _value(old, new, node.child(name) or DEDUCED)
        if merged is not old:
            out = dict(live) if out is None else out
            out[name] = merged
    return live if out is None else out


def _value(old: Any, new: Any, node: Node) -> Any:
    """Return the merged value, *old* itself when nothing changes; *old* is not null."""
    if isinstance(old, dict) and not node.atomic and node.shape in _MERGED_MAPS:
        if isinstance(new, dict):
            return merge(old, new, node) if old or new else old
        return old if new is None and old else new
    if isinstance(old, list) and node.shape in _MERGED_LISTS:
        if isinstance(new, list):
            return _lists(old, new, node) if new else old
        return old if new is None and old else new
    return old if same(old, new) else new


def _lists(live: list[Any], applied: list[Any], node: Node) -> list[Any]:
    """
    Return the items of both: those of *applied* in its order, the others where they stood between them.

    Items that both have follow *applied*; an item that is only live comes as early as the order of the live list allows.
    """
    if not live:
        return applied
    ours = [element_of(item, node) for item in live]
    theirs = [element_of(item, node) for item in applied]
    if ours == theirs:
        merged = [_item(old, new, node) for old, new in zip(live, applied, strict=True)]
    else:
        new_items = dict(zip(theirs, applied, strict=True))
        old_items = dict(zip(reversed(ours), reversed(live), strict=True))
        merged = [_merged_item(element, at, live, (old_items, new_items), node) for element, at in _order(ours, theirs)]
    unchanged = len(merged) == len(live) and all(new is old for new, old in zip(merged, live, strict=True))
    return live if unchanged else merged


def _merged_item(element: str, at: int, live: list[Any], items: tuple[dict[str, Any], dict[str, Any]], node: Node) -> Any:
    old_items, new_items = items
    if element not in new_items:
        return live[at]  # not by its element: a live list may hold it twice
    return _item(old_items[element], new_items[element], node) if element in old_items else new_items[element]


def _item(old: Any, new: Any, node: Node) -> Any:
    if node.shape is Shape.SET:
        return old if same(old, new) else new
    return new if old is None else _value(old, new, node.element or DEDUCED)


def _order(live: list[str], applied: list[str]) -> list[tuple[str, int]]:
    """Return the elements in their merged order, each with its place in the live list if that is where it comes from."""
    wanted = set(applied)
    there = set(live)
    shared = iter([element for element in applied if element in there])
    next_shared = next(shared, None)
    out: list[tuple[str, int]] = []
    left = right = 0
    while left < len(live) or right < len(applied):
        if left < len(live) and right < len(applied):
            if live[left] == applied[right]:
                out.append((applied[right], left))
                left, right, next_shared = left + 1, right + 1, next(shared, None)
                continue
            if live[left] in wanted and live[left] != next_shared:
                left += 1  # shared, and its turn by the applied order is not now
                continue
        if left < len(live) and live[left] not in wanted:
            out.append((live[left], left))
            left += 1
        elif right < len(applied):
            out.append((applied[right], -1))
            if applied[right] == next_shared:
                next_shared = next(shared, None)
            right += 1
        else:
            left += 1
    return out
