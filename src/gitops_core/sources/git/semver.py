"""
Semantic versions and ranges over them: just enough to choose a tag.

A range is one or more alternatives joined by ``||``; an alternative is comparators joined by spaces or commas, all of which
must hold: ``^1.2``, ``~1.2.3``, ``>=1.0 <2``, ``=1.4.2``, ``1.x``, ``1.2.*``, ``*``. A version may begin with ``v``.

Pre-releases are left out unless a comparator of the alternative names one (``>=2.0.0-0`` takes them all, from 2.0.0 on).

Source: semver.org 2.0.0 for the order; npm's ``node-semver`` for the meaning of ``^``, ``~`` and x-ranges; Masterminds/semver (what
Flux uses) for which pre-releases count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import attrs

from gitops_core.errors import ConfigError

_VERSION: Final = re.compile(
    r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII
)
_COMPARATOR: Final = re.compile(
    r"(?P<op>\^|~|>=|<=|>|<|=)?\s*v?(?P<numbers>(?:\d+|[xX*])(?:\.(?:\d+|[xX*])){0,2})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?(?=[\s,]|$)[\s,]*",
    re.ASCII,
)

# (major, minor, patch, pre-release, 1 for "just above"): versions and the bounds between them in one order.
_Key = tuple[int, int, int, tuple[int, tuple[tuple[int, int, str], ...]], int]
_RELEASE: Final = (1, ())
_BEFORE_ANY: Final = (0, ())  # below every pre-release of the same numbers
_LOWEST: Final[_Key] = (0, 0, 0, _BEFORE_ANY, 0)
_PARTS: Final = 3


@attrs.frozen
class Version:
    """A version as a tag spells it."""

    text: str
    key: _Key = attrs.field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """Return the version that *text* spells in full (``v1.2.3``), or None."""
        found = _VERSION.fullmatch(text)
        if found is None:
            return None
        major, minor, patch, pre = found.groups()
        return cls(text, (int(major), int(minor), int(patch), _pre_release(pre), 0))

    @property
    def is_pre_release(self) -> bool:
        """Has a part such as ``-rc.1``."""
        return self.key[3] != _RELEASE


@attrs.frozen
class Range:
    """A set of versions."""

    text: str
    _alternatives: tuple[tuple[tuple[_Key, _Key | None, bool], ...], ...] = attrs.field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Range:
        """
        Read a range.

        Raises:
            ConfigError: It is not one; the message shows where. STALL.
        """
        return cls(text, tuple(_alternative(part, text) for part in text.split("||")))

    def __contains__(self, version: Version) -> bool:
        return any(
            all(low <= version.key and (high is None or version.key < high) for low, high, _ in comparators)
            and (not version.is_pre_release or any(pre for _, _, pre in comparators))
            for comparators in self._alternatives
        )

    def best(self, texts: Iterable[str]) -> str | None:
        """Return the highest version of *texts* in this range; what is no version is passed over, ties go to the greater text."""
        found = [version for text in texts if (version := Version.parse(text)) is not None and version in self]
        return max(found, key=lambda version: (version.key, version.text)).text if found else None


def _pre_release(text: str | None) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    if text is None:
        return _RELEASE
    # Numbers compare as numbers and come before words; semver.org, item 11.
    return (0, tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split(".")))


def _alternative(text: str, whole: str) -> tuple[tuple[_Key, _Key | None, bool], ...]:
    rest, comparators = text.strip(), []
    while rest:
        found = _COMPARATOR.match(rest)
        if found is None:
            raise ConfigError(
                f"{whole!r} is no range of versions: cannot read {rest!r}; write it like ^1.2, ~1.2.3, '>=1.0 <2', 1.x or *"
            )
        comparators.append(_interval(found))
        rest = rest[found.end() :]
    if not comparators:
        raise ConfigError(f"{whole!r} is no range of versions: an alternative is empty; write * for any version")
    return tuple(comparators)


def _interval(found: re.Match[str]) -> tuple[_Key, _Key | None, bool]:
    """Return the lowest key in, the first key out again (None: none), and whether a pre-release was named."""
    numbers: list[int] = []
    for part in found["numbers"].split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    exact = len(numbers) == _PARTS
    pre = _pre_release(found["pre"]) if exact else _RELEASE
    low: _Key = (*_filled(numbers), pre, 0)
    floor: _Key = low if exact else (*_filled(numbers), _BEFORE_ANY, 0)
    after: _Key | None = (*low[:4], 1) if exact else _next(numbers, len(numbers))
    low, high = _bounds(found["op"] or "=", numbers, (low, floor, after))
    return low, high, pre != _RELEASE


def _bounds(operator: str, numbers: list[int], marks: tuple[_Key, _Key, _Key | None]) -> tuple[_Key, _Key | None]:
    low, floor, after = marks
    leading = next((n for n, number in enumerate(numbers, 1) if number), len(numbers))
    table: dict[str, tuple[_Key, _Key | None]] = {
        ">=": (low, None),
        ">": (after, None) if after else (low, _LOWEST),  # "> *" holds for nothing
        "<": (_LOWEST, floor),
        "<=": (_LOWEST, after),
        "~": (low, _next(numbers, min(len(numbers), 2))),
        "^": (low, _next(numbers, leading)),
        "=": (low, after),
    }
    return table[operator]


def _next(numbers: list[int], count: int) -> _Key | None:
    """Return the bound above every version whose first *count* numbers are these; None when there is none."""
    if not count:
        return None
    return (*_filled([*numbers[: count - 1], numbers[count - 1] + 1]), _BEFORE_ANY, 0)


def _filled(numbers: list[int]) -> tuple[int, int, int]:
    major, minor, patch = [*numbers, 0, 0, 0][:_PARTS]
    return major, minor, patch
