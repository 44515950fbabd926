"""Kubernetes quantities (``100m``, ``1.5Gi``, ``1e3``) as exact numbers, so that two spellings of one amount are equal."""

from __future__ import annotations

import functools
import re
from fractions import Fraction
from typing import Any, Final

_GRAMMAR: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d{0,40})(?:\.(?P<part>\d{0,40}))?(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,3})?",
    re.ASCII,
)
"""Source: Kubernetes API reference, "Quantity". Digits are bounded: no amount of anything has forty, and text is hostile."""

_SCALE: Final = {
    **{f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", 1)},
    **{letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", 1)},
    **{letter: Fraction(1, 1000**power) for power, letter in enumerate("mun", 1)},
}


def parse_quantity(value: Any) -> Fraction | None:
    """
    Return the amount that *value* stands for, or None when it is not a quantity.

    Args:
        value: Text, or a number as YAML gives it. A bool is no quantity, and neither is text with a space in it.

    Exact: nothing is rounded, not even below the nano unit where the API rounds up. Cost: a microsecond the first time.
    """
    if isinstance(value, str):
        return _parsed(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _parsed(repr(value))  # the shortest text that means this number: what stood in the document
    return None


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> Fraction | None:
    found = _GRAMMAR.fullmatch(text)
    if found is None:
        return None
    whole, part, suffix = found["whole"], found["part"] or "", found["suffix"] or ""
    if not whole and not part:
        return None
    amount = Fraction(int(whole + part), 10 ** len(part)) * _scale(suffix)
    return -amount if found["sign"] == "-" else amount


def _scale(suffix: str) -> Fraction:
    if len(suffix) > 1 and suffix[0] in "eE" and suffix != "Ei":
        return Fraction(10) ** int(suffix[1:])
    return _SCALE[suffix] if suffix else Fraction(1)


def same_quantity(left: Any, right: Any) -> bool:
    """Tell whether both are quantities, of one amount: ``1000m`` and ``1``, ``1Gi`` and ``1024Mi``, ``0.5`` and ``500m``."""
    amount = parse_quantity(left)
    return amount is not None and amount == parse_quantity(right)


def has_unit(value: Any) -> bool:
    """Tell whether *value* is a quantity that says its unit, so that it cannot be a version or a plain number."""
    return isinstance(value, str) and value[-1:].isalpha() and parse_quantity(value) is not None
