"""What the inventory should say about an object: before a write, after one, and after having looked."""

from __future__ import annotations

import sys

import attrs

from gitops_core.model.inventory import EntryState, Holder, InventoryEntry
from gitops_core.model.plans import Action, Change
from gitops_core.model.resources import Live, Resource, ResourceKey
from gitops_core.planning.annotations import Annotations, notes_of
from gitops_core.planning.declared import declared_pointers
from gitops_core.planning.diff import UNKNOWN, write_only_digest
from gitops_core.planning.edges import Index, plugin_edges, referred, written_edges
from gitops_core.planning.match import HAVING_IT, Match, owned_entry
from gitops_core.planning.normalize import always_secret, declared_in_spelling, live_digest, secrecy_of
from gitops_core.planning.request import PlanRequest, Read, TargetRules


def entry_for(
    request: PlanRequest, resource: Resource, live: Live | None, *, index: Index | None = None, settled: bool = False
) -> InventoryEntry:
    """
    Return the record of *resource* after it was applied, or found to be as declared.

    Args:
        request: The request the plan was made from; its ``now`` becomes ``checked_at``.
        resource: What was applied.
        live: What is there now; None when it was not looked at (the next pass then compares in full).
        index: Of the same request, when there are many entries to make.
        settled: Health has settled.

    Raises:
        PluginError: A function of the target raised.

    Cost: O(nodes of the body); decodes the body.
    """
    read = request.read(resource)
    notes, facts = notes_of(read, request.owner), facts_of(request, read)
    rules = request.rules_for(resource.key)
    before = request.inventory.entries.get(resource.key)
    return InventoryEntry(
        resource.key,
        EntryState.APPLIED,
        id=live.id if live else before.id if before else "",
        desired=resource.digest,
        version=live.version if live else "",
        live=_live_digest(request, live),
        declared=facts.declared,
        protected=notes.protected,
        checked_at=request.now,
        adopted=before.adopted if before else False,
        settled=settled,
        depends_on=_depends_on(request, read, rules, notes, index),
        scope=rules.scope(resource.key),
        path=resource.origin.path,
        revision=request.revision.id,
        write_only=facts.write_only,
        sensitive=facts.sensitive,
        held_by=before.held_by if before else "",
        refers_to=_refers_to(request, read),
        wave=notes.wave,
    )


def planned_entry(request: PlanRequest, change: Change, resource: Resource | None = None) -> InventoryEntry:
    """
    Return the record to write *before* *change* is carried out.

    After a crash in between, nothing is known for certain; so it keeps what was applied last, knows the addresses of both
    declarations, and makes the next pass compare in full. A delete becomes DELETING; protection is never taken away here.

    Args:
        request: The request the plan was made from.
        change: A READY change.
        resource: Its declaration; None for a DELETE.

    Raises:
        PluginError: A function of the target raised.
    """
    before = owned_entry(request, change.key)
    if resource is None:
        entry = before or InventoryEntry(change.key, id=change.live_id)
        return attrs.evolve(entry, state=EntryState.DELETING, written_at=0.0, written="")
    read = request.read(resource)
    notes, facts = notes_of(read, request.owner), facts_of(request, read)
    rules = request.rules_for(change.key)
    claim = request.inventory.entries.get(change.key)
    if before is None or change.adopts:
        return InventoryEntry(
            change.key,
            id=change.live_id,
            declared=facts.declared,
            protected=notes.protected,
            adopted=change.adopts,
            depends_on=_depends_on(request, read, rules, notes, None),
            scope=rules.scope(change.key),
            path=resource.origin.path,
            write_only=facts.write_only and UNKNOWN,
            sensitive=facts.sensitive,
            held_by=claim.held_by if claim else "",
            wave=notes.wave,
        )
    return attrs.evolve(
        before,
        state=EntryState.PLANNED,
        id="" if change.action is Action.CREATE else before.id,
        declared=tuple(sorted({*before.declared, *facts.declared})),
        protected=before.protected or notes.protected,
        depends_on=tuple(sorted({*before.depends_on, *_depends_on(request, read, rules, notes, None)})),
        write_only=before.write_only if before.write_only == facts.write_only else UNKNOWN,
        sensitive=tuple(sorted({*before.sensitive, *facts.sensitive})),
        wave=notes.wave,
        unconfirmed=tuple(sorted(set(facts.declared) - applied_addresses(before))) if before.desired else (),
        written_at=0.0,
        written="",
    )


