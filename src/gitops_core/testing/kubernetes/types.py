"""
The types of the built-in kinds: what a body becomes when the server reads it, and what it makes of fields it does not know.

Reading and writing an object as the server does drops nulls, drops empty values of optional fields, writes empty values of required
ones, spells quantities canonically, and drops (or refuses) unknown fields. ``builtin_types.json`` holds the facts; the program that
makes it from a real server says how it is spelled.
"""

from __future__ import annotations

import functools
import json
import re
import string
from importlib.resources import files
from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.quantities import canonical

_NAMES: Final = {
    "s": "string",
    "b": "bool",
    "i": "int32",
    "l": "int64",
    "n": "float64",
    "y": "[]uint8",
    "t": "string",
    "q": "string",
}
_INDEX: Final = re.compile(r"\[\d+\]")
_ALPHABET: Final = frozenset(string.ascii_letters + string.digits + "+/=")
_BASE64: Final = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_ZEROS: Final = {"s": "", "b": False, "i": 0, "l": 0, "n": 0, "o": 0, "q": "0"}


class TypeMismatch(ValueError):  # why: named as what it is
    """A value has another type than its field; the message is the server's."""


@attrs.frozen
class Field:
    """
    One field of a type.

    Attributes:
        shape: Its type, as ``builtin_types.json`` spells it.
        merge_key: The key by which a strategic merge patch merges its items; empty when there is none.
        merges: Whether a strategic merge patch merges its items at all.
        retains: Whether a strategic merge patch may say which keys to retain.
        allowed: The values it can have; empty for any.
        number: Its number in protocol buffers; ``2.1`` is field 1 of the message in field 2; empty for none.
        when_empty: ``drop`` an empty value, ``write`` even what is absent, or ``keep`` what is given.
    """

    shape: str
    merge_key: str = ""
    merges: bool = False
    retains: bool = False
    allowed: tuple[str, ...] = ()
    when_empty: str = "keep"
    number: str = ""


@attrs.frozen
class Found:
    """
    What was noticed while reading an object.

    Attributes:
        unknown: Paths of fields that its type does not have.
        unsupported: Path, value and allowed values of fields with a value they cannot have.
    """

    unknown: list[str] = attrs.field(factory=list)
    unsupported: list[tuple[str, Any, tuple[str, ...]]] = attrs.field(factory=list)


def type_of(kind: Kind) -> str | None:
    """Return the name of the type of a built-in kind; None for custom kinds."""
    if kind.custom is not None:
        return None
    found: str | None = _table()["kinds"].get(f"{kind.group}/{kind.version}/{kind.kind}")
    return found


@functools.cache
def fields(type_name: str) -> dict[str, Field]:
    """Return the fields of a type by name. Cost: O(1) but for the first time."""
    return {name: _field(text) for name, text in _table()["types"].get(type_name, {}).items()}


def read(type_name: str, value: dict[str, Any], found: Found, where: str = "") -> dict[str, Any]:
    """
    Return *value* as a server of that type keeps it; *value* is not changed, *found* is added to.

    Raises:
        TypeMismatch: A field has the wrong type.

    Cost: O(size).
    """
    known = fields(type_name)
    made: dict[str, Any] = {}
    for name, item in value.items():
        field = known.get(name)
        path = f"{where}.{name}" if where else name
        if field is None:
            found.unknown.append(path)
        elif item is not None:
            kept = _read(field.shape, item, found, (path, type_name))
            if field.when_empty != "drop" or kept or (kept == 0 and field.shape == "o"):
                made[name] = kept
            if field.allowed and isinstance(kept, str) and kept and kept not in field.allowed:
                found.unsupported.append((path, kept, field.allowed))
    for name, shape in _written(type_name):
        if name not in made:
            made[name] = _zero(shape)
    return made


def empty(type_name: str, name: str) -> Any:
    """Return what a field of a type is when nothing was ever written to it."""
    return _zero(fields(type_name)[name].shape)


Place = tuple[str, str]
"""A path, and the type that has the field."""


def _read(shape: str, value: Any, found: Found, place: Place) -> Any:
    first, where = shape[0], place[0]
    if first == "@":
        return read(shape[1:], _expect(dict, value, place, shape), found, where)
    if first == "[":
        return [
            _read(shape[1:], item, found, (f"{where}[{index}]", place[1])) if item is not None else _zero(shape[1:])
            for index, item in enumerate(_expect(list, value, place, shape))
        ]
    if first == "{":
        items = _expect(dict, value, place, shape).items()
        if shape == "{s":
            return {key: item if type(item) is str else _scalar("s", "" if item is None else item, place) for key, item in items}
        return {key: _read(shape[1:], item, found, place) if item is not None else _zero(shape[1:]) for key, item in items}
    return _scalar(first, value, place)


def _scalar(shape: str, value: Any, place: Place) -> Any:
    if shape in "*o":
        return value
    if shape == "q":
        is_number = isinstance(value, str | int | float) and not isinstance(value, bool)
        return canonical(value) if is_number else _mismatch(value, place, shape)
    if shape in "sty":
        return _text(shape, value, place)
    if shape == "b":
        return value if isinstance(value, bool) else _mismatch(value, place, shape)
    if isinstance(value, bool) or not isinstance(value, int | float) or (shape != "n" and value != int(value)):
        return _mismatch(value, place, shape)
    return value if shape == "n" else int(value)


def _text(shape: str, value: Any, place: Place) -> Any:
    if not isinstance(value, str):
        return _mismatch(value, place, shape)
    if shape == "y" and not _BASE64.fullmatch(value):
        wrong = next((index for index, each in enumerate(value) if each not in _ALPHABET), len(value) - len(value) % 4)
        raise TypeMismatch(f"illegal base64 data at input byte {wrong}")
    return value


def _expect(kind: type, value: Any, place: Place, shape: str) -> Any:
    return value if isinstance(value, kind) else _mismatch(value, place, shape)


def _mismatch(value: Any, place: Place, shape: str) -> Any:
    given = {bool: "bool", str: "string", list: "array", dict: "object"}.get(type(value), "number")
    wanted = "[]" + _go_type(shape[1:]) if shape[0] == "[" else _go_type(shape)
    where, owner = _INDEX.sub("", place[0]), place[1].rpartition(".")[2]
    raise TypeMismatch(f"json: cannot unmarshal {given} into Go struct field {owner}.{where} of type {wanted}")


def _go_type(shape: str) -> str:
    if shape[0] == "@":
        return "v1." + shape.rpartition(".")[2]
    return "map[string]" + _go_type(shape[1:]) if shape[0] == "{" else _NAMES.get(shape[0], "")


@functools.cache
def _written(type_name: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, field.shape) for name, field in fields(type_name).items() if field.when_empty == "write")


def _zero(shape: str) -> Any:
    if shape[0] == "@":
        return {name: _zero(inner) for name, inner in _written(shape[1:])}
    return _ZEROS.get(shape[0])


def _field(text: str) -> Field:
    shape, *marks = text.split("|")
    merge = next((mark for mark in marks if mark.startswith("m")), "")
    allowed = next((mark for mark in marks if mark.startswith("=")), "=")
    when_empty = "drop" if "z" in marks else "write" if "!" in marks else "keep"
    choices = tuple(allowed[1:].split(",")) if allowed != "=" else ()
    number = next((mark[1:] for mark in marks if mark.startswith("#")), "")
    return Field(shape, merge.partition(":")[2], bool(merge), "r" in marks, choices, when_empty, number)


@functools.lru_cache(maxsize=1)
def _table() -> Any:
    return json.loads(files(__package__).joinpath("builtin_types.json").read_text("utf-8"))
