"""What is ours and no longer declared: delete it, or say why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from gitops_core.model.inventory import EntryState, InventoryEntry
from gitops_core.model.plans import Action, Change, ChangeState
from gitops_core.model.resources import Live, Origin, ResourceKey
from gitops_core.planning.guards import Permits, approved
from gitops_core.planning.match import HAVING_IT, Blind, is_another, recreated
from gitops_core.planning.request import PlanRequest

ALREADY_GONE = "already gone"
NO_LONGER = "no longer declared"
_ABOUT_TO: Final = frozenset({EntryState.CLAIMED, EntryState.PLANNED})
_PASSING: Final = frozenset({"unreadable", "deleting", "hand_over", "handing_over"})


def prune(
    request: PlanRequest, entry: InventoryEntry, blind: Blind, permits: Permits, stamp: Callable[[InventoryEntry, Live], str]
) -> Change | None:
    """
    Decide about one object that is in the inventory and not declared.

    An incomplete render or observation decides nothing. With ``prune=False`` nothing is deleted, but records of what is
    gone or belongs to another application are let go.

    Args:
        request: What the plan is made from.
        entry: Our record.
        blind: What could not be observed.
        permits: Approvals.
        stamp: Takes the precondition of a live object.
    """
    if not request.complete:
        return None
    change = _harmless(request, entry, blind)
    if change is not None or not request.options.prune:
        return change
    return _delete(request, entry, permits, stamp)


def _harmless(request: PlanRequest, entry: InventoryEntry, blind: Blind) -> Change | None:
    """Return the decision if nothing is to be deleted."""
    live = request.live.get(entry.key)
    error = blind.error(entry.key) if blind else None
    if error is not None:
        return _left_alone(entry, live, "unreadable", f"{NO_LONGER}, but it could not be read: {error}")
    if entry.state is EntryState.CLAIMED:
        return _left_alone(entry, live, "handed_over", f"{NO_LONGER}; {entry.held_by or 'another application'} has it")
    if live is None:
        return _decision(entry, None, ALREADY_GONE)
    return _somebody_elses(request, entry, live)


def _somebody_elses(request: PlanRequest, entry: InventoryEntry, live: Live) -> Change | None:
    other = successor(request, entry.key)
    if other:
        return _left_alone(entry, live, "handed_over", f"{NO_LONGER}; {other} has it now")
    holder = request.holders.get(entry.key)
    if holder is not None and holder.state in _ABOUT_TO:
        return _left_alone(entry, live, "handing_over", f"{NO_LONGER}; {holder.application} waits for it and takes it over")
    if live.owner != request.application and is_another(entry, live):
        return _left_alone(entry, live, "not_ours", f"{NO_LONGER}, but {recreated(entry, live)}")
    if live.owner != request.application and _never_ours(entry):
        return _left_alone(entry, live, "not_ours", f"{NO_LONGER}, but it was there before us and was never taken over")
    return _left_alone(entry, live, "deleting", "is being deleted already") if live.deleting else None


def _never_ours(entry: InventoryEntry) -> bool:
    """An adoption that was planned and never confirmed: nothing says that we ever wrote to it."""
    return entry.state is EntryState.PLANNED and entry.adopted and not entry.desired


def successor(request: PlanRequest, key: ResourceKey) -> str:
    """Return the application that has *key* by now, or ""; one that waits for it, or is about to take it, may lose interest."""
    live, holder = request.live.get(key), request.holders.get(key)
    if live is not None and live.owner and live.owner != request.application:
        return live.owner
    return holder.application if holder is not None and holder.state in HAVING_IT else ""


def _delete(
    request: PlanRequest, entry: InventoryEntry, permits: Permits, stamp: Callable[[InventoryEntry, Live], str]
) -> Change:
    live = request.live[entry.key]
    if request.unseen and entry.scope:
        who = " and ".join(request.unseen)
        text = f"{NO_LONGER}; it may have moved: {who} may take it over, and did not look since"
        return attrs.evolve(_left_alone(entry, live, "hand_over", text), override="Options(handover=0)")
    change = attrs.evolve(_decision(entry, live, NO_LONGER), precondition=stamp(entry, live))
    return protect(change, permits) if entry.protected else change


def protect(change: Change, permits: Permits) -> Change:
    """Return *change* refused, because the object is protected, unless an approval lifts that."""
    approval = permits.take("protected", change.key)
    if approval:
        return approved(change, approval)
    text = "it is protected; first apply a declaration that does not protect it, then this one"
    override = f'Approval(name="...", rules={{"protected"}}, keys={{"{change.key}"}}, expires_at=...)'
    return attrs.evolve(change, state=ChangeState.REFUSED, rule="protected", reason=f"{change.reason}; {text}", override=override)


def _decision(entry: InventoryEntry, live: Live | None, reason: str) -> Change:
    return Change(
        entry.key,
        Action.DELETE,
        reason=reason,
        live_id=live.id if live else "",
        origin=Origin(path=entry.path, revision=entry.revision),
    )


def _left_alone(entry: InventoryEntry, live: Live | None, rule: str, reason: str) -> Change:
    state = ChangeState.DEFERRED if rule in _PASSING else ChangeState.SKIPPED
    return attrs.evolve(_decision(entry, live, reason), state=state, rule=rule)
