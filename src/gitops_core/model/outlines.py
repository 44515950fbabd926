"""
The outline of a body: its fields without their values.

Objects made from one template differ in values and in the names of list items, and have one shape. What follows from fields alone
(their addresses, whether anything in them is secret or may refer to another object) is worked out once a shape, and a shape is
found again by comparing field names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs

from gitops_core.model.pointers import escape
from gitops_core.model.values import FrozenDict, FrozenList, Sensitive

Address = str
Addresses = tuple[Address, ...]
K = TypeVar("K")

_LEAVES: Final = frozenset({str, int, bool, float, type(None)})
_are_leaves: Final = _LEAVES.issuperset
_NAMING: Final = frozenset({str, int})
_CACHED: Final = 2_048  # shapes in each memo, half a kilobyte each; a template has a dozen
_NAMED_ALIKE: Final = 256  # of each shape: tuples of addresses that are shared, because the place or the names are the same
MERGE_KEYS: Final = (
    "name", "key", "id", "containerPort", "port", "mountPath", "devicePath", "ip", "host", "topologyKey",
    "secretName", "path", "type",
)  # fmt: skip
"""Fields that name the items of a list, the most telling first.

Source: the merge keys of the Kubernetes API's built-in types; ``id`` and ``host`` are what other APIs use.
"""

_Parts = tuple["Shape | None", ...]


class Shape:
    """
    What outlines of one template share; equal ones are one object, as long as they are remembered.

    Attributes:
        key: The field that names the items of a list, "" for a list without names, None for an object.
        names: Of the fields of an object.
        parts: The shape of every field or item; None for a leaf.
        holes: How many list items in it have names.
        is_wrapped: It holds a sensitive leaf.
    """

    __slots__ = ("_answer", "_fixed", "_items", "_lists", "_named", "holes", "is_wrapped", "key", "names", "parts")

    def __init__(
        self, key: str | None = "", names: tuple[str, ...] = (), parts: _Parts = (), *, is_wrapped: bool = False
    ) -> None:
        inner = [part for part in parts if part is not None]
        self.key = key
        self.names = names
        self.parts = parts
        self.holes: int = sum([part.holes for part in inner]) + (len(inner) if key else 0) if inner else 0
        self.is_wrapped: bool = is_wrapped or any(part.is_wrapped for part in inner)
        self._answer: tuple[frozenset[str], bool] | None = None
        self._fixed: dict[Address, Addresses] | None = None
        self._items: dict[Address, Addresses] | None = None
        self._lists: list[_List] | None = None
        self._named: dict[tuple[str, ...], Addresses] | None = None

    def has_field_of(self, fields: frozenset[str]) -> bool:
        """Tell whether any object in it has one of *fields*. Cost: next to nothing when asked for the same ones again."""
        if self._answer is None or self._answer[0] is not fields:
            found = not fields.isdisjoint(self.names) or any(p.has_field_of(fields) for p in self.parts if p is not None)
            self._answer = (fields, found)
        return self._answer[1]

    def pointers(self, names: tuple[str, ...]) -> Addresses:
        """Return the addresses with *names* filled in, sorted."""
        if not self.holes:
            return self.fixed("")
        if self._named is None:
            self._named = {}
        known = self._named.get(names)
        if known is None:
            known = _kept(self._named, names, tuple(sorted(_addresses(self, "", names, 0))))
        return known

    def fixed(self, prefix: Address) -> Addresses:
        """Return the addresses below *prefix* of all that is in no list with names, sorted: they are the same in every body."""
        if self._fixed is None:
            self._fixed = {}
        known = self._fixed.get(prefix)
        if known is None:
            known = _kept(self._fixed, prefix, tuple(sorted(_fixed(self, prefix))))
        return known

    @property
    def lists(self) -> list[_List]:
        """The lists with names that are in no other one."""
        if self._lists is None:
            self._lists = _lists(self)
        return self._lists

    def as_item(self, own: Address, key: str) -> Addresses:
        """Return the addresses of a list item in which no list items have names, *own* first; *key* is what it is named by."""
        if self._items is None:
            self._items = {}
        known = self._items.get(own)
        if known is None:
            name = f"{own}/{escape(key)}"  # it is said by the item's own address
            known = _kept(self._items, own, (sys.intern(own), *[a for a in _fixed(self, own) if a != name]))
        return known


def _kept(memo: dict[K, Addresses], at: K, found: Addresses) -> Addresses:
    if len(memo) >= _NAMED_ALIKE:
        memo.clear()
    memo[at] = found
    return found


@attrs.frozen
class Outline:
    """
    The outline of one body.

    Attributes:
        shape: Its fields.
        names: Of its list items, as they are written in addresses.
    """

    shape: Shape
    names: tuple[str, ...] = ()

    @property
    def pointers(self) -> tuple[Address, ...]:
        """The address of every field, as in :mod:`gitops_core.planning.declared`, sorted."""
        return self.shape.pointers(self.names)

    def has_field_of(self, fields: frozenset[str]) -> bool:
        """Tell whether any object in it has one of *fields*."""
        return self.shape.has_field_of(fields)

    @property
    def is_wrapped(self) -> bool:
        """It holds a sensitive leaf."""
        return self.shape.is_wrapped


_List = tuple[Address, Shape, int]
_Place = tuple[str | None, tuple[str, ...], _Parts]
_BARE: Final = Shape()
_SECRET: Final = Shape(is_wrapped=True)
_known: Final[dict[_Place, Shape]] = {}
_flat: Final[dict[tuple[str, ...], Shape]] = {}  # objects without containers, which are most, by their fields


def outline(body: Any) -> Outline:
    """
    Return the outline of *body*, a JSON value.

    Cost: about a microsecond a container; much more for the first body of its shape.
    """
    names: list[str] = []
    shape = _shape(body, names)
    return Outline(shape, tuple(names))


def _shape(value: Any, names: list[str]) -> Shape:
    """Return the shape of *value*, and add the names of its list items to *names*: of inner lists first."""
    if isinstance(value, dict):
        return _of_fields(value, names)
    if isinstance(value, list):
        return _of_items(value, names)
    return _SECRET if isinstance(value, Sensitive) else _BARE


def _of_fields(value: dict[str, Any], names: list[str]) -> Shape:
    if _are_leaves(map(type, value.values())):
        fields = tuple(value)
        if not fields:
            return _BARE
        return _flat.get(fields) or _remembered((None, fields, (None,) * len(fields)), _flat, fields)
    shape_of = _SHAPES.get
    parts = tuple([None if (kind := type(v)) in _LEAVES else shape_of(kind, _shape)(v, names) for v in value.values()])
    place = (None, tuple(value), parts)
    return _known.get(place) or _remembered(place, _known, place)


def _of_items(value: list[Any], names: list[str]) -> Shape:
    if _are_leaves(map(type, value)):
        return _BARE
    parts = tuple([None if type(item) in _LEAVES else _shape(item, names) for item in value])
    key = merge_key(value)
    place = (key, (), parts)
    shape = _known.get(place) or _remembered(place, _known, place)
    if key:
        names += [escape(item_segment(key, item)) for item in value]
    return shape


_SHAPES: Final[dict[type, Callable[[Any, list[str]], Shape]]] = {FrozenDict: _of_fields, FrozenList: _of_items}


def _remembered(place: _Place, memo: dict[K, Shape], at: K) -> Shape:
    if len(memo) >= _CACHED:
        memo.clear()
    return memo.setdefault(at, Shape(*place))


# -- addresses ---------------------------------------------------------------------------------------------------------------


def _addresses(shape: Shape, prefix: Address, names: tuple[str, ...], at: int) -> list[Address]:
    """Return the address of everything in a body of *shape* below *prefix*; its list items have *names*, from number *at* on."""
    found = list(shape.fixed(prefix))
    for path, part, names_before in shape.lists:
        found += _of_each_item(part, prefix + path, names, at + names_before)
    return found


def _fixed(shape: Shape, prefix: Address) -> list[Address]:
    """Return the addresses below *prefix* that hold no names of list items."""
    if shape.key:
        return []
    if shape.key is not None or not shape.parts:
        return [sys.intern(prefix)]  # a list without names is one value, and so is what is empty
    found: list[Address] = []
    for field, part in zip(map(escape, shape.names), shape.parts, strict=True):
        own = f"{prefix}/{field}"
        if part is None:
            found.append(sys.intern(own))
        elif part.key is None:
            found += part.fixed(own)
        else:
            found += _fixed(part, own)
    return found


def _lists(shape: Shape) -> list[_List]:
    """Return the lists with names in *shape* that are in no other list, and how many names come before theirs."""
    if shape.key is not None:
        return [("", shape, 0)] if shape.key else []
    found: list[_List] = []
    before = 0
    for field, part in zip(map(escape, shape.names), shape.parts, strict=True):
        if part is not None and part.holes:
            found += [(f"/{field}{path}", inner, before + at) for path, inner, at in _lists(part)]
            before += part.holes
    return found


def _of_each_item(shape: Shape, prefix: Address, names: tuple[str, ...], at: int) -> list[Address]:
    found: list[Address] = []
    key, last = shape.key or "", at + shape.holes  # the names of the items come after those inside of them
    for name, part in zip(names[last - len(shape.parts) : last], filter(None, shape.parts), strict=True):
        own = f"{prefix}/{name}"
        if part.holes:
            below = _addresses(part, own, names, at)
            below.remove(f"{own}/{escape(key)}")  # it is said by the item's own address
            found.append(sys.intern(own))
            found += below
            at += part.holes
        else:
            found += part.as_item(own, key)
    return found


# -- names of list items ---------------------------------------------------------------------------------------------------


def merge_key(*lists: Any) -> str:
    """Return the field that names every item of *lists*, differently within each list; "" when there is none."""
    first = lists[0][0] if len(lists) == 1 and lists[0] else next((items[0] for items in lists if items), None)
    if not isinstance(first, dict):
        return ""
    for key in MERGE_KEYS:
        if key in first:
            for items in lists:
                if not _names(key, items):
                    break
            else:
                return key
    return ""


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
