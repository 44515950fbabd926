"""
The outline of a body: its fields without their values.

Objects made from one template differ in values and in the names of list items, and have one shape. What follows from fields alone
(their addresses, whether anything in them is secret or may refer to another object) is worked out once a shape, and a shape is
found again by comparing field names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import attrs

from gitops_core.model.pointers import escape
from gitops_core.model.values import FrozenDict, FrozenList, Sensitive

Address = str
K = TypeVar("K")

_LEAVES: Final = frozenset({str, int, bool, float, type(None)})
_are_leaves: Final = _LEAVES.issuperset
_NAMING: Final = frozenset({str, int})
_CACHED: Final = 2_048  # shapes in each memo, half a kilobyte each; a template has a dozen
_NAMED_ALIKE: Final = 64  # of each shape: tuples of addresses that are shared, because the items have the same names
MERGE_KEYS: Final = (
    "name", "key", "id", "containerPort", "port", "mountPath", "devicePath", "ip", "host", "topologyKey",
    "secretName", "path", "type",
)  # fmt: skip
"""Fields that name the items of a list, the most telling first.

Source: the merge keys of the Kubernetes API's built-in types; ``id`` and ``host`` are what other APIs use.
"""

_Template = tuple[str | int, ...]  # pieces of an address; a number stands for the name of a list item
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

    __slots__ = ("_answer", "_named", "_templates", "holes", "is_wrapped", "key", "names", "parts")

    def __init__(
        self, key: str | None = "", names: tuple[str, ...] = (), parts: _Parts = (), *, is_wrapped: bool = False
    ) -> None:
        inner = [part for part in parts if part is not None]
        self.key = key
        self.names = names
        self.parts = parts
        self.holes: int = sum(part.holes for part in inner) + (len(inner) if key else 0)
        self.is_wrapped: bool = is_wrapped or any(part.is_wrapped for part in inner)
        self._answer: tuple[frozenset[str], bool] | None = None
        self._named: dict[tuple[str, ...], tuple[Address, ...]] | None = None
        self._templates: tuple[_Template, ...] | None = None

    def has_field_of(self, fields: frozenset[str]) -> bool:
        """Tell whether any object in it has one of *fields*. Cost: next to nothing when asked for the same ones again."""
        if self._answer is None or self._answer[0] is not fields:
            found = not fields.isdisjoint(self.names) or any(p.has_field_of(fields) for p in self.parts if p is not None)
            self._answer = (fields, found)
        return self._answer[1]

    def pointers(self, names: tuple[str, ...]) -> tuple[Address, ...]:
        """Return the addresses with *names* filled in, sorted."""
        if self._named is None:
            self._named = {}
        known = self._named.get(names)
        if known is None:
            if len(self._named) >= _NAMED_ALIKE:
                self._named.clear()
            texts = ("".join([names[p] if isinstance(p, int) else p for p in template]) for template in self._filled())
            known = self._named[names] = tuple(map(sys.intern, sorted(texts)))
        return known

    def _filled(self) -> tuple[_Template, ...]:
        """Return the templates; kept where they will be filled again, with other names."""
        if self._templates is not None:
            return self._templates
        templates = tuple(_templates(self))
        if self.holes:
            self._templates = templates
        return templates


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


def _templates(shape: Shape) -> Iterator[_Template]:
    """Yield the address of everything in a body of *shape*, relative, with holes for the names of list items."""
    if not shape.parts or shape.key == "":
        yield ()  # a list without names is one value
    elif shape.key is None:
        yield from _field_templates(shape)
    else:
        yield from _item_templates(shape, shape.key)


def _field_templates(shape: Shape) -> Iterator[_Template]:
    offset = 0
    for field, part in zip(shape.names, shape.parts, strict=True):
        own = f"/{escape(field)}"
        if part is None:
            yield (own,)
            continue
        for below in _templates(part):
            yield _under(own, _moved(below, offset))
        offset += part.holes


def _item_templates(shape: Shape, key: str) -> Iterator[_Template]:
    naming, offset = (f"/{escape(key)}",), 0
    names = shape.holes - len(shape.parts)  # those of the items come after the ones inside of them
    for number, part in enumerate(filter(None, shape.parts)):
        own = ("/", names + number)
        yield own
        for below in _templates(part):
            if below != naming:
                yield (*own, *_moved(below, offset))
        offset += part.holes


def _under(field: str, below: _Template) -> _Template:
    if below and isinstance(below[0], str):
        return (field + below[0], *below[1:])
    return (field, *below)


def _moved(template: _Template, offset: int) -> _Template:
    return tuple(piece + offset if isinstance(piece, int) else piece for piece in template)


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
