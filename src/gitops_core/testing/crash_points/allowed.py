"""The differences between a cut run and an uncut one that mean nothing, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gitops_core.model.inventory import EntryState
from gitops_core.testing.crash_points.pictures import Allowed, Difference


def _is_journal(difference: Difference) -> bool:
    return difference.fact.startswith("journal ")


def _steps(side: object) -> Sequence[Any]:
    return side if isinstance(side, tuple) else ()


def _is_untold(difference: Difference) -> bool:
    """Every record of the cut run is one of the uncut run, in that order, and some are missing."""
    rest = iter(_steps(difference.uncut))
    return _is_journal(difference) and all(step in rest for step in _steps(difference.cut))


def _is_told_otherwise(difference: Difference) -> bool:
    """The same commits ended the same way, by actions of other names."""
    uncut, cut = ([step[1:] for step in _steps(side)] for side in (difference.uncut, difference.cut))
    return _is_journal(difference) and uncut == cut


def _is_put_off(difference: Difference) -> bool:
    """But for being deferred at first, it is told as in the uncut run, or in other words, or not at all."""
    steps = tuple(step for step in _steps(difference.cut) if step[1] != "deferred")
    rest = Difference(difference.fact, difference.uncut, steps)
    return _is_journal(difference) and (_is_untold(rest) or _is_told_otherwise(rest))


def _is_kept_to_be_sure(difference: Difference) -> bool:
    entry = difference.cut if isinstance(difference.cut, dict) else {}
    is_new = difference.fact.startswith("inventory ") and difference.uncut is None
    return is_new and entry.get("state") is EntryState.PLANNED and entry.get("id") == ""


ALLOWED: Final = (
    Allowed(
        "untold",
        "The journal is written at the end of a pass. What a pass did before it was cut is in the world and in the inventory; the"
        " next pass finds nothing to do and tells nothing.",
        _is_untold,
    ),
    Allowed(
        "told otherwise",
        "The next pass finds a part of the work done and tells what was left: an update where an adoption, a create where a"
        " replacement was cut. Commit, author and declaration are the same.",
        _is_told_otherwise,
    ),
    Allowed(
        "put off",
        "The next pass finds an operation of the dead process under way. It waits for that one, and tells that it waits.",
        _is_put_off,
    ),
    Allowed(
        "kept to be sure",
        "Written ahead by the pass that was cut, and refused by the API since. The dead process may have made it, so the entry"
        " stays, without an id, until the object is seen or un-declared.",
        _is_kept_to_be_sure,
    ),
)
"""Every difference that :func:`~gitops_core.testing.crash_points.explore` lets pass."""
