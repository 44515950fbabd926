"""Quantities as the server spells them: ``1000m`` becomes ``1``, ``1024Mi`` becomes ``1Gi``. Source: Kubernetes API reference, Quantity."""

from __future__ import annotations

import functools
import re
from decimal import ROUND_CEILING, Decimal
from typing import Final

_TEXT: Final = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?)$")
_KIBI: Final = 1024
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")


@functools.lru_cache(maxsize=4096)
def canonical(value: str | float) -> str:
    """Return the canonical spelling of a quantity; what is none is returned as it is, for validation to refuse. Cost: O(1)."""
    match = _TEXT.match(str(value))
    if match is None:
        return str(value)
    number, exponent, suffix = Decimal(match[1]), match[2], match[3] or ""
    if exponent:
        return _exponential(number.scaleb(int(exponent[1:])))
    if suffix in _BINARY[1:]:
        return _scaled(number * 1024 ** _BINARY.index(suffix))
    return _decimal(number.scaleb(3 * (_DECIMAL.index(suffix) - 3)))


def is_quantity(value: object) -> bool:
    """Tell whether *value* is a quantity."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and _TEXT.match(str(value)) is not None


def _scaled(number: Decimal) -> str:
    if abs(number) < _KIBI or number != number.to_integral_value():
        return _decimal(number)
    whole, step = int(number), 0
    while whole % 1024 == 0 and step < len(_BINARY) - 1 and whole:
        whole, step = whole // 1024, step + 1
    return f"{whole}{_BINARY[step]}"


def _decimal(number: Decimal) -> str:
    nanos = int(number.scaleb(9).to_integral_value(ROUND_CEILING))
    step = 0
    while nanos and nanos % 1000 == 0 and step < len(_DECIMAL) - 1:
        nanos, step = nanos // 1000, step + 1
    return f"{nanos}{_DECIMAL[step]}" if nanos else "0"


def _exponential(number: Decimal) -> str:
    sign, digits, exponent = number.normalize().as_tuple()
    text = int("".join(map(str, digits))) * 10 ** (int(exponent) % 3)
    power = int(exponent) - int(exponent) % 3
    return f"{'-' if sign else ''}{text}" + (f"e{power}" if power else "")
