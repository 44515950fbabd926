"""When two scalars of a Kubernetes object mean the same although they are written differently. The place decides, never the look."""

from __future__ import annotations

import datetime as dt
import functools
import re
from fractions import Fraction
from typing import Any, Final

import attrs

from gitops_core.model.values import same
from gitops_core.targets.kubernetes.quantities import has_unit, same_quantity

_AMOUNTS: Final = frozenset({
    "limits", "requests", "capacity", "hard", "allocatable", "overhead", "podFixed", "default", "defaultRequest", "max", "min",
    "maxLimitRequestRatio", "allocatedResources",
})  # fmt: skip
"""Maps from a resource's name to a quantity. Source: ``ResourceList`` in the Kubernetes API reference."""

_AMOUNT: Final = frozenset(
    {"averageValue", "targetAverageValue", "sizeLimit", "divisor", "storage", "memory", "cpu", "ephemeral-storage"}
)
_BYTES: Final = frozenset({"caBundle", "binaryData", "clientCABundle"})
_FREE_TEXT: Final = frozenset({
    "labels", "annotations", "matchLabels", "nodeSelector", "args", "command", "data", "stringData", "binaryData", "parameters",
    "value", "values", "name", "image", "version", "type",
})  # fmt: skip
"""Fields in which text is what it is: ``60s`` is not ``1m`` there, because a program reads it and not the API."""


@attrs.frozen
class ScalarPlace:
    """
    Where a scalar stands.

    Attributes:
        field: Its own field, or that of the list it is an item of.
        parent: The field above it.
        is_free_text: It is below a field in which text means nothing but itself.
        is_bytes: It is base64.
    """

    field: str = ""
    parent: str = ""
    is_free_text: bool = False
    is_bytes: bool = False


def is_free_text(field: str, parent: str) -> bool:
    """Tell whether everything in *field* of *parent* is text that only a program reads. An autoscaler's ``target.value`` is not."""
    return field in _FREE_TEXT and not (field == "value" and parent in {"target", "current"})


def is_bytes(field: str) -> bool:
    """Tell whether *field*, or every field of it, is base64 in objects of all kinds."""
    return field in _BYTES


def same_scalar(desired: Any, live: Any, place: ScalarPlace) -> bool:
    """
    Tell whether two unequal-looking scalars at *place* mean the same.

    Quantities are compared as numbers where the API has quantities, and elsewhere when one of them says its unit; durations and
    timestamps everywhere but in free text; base64 without its line breaks. ``1`` and ``"1"``, ``true`` and ``"true"`` differ:
    a port that is text is a name.
    """
    if same(desired, live):
        return True
    if place.parent in _AMOUNTS or place.field in _AMOUNT or (place.field == "value" and place.parent == "target"):
        return same_quantity(desired, live)
    if not (isinstance(desired, str) and isinstance(live, str)):
        return False
    if place.is_bytes:
        return _unbroken(desired) == _unbroken(live)
    return not place.is_free_text and _same_text(desired, live)


def _unbroken(text: str) -> str:
    return text.replace("\n", "").replace("\r", "")


def _same_text(desired: str, live: str) -> bool:
    if (has_unit(desired) or has_unit(live)) and same_quantity(desired, live):
        return True
    duration = _duration(desired)
    if duration is not None:
        return duration == _duration(live)
    return _same_moment(desired, live)


_DURATION: Final = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{1,18})?(?:ns|us|µs|ms|s|m|h))+", re.ASCII)
_PIECE: Final = re.compile(r"(\d+)(?:\.(\d+))?(ns|us|µs|ms|s|m|h)", re.ASCII)
_NANOSECONDS: Final = {
    "ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip


@functools.lru_cache(maxsize=1024)
def _duration(text: str) -> Fraction | None:
    """Return the nanoseconds of *text* as Go's ``time.ParseDuration`` reads it, or None."""
    if _DURATION.fullmatch(text) is None:
        return None
    total = sum((_amount(*piece) for piece in _PIECE.findall(text)), Fraction(0))
    return -total if text[0] == "-" else total


def _amount(whole: str, part: str, unit: str) -> Fraction:
    return Fraction(int(whole + part), 10 ** len(part)) * _NANOSECONDS[unit]


_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _same_moment(desired: str, live: str) -> bool:
    """Tell whether both are one moment (RFC 3339), up to the precision of *live*: the API cuts fractions off."""
    one, other = _moment(desired), _moment(live)
    if one is None or other is None or one[0] != other[0]:
        return False
    return one[1].startswith(other[1])


@functools.lru_cache(maxsize=1024)
def _moment(text: str) -> tuple[dt.datetime, str] | None:
    """Return the whole second in UTC, and the digits after it."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00"))
        return moment.astimezone(dt.UTC), (found[2] or "").rstrip("0")
    except (ValueError, OverflowError):  # the thirtieth of February, or a zone before the first year
        return None
