"""JSON Pointers (RFC 6901), with ``*`` for "any one segment" in patterns."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from gitops_core.model.values import text_set

_MISSING: Final = object()


def escape(segment: str) -> str:
    """Return *segment* with ``~`` and ``/`` written as RFC 6901 section 3 says."""
    return segment.replace("~", "~0").replace("/", "~1") if "~" in segment or "/" in segment else segment


@functools.lru_cache(maxsize=4096)
def split(pointer: str) -> tuple[str, ...]:
    """
    Return the unescaped segments of *pointer*; the empty pointer has none.

    Raises:
        ValueError: The pointer is not empty and does not begin with ``/``.
    """
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError(f"a JSON pointer begins with '/': {pointer!r}")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def join(segments: Iterable[str | int]) -> str:
    """Return the pointer of *segments*."""
    return "".join(f"/{escape(str(segment))}" for segment in segments)


def get(value: Any, pointer: str, default: Any = None) -> Any:
    """Return what *pointer* names in *value*, or *default* when nothing is there."""
    for segment in split(pointer):
        value = _child(value, segment)
        if value is _MISSING:
            return default
    return value


def _child(value: Any, segment: str) -> Any:
    if isinstance(value, dict | Mapping):
        return value.get(segment, _MISSING)
    if isinstance(value, list | tuple) and segment.isdecimal() and int(segment) < len(value):
        return value[int(segment)]
    return _MISSING


def children(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the (segment, value) pairs one level below *value*; nothing for a leaf."""
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from ((str(i), item) for i, item in enumerate(value))


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (pointer, leaf) for every scalar and every empty container in *value*, in document order."""
    found: list[tuple[str, Any]] = []
    _collect_leaves(value, pointer, found)
    return iter(found)


def _collect_leaves(value: Any, pointer: str, found: list[tuple[str, Any]]) -> None:
    """Fill a list instead of yielding through every level: the compared documents are small and many."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            _collect_leaves(item, f"{pointer}/{escape(name)}", found)
    elif isinstance(value, list | tuple) and value:
        for number, item in enumerate(value):
            _collect_leaves(item, f"{pointer}/{number}", found)
    elif isinstance(value, Mapping) and value:
        _collect_leaves(dict(value), pointer, found)
    else:
        found.append((pointer, value))


@attrs.frozen
class Patterns:
    """
    A set of pointer patterns; ``*`` stands for any one segment.

    A pattern covers what it names and everything below: ``/data`` covers ``/data/password``.
    """

    patterns: frozenset[str] = attrs.field(default=frozenset(), converter=text_set)
    _split: tuple[tuple[str, ...], ...] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_split", tuple(sorted(split(p) for p in self.patterns)))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    @property
    def segments(self) -> tuple[tuple[str, ...], ...]:
        """The patterns in their parts, sorted: for who walks a value and would not build a pointer for each node."""
        return self._split

    def covers(self, pointer: str) -> bool:
        """Tell whether *pointer* is named by a pattern or lies below one."""
        segments = split(pointer)
        return any(len(p) <= len(segments) and _fits(p, segments) for p in self._split)

    def touches(self, pointer: str) -> bool:
        """Tell whether *pointer* is covered, or is an ancestor of what a pattern names."""
        segments = split(pointer)
        return any(_fits(p, segments) for p in self._split)


def _fits(pattern: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    return all(p in ("*", s) for p, s in zip(pattern, segments, strict=False))


def as_patterns(value: Patterns | Iterable[str]) -> Patterns:
    """Return *value*, or the :class:`Patterns` of the texts in it; one text alone is one pattern, not its letters."""
    return value if isinstance(value, Patterns) else Patterns(text_set(value))