def applied_addresses(entry: InventoryEntry) -> frozenset[str]:
    """Return the addresses that are known to have been applied: after a failed write these are fewer than ``entry.declared``."""
    return frozenset(entry.declared).difference(entry.unconfirmed) if entry.desired else frozenset()


def refreshed_entry(request: PlanRequest, resource: Resource, live: Live, index: Index) -> InventoryEntry:
    """Return the record of an object that was compared in full and is as declared; raises like :func:`entry_for`."""
    before = owned_entry(request, resource.key)
    if before is None or before.state is not EntryState.APPLIED or before.desired != resource.digest:
        settled = before is not None and before.settled and before.desired == resource.digest
        entry = entry_for(request, resource, live, index=index, settled=settled)
        return attrs.evolve(entry, written_at=before.written_at) if before is not None and not settled else entry
    return attrs.evolve(before, id=live.id, version=live.version, live=_live_digest(request, live), checked_at=request.now)


def claim_entry(request: PlanRequest, resource: Resource, found: Match) -> InventoryEntry | None:
    """Return the record that tells the application which has *resource* to hand it over; None when nothing is new in it."""
    holder = request.holders.get(resource.key)
    if found.entry is not None and not (found.entry.state is EntryState.RELEASED and _is_theirs(found, holder)):
        return None
    claim = InventoryEntry(
        resource.key,
        EntryState.CLAIMED,
        scope=request.rules_for(resource.key).scope(resource.key),
        path=resource.origin.path,
        held_by=found.other if holder is not None and holder.application == found.other else "",
    )
    known = request.inventory.entries.get(resource.key)
    return None if claim == known else claim


def _is_theirs(found: Match, holder: Holder | None) -> bool:
    """Tell whether the other application has what we released; one that is only about to take it may still give it up."""
    is_marked = found.live is not None and found.live.owner == found.other
    return is_marked or (holder is not None and holder.state in HAVING_IT)


def _live_digest(request: PlanRequest, live: Live | None) -> str:
    """A digest is kept only where the API has no version to compare."""
    return "" if live is None or live.version else live_digest(live.body, request.rules_for(live.key), request.salt)


def _depends_on(
    request: PlanRequest, read: Read, rules: TargetRules, notes: Annotations, index: Index | None
) -> tuple[ResourceKey, ...]:
    if not notes.depends_on and rules.depends_on is None:
        return ()
    found, _missing = written_edges(read.key, notes, index or Index(request))
    return tuple(sorted({*found, *plugin_edges(read.body, rules)}))


def _refers_to(request: PlanRequest, read: Read) -> tuple[ResourceKey, ...]:
    found = referred(read)
    return tuple(sorted(k for k in found if k != read.key and request.declaration(k))) if found else ()


@attrs.frozen
class Facts:
    """
    What is kept of a declaration: addresses and digests.

    Attributes:
        declared: As ``InventoryEntry.declared``.
        write_only: As ``InventoryEntry.write_only``.
        sensitive: As ``InventoryEntry.sensitive``.
    """

    declared: tuple[str, ...]
    write_only: str = ""
    sensitive: tuple[str, ...] = ()


def facts_of(request: PlanRequest, read: Read) -> Facts:
    """Return what is kept of a declaration; worked out once a request. Raises PluginError."""
    if read.facts is None:
        rules = request.rules_for(read.key)
        is_plain = not (read.outline.is_wrapped or always_secret(read.key, rules.fields)) and rules.normalize is None
        read.facts = Facts(read.outline.pointers) if is_plain else _facts(request, read, rules)
    return read.facts


def _facts(request: PlanRequest, read: Read, rules: TargetRules) -> Facts:
    secrecy = secrecy_of(read, rules)
    spelled = declared_in_spelling(read, rules, secrecy)
    write_only = write_only_digest(spelled, rules.fields, request.salt)
    declared = read.outline.pointers if spelled is read.body else declared_pointers(spelled)
    return Facts(declared, write_only, tuple(map(sys.intern, secrecy.extra)))
