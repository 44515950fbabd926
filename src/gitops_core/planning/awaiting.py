"""What an earlier pass wrote and nobody has seen or found well yet: it is left alone while there is time, and so is what needs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from gitops_core.errors import NotStabilized
from gitops_core.model.inventory import EntryState, InventoryEntry
from gitops_core.model.plans import Action, Change, ChangeState
from gitops_core.model.resources import Live, ResourceKey
from gitops_core.model.results import Awaited
from gitops_core.planning.annotations import notes_of
from gitops_core.planning.edges import CRD, defined_kind
from gitops_core.planning.guards import destroys
from gitops_core.planning.match import is_another, owned_entry
from gitops_core.planning.request import PlanRequest

AWAITED: Final = "awaited"
"""The rule of a change that is put off, because what was written before it may still show up."""

_LEAVING: Final = "its delete was accepted, and the target still shows it"
_UNSEEN: Final = frozenset({EntryState.PLANNED, EntryState.DELETING})

REPLACEMENT: Final = "replacement"
"""The rule of a delete that is put off, because what may be its replacement is held back, or is not well."""

UNVERIFIED: Final = "unverified"
"""The rule of a change of which the write before it has not shown up in time; the next pass may write again."""


def held(request: PlanRequest, change: Change | None) -> Change | None:
    """
    Return *change*, put off if it would repeat a write that may only not be visible yet.

    An API that is eventually consistent does not list for a while what it has created. What is written again then is there
    twice. The write is believed for ``options.verify_timeout``, or ``options.health_timeout`` where the API has said that it
    is at work; after that the change is put off once more, as UNVERIFIED.
    """
    entry = owned_entry(request, change.key) if change is not None else None
    if change is None or entry is None or not entry.written_at or entry.state not in _UNSEEN or not change.is_ready:
        return change
    why = _missing(entry, change, request.live.get(change.key))
    if not why:
        return change
    rule = AWAITED if _is_young(request, entry) else UNVERIFIED
    return attrs.evolve(change, state=ChangeState.DEFERRED, rule=rule, reason=f"{change.reason}; {why}")


def leaving(request: PlanRequest, key: ResourceKey) -> str:
    """Say that *key* is shown although we have deleted it a moment ago; nothing when it is there to stay."""
    entry, live = owned_entry(request, key), request.live.get(key)
    if entry is None or live is None or not entry.written_at or entry.written or entry.state not in _UNSEEN:
        return ""
    return (
        ""
        if is_another(entry, live) or not _is_young(request, entry)
        else f"{_LEAVING}; it will be created again when it is gone"
    )


def _missing(entry: InventoryEntry, change: Change, live: Live | None) -> str:
    """Say what of the write that *entry* tells of has not been seen; nothing when *change* would not repeat it."""
    if live is None:
        return "it was written, and the target does not show it" if entry.written else ""
    if is_another(entry, live):
        return ""
    if not entry.written:
        return _LEAVING
    return "it was written, and the target still shows something else" if change.desired == entry.written else ""


def _is_young(request: PlanRequest, entry: InventoryEntry) -> bool:
    return abs(request.now - entry.written_at) < time_for(request, entry)  # a clock that was set back does not extend it for ever


def time_for(request: PlanRequest, entry: InventoryEntry) -> float:
    """Return the seconds after ``entry.written_at`` for which a write is believed although it has not been seen."""
    live, intent = request.live.get(entry.key), request.inventory.intents.get(entry.key)
    is_at_work = (live is not None and live.deleting) or (intent is not None and bool(intent.token))
    return request.options.health_timeout if is_at_work else request.options.verify_timeout


# -- who needs it --------------------------------------------------------------------------------------------------------


class Unsettled:
    """
    The unchanged objects that have been written and are not well yet, and what has to stay back because of them.

    Args:
        request: With ``unsettled``: what was found when it was looked at.
        changed: What is going to be changed; what is written again is waited for in its own right.
    """

    def __init__(self, request: PlanRequest, changed: Mapping[ResourceKey, object]) -> None:
        self._request = request
        entries = request.inventory.entries
        self.keys = frozenset(
            key for key in request.unsettled if key not in changed and key in entries and self._is_waited_for(key)
        )
        self._kinds = dict(self._defined())

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.keys)

    def _is_waited_for(self, key: ResourceKey) -> bool:
        resource = self._request.declaration(key)
        return (
            resource is not None
            and self._request.options.wait
            and notes_of(self._request.read(resource), self._request.owner).wait
        )

    def _defined(self) -> Iterator[tuple[tuple[str, str], ResourceKey]]:
        for key in self.keys:
            resource = self._request.declaration(key) if (key.group, key.kind) == CRD else None
            kind = defined_kind(self._request.read(resource).body) if resource is not None else None
            if kind is not None:
                yield kind, key

    def blocker(
        self, key: ResourceKey, hard: Iterable[ResourceKey], soft: Iterable[ResourceKey], wave: int
    ) -> ResourceKey | None:
        """
        Return what *key* has to wait for, or None.

        Args:
            key: A change.
            hard: What it needs.
            soft: What it refers to; not waited for where that refers back, directly or not: it could never settle.
            wave: Its own; earlier ones come first.
        """
        entries = self._request.inventory.entries
        found = self.keys.intersection(hard)
        defined = self._kinds.get((key.group, key.kind))
        found |= {k for k in self.keys if entries[k].wave < wave}
        found |= {k for k in self.keys.intersection(soft) if not self._reaches(k, key)}
        return min([*found, *([defined] if defined else [])], default=None)

    def _reaches(self, start: ResourceKey, end: ResourceKey) -> bool:
        entries, seen, work = self._request.inventory.entries, {start}, [start]
        while work:
            entry = entries.get(work.pop())
            for key in (*entry.depends_on, *entry.refers_to) if entry is not None else ():
                if key not in seen:
                    seen.add(key)
                    work.append(key)
        return end in seen


# -- what the reader is told ---------------------------------------------------------------------------------------------


def awaited(request: PlanRequest, unsettled: Unsettled, changes: Iterable[Change]) -> tuple[Awaited, ...]:
    """Return everything that only time will finish, sorted by key: neither seen nor well, still at work, still going."""
    found = {
        u.key: _of(request, u.key, u.error.message, request.options.health_timeout, u.error.retry_after)
        for u in request.unreadable
        if u.key is not None and isinstance(u.error, NotStabilized)
    }
    for key in unsettled.keys:
        health = request.unsettled[key]
        text = f"{health.status.value}: {health.message or health.reason or 'has not settled'}"
        limit = 0.0 if health.failed else request.options.health_timeout
        found[key] = _of(request, key, text, limit)
    for change in changes:
        entry = request.inventory.entries.get(change.key)
        if change.rule == AWAITED and entry is not None:
            found[change.key] = _of(request, change.key, change.reason, time_for(request, entry))
        elif change.rule == "deleting":
            found[change.key] = _of(request, change.key, change.reason, request.options.health_timeout)
        if change.key in found and change.action is Action.DELETE and (entry is None or not entry.written):
            found[change.key] = attrs.evolve(found[change.key], leaves=True)
    return tuple(found[key] for key in sorted(found))


def _of(request: PlanRequest, key: ResourceKey, reason: str, limit: float, retry_after: float | None = None) -> Awaited:
    entry = request.inventory.entries.get(key)
    since = entry.written_at if entry is not None else 0.0
    return Awaited(key=key, reason=reason, since=since, until=since + limit, retry_after=retry_after)


def put_off(
    request: PlanRequest, deletes: Sequence[Change], writes: Sequence[Change], waiting: Sequence[Awaited]
) -> list[Change]:
    """
    Return *deletes*, put off where something else may be about to take the place of what they delete.

    All of them, while what was written has time to become what it should be. Then only those next to it, which are of the same
    kind and in the same namespace: a rename keeps both. A write that is held back puts off those next to it, too, if what it
    declares was never applied: drift is of an object that was there beside the other one. What fails for ever holds no other
    delete up.
    """
    late = [a for a in waiting if a.since and not a.leaves]
    first = next((a for a in late if abs(request.now - a.since) < a.until - a.since), None)
    if first is not None:
        return [_behind(c, AWAITED, f"{first.key} is not done") for c in deletes]
    why = {a.key[:3]: f"{a.key} is not done" for a in reversed(late)}
    why |= {c.key[:3]: f"{c.key} is {c.state}" for c in reversed(writes) if not (c.is_ready or _was_applied(request, c))}
    return [_behind(c, REPLACEMENT, why[c.key[:3]]) if c.key[:3] in why else c for c in deletes]


def _was_applied(request: PlanRequest, change: Change) -> bool:
    entry = owned_entry(request, change.key)
    return entry is not None and entry.state is EntryState.APPLIED and entry.desired == change.desired


def _behind(delete: Change, rule: str, why: str) -> Change:
    if not destroys(delete):  # what is gone is only to be forgotten, and another application may wait for that
        return delete
    reason = f"{delete.reason}; put off: {why} and may be its replacement"
    return attrs.evolve(delete, state=ChangeState.DEFERRED, rule=rule, reason=reason)
