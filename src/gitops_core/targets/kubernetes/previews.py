"""What an object becomes when fields go that we take over: many of them are defaults, which the API fills in again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gitops_core.model.outlines import merge_key
from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.pointers import split
from gitops_core.model.values import Body, same

_NOTHING: Final = object()


def take_away(body: dict[str, Any], diffs: Iterable[FieldDiff], fresh: Body) -> None:
    """
    Take out of *body*, in place, the fields that *diffs* remove; what the API would fill in again as it is stays, and so do items of
    lists. Where it would fill in another value the field is shown as going: it may be one that the API gives once, as an address is.

    A manager that wrote an object as a whole, as ``helm`` and ``kubectl create`` do, owns the defaults in it, too.

    Args:
        body: What a dry run answered.
        diffs: Their pointers are into *body*.
        fresh: What the API would make of the declaration if there were nothing yet; empty when that is not known.
    """
    for diff in diffs:
        if diff.op is DiffOp.REMOVE:
            *above, name = split(diff.pointer)
            holder, anew = _followed(body, fresh, above)
            if isinstance(holder, dict) and not _has_same(anew, name, holder):
                holder.pop(name, None)


def _has_same(fresh: Any, name: str, holder: dict[str, Any]) -> bool:
    return isinstance(fresh, dict) and name in fresh and name in holder and same(fresh[name], holder[name])


def _followed(body: Any, fresh: Any, segments: Iterable[str]) -> tuple[Any, Any]:
    """Follow *segments* in both. Items of lists are the same item by their names, since they may stand in another order."""
    for segment in segments:
        if isinstance(body, list):
            item = body[int(segment)] if segment.isdecimal() and int(segment) < len(body) else _NOTHING
            body, fresh = item, _same_item(item, body, fresh)
        else:
            body, fresh = (side.get(segment, _NOTHING) if isinstance(side, dict) else _NOTHING for side in (body, fresh))
    return body, fresh


def _same_item(item: Any, items: list[Any], others: Any) -> Any:
    key = merge_key(items, others) if isinstance(others, list) else ""
    return next((other for other in others if other[key] == item[key]), _NOTHING) if key and item is not _NOTHING else _NOTHING
