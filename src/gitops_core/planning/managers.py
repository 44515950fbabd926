"""Fields that others have written: drift to repair, a conflict to refuse, or theirs to keep."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from gitops_core.model.outlines import Address
from gitops_core.model.plans import FieldDiff
from gitops_core.model.pointers import split

_Path = tuple[str, ...]


@attrs.frozen
class Weighed:
    """
    What is left of the differences of one object.

    Attributes:
        diff: What is to be changed.
        conflicts: Those of them that another manager has written, that were never ours, and that nobody told us to take.
    """

    diff: tuple[FieldDiff, ...]
    conflicts: tuple[FieldDiff, ...] = ()


def weigh(diff: tuple[FieldDiff, ...], *, policy: str, applied: Iterable[Address], is_unchanged: bool) -> Weighed:
    """
    Decide about differences by who wrote the live values; where the API does not know managers, all of them stay.

    Args:
        diff: What differs.
        policy: ``refuse``, ``take`` or ``leave``.
        applied: Addresses that the last applied declaration set.
        is_unchanged: The declaration is the one that was applied last. What the API made of it since then, by defaults,
            conversion or a webhook, is not drift.
    """
    if not any(d.manager or d.ours for d in diff):
        return Weighed(diff)
    kept = [d for d in diff if not (d.ours and is_unchanged) and not (d.manager and policy == "leave")]
    left = tuple(attrs.evolve(d, ours=False) if d.ours else d for d in kept)
    if policy != "refuse" or not any(d.manager for d in left):
        return Weighed(left)
    before = {_path(address) for address in applied}
    return Weighed(left, tuple(d for d in left if d.manager and not _is_among(_path(d.pointer), before)))


def conflict_text(conflicts: tuple[FieldDiff, ...]) -> str:
    """Return who has which field, for people."""
    return " and ".join(f"{d.label or d.pointer} is managed by {d.manager}" for d in conflicts)


def _path(pointer: str) -> _Path:
    """Return the field names on the way. Items of lists are left out: a pointer counts them, an address names them."""
    return tuple(part for part in split(pointer) if not (part.isdecimal() or part.startswith("[")))


def _is_among(path: _Path, applied: set[_Path]) -> bool:
    return any(path[: len(other)] == other or other[: len(path)] == path for other in applied)
