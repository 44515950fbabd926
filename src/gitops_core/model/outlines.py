"""
The outline of a body: its fields without their values.

Objects made from one template differ in values and have one outline, so what follows from fields alone (their addresses, whether
anything in them is secret or may refer to another object) is worked out once and found again by comparing field names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Final, TypeVar

from gitops_core.model.pointers import escape
from gitops_core.model.values import FrozenDict, FrozenList, Sensitive

Address = str
K = TypeVar("K")

_LEAVES: Final = frozenset({str, int, bool, float, type(None)})
_are_leaves: Final = _LEAVES.issuperset
_NAMING: Final = frozenset({str, int})
_CACHED: Final = 20_000  # outlines in each memo; a template has a dozen
MERGE_KEYS: Final = (
    "name", "key", "id", "containerPort", "port", "mountPath", "devicePath", "ip", "host", "topologyKey",
    "secretName", "path", "type",
)  # fmt: skip
"""Fields that name the items of a list, the most telling first.

Source: the merge keys of the Kubernetes API's built-in types; ``id`` and ``host`` are what other APIs use.
"""


class Outline:
    """
    One outline; equal ones are one object, as long as they are remembered.

    Attributes:
        addresses: Of every field, as in :mod:`gitops_core.planning.declared`, relative to the body and in its order.
        fields: Every name of a field anywhere in it.
        is_wrapped: It holds a sensitive leaf.
    """

    def __init__(self, addresses: tuple[Address, ...], fields: frozenset[str] = frozenset(), *, is_wrapped: bool = False) -> None:
        self.addresses = addresses
        self.fields = fields
        self.is_wrapped = is_wrapped

    @cached_property
    def pointers(self) -> tuple[Address, ...]:
        """The addresses, sorted and interned."""
        return tuple(map(sys.intern, sorted(self.addresses)))


_Parts = tuple[Outline | None, ...]
_Place = tuple[str | None, tuple[str, ...], _Parts]  # what names the items of a list; names of fields or items; what is in them
_BARE: Final = Outline(("",))
_SECRET: Final = Outline(("",), is_wrapped=True)
_known: Final[dict[_Place, Outline]] = {}
_flat: Final[dict[tuple[str, ...], Outline]] = {}  # objects without containers, which are most, by their fields


def outline(value: Any) -> Outline:
    """
    Return the outline of *value*, a JSON value.

    Cost: less than a microsecond a container; much more for the first body of its kind.
    """
    if isinstance(value, dict):
        return _of_fields(value)
    if isinstance(value, list):
        return _of_items(value)
    return _SECRET if isinstance(value, Sensitive) else _BARE


def _of_fields(value: dict[str, Any]) -> Outline:
    if _are_leaves(map(type, value.values())):
        names = tuple(value)
        if not names:
            return _BARE
        return _flat.get(names) or _remembered((None, names, (None,) * len(names)), _flat, names)
    outline_of = _OUTLINES.get
    parts = tuple([None if (kind := type(v)) in _LEAVES else outline_of(kind, outline)(v) for v in value.values()])
    place = (None, tuple(value), parts)
    return _known.get(place) or _remembered(place, _known, place)


def _of_items(value: list[Any]) -> Outline:
    if _are_leaves(map(type, value)):
        return _BARE
    parts = tuple([None if type(item) in _LEAVES else outline(item) for item in value])
    key = merge_key(value)
    place = (key, tuple([item_segment(key, item) for item in value]) if key else (), parts)
    return _known.get(place) or _remembered(place, _known, place)


def _remembered(place: _Place, memo: dict[K, Outline], at: K) -> Outline:
    if len(memo) >= _CACHED:
        memo.clear()
    return memo.setdefault(at, _worked_out(*place))


def _worked_out(key: str | None, names: tuple[str, ...], parts: _Parts) -> Outline:
    inner = [part for part in parts if part is not None]
    fields = frozenset(names if key is None else ()).union(*(part.fields for part in inner))
    addresses = ("",) if key == "" else tuple(_addresses(key, names, parts))  # a list without names is one value
    return Outline(addresses, fields, is_wrapped=any(part.is_wrapped for part in inner))


def _addresses(key: str | None, names: tuple[str, ...], parts: _Parts) -> Iterator[Address]:
    naming = f"/{escape(key)}" if key else None
    for name, part in zip(names, parts, strict=True):
        own = f"/{escape(name)}"
        if naming or part is None:
            yield own
        yield from (own + below for below in (part.addresses if part else ()) if below != naming)


_OUTLINES: Final[dict[type, Callable[[Any], Outline]]] = {FrozenDict: _of_fields, FrozenList: _of_items}


# -- names of list items ---------------------------------------------------------------------------------------------------


def merge_key(*lists: Any) -> str:
    """Return the field that names every item of *lists*, differently within each list; "" when there is none."""
    first = next((items[0] for items in lists if items), None)
    if not isinstance(first, dict):
        return ""
    return next((key for key in _candidates(first) if all(_names(key, items) for items in lists)), "")


def _candidates(item: dict[str, Any]) -> Iterator[str]:
    return (key for key in MERGE_KEYS if key in item)


def _names(key: str, items: Any) -> bool:
    seen = set()
    for item in items:
        value = item.get(key) if isinstance(item, dict) else None
        if type(value) not in _NAMING:
            return False
        seen.add(str(value))
    return len(seen) == len(items)


def item_segment(key: str, item: Any) -> str:
    """Return how *item* of a list named by *key* is written in an address and a label."""
    return f"[{key}={item[key]}]"
