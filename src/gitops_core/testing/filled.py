"""A value of any model class with every field set to something of its own: what a round-trip test needs."""

from __future__ import annotations

import enum
import itertools
import typing
from collections.abc import Iterator
from typing import Any, TypeVar

import attrs

from gitops_core.model.resources import ResourceKey

T = TypeVar("T")


def filled(cls: type[T]) -> T:
    """
    Return a value of the attrs class *cls* in which no field has its default and no two texts are equal.

    A field that is added to the class later is filled, too, so a test that uses this needs no edit. Equal calls, equal values.

    Raises:
        TypeError: A field of a type that this function does not know.
    """
    return _value(cls, itertools.count(1))  # type: ignore[no-any-return]  # why: _value answers with what it is asked for


def _value(hint: Any, number: Iterator[int]) -> Any:
    if hint is bool:
        return True
    if hint in (int, float, str):
        return f"text-{next(number)}" if hint is str else hint(next(number))
    if hint is ResourceKey:
        return ResourceKey(*(f"part-{next(number)}" for _ in ResourceKey._fields))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return list(hint)[-1]
    if isinstance(hint, type) and attrs.has(hint):
        hints = typing.get_type_hints(hint)
        return hint(*(_value(hints[field.name], number) for field in attrs.fields(hint)))
    return _of_parts(hint, number)


def _of_parts(hint: Any, number: Iterator[int]) -> Any:
    parts = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return tuple(_value(parts[0], number) for _ in range(2))
    if type(None) in parts:
        return _value(next(part for part in parts if part is not type(None)), number)
    raise TypeError(f"cannot make up a {hint}; teach gitops_core.testing.filled about it")
