"""
Frozen attrs values to JSON text and back, by field name.

A field that equals its default is left out, and a name this version does not know is ignored: a field can be added to a
model class, with a default, without a new schema. Changing a default or the meaning of a field needs an upgrade step.
"""

from __future__ import annotations

import enum
import json
import math
import operator
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

import attrs

from gitops_core.model.resources import ResourceKey

T = TypeVar("T", bound=attrs.AttrsInstance)
_Convert = Callable[[Any], Any]
_Write = Callable[[Any], str]
_ABSENT: Final = object()
_PLAIN: Final = frozenset({str, int, float, bool})
_text: Final = json.encoder.encode_basestring_ascii
_dumps: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_loads: Final = json.JSONDecoder().decode


class Codec(Generic[T]):
    """
    Writes and reads one class.

    Args:
        cls: A frozen attrs class whose fields are plain JSON scalars, string enums, keys, nested attrs values, and tuples of these.
        apart: Fields that the caller keeps elsewhere (in columns) and hands back to :meth:`load`.

    Raises:
        TypeError: A field of a type that has no JSON form here; the message names class, field and type.

    Cost: about 3 us a value each way, half of it for many that have fields in common.
    """

    def __init__(self, cls: type[T], *, apart: Collection[str] = ()) -> None:
        hints = typing.get_type_hints(cls)
        fields = attrs.fields(cls)
        stored = [field.name for field in fields if field.name not in apart]
        converters = {name: _converters(hints[name], f"{cls.__name__}.{name}") for name in stored}
        self._cls = cls
        self._in_order = operator.itemgetter(*(field.name for field in fields))
        self._defaults = {f.name: _default(f) for f in fields if f.name not in apart and f.default is not attrs.NOTHING}
        self._values_of = operator.attrgetter(*stored, *stored[:2])  # two or more make a tuple; what is too much is not looked at
        self._stored = [(f'"{name}":', self._defaults.get(name, _ABSENT), converters[name][0]) for name in stored]
        self._nested: dict[str, Codec[Any]] = {f'"{name}":': Codec(hints[name]) for name in stored if _is_nested(hints[name])}
        self._converted = [(name, from_json) for name, (_, from_json) in converters.items() if from_json is not None]

    def from_json(self, facts: Mapping[str, Any], **apart: Any) -> T:
        """
        Return the value of *facts* and of the fields kept *apart*.

        Raises:
            ValueError, TypeError, KeyError: *facts* is not what :meth:`dump` wrote.
        """
        values = {**self._defaults, **facts, **apart}
        for name, convert in self._converted:
            if name in facts:
                values[name] = convert(facts[name])
        return self._cls(*self._in_order(values))  # in order, because keywords take twice as long

    def dump(self, value: T) -> str:
        """Return the fields of *value* that differ from their defaults, as compact JSON."""
        return self.dump_all((value,))[0]

    def dump_all(self, values: Iterable[T]) -> list[str]:
        """Return :meth:`dump` of each of *values*, field by field: what neighbours have in common is written once."""
        columns = zip(*map(self._values_of, values), strict=True)
        texts = [self._column(*field, column) for field, column in zip(self._stored, columns, strict=False)]
        return [f"{{{','.join(filter(None, row))}}}" for row in zip(*texts, strict=True)]

    def _column(self, name: str, default: Any, write: _Write, items: tuple[Any, ...]) -> list[str]:
        """Return *name* and text of each of *items*, nothing for the default."""
        nested = self._nested.get(name)
        if nested is not None:
            return ["" if item == default else name + text for item, text in zip(items, nested.dump_all(items), strict=True)]
        last, text, texts = _ABSENT, "", []
        for item in items:
            if item is not last:
                last, text = item, "" if item == default else name + write(item)
            texts.append(text)
        return texts

    def to_json(self, value: T) -> dict[str, Any]:
        """Return what :meth:`dump` writes as JSON values, for callers that put it into something larger."""
        facts: dict[str, Any] = _loads(self.dump(value))
        return facts

    def load(self, text: str, **apart: Any) -> T:
        """Return what :meth:`dump` wrote; raises like :meth:`from_json`."""
        return self.from_json(_loads(text), **apart)


def load_all(texts: Iterable[str]) -> list[Any]:
    """Return what each of *texts* says: one call of the parser, which costs a third of many."""
    found: list[Any] = _loads(f"[{','.join(texts)}]")
    return found


def _default(field: attrs.Attribute[Any]) -> Any:
    default: Any = field.default
    is_factory = isinstance(default, attrs.Factory)  # type: ignore[arg-type]  # why: attrs' stubs call this class a function
    return default.factory() if is_factory else default


def _float(item: float) -> str:
    return repr(item) if type(item) is float and math.isfinite(item) else _dumps(item)


def _plain(item: object) -> str:
    if isinstance(item, str):
        return _text(item)
    if type(item) is int:
        return repr(item)
    return _WORDS.get(item, "") if isinstance(item, bool) else _dumps(item)


_WORDS: Final = {True: "true", False: "false"}


def _is_nested(hint: Any) -> bool:
    return isinstance(hint, type) and attrs.has(hint)


def _converters(hint: Any, place: str) -> tuple[_Write, _Convert | None]:
    """Return how a value of type *hint* becomes JSON text, and how it comes back; None where nothing has to be done."""
    if hint in _PLAIN:
        return _float if hint is float else _plain, None
    if hint is ResourceKey:
        return _list_of(_plain), ResourceKey._make
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return _plain, hint
    if _is_nested(hint):
        nested: Codec[Any] = Codec(hint)
        return nested.dump, nested.from_json
    if typing.get_origin(hint) is tuple and typing.get_args(hint)[1:] == (Ellipsis,):
        return _tuple_of(*_converters(typing.get_args(hint)[0], place))
    if typing.get_origin(hint) in (types.UnionType, typing.Union) and type(None) in typing.get_args(hint):
        (inner,) = (_converters(a, place) for a in typing.get_args(hint) if a is not type(None))
        return _optional(*inner)
    raise TypeError(f"{place}: {hint} has no JSON form in the state store; teach gitops_core.state.codec about it")


def _list_of(write: _Write) -> _Write:
    return lambda items: f"[{','.join(map(write, items))}]"


def _tuple_of(write: _Write, from_json: _Convert | None) -> tuple[_Write, _Convert]:
    return _list_of(write), (lambda items: tuple(map(from_json, items))) if from_json else tuple


def _optional(write: _Write, from_json: _Convert | None) -> tuple[_Write, _Convert | None]:
    read = (lambda value: None if value is None else from_json(value)) if from_json else None
    return (lambda value: "null" if value is None else write(value)), read
