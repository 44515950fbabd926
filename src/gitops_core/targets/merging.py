"""What an update writes: the declared fields over the live object, the fields that are no longer declared taken out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitops_core.model.pointers import get, split
from gitops_core.model.values import Body, thaw

_ABSENT = object()


def overlay(live: Body, desired: Body, previous: Iterable[str] = ()) -> dict[str, Any]:
    """
    Return *live* with everything that *desired* declares, and without what only the last declaration did.

    Objects are merged field by field, so what nobody of ours declared stays. A list or scalar is written whole.

    Args:
        live: What is there.
        desired: What is wanted.
        previous: ``TargetChange.previous``. A pointer into a list that is no longer declared takes the whole list out,
            because the whole list was ours.

    Returns:
        dict: A new, plain object; the arguments are not changed.

    Cost: O(nodes of both).
    """
    merged: dict[str, Any] = _merge(live, desired)
    for pointer in previous:
        if get(desired, pointer, _ABSENT) is _ABSENT:
            _remove(merged, desired, split(pointer))
    return merged


def _merge(live: Any, desired: Any) -> Any:
    if not (isinstance(live, Mapping) and isinstance(desired, Mapping)):
        return thaw(desired)
    merged = {name: _merge(value, desired[name]) if name in desired else thaw(value) for name, value in live.items()}
    merged.update((name, thaw(value)) for name, value in desired.items() if name not in live)
    return merged


def _remove(merged: Any, desired: Any, segments: tuple[str, ...]) -> None:
    *above, last = segments or ("",)
    for segment in above:
        child = merged.get(segment) if isinstance(merged, dict) else None
        desired = desired.get(segment) if isinstance(desired, Mapping) else None
        if isinstance(child, list):
            if desired is None:
                del merged[segment]
            return
        merged = child
    if isinstance(merged, dict):
        merged.pop(last, None)


def merge_patch(value: Any, patch: Any) -> Any:
    """Return *value* after *patch*, a JSON Merge Patch (RFC 7396): None removes a field, lists are replaced."""
    if not isinstance(patch, Mapping):
        return thaw(patch)
    merged = thaw(value) if isinstance(value, Mapping) else {}
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), change)
    return merged
