"""The differences of two manifests when the whole file is ours. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.pointers import get, leaves
from gitops_core.model.values import Body, canonical_json, same

_ABSENT: Final = object()


def whole_diff(desired: Body, live: Body) -> tuple[FieldDiff, ...] | None:
    """
    Return every difference, sorted by pointer; None when *live* has nothing of its own, so that the engine's diff will do.

    Values are in clear: the engine masks what is secret.
    """
    extra = [(pointer, value) for pointer, value in leaves(live) if get(desired, pointer, _ABSENT) is _ABSENT]
    if not extra:
        return None
    removed = (
        FieldDiff(pointer, DiffOp.REMOVE, before=canonical_json(value), note="not in the declaration") for pointer, value in extra
    )
    return tuple(sorted([*removed, *_declared(desired, live)], key=lambda d: d.pointer))


def _declared(desired: Body, live: Body) -> Iterator[FieldDiff]:
    for pointer, wanted in leaves(desired):
        there: Any = get(live, pointer, _ABSENT)
        if there is _ABSENT:
            yield FieldDiff(pointer, DiffOp.ADD, after=canonical_json(wanted))
        elif not same(wanted, there) and not (wanted in ({}, []) and type(wanted) is type(there)):  # else: what is in it is extra
            yield FieldDiff(pointer, DiffOp.REPLACE, before=canonical_json(there), after=canonical_json(wanted))
