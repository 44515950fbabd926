"""Apply a plan that was made earlier: each change that still fits is applied, each that does not comes back STALE."""

from __future__ import annotations

import attrs

from gitops_core.model.plans import Change, Plan
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Outcome, OutcomeStatus


def select_saved(saved: Plan, fresh: Plan) -> tuple[Plan, tuple[Outcome, ...]]:
    """
    Return the part of *fresh* that *saved* asked for, and the outcome of every saved change that no longer fits.

    A change fits when action, declaration, live object and compared live state are what they were. What *fresh* would do
    beyond *saved* is left out: nobody has seen it.
    """
    now = {change.key: change for change in fresh.changes}
    unchanged = frozenset(fresh.unchanged)
    changes: list[Change] = []
    ended: list[Outcome] = []
    for change in saved.changes:
        current = now.get(change.key)
        changes.append(_as_saved(change, current))
        if change.is_ready and (current is None or not current.is_ready or not _fits(change, current)):
            ended.append(_outcome(change, current, unchanged))
    return attrs.evolve(fresh, changes=tuple(changes)), tuple(ended)


def _as_saved(change: Change, current: Change | None) -> Change:
    """Return the change to work with: the fresh one where it fits, else the saved one, which its outcome ends."""
    if current is not None and change.is_ready and current.is_ready and _fits(change, current):
        return attrs.evolve(current, depends_on=change.depends_on)
    return change


def _fits(saved: Change, current: Change) -> bool:
    return (saved.action, saved.desired, saved.live_id, saved.precondition) == (
        current.action, current.desired, current.live_id, current.precondition,
    )  # fmt: skip


def _outcome(change: Change, current: Change | None, unchanged: frozenset[ResourceKey]) -> Outcome:
    if current is None:
        reason = "already as planned" if change.key in unchanged else "already done: nothing has to be done any more"
        return Outcome(change.key, change.action, OutcomeStatus.DONE, reason)
    if not current.is_ready:
        return Outcome(change.key, change.action, OutcomeStatus(current.state.value), current.reason)
    reason = f"the live object moved since the plan was made; what it would take now is: {current.action.value}"
    return Outcome(change.key, change.action, OutcomeStatus.STALE, reason, diff=current.diff)
