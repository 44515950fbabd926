"""Fields that belong to others: not compared, and written with the values they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops_core.model.applications import Options
from gitops_core.model.outlines import merge_key
from gitops_core.model.pointers import Patterns, escape
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Body, FrozenDict, FrozenList

_ABSENT: Final = object()


def ignored_by(options: Options, key: ResourceKey, written: Patterns) -> Patterns:
    """Return what is ignored in *key*: by the application's rules and by what is *written* in its own annotation."""
    found = [rule.pointers.patterns for rule in options.ignore if rule.applies_to(key)]
    return Patterns(written.patterns.union(*found)) if found else written


def with_live_values(desired: Body, live: Body, ignored: Patterns) -> Body:
    """
    Return *desired* with the live values of its *ignored* fields, so that writing it changes none of them.

    A declared field that is not there is left out. Items of lists are paired by name where they have names, else by place.

    Args:
        desired: The declaration, frozen.
        live: What is there.
        ignored: Patterns in the declaration.
    """
    if not ignored:
        return desired
    merged: Body = _merged(desired, live, ignored, "")
    return merged


def _merged(desired: Any, live: Any, ignored: Patterns, pointer: str) -> Any:
    if ignored.covers(pointer):
        return live
    if not ignored.touches(pointer):
        return desired
    if isinstance(desired, Mapping):
        there = live if isinstance(live, Mapping) else {}
        pairs = ((name, item, there.get(name, _ABSENT), f"{pointer}/{escape(name)}") for name, item in desired.items())
        merged = ((name, _merged(item, other, ignored, at)) for name, item, other, at in pairs)
        return FrozenDict((name, item) for name, item in merged if item is not _ABSENT)
    if isinstance(desired, list):
        items = (_merged(item, other, ignored, at) for item, other, at in _paired(desired, live, pointer))
        return FrozenList(item for item in items if item is not _ABSENT)
    return desired


def _paired(desired: list[Any], live: Any, pointer: str) -> Iterator[tuple[Any, Any, str]]:
    there = list(live) if isinstance(live, list | tuple) else []
    key = merge_key(desired, there) if there else ""
    named = {str(item[key]): item for item in there} if key else {}
    for place, item in enumerate(desired):
        other = named.get(str(item[key]), _ABSENT) if key else there[place] if place < len(there) else _ABSENT
        yield item, other, f"{pointer}/{place}"
