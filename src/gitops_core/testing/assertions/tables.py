"""The small aligned difference that every failed assertion shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from gitops_core.model.resources import ResourceKey, as_key
from gitops_core.model.values import canonical_json

V = TypeVar("V")
Keys = Iterable[ResourceKey | str]
"""Keys, or their texts: ``ConfigMap/site``, ``apps/Deployment/shop/web``."""


@attrs.frozen
class Row:
    """
    One object: what was expected of it and what there is.

    Attributes:
        expected, found: In a few words; empty for nothing.
        why: The reason that is given for what there is.
        details: Lines below, for what a few words cannot say.
        differs: Whether it is what the assertion failed for, even if the words are equal.
    """

    expected: str
    found: str
    why: str = ""
    details: tuple[str, ...] = ()
    differs: bool = False

    @property
    def is_wrong(self) -> bool:
        """The assertion fails because of this row."""
        return self.differs or self.expected != self.found


def table(rows: Sequence[Row], found: str) -> str:
    """Return *rows* as aligned lines under a heading, wrong ones marked; *found* is the heading of what there is."""
    shown = [Row("expected", found, "why"), *rows]
    widths = [
        max(len(text) for text in column)
        for column in zip(*((row.expected or "-", row.found or "-") for row in shown), strict=True)
    ]
    lines = []
    for number, row in enumerate(shown):
        mark = "!=" if number and row.is_wrong else "  "
        lines.append(f"  {mark} {row.expected or '-':<{widths[0]}}  {row.found or '-':<{widths[1]}}  {row.why}".rstrip())
        lines += [f"       {line}" for line in row.details]
    return "\n".join(lines)


def described(value: Keys | Mapping[Any, Any]) -> dict[ResourceKey, Any]:
    """Return what was expected by key; the value is None where only keys were given."""
    if isinstance(value, str):
        raise TypeError(f"give a list of keys, not the text {value!r}: [{value!r}]")
    if isinstance(value, Mapping):
        return {as_key(key): detail for key, detail in value.items()}
    return {as_key(key): None for key in value}


def by_key(
    expected: Mapping[str, Any], meanings: Mapping[str, V], taken: str, complaint: str
) -> dict[ResourceKey, tuple[V, Any]]:
    """
    Return what was expected by key: what its word means, and the detail that was given with it.

    Args:
        expected: By word; keys, or a mapping from keys to details.
        meanings: Every word there is.
        taken: What an object has one of, in an error: "change".
        complaint: The error about a word that is none of these, with ``{}`` for the word.

    Raises:
        TypeError: An unknown word, one text in place of a list, or one object under two words.
    """
    found: dict[ResourceKey, tuple[V, Any]] = {}
    for word, value in expected.items():
        if word not in meanings:
            raise TypeError(complaint.format(repr(word)))
        for key, detail in described(value).items():
            if key in found:
                raise TypeError(f"{key} is expected twice; one object has one {taken}")
            found[key] = (meanings[word], detail)
    return found


def written(value: Any) -> str:
    """Return *value* as JSON; ``...`` stands for "not there"."""
    return "(nothing)" if value is ... else canonical_json(value)
