"""JSON-like values that cannot change: freeze once, compare and digest often."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

Body = Mapping[str, Any]
"""A JSON object: string keys; leaves are str, int, float, bool, None or :class:`Sensitive`."""


def _refuse(*_args: object, **_kwargs: object) -> NoReturn:
    """Refuse: a frozen value has no mutators."""
    raise TypeError("this value is frozen; gitops_core.model.values.thaw(value) gives a copy that you may change")


class FrozenDict(dict[str, Any]):
    """A ``dict`` without its mutators: serialises, compares and iterates like one."""

    __slots__ = ("__weakref__",)
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return (FrozenDict, (dict(self),))

    def __copy__(self) -> FrozenDict:
        return self

    def __deepcopy__(self, _memo: object) -> FrozenDict:
        return self


class FrozenList(list[Any]):
    """A ``list`` without its mutators."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return (FrozenList, (list(self),))

    def __copy__(self) -> FrozenList:
        return self

    def __deepcopy__(self, _memo: object) -> FrozenList:
        return self


class Sensitive:
    """
    A secret value in a wrapper that shows nothing.

    Equal values are equal, so a diff still works; ``repr``, ``str``, ``format`` and pickling give nothing away.
    Only the engine calls :meth:`reveal`, immediately before it hands a body to a target.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value: Final = value.reveal() if isinstance(value, Sensitive) else value

    def reveal(self) -> Any:
        """Return the value in clear."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sensitive) and same(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value) if isinstance(self._value, str | int | float) else hash(Sensitive)

    def __repr__(self) -> str:
        return "Sensitive(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, _spec: str) -> str:
        return "***"

    def __copy__(self) -> Sensitive:
        return self

    def __deepcopy__(self, _memo: object) -> Sensitive:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a sensitive value is never serialised")


def freeze(value: Any, pointer: str = "") -> Any:
    """
    Return *value* with every container replaced by its frozen twin; already frozen containers are returned as they are.

    Raises:
        TypeError: A value that JSON does not have; the message names its JSON pointer and type, not the value.

    Cost: O(nodes); what JSON decodes to goes the short way, which builds no pointers.
    """
    try:
        return _frozen(value)
    except _Unusual:
        return _freeze_naming(value, pointer)


class _Unusual(Exception):
    """Not what JSON decodes to: another mapping or sequence, a subclass, or no JSON value at all."""


def _frozen(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        if not _TEXTS.issuperset(map(type, value)):
            raise _Unusual
        return FrozenDict({k: v if type(v) in _FROZEN else _frozen(v) for k, v in value.items()})
    if kind is list:
        return FrozenList([v if type(v) in _FROZEN else _frozen(v) for v in value])
    if kind in _FROZEN or (kind is float and math.isfinite(value)):
        return value
    raise _Unusual


def _freeze_naming(value: Any, pointer: str) -> Any:
    kind = type(value)
    if kind in _FROZEN:
        return value
    if kind is float:
        return _finite(value, pointer)
    if isinstance(value, Mapping):
        return FrozenDict((_text_key(k, pointer), _freeze_naming(v, f"{pointer}/{k}")) for k, v in value.items())
    if isinstance(value, list | tuple):
        return FrozenList(_freeze_naming(v, f"{pointer}/{i}") for i, v in enumerate(value))
    if isinstance(value, str | int | float):  # a subclass (an enum, a numpy float): keep its plain value
        return (
            str(value)
            if isinstance(value, str)
            else _freeze_naming(float(value) if isinstance(value, float) else int(value), pointer)
        )
    raise TypeError(f"{pointer or '/'}: {kind.__name__} is not a JSON value")


_FROZEN: Final = frozenset({str, int, bool, type(None), Sensitive, FrozenDict, FrozenList})
_TEXTS: Final = frozenset({str})


def _text_key(key: object, pointer: str) -> str:
    if isinstance(key, str):
        return key
    raise TypeError(f"{pointer or '/'}: a key of type {type(key).__name__}; JSON keys are strings")


def _finite(value: float, pointer: str) -> float:
    if math.isfinite(value):
        return value
    raise TypeError(f"{pointer or '/'}: {value} is not a JSON number")


def thaw(value: Any) -> Any:
    """Return a deep copy of *value* made of plain ``dict`` and ``list``; sensitive leaves stay wrapped."""
    if isinstance(value, Mapping):
        return {k: thaw(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [thaw(v) for v in value]
    return value


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal, keeping ``1``, ``1.0`` and ``true`` apart from each other's bool twin."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return len(left) == len(right) and all(k in right and same(v, right[k]) for k, v in left.items())
    if isinstance(left, Sequence) and isinstance(right, Sequence) and not (isinstance(left, str) or isinstance(right, str)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def text_set(values: Iterable[str]) -> frozenset[str]:
    """Return *values* as a frozen set (an attrs converter); one text alone is a set of one, not of its letters."""
    return frozenset((values,) if isinstance(values, str) else values)


def digest(value: Any, salt: bytes = b"") -> str:
    """
    Return the SHA-256 of *value* in canonical JSON, as hexadecimal text.

    Args:
        value: A JSON value; key order does not matter.
        salt: Keys the digest of each :class:`Sensitive` leaf, so that a stored digest cannot be guessed back.
    """
    return hashlib.sha256(_encoder(salt).encode(value).encode()).hexdigest()


def mask(value: Any, salt: bytes) -> str:
    """Return a stand-in for a secret: equal values look equal, different ones different, and none can be read back."""
    tag = hmac.new(salt, _canonical(value.reveal() if isinstance(value, Sensitive) else value), hashlib.sha256).hexdigest()
    return f"(sensitive {tag[:10]})"


def canonical_json(value: Any, salt: bytes = b"") -> str:
    """Return *value* as compact JSON with sorted keys; each sensitive leaf becomes its salted digest."""
    return _encoder(salt).encode(value)


def _canonical(value: Any) -> bytes:
    return _encoder(b"").encode(value).encode()


def _encoder(salt: bytes) -> json.JSONEncoder:
    known = _ENCODERS.get(salt)
    if known is None:
        known = _ENCODERS[salt] = json.JSONEncoder(
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
            check_circular=False,  # what came from a document holds no circle; of anything else Python's own limit tells
            default=lambda v: _digested(v, salt),
        )
    return known


_ENCODERS: Final[dict[bytes, json.JSONEncoder]] = {}


def _digested(value: object, salt: bytes) -> Any:
    if isinstance(value, Sensitive):
        return {"$sensitive": hmac.new(salt, _canonical(value.reveal()), hashlib.sha256).hexdigest()}
    raise TypeError(f"{type(value).__name__} is not a JSON value")
