"""Filling in what is missing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Object = dict[str, Any]
Change = Callable[[Object], Object]


def filled(value: Object | None, **missing: Any) -> Object:
    """Return *value* with what it does not have; ``None`` counts as missing."""
    made = dict(value or {})
    for name, item in missing.items():
        if made.get(name) is None:
            made[name] = item
    return made


def at(value: Object, path: str, change: Change) -> Object:
    """Return *value* with the object at *path* (``spec.template``) changed; what is not there stays away."""
    name, _, rest = path.partition(".")
    item = value.get(name)
    if not isinstance(item, dict):
        return value
    return {**value, name: at(item, rest, change) if rest else change(item)}


def each(value: Object, name: str, change: Change) -> Object:
    """Return *value* with every object in the list *name* changed; what is not there stays away."""
    items = value.get(name)
    if not items:
        return value
    return {**value, name: [change(item) if isinstance(item, dict) else item for item in items]}


def held(value: Mapping[str, Any], path: str) -> Any:
    """Return what is at *path*; None when there is nothing."""
    found: Any = value
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
