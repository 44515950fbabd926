"""
What an unquoted YAML scalar means: exactly what Kubernetes' Go parser makes of it.

Source: ``resolve.go`` of sigs.k8s.io/yaml's go-yaml fork, checked against ``kubectl`` in the integration tests.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from decimal import Decimal
from typing import Final, NamedTuple

Raw = str | int | float | bool | None
"""A scalar as Go's parser types it, before JSON has narrowed its numbers."""

HINTS: Final = frozenset("+-0123456789.yYnNtTfFoO~") | {""}
"""First characters of the scalars that may be something else than text."""

TAG: Final = "tag:yaml.org,2002:"

_WORDS: Final[dict[str, Raw]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER: Final = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]([0-7]+)|0[bB]([01]+)|0([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_SIGNED_BINARY: Final = re.compile(r"0b([-+][01]+)")  # Go strips "0b" and parses the rest, sign and all
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_BASES: Final = (16, 8, 2, 8, 10)
_INT64: Final = range(-(2**63), 2**63)
_EXPONENT_FROM: Final = 1e21  # where Go's JSON begins to write an exponent; below, the shortest digits and zeros
_LONGEST: Final = 80  # characters of the longest 64-bit integer with its sign and prefix, and some


def resolve_raw(text: str) -> Raw:
    """Return the value of the plain scalar *text*, typed as Go types it."""
    if text[:1] not in HINTS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    number = _integer(digits)
    if number is not None:
        return number
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        return value if math.isfinite(value) else text
    return text


def _integer(digits: str) -> int | None:
    """Return the 64-bit integer in *digits*, or None: not one, or too large. Unsigned ones reach to 2**64 - 1."""
    match = _INTEGER.fullmatch(digits) if len(digits) < _LONGEST else None
    if match is None:
        signed = _SIGNED_BINARY.fullmatch(digits) if len(digits) < _LONGEST else None
        return int(signed[1], 2) if signed else None
    sign = match[1]
    base, text = next((base, text) for base, text in zip(_BASES, match.groups()[1:], strict=True) if text is not None)
    value = int(sign + text, base)
    return value if value in _INT64 or (not sign and value < 2**64) else None


def as_json(raw: Raw) -> Raw:
    """
    Return *raw* as it is after a round through Go's JSON: whole numbers are integers, what exceeds 64 bits is a float.

    Raises:
        ValueError: Infinity or NaN, which JSON does not have.
    """
    if type(raw) is float:
        if not math.isfinite(raw):
            raise ValueError("infinity and NaN are not JSON; write a number, or quote it if it is text")
        whole = int(Decimal(repr(raw))) if raw.is_integer() and abs(raw) < _EXPONENT_FROM else None
        return whole if whole is not None and whole in _INT64 else raw
    return float(raw) if type(raw) is int and raw not in _INT64 else raw


def as_key(raw: Raw) -> str:
    """
    Return *raw* as a key of a JSON object, spelled as sigs.k8s.io/yaml spells it.

    Raises:
        ValueError: null, infinity, NaN, or an integer over 64 bits.
    """
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int) and raw in _INT64:
        return str(raw)
    if isinstance(raw, float) and math.isfinite(raw):
        return _shortest(raw)
    raise ValueError(f"{_type_name(raw)} is not a key; quote it if it is text")


def _type_name(raw: Raw) -> str:
    return (
        "an empty or null scalar" if raw is None else "an unsigned 64-bit number" if isinstance(raw, int) else "infinity or NaN"
    )


def _shortest(number: float) -> str:
    """Return what Go's ``FormatFloat(number, 'g', -1, 32)`` writes: the fewest digits that a 32-bit float needs."""
    try:
        (single,) = struct.unpack("<f", struct.pack("<f", number))
    except OverflowError:
        raise ValueError("a number too large for a key; quote it if it is text") from None
    candidates = (f"{single:.{digits}e}" for digits in range(9))
    spelled = next(text for text in candidates if struct.pack("<f", float(text)) == struct.pack("<f", single))
    exponent = int(spelled.partition("e")[2])
    return format(Decimal(spelled), "f") if _FIXED_FROM <= exponent < _FIXED_TO else spelled


_FIXED_FROM: Final = -4  # exponents between which strconv's shortest 'g' format writes none
_FIXED_TO: Final = 6


def resolve_tagged(tag: str, text: str) -> Raw:
    """
    Return the value of a scalar with an explicit *tag*; tags of others are ignored, as in Go.

    Raises:
        ValueError: The text is no such value. The message does not show it.
    """
    kind = tag.removeprefix(TAG) if tag.startswith(TAG) else ""
    if kind == "binary":
        return _binary(text)
    if kind not in _TYPES:
        return text
    raw = resolve_raw(text)
    if kind == "float" and type(raw) is int:
        return float(raw)
    if not isinstance(raw, _TYPES[kind]) or (kind == "int" and isinstance(raw, bool)):
        raise ValueError(f"this is not a !!{kind}; correct the value or drop the tag")
    return raw


_TYPES: Final[dict[str, type]] = {
    "bool": bool,
    "int": int,
    "float": float,
    "null": type(None),
    "timestamp": str,
}


def _binary(text: str) -> str:
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True).decode()
    except ValueError:
        decoded = None
    if decoded is None:  # raised out here, because the codec's own error would carry the bytes along
        raise ValueError("!!binary is not base64 of UTF-8 text; JSON has no bytes, so put base64 in a string")
    return decoded


