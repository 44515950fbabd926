"""
Which fields a declaration sets, under addresses that stay put.

An address is a JSON Pointer in which an item of a list whose items have names is written by its name:
``/spec/containers/[name=web]/image``. Putting another item in front does not move it. An item's own address
(``/spec/containers/[name=web]``) stands for "this item is there". A list without names is one value, addressed as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gitops_core.model.outlines import Address, item_segment, merge_key, outline
from gitops_core.model.pointers import escape, get, split
from gitops_core.model.values import Body


def declared_pointers(body: Body) -> tuple[Address, ...]:
    """
    Return the address of everything *body* sets, sorted.

    Args:
        body: A normalised declaration.

    Cost: O(nodes). Ten thousand like objects share one tuple.
    """
    return outline(body).pointers


def is_item(address: Address) -> bool:
    """Tell whether *address* is that of a list item as such."""
    return address.endswith("]") and split(address)[-1].startswith("[")


def locate(body: Any, address: Address) -> tuple[str, Any] | None:
    """Return the plain JSON Pointer of *address* in *body* and the value there, or None when nothing is there."""
    pointer = ""
    for segment in split(address):
        step = _step(body, segment)
        if step is None:
            return None
        name, body = step
        pointer += f"/{escape(name)}"
    return pointer, body


def _step(value: Any, segment: str) -> tuple[str, Any] | None:
    if isinstance(value, dict):
        return (segment, value[segment]) if segment in value else None
    if isinstance(value, list):
        return next(((str(i), item) for i, item in enumerate(value) if _is_named(item, segment)), None)
    return None


def _is_named(item: Any, segment: str) -> bool:
    key, equals, name = segment[1:-1].partition("=")
    return bool(equals) and isinstance(item, dict) and key in item and str(item[key]) == name


def address_of(body: Any, pointer: str) -> Address:
    """Return the address of the plain JSON *pointer* into *body*; where *body* has nothing, its segments stay as they are."""
    address = ""
    for segment in split(pointer):
        item = get(body, f"/{escape(segment)}")
        key = merge_key(body) if isinstance(body, list) and isinstance(item, dict) else ""
        address += f"/{escape(item_segment(key, item) if key else segment)}"
        body = item
    return address


def dropped(declared: Iterable[Address], desired: Body, live: Body) -> Iterator[tuple[Address, str, Any]]:
    """
    Yield (address, pointer in *live*, value) for what was declared, is declared no longer, and is still there.

    Only the topmost of what vanished together; an item that left a list which is still declared is not among them,
    because the list itself differs then.
    """
    gone = {address for address in declared if _is_unset(desired, split(address))}
    for address in sorted(gone):
        found = None if _has_ancestor(address, gone) else locate(live, address)
        if found is not None:
            yield address, *found


def _has_ancestor(address: Address, among: set[Address]) -> bool:
    while address := address.rpartition("/")[0]:
        if address in among:
            return True
    return False


def _is_unset(desired: Any, segments: Sequence[str]) -> bool:
    """Follow *segments*; what ends at a scalar, or at a list without that item, is for the comparison to find."""
    for segment in segments:
        if isinstance(desired, dict) and segment not in desired:
            return True
        step = _step(desired, segment)
        if step is None:
            return False
        desired = step[1]
    return False


def previous_pointers(declared: Iterable[Address], desired: Body, live: Body) -> tuple[str, ...]:
    """Return the plain pointers in *live* of what was declared and is no longer: ``TargetChange.previous``."""
    return tuple(sorted(pointer for _, pointer, _ in dropped(declared, desired, live)))
