"""
Make a plan: pure, total, deterministic.

Most objects are unchanged on most passes, so the planner first passes over what the inventory's memo vouches for, without
touching a body; what is left is decided one object at a time (:mod:`.decide`), put in order (:mod:`.dependencies`) and held
against the limits (:mod:`.guards`).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

from gitops_core.errors import PluginError
from gitops_core.model.inventory import EntryState, InventoryEntry
from gitops_core.model.plans import Change, FieldDiff, Plan, Refusal
from gitops_core.model.resources import Live, Resource, ResourceKey, Unreadable
from gitops_core.model.secrets import reveal
from gitops_core.planning.annotations import notes_of
from gitops_core.planning.awaiting import awaited, put_off
from gitops_core.planning.decide import Decider, Unread, read_body
from gitops_core.planning.dependencies import Links, is_delete
from gitops_core.planning.guards import Guarded, Limits, guard_plan
from gitops_core.planning.managers import Scales, weigh
from gitops_core.planning.match import Blind, error_text, owned_entry
from gitops_core.planning.normalize import ask, declared_in_spelling, live_digest, normalized, secrecy_of, spelled
from gitops_core.planning.records import facts_of
from gitops_core.planning.request import Planned, PlanRequest


def make_plan(request: PlanRequest) -> Planned:
    """
    Decide what to change so that what is live becomes what is declared.

    Pure: equal requests give byte-equal plans, whatever the order of their mappings; nothing is written. What a rule, a
    limit, a policy or a plug-in stands against is in the plan as a change that is not READY; nothing of that is raised.

    Returns:
        Planned: One change per object that needs one, prerequisites first and deletes last; and what the inventory
        should learn.

    Raises:
        GitOpsError: The body of a declaration could not be read again.

    Cost: about 2 us an unchanged object; O(nodes of the bodies + n log n) for the others.
    """
    unchanged, rest = _pass_over(request)
    decider = Decider(request)
    decisions = [decider.declared(resource) for resource in rest]
    if decisions:
        unchanged += [d.resource.key for d in decisions if d.change is None]
        unchanged.sort()
    links = Links(request, decisions, decider)
    guarded = _guard(request, [*links.writes(), *_undeclared(decider)], decider)
    waiting = awaited(request, links.unsettled, guarded.changes)
    writes = [c for c in guarded.changes if not is_delete(c)]
    deletes = put_off(request, links.deletes(guarded.changes), writes, waiting)
    plan = Plan(
        application=request.application,
        revision=request.revision.id,
        desired_digest=desired_digest(request.desired),
        changes=(*writes, *deletes),
        unchanged=tuple(unchanged),
        refusals=(*_denied_as_a_whole(request), *guarded.refusals),
        verdict=request.verdict,
        unreadable=tuple(sorted(map(_unreadable_text, request.unreadable))),
        complete=request.complete,
        inventory_serial=request.inventory.serial,
        guard=guarded.footer,
    )
    return Planned(plan, _present(d.entry for d in decisions), _present(d.claim for d in decisions), waiting)


def decide(request: PlanRequest, key: ResourceKey) -> Change | None:
    """
    Decide about *key* alone, anew and in full: no memo, no order, no limits of a whole plan.

    Returns:
        Change: None when nothing is to be done. A saved change still stands when action, precondition and desired
        digest of this answer are its own.
    """
    decider = Decider(request)
    resource = request.declaration(key)
    if resource is not None:
        return decider.declared(resource).change
    entry = request.inventory.entries.get(key)
    return decider.undeclared(entry) if entry is not None else None


def verify(request: PlanRequest, key: ResourceKey) -> tuple[FieldDiff, ...]:
    """
    Return what differs although *key* was written: empty when ``request.live[key]`` is as declared.

    Who owns it is not asked. Write-only fields, which nobody can read back, count as written.

    Raises:
        PluginError: A function of the target raised.
        KeyError: *key* is not declared or not live.
    """
    resource, live = request.declaration(key), request.live.get(key)
    if resource is None or live is None:
        raise KeyError(str(key))
    read = request.read(resource)
    before, notes = owned_entry(request, key), notes_of(read, request.owner)
    if notes.strategy == "create-only" and before is not None and before.adopted:
        return ()  # adopted as it was
    facts = facts_of(request, read)
    declared = facts.declared if before is None else tuple(sorted({*facts.declared, *before.declared}))
    entry = InventoryEntry(key, declared=declared, write_only=facts.write_only, sensitive=facts.sensitive)
    try:
        diff = Decider(request).sides(key, read.body, live, entry).diff()
    except Unread as error:
        raise PluginError(f"observe: the body could not be read: {error}", plugin="observe") from error
    return weigh(diff, Scales(policy=notes.conflicts or request.options.conflicts, is_unchanged=True)).diff


def is_as_declared(request: PlanRequest, resource: Resource, live: Live) -> bool:
    """
    Tell whether the target's own comparison finds nothing at all between *resource* and *live*: as for nearly all that was written.

    False where that is not known at once: for a target without a comparison of its own, and for whatever the target throws.
    :func:`verify` meets it again, and shows it with the secrets of both sides hidden; here nothing is shown.

    Raises:
        Cancelled, DeadlineExceeded: The host wants us to stop.
    """
    rules = request.rules_for(resource.key)
    differ = rules.diff
    if differ is None:
        return False
    try:
        read = request.read(resource)
        secrecy = secrecy_of(read, rules)
        declared, body = declared_in_spelling(read, rules, secrecy), read_body(live)
        there = spelled(body, rules) if secrecy.patterns else normalized(body, rules, secrecy)
        declared = reveal(declared) if secrecy.patterns else declared
        return ask("diff", lambda: _is_nothing(differ(declared, there)))
    except (PluginError, Unread):
        return False


def _is_nothing(found: Iterable[FieldDiff] | None) -> bool:
    return found is not None and not list(found)


def desired_digest(desired: Sequence[Resource]) -> str:
    """Return the digest over the key and digest of every declaration."""
    return hashlib.sha256("\n".join(["\0".join((*r.key, r.digest)) for r in desired]).encode()).hexdigest()


# -- what need not be looked at --------------------------------------------------------------------------------------------


def _pass_over(request: PlanRequest) -> tuple[list[ResourceKey], list[Resource]]:
    """
    Part the declarations into keys that the memo says are unchanged, and what has to be looked at.

    One tight loop on purpose: it runs for every object of every pass.
    """
    entry_of, live_of, holders = request.inventory.entries.get, request.live.get, request.holders
    young = request.now - 0.75 * request.options.memo_age
    applied, application = EntryState.APPLIED, request.application
    unchanged: list[ResourceKey] = []
    rest: list[Resource] = []
    blind = Blind(request.unreadable)
    is_blind = bool(blind)
    for resource in request.desired:
        key = resource.key
        entry = entry_of(key)
        live = live_of(key)
        if (
            entry is not None
            and live is not None
            and entry.desired == resource.digest
            and entry.state is applied
            and entry.version == live.version
            and entry.id == live.id
            and not live.deleting
            and (not live.owner or live.owner == application)
            and (entry.checked_at > young or _is_fresh(request, entry))
            and not (holders and key in holders)
            and not (is_blind and blind.error(key) is not None)
            and (live.version or _looks_alike(request, entry, live))
        ):
            unchanged.append(key)
        else:
            rest.append(resource)
    return unchanged, rest


def _is_fresh(request: PlanRequest, entry: InventoryEntry) -> bool:
    """Memos made together do not grow old together: each gets between 75 % and 100 % of the age, by its key."""
    spread = zlib.crc32("\0".join(entry.key).encode()) / 2**32
    return request.now - entry.checked_at < request.options.memo_age * (0.75 + 0.25 * spread)


def _looks_alike(request: PlanRequest, entry: InventoryEntry, live: Live) -> bool:
    """For an API without versions: the live object is, as a whole, what it was when it was compared last."""
    try:
        read_body(live)
        return bool(entry.live) and live_digest(live.body, request.rules_for(entry.key), request.salt) == entry.live
    except (PluginError, Unread):
        return False  # the full comparison meets it again, and says so in the plan


# -- the rest --------------------------------------------------------------------------------------------------------------


def _undeclared(decider: Decider) -> list[Change]:
    entries, desired = decider.request.inventory.entries, decider.request.desired
    if len(entries) == len(desired) and all(map(entries.__contains__, map(_key_of, desired))):
        return []
    gone = sorted(entries.keys() - decider.index.declared)
    return [change for key in gone if (change := decider.undeclared(entries[key])) is not None]


_key_of: Final = attrgetter("key")


def _guard(request: PlanRequest, changes: Sequence[Change], decider: Decider) -> Guarded:
    claimed = EntryState.CLAIMED
    owned = sum([entry.state is not claimed for entry in request.inventory.entries.values()])
    limits = Limits(guard=request.guard, owned=owned, is_empty=not request.desired)
    return guard_plan(changes, limits, decider.permits)


def _denied_as_a_whole(request: PlanRequest) -> tuple[Refusal, ...]:
    violation = request.verdict.denied.get(None)
    return (Refusal("policy", str(violation)),) if violation else ()


def _unreadable_text(item: Unreadable) -> str:
    kind = "every kind" if item.kind == ("*", "*") else "every " + "/".join(filter(None, item.kind))
    return f"{item.key or kind}: {error_text(item.error)}"


def _present(entries: Iterable[InventoryEntry | None]) -> tuple[InventoryEntry, ...]:
    return tuple(entry for entry in entries if entry is not None)