class Family(NamedTuple):
    """A family of plain scalars that YAML 1.1 and 1.2 read differently."""

    pattern: re.Pattern[str]
    meaning: str


AMBIGUOUS: Final = (
    Family(
        re.compile(r"y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF"),
        "one of y, n, yes, no, on, off: a boolean here, text in YAML 1.2",
    ),
    Family(
        re.compile(r"[-+]?0[0-9_]+"),
        "a number with a leading zero: octal here where its digits allow, decimal in YAML 1.2",
    ),
    Family(
        re.compile(
            r"[-+]?0[oO][0-7_]+|[-+]?0[bB][-+]?[01_]+|[-+]0[xX][0-9a-fA-F_]+|0X[0-9a-fA-F_]+|0x[0-9a-fA-F]*_[0-9a-fA-F_]*"
        ),
        "a number in a notation that only some YAML versions know",
    ),
    Family(
        re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"),
        "digits with colons: text here, a base-60 number in YAML 1.1",
    ),
    Family(
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?"),
        "a date: text here, a timestamp in YAML 1.1",
    ),
    Family(
        re.compile(
            r"[-+]?(?:[0-9]+(?:\.[0-9]*)?[eE][0-9]+|[0-9]+[eE][-+][0-9]+|\.[0-9]+[eE][0-9]+)|[-+]\.[0-9]+(?:[eE][-+]?[0-9]+)?"
        ),
        "a number in exponent form: a number here, text in YAML 1.1",
    ),
    Family(
        re.compile(r"[-+]?\.?[0-9]+_[0-9_.eE+-]*|[-+]?[0-9]+\.[0-9]*_[0-9_.eE+-]*|[-+]_+[0-9][0-9_.]*"),
        "a number with underscores: a number here, text in YAML 1.2",
    ),
    Family(
        re.compile(r"[-+]?[0-9]{19,}|0x[0-9a-fA-F]{16,}"),
        "an integer that may need more than 64 bits: rounded here, exact elsewhere",
    ),
    Family(re.compile(r"=|<<"), "a plain = or <<: text here, a special value in YAML 1.1"),
)
"""Every family we warn about, in the order in which they are tried. The warnings never show the scalar: it may be a secret."""


def ambiguity(text: str) -> str:
    """Return what is ambiguous about the plain scalar *text*, or nothing."""
    first = text[:1]
    if first not in _SUSPECT or (first.isalpha() and len(text) > _LONGEST_WORD):
        return ""
    return next((family.meaning for family in AMBIGUOUS if family.pattern.fullmatch(text)), "")


_SUSPECT: Final = frozenset("+-0123456789.yYnNoO=<")
_LONGEST_WORD: Final = 3
