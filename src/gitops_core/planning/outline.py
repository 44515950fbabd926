"""
The outline of a body: its fields without their values.

Objects made from one template differ in values and have one outline, so what follows from fields alone (their addresses, whether
anything in them is secret or may refer to another object) is worked out once and found again by comparing field names.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

from gitops_core.model.pointers import escape
from gitops_core.model.values import Sensitive

Address = str

_LEAVES: Final = frozenset({str, int, bool, float, type(None)})
_NAMING: Final = frozenset({str, int})
_CACHED: Final = 20_000  # outlines; a template has a dozen
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
        addresses: Of every field, as in :mod:`.declared`, relative to the body and in its order.
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


def outline(value: Any) -> Outline:
    """
    Return the outline of *value*, a JSON value.

    Cost: about a microsecond a container; much more for the first body of its kind.
    """
    if not value or not isinstance(value, dict | list):
        return _SECRET if type(value) is Sensitive else _BARE
    if isinstance(value, dict):
        parts = tuple([None if type(item) in _LEAVES else outline(item) for item in value.values()])
        place: _Place = (None, tuple(value), parts)
    else:
        parts = tuple([None if type(item) in _LEAVES else outline(item) for item in value])
        if not any(parts):
            return _BARE
        key = merge_key(value)
        place = (key, tuple([item_segment(key, item) for item in value]) if key else (), parts)
    return _known.get(place) or _remembered(place)


def _remembered(place: _Place) -> Outline:
    if len(_known) >= _CACHED:
        _known.clear()
    return _known.setdefault(place, _worked_out(*place))


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
