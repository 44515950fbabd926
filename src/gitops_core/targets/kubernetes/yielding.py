"""Fields that stay with others: they are left out of what we apply, so that applying neither changes nor claims them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from gitops_core.interfaces import TargetChange
from gitops_core.model.pointers import Patterns, escape
from gitops_core.model.values import Body, same
from gitops_core.targets.kubernetes.list_keys import known_keys
from gitops_core.targets.kubernetes.managed_fields import Claims

_ABSENT: Final = object()
_KEPT: Final = frozenset({"apiVersion", "kind"})


def without_others_fields(body: Body, change: TargetChange) -> Body:
    """
    Return *body* without the ignored fields that another manager owns and, where conflicts are to be left, without every field
    that another manager has given another value.

    An ignored field that nobody else owns stays, with the value that it has in the cluster: the engine has put it there.

    Args:
        body: What would be applied.
        change: What it is for; its live body shows who owns what.
    """
    if change.live is None or not (change.ignored or change.conflicts == "leave"):
        return body
    live = change.live.body
    rule = _Rule(change.ignored, leaves=change.conflicts == "leave")
    found: Body = rule.kept(body, live, Claims.of(live), "")
    return found


@attrs.frozen
class _Rule:
    ignored: Patterns
    leaves: bool

    def kept(self, value: Any, live: Any, claims: Claims, pointer: str) -> Any:
        """Return what is left of *value*; ``_ABSENT`` when it stays with somebody else as a whole."""
        if pointer and self._is_theirs(value, live, claims, pointer):
            return _ABSENT
        if isinstance(value, Mapping):
            return self._fields(value, live if isinstance(live, Mapping) else {}, claims, pointer)
        if isinstance(value, list) and isinstance(live, list):
            return self._items(value, live, claims, pointer)
        return value

    def _is_theirs(self, value: Any, live: Any, claims: Claims, pointer: str) -> bool:
        if not claims.others:
            return False
        if self.ignored.covers(pointer):
            return True
        is_leaf = not isinstance(value, Mapping | list) or claims.is_whole
        return self.leaves and is_leaf and not claims.has_ours and live is not _ABSENT and not same(value, live)

    def _fields(self, value: Mapping[str, Any], live: Mapping[str, Any], claims: Claims, pointer: str) -> dict[str, Any]:
        found = {}
        for name, item in value.items():
            if not pointer and name in _KEPT:
                found[name] = item
                continue
            left = self.kept(item, live.get(name, _ABSENT), claims.field(name), f"{pointer}/{escape(name)}")
            if left is not _ABSENT:
                found[name] = left
        return found

    def _items(self, value: list[Any], live: list[Any], claims: Claims, pointer: str) -> list[Any]:
        keys = known_keys(pointer.rpartition("/")[2], value, live)
        if not keys:
            return value
        there = {tuple(item.get(key) for key in keys): item for item in live if isinstance(item, Mapping)}
        found = []
        for index, item in enumerate(value):
            other = there.get(tuple(item.get(key) for key in keys), _ABSENT)
            left = self.kept(item, other, claims.item(other if other is not _ABSENT else item), f"{pointer}/{index}")
            if left is not _ABSENT:
                found.append(_with_keys(left, item, keys))
        return found


def _with_keys(left: Any, item: Any, keys: tuple[str, ...]) -> Any:
    """An item without its keys would be another item."""
    return {**{key: item[key] for key in keys if key in item}, **left} if isinstance(left, dict) else left
