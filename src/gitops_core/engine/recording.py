"""What the inventory, the journal and the history learn, before and after every effect. Pure, but for the last function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from gitops_core.engine.loading import Desired
from gitops_core.engine.passes import Pass
from gitops_core.engine.writing import Written, begins_replace
from gitops_core.errors import AlreadyExists, Disposition, Partial
from gitops_core.interfaces import Identity
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.inventory import EntryState, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.plans import Action, Change, ChangeState, Plan
from gitops_core.model.resources import Resource, ResourceKey
from gitops_core.model.results import Outcome, OutcomeStatus, ReconcileResult
from gitops_core.model.revisions import Revision
from gitops_core.planning.awaiting import UNVERIFIED
from gitops_core.planning.records import planned_entry
from gitops_core.planning.request import Planned, PlanRequest

_NOT_BEGUN: Final = frozenset({OutcomeStatus.SKIPPED, OutcomeStatus.DEFERRED})
_REPEATING: Final = frozenset({"refused", "deferred", "skipped"})
_LET_GO: Final = frozenset({"handed_over", "not_ours"})  # rules under which an object leaves the inventory and stays where it is


def write_ahead(
    p: Pass, planned: Planned, request: PlanRequest, ready: Sequence[Change], resources: Mapping[ResourceKey, Resource]
) -> InventoryUpdate:
    """
    Return what must be durable before the first write: every object that *ready* may create, delete or replace.

    An object whose id the API invents gets an intent, too; an open intent for the same declaration keeps its
    idempotency key, so that a crash between create and record never makes a second object. An intent whose object is there as
    declared is done: its key must not come back, or an API that knows it would answer a later create with the old one's reply.
    """
    entries: list[InventoryEntry] = [*planned.refreshed, *planned.claims]
    intents: list[Intent] = []
    for change in ready:
        deletes = change.action is Action.DELETE
        entries.append(planned_entry(request, change, None if deletes else resources[change.key]))
        if change.action in (Action.CREATE, Action.REPLACE) and _is_assigned(p, change):
            intents.append(_intent(p, request.inventory, change))
    entries += [attrs.evolve(e, written_at=0.0, written="") for e in _given_up(planned.plan, request.inventory)]
    entries += [attrs.evolve(e, state=EntryState.RELEASED) for e in _handing_over(planned.plan, request.inventory)]
    let_go = tuple(c.key for c in planned.plan.changes if c.state is ChangeState.SKIPPED and c.rule in _LET_GO)
    fulfilled = tuple(key for key in planned.plan.unchanged if key in request.inventory.intents)
    return InventoryUpdate(put=tuple(entries), drop=let_go, open_intents=tuple(intents), close_intents=fulfilled)


def _handing_over(plan: Plan, inventory: Inventory) -> Iterator[InventoryEntry]:
    found = (inventory.entries[c.key] for c in plan.changes if c.rule == "handing_over")
    return (entry for entry in found if entry.state is not EntryState.RELEASED)


def _given_up(plan: Plan, inventory: Inventory) -> Iterator[InventoryEntry]:
    return (inventory.entries[c.key] for c in plan.changes if c.rule == UNVERIFIED)


def _is_assigned(p: Pass, change: Change) -> bool:
    return p.app.target.member(change.key).identity is Identity.ASSIGNED


def _intent(p: Pass, inventory: Inventory, change: Change) -> Intent:
    known = inventory.intents.get(change.key)
    if known is not None and known.desired == change.desired:
        return known
    return Intent(change.key, f"{p.pass_id}-{change.desired[:16]}", desired=change.desired, started_at=p.started_at)


def after_write(before: Inventory, inventory: Inventory, written: Sequence[Written]) -> InventoryUpdate:
    """
    Return what the inventory learns from finished calls, before anything else follows from them.

    Args:
        before: The inventory when the pass began: what it had is kept even when the API now refuses.
        inventory: The inventory now.
        written: What came back.
    """
    put: list[InventoryEntry] = []
    drop: list[ResourceKey] = []
    opened: list[Intent] = []
    closed: list[ResourceKey] = []
    for item in written:
        task, key = item.task, item.task.change.key
        entry, intent = inventory.entries.get(key), inventory.intents.get(key)
        if begins_replace(task) and item.error is None and item.pending is None and entry:
            put.append(attrs.evolve(entry, id="", state=EntryState.PLANNED))
        elif task.action is Action.CREATE and _refused(item) and key not in before.entries:
            drop.append(key)
            closed.append(key)
        elif item.live is not None and item.live.id and entry is not None and entry.id != item.live.id:
            put.append(entry.with_id(item.live.id))
            closed.append(key)
        if item.pending is not None:
            kept = intent or Intent(key, task.idempotency_key, desired=task.change.desired)
            opened.append(attrs.evolve(kept, token=item.pending.token))
    return InventoryUpdate(tuple(put), tuple(drop), tuple(opened), tuple(k for k in closed if k in inventory.intents))


def _refused(item: Written) -> bool:
    """Tell whether the API said clearly that nothing of ours was made."""
    error = item.error
    if error is None or isinstance(error, Partial):
        return False
    return isinstance(error, AlreadyExists) or (error.disposition is Disposition.STALL and item.attempts <= 1)


def not_begun(before: Inventory, inventory: Inventory, outcomes: Iterable[Outcome]) -> InventoryUpdate:
    """
    Return what takes back the write-ahead of changes that were never begun: what another makes there is not ours.

    Args:
        before: The inventory when the pass began.
        inventory: The inventory now.
        outcomes: How everything ended.
    """
    keys = [o.key for o in outcomes if o.status in _NOT_BEGUN and not o.attempts and o.key in inventory.entries]
    now = inventory.entries
    changed = [key for key in keys if before.entries.get(key) != now[key] and now[key].state is not EntryState.RELEASED]
    put = tuple(before.entries[key] for key in changed if key in before.entries)
    drop = tuple(key for key in changed if key not in before.entries)
    closed = tuple(key for key in keys if key in inventory.intents and key not in before.intents)
    return InventoryUpdate(put=put, drop=drop, close_intents=closed)


def journal(p: Pass, desired: Desired, outcomes: Sequence[Outcome], changes: Mapping[ResourceKey, Change]) -> list[JournalRecord]:
    """
    Return one record for each decision and its outcome.

    What is only put off again for the same reason is left out: it comes back on every pass.
    """
    if not outcomes:
        return []
    renderer = p.app.renderer.fingerprint or p.app.renderer.name
    policies = tuple(sorted(policy.name for policy in p.app.policies))
    place = _Place(p.ctx.clock.now(), p.pass_id, desired.revision, renderer, policies)
    records = (_record(place, outcome, changes[outcome.key]) for outcome in outcomes)
    return [record for record in records if record.status not in _REPEATING or not _is_known(p, record)]


def _is_known(p: Pass, record: JournalRecord) -> bool:
    last = next(iter(p.store.journal(p.app.id, record.key, 1)), None)
    return last is not None and (last.revision, last.status, last.reason) == (record.revision, record.status, record.reason)


@attrs.frozen
class _Place:
    """What all records of one pass have in common."""

    time: float
    pass_id: str
    revision: Revision
    renderer: str
    policies: tuple[str, ...]


def _record(place: _Place, outcome: Outcome, change: Change) -> JournalRecord:
    return JournalRecord(
        time=place.time,
        pass_id=place.pass_id,
        revision=place.revision.id,
        key=outcome.key,
        action=outcome.action.value,
        status=outcome.status.value,
        author=place.revision.author,
        reason=outcome.reason or change.reason,
        desired=change.desired,
        origin=change.origin,
        renderer=place.renderer,
        policies=place.policies,
        error=outcome.failure.message if outcome.failure else "",
    )


def remember(p: Pass, result: ReconcileResult) -> None:
    """Write the pass into the history."""
    failure = "; ".join(str(f) for f in result.failures[:3])
    summary = failure or (result.plan.summary if result.plan else "")
    record = PassRecord(
        pass_id=p.pass_id,
        started_at=p.started_at,
        finished_at=p.ctx.clock.now(),
        revision=result.revision.id if result.revision else "",
        status=result.status.value,
        plan_id=p.saved_plan,
        summary=summary,
    )
    p.store.record_pass(p.app.id, record, keep=p.app.options.history)
