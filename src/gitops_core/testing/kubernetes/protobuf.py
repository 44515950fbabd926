"""
Bodies in protocol buffers, as ``kubectl create`` sends them: read into the JSON value that they stand for. Nothing is answered so.

Source: Kubernetes documentation, "Alternate representations of resources"; the numbers of fields are in ``builtin_types.json``.
"""

from __future__ import annotations

import base64
import functools
import json
import struct
from collections.abc import Iterator
from typing import Any, Final

from gitops_core.testing.kubernetes.metadata import timestamp
from gitops_core.testing.kubernetes.types import Field, fields

Object = dict[str, Any]
Wire = int | bytes
MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
_MAGIC: Final = b"k8s\x00"
_GOES_ON: Final = 0x80
_NUMERIC: Final = "biln"


def enveloped(body: bytes) -> tuple[str, str, bytes]:
    """
    Return version, kind and content of a body.

    Raises:
        ValueError: It is no such body.
    """
    if not body.startswith(_MAGIC):
        raise ValueError("no protocol buffers of Kubernetes")
    outer = dict(_members(body[len(_MAGIC) :]))
    head = dict(_members(_bytes(outer.get(1, b""))))
    return _bytes(head.get(1, b"")).decode(), _bytes(head.get(2, b"")).decode(), _bytes(outer.get(2, b""))


def message(type_name: str, content: bytes) -> Object:
    """
    Return the JSON value of a message of a built-in type.

    Raises:
        ValueError: It is broken.

    Cost: O(size).
    """
    made: Object = {}
    _fill(made, _numbers(type_name), "", content)
    return made


@functools.cache
def _numbers(type_name: str) -> dict[str, tuple[str, Field]]:
    return {field.number: (name, field) for name, field in fields(type_name).items() if field.number}


def _fill(made: Object, known: dict[str, tuple[str, Field]], prefix: str, content: bytes) -> None:
    for number, wire in _members(content):
        place = f"{prefix}{number}"
        found = known.get(place)
        if found is not None:
            _put(made, found[0], found[1].shape, wire)
        elif any(each.startswith(f"{place}.") for each in known):
            _fill(made, known, f"{place}.", _bytes(wire))


def _put(made: Object, name: str, shape: str, wire: Wire) -> None:
    if shape[0] == "[":
        packed = shape[1] in _NUMERIC and isinstance(wire, bytes)
        values = list(_varints(_bytes(wire))) if packed else [wire]
        made.setdefault(name, []).extend(_value(shape[1:], each) for each in values)
    elif shape[0] == "{":
        entry = dict(_members(_bytes(wire)))
        made.setdefault(name, {})[_bytes(entry.get(1, b"")).decode()] = _value(shape[1:], entry.get(2, b""))
    else:
        made[name] = _value(shape, wire)


def _value(shape: str, wire: Wire) -> Any:
    if shape[0] == "@":
        return message(shape[1:], _bytes(wire))
    if shape[0] in "[{":
        holder: Object = {}
        for _, inner in _members(_bytes(wire)):
            _put(holder, "items", shape, inner)
        return holder.get("items", [] if shape[0] == "[" else {})
    if shape in _NUMERIC:
        return _number(shape, wire)
    return _SPECIAL[shape](_bytes(wire)) if shape in _SPECIAL else _bytes(wire).decode()


def _number(shape: str, wire: Wire) -> Any:
    if isinstance(wire, bytes):
        return struct.unpack("<d", wire)[0] if wire else 0
    if shape == "b":
        return bool(wire)
    return wire - (1 << 64) if wire >> 63 else wire


def _time(content: bytes) -> str | None:
    found = dict(_members(content))
    return timestamp(int(_number("l", found[1]))) if 1 in found else None


def _quantity(content: bytes) -> str:
    return _bytes(dict(_members(content)).get(1, b"0")).decode()


def _int_or_string(content: bytes) -> int | str:
    found = dict(_members(content))
    return _bytes(found.get(3, b"")).decode() if found.get(1) else int(_number("l", found.get(2, 0)))


def _raw(content: bytes) -> Any:
    return json.loads(_bytes(dict(_members(content)).get(1, b"null")))


_SPECIAL: Final[dict[str, Any]] = {
    "*": _raw,
    "o": _int_or_string,
    "q": _quantity,
    "t": _time,
    "y": lambda content: base64.b64encode(content).decode(),
}


def _members(content: bytes) -> Iterator[tuple[int, Wire]]:
    """Yield number and value of each field; numbers as they are, everything else as bytes."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        kind = tag & 7
        if kind == 0:
            value, place = _varint(content, place)
            yield tag >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind, -1)
        if size < 0:
            size, place = _varint(content, place)
        if place + size > len(content):
            raise ValueError("a field is longer than the body")
        yield tag >> 3, content[place : place + size]
        place += size


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if place >= len(content):
            raise ValueError("the body ends in the middle of a number")
        byte = content[place]
        value |= (byte & ~_GOES_ON) << shift
        place, shift = place + 1, shift + 7
        if not byte & _GOES_ON:
            return value, place


def _varints(content: bytes) -> Iterator[int]:
    place = 0
    while place < len(content):
        value, place = _varint(content, place)
        yield value


def _bytes(wire: Wire) -> bytes:
    if isinstance(wire, bytes):
        return wire
    raise ValueError(f"a number where a message was expected: {wire}")
