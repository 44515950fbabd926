"""Fields that others have written: drift to repair, a conflict to refuse, or theirs to keep."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from gitops_core.model.outlines import Address
from gitops_core.model.plans import FieldDiff
from gitops_core.model.values import Body
from gitops_core.planning.declared import address_of, is_item

_NOTHING: Body = {}


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


@attrs.frozen(kw_only=True)
class Scales:
    """
    What differences of one object are weighed with.

    Attributes:
        policy: ``refuse``, ``take`` or ``leave`` what others have written.
        applied: Addresses that the last applied declaration set.
        desired: The declaration, normalised: it tells the names of list items.
        is_unchanged: The declaration is the one that was applied last. What the API made of it since then, by defaults,
            conversion or a webhook, is not drift.
    """

    policy: str
    applied: Collection[Address] = ()
    desired: Body = attrs.field(default=_NOTHING, repr=False)
    is_unchanged: bool = False


def weigh(diff: tuple[FieldDiff, ...], scales: Scales) -> Weighed:
    """
    Decide about differences by who wrote the live values; where the API does not know managers, all of them stay.

    What another manager has written and our last declaration set is drift; what it never set is a conflict. A field is known
    by its address, so that a new item of a list is not taken for an old one.
    """
    if not any(d.manager or d.ours for d in diff):
        return Weighed(diff)
    kept = [d for d in diff if not (d.ours and scales.is_unchanged) and not (d.manager and scales.policy == "leave")]
    left = tuple(attrs.evolve(d, ours=False) if d.ours else d for d in kept)
    if scales.policy != "refuse":
        return Weighed(left)
    return Weighed(left, tuple(d for d in left if d.manager and not _was_applied(address_of(scales.desired, d.pointer), scales)))


def conflict_text(conflicts: tuple[FieldDiff, ...]) -> str:
    """Return who has which field, for people."""
    fields = " and ".join(f"{d.label or d.pointer} is managed by {d.manager}" for d in conflicts)
    return f"{fields}, and {'was' if len(conflicts) == 1 else 'were'} never ours"


def _was_applied(address: Address, scales: Scales) -> bool:
    """Our last declaration set *address*, a value that it is part of, or something in it."""
    return any(
        address == other
        or other.startswith(f"{address}/")
        or (address.startswith(f"{other}/") and not is_item(other))  # an item as such says nothing about its fields
        for other in scales.applied
    )
