"""Look whether what was written is there, is as planned, and is well; wait without holding a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from gitops_core.engine.calls import completed, failure_of
from gitops_core.engine.deciding import Judge
from gitops_core.engine.ledger import Ledger
from gitops_core.engine.observing import Observed, observe
from gitops_core.engine.passes import Pass
from gitops_core.engine.settling import health_of, is_well
from gitops_core.engine.writing import Task, Written, answered, begins_replace, call_for, create_again
from gitops_core.errors import GitOpsError, UnknownKind
from gitops_core.interfaces import capabilities
from gitops_core.model.health import Health
from gitops_core.model.inventory import EntryState, Intent, InventoryEntry, InventoryUpdate
from gitops_core.model.plans import Action, Change, FieldDiff
from gitops_core.model.resources import Live, Pending, ResourceKey
from gitops_core.model.results import Awaited, Outcome, OutcomeStatus

_AT_ONCE: Final = 64  # objects that are compared before the workers are looked after again: some 20 ms


@attrs.define(kw_only=True)
class Unconfirmed:
    """
    A change that was written and not yet seen.

    Attributes:
        written: What came back from the write.
        since: When, on the monotonic clock.
        due: When to look next, on the monotonic clock.
        why: What was missing when it was looked at last; what *health* says is not repeated here.
        seen: The object, when it was there as planned and only not well yet.
        health: How well it was then.
    """

    written: Written
    since: float
    due: float = 0.0
    why: str = ""
    seen: Live | None = None
    health: Health | None = None

    @property
    def change(self) -> Change:
        """The decision behind it."""
        return self.written.task.change


@attrs.define
class _Look:
    """
    A look that is under way.

    Attributes:
        items: What it is about.
        observed: What the target answered.
        begun: When, on the monotonic clock.
        next_round: When to look again at what is not confirmed.
        seen: How many of the items have been compared.
        results: What has ended.
        entries: What the inventory is to have for it.
        drops: What it is to have no longer.
    """

    items: list[Unconfirmed]
    observed: Observed
    begun: float
    next_round: float
    seen: int = 0
    results: list[Outcome | Task] = attrs.field(factory=list)
    entries: list[InventoryEntry] = attrs.field(factory=list)
    drops: list[ResourceKey] = attrs.field(factory=list)


class Confirmer:
    """
    Keeps the written changes until each has been seen as planned, or its time is up. One ``observe`` confirms many.

    Used by the pass's own thread only.
    """

    def __init__(self, p: Pass, ledger: Ledger, judge: Judge) -> None:
        self._p = p
        self._ledger = ledger
        self._judge = judge
        self._waiting: dict[ResourceKey, Unconfirmed] = {}
        self._first_look = float("inf")
        self._last_look = float("-inf")
        self._look: _Look | None = None
        self.given_back: list[Awaited] = []
        """What was ended without being finished, because nothing else was to be done."""

    @property
    def waiting(self) -> bool:
        """Something has not been confirmed."""
        return bool(self._waiting)

    def add(self, item: Unconfirmed) -> None:
        """Keep *item* until it is confirmed."""
        if item.written.pending is not None:
            item = attrs.evolve(item, due=item.since + item.written.pending.retry_after)
        self._waiting[item.change.key] = item

    @property
    def unsettled(self) -> frozenset[ResourceKey]:
        """What has been looked at and was not well, or not there, yet."""
        return frozenset(key for key, item in self._waiting.items() if item.due and item.written.pending is None)

    def wake(self, keys: Iterable[ResourceKey]) -> None:
        """Look at *keys* again, now: they have moved."""
        for key in keys:
            item = self._waiting.get(key)
            if item is not None and item.written.pending is None:
                item.due = 0.0

    def is_due(self, *, idle: bool) -> bool:
        """Tell whether to look now: at once when nothing is being written, else not more often than the interval."""
        if self._look is not None:
            return True
        now = self._p.ctx.clock.monotonic()
        rested = idle or now - self._last_look >= self._p.app.options.health_interval
        return rested and any(item.due <= now for item in self._waiting.values())

    def seconds_until_due(self) -> float:
        """Return how long until the next look is due."""
        now = self._p.ctx.clock.monotonic()
        return max(0.0, min(item.due for item in self._waiting.values()) - now)

    @property
    def is_looking(self) -> bool:
        """A look is under way: what it is about has been observed, and not all of it has been compared."""
        return self._look is not None

    def look(self) -> list[Outcome | Task]:
        """
        Observe everything that is due, once, and compare it, so many objects at each call: meanwhile the caller keeps its workers busy.

        Returns:
            list[Outcome | Task]: What has ended, and the second half of each REPLACE whose old object is gone; nothing as long as the
            look is under way.
        """
        look, self._look = self._look or self._begun(), None  # whatever is raised ends it
        until = look.seen + _AT_ONCE
        for item in look.items[look.seen : until]:
            result = None if item.due > look.begun else self._confirm(item, look.observed, look.entries, look.drops)
            self._waiting[item.change.key] = item
            item.due = max(item.due, look.next_round)
            if result is not None:
                look.results.append(result)
        look.seen = until
        if until < len(look.items):
            self._look = look
            return []
        return self._concluded(look)

    def cut_short(self) -> list[Outcome | Task]:
        """End the look that is under way, and return what has ended by now as :meth:`look` does; what was not compared waits on."""
        look, self._look = self._look, None
        return [] if look is None else self._concluded(look)

    def _begun(self) -> _Look:
        now = self._last_look = self._p.ctx.clock.monotonic()
        self._first_look = min(self._first_look, now)
        due = [self._polled(item) for item in self._waiting.values() if item.due <= now]
        observed = observe(self._p, frozenset(i.change.key for i in due if i.due <= now), self._ledger.inventory)
        return _Look(due, observed, now, self._next_round())

    def _concluded(self, look: _Look) -> list[Outcome | Task]:
        done = (*(e.key for e in look.entries), *look.drops)
        self._ledger.write(InventoryUpdate(tuple(look.entries), tuple(look.drops), self._moved(look.items), done))
        for result in look.results:  # not before they are recorded: what is not stays PENDING
            del self._waiting[result.change.key if isinstance(result, Task) else result.key]
        return look.results

    def without_call(self, change: Change, live: Live | None) -> list[Outcome]:
        """End a change that needs no call: an equal object is adopted, an object that is gone already is forgotten."""
        if change.action is Action.DELETE or live is None:
            self._ledger.write(InventoryUpdate(drop=(change.key,), close_intents=(change.key,)))
            return [Outcome(change.key, change.action, OutcomeStatus.DONE, change.reason)]
        health = health_of(self._p, live, None)
        entry = self._judge.applied(change, live, settled=is_well(health))
        entry = entry if entry.settled else attrs.evolve(entry, written_at=self._p.ctx.clock.now())
        self._ledger.write(InventoryUpdate(put=(entry,), close_intents=(change.key,)))
        return [Outcome(change.key, change.action, OutcomeStatus.DONE, change.reason, id=live.id, health=health)]

    def give_up(self, why: str) -> list[Outcome]:
        """End everything that waits as PENDING: the inventory has it, and the next pass goes on from there."""
        items, self._waiting = list(self._waiting.values()), {}
        return [self._outcome(item, OutcomeStatus.PENDING, f"written, not confirmed: {why}") for item in items]

    def give_back(self) -> list[Outcome]:
        """
        End everything that waits as PENDING, with what the next passes need to go on waiting for it: since when, and for what.

        Raises:
            StateError: That could not be written; everything still waits.
        """
        items = list(self._waiting.values())
        seen = tuple(item.change.key for item in items if item.seen is not None)
        entries = tuple(entry for item in items if (entry := self._left_open(item)) is not None)
        self._ledger.write(InventoryUpdate(put=entries, open_intents=self._moved(items), close_intents=seen))
        self._waiting = {}
        outcomes = []
        for item in items:
            pending = item.written.pending
            why = item.why if item.health is None else _unwell(item.health)
            why = why or (pending.message if pending is not None else "") or "written, and not seen yet"
            outcomes.append(attrs.evolve(self._outcome(item, OutcomeStatus.PENDING, why), health=item.health))
            self.given_back.append(self._awaited(item, why))
        return outcomes

    def _left_open(self, item: Unconfirmed) -> InventoryEntry | None:
        entry = self._ledger.inventory.entries.get(item.change.key)
        if item.seen is not None:
            return attrs.evolve(self._judge.applied(item.change, item.seen, settled=False), written_at=self._wrote(item))
        if entry is None:
            return None
        written = "" if item.written.task.action is Action.DELETE else item.change.desired
        return attrs.evolve(entry, settled=False, written_at=self._wrote(item), written=written)

    def _wrote(self, item: Unconfirmed) -> float:
        """Return when *item* was written, in epoch seconds."""
        return self._p.ctx.clock.now() - (self._p.ctx.clock.monotonic() - item.since)

    def _awaited(self, item: Unconfirmed, why: str) -> Awaited:
        pending, since = item.written.pending, self._wrote(item)
        return Awaited(
            key=item.change.key,
            reason=why,
            since=since,
            until=since + self._time_for(item),
            retry_after=None if pending is None else max(0.0, item.due - self._p.ctx.clock.monotonic()),
            leaves=item.written.task.action is Action.DELETE,
        )

    def _time_for(self, item: Unconfirmed) -> float:
        options = self._p.app.options
        is_there = item.seen is not None or item.written.pending is not None
        return options.health_timeout if is_there else options.verify_timeout

    def reassess(self, unchanged: Iterable[ResourceKey], live: Mapping[ResourceKey, Live]) -> list[ResourceKey]:
        """Look again at unchanged objects that had not settled; return those that still have not."""
        if not self._p.app.options.wait:
            return []
        entries = self._ledger.inventory.entries
        open_ = [key for key in unchanged if key in entries and not entries[key].settled and key in live]
        settled = [key for key in open_ if is_well(health_of(self._p, live[key], entries[key].written_at or None))]
        put = tuple(attrs.evolve(entries[key], settled=True, written_at=0.0) for key in settled)
        self._ledger.write(InventoryUpdate(put=put))
        return sorted(set(open_) - set(settled))

    # -- one item ----------------------------------------------------------------------------------------------------

    def _polled(self, item: Unconfirmed) -> Unconfirmed:
        """Ask the target about an accepted operation; when it is not finished, look again after what it says."""
        pending, task = item.written.pending, item.written.task
        if pending is None:
            return item
        target = self._p.app.target.member(task.change.key)
        if "poll" not in capabilities(target):
            return item
        call = attrs.evolve(call_for(target, task), stage="poll")
        try:
            answer, _ = self._p.call_target(target, call, "reads", lambda ctx: target.poll(ctx, pending))
        except GitOpsError as error:
            return attrs.evolve(item, written=attrs.evolve(item.written, pending=None, error=error))
        if isinstance(answer, Pending):
            due = self._p.ctx.clock.monotonic() + answer.retry_after
            return attrs.evolve(item, due=due, written=attrs.evolve(item.written, pending=answer))
        return attrs.evolve(item, written=answered(task, answer, item.written.attempts, f"{target.name}.poll"))

    def _moved(self, items: Iterable[Unconfirmed]) -> tuple[Intent, ...]:
        """Return the intents of *items* whose operation has another token by now: after a crash it is asked by that one."""
        known = self._ledger.inventory.intents
        tokens = {item.change.key: item.written.pending.token for item in items if item.written.pending is not None}
        changed = {key: token for key, token in tokens.items() if key in known and known[key].token != token}
        return tuple(attrs.evolve(known[key], token=token) for key, token in changed.items())

    def _next_round(self) -> float:
        # In rounds, counted from the first look, so that what is written at different times is looked at together.
        interval = self._p.app.options.health_interval
        rounds = (self._last_look - self._first_look) // interval + 1
        due = self._first_look + rounds * interval
        return due if due > self._last_look else due + interval  # rounded onto this very moment it would be due for ever

    def _confirm(
        self, item: Unconfirmed, observed: Observed, entries: list[InventoryEntry], drops: list[ResourceKey]
    ) -> Outcome | Task | None:
        """Return how *item* ended, or None to look again later; what the inventory must learn is added to *entries* and *drops*."""
        key, task = item.change.key, item.written.task
        if item.written.error is not None:
            return self._failed(item, item.written.error)
        hidden = [u for u in observed.unreadable if u.covers(key)] if observed.unreadable else []
        if hidden and not (task.action is Action.DELETE and all(isinstance(u.error, UnknownKind) for u in hidden)):
            return self._late(item, "it could not be observed afterwards")
        live = observed.live.get(key)
        if task.action is Action.DELETE:
            return self._confirm_gone(item, live, entries, drops)
        if live is None:
            return self._late(item, "the target said yes and it is not there")
        try:
            differs = self._judge.differences(item.change, live)
            return (
                self._late(item, "it differs from what was written", differs)
                if differs
                else self._confirm_health(item, live, entries)
            )
        except GitOpsError as error:
            return self._failed(item, error)

    def _confirm_gone(
        self, item: Unconfirmed, live: Live | None, entries: list[InventoryEntry], drops: list[ResourceKey]
    ) -> Outcome | Task | None:
        old = item.written.task.live
        if live is not None and (old is None or not old.id or live.id == old.id):
            why = _held_by(live) if live.deleting else "the target said yes and it is still there"
            return self._late(item, why, accepted=live.deleting)
        if begins_replace(item.written.task):
            entry = self._ledger.inventory.entries.get(item.change.key)
            if entry is not None:
                entries.append(attrs.evolve(entry, id="", state=EntryState.PLANNED))
            return create_again(item.written.task)
        drops.append(item.change.key)
        return self._outcome(item, OutcomeStatus.DONE, "")

    def _confirm_health(self, item: Unconfirmed, live: Live, entries: list[InventoryEntry]) -> Outcome | None:
        options, change = self._p.app.options, item.change
        waited = self._p.ctx.clock.monotonic() - item.since
        health = health_of(self._p, live, self._p.ctx.clock.now() - waited)
        waits = options.wait and change.wait and not health.settled and not health.failed
        item.seen, item.health, item.why = live, health, ""
        if waits and waited < options.health_timeout:
            return None
        settled = is_well(health)
        entry = self._judge.applied(change, live, settled=settled)
        entries.append(entry if settled else attrs.evolve(entry, written_at=self._wrote(item)))
        well = settled or not (options.wait and change.wait)
        status, why = (OutcomeStatus.DONE, "") if well else (OutcomeStatus.UNSETTLED, _unwell(health))
        return Outcome(change.key, change.action, status, why, id=live.id, health=health, attempts=item.written.attempts)

    def _late(
        self, item: Unconfirmed, why: str, differs: tuple[FieldDiff, ...] = (), *, accepted: bool = False
    ) -> Outcome | None:
        """Return None while there is time, then PENDING for what the target still works on, else UNVERIFIED with the diff."""
        options = self._p.app.options
        item.seen, item.health, item.why = None, None, why
        pending = accepted or item.written.pending is not None
        limit = options.health_timeout if pending else options.verify_timeout
        if self._p.ctx.clock.monotonic() - item.since < limit:
            return None
        status = OutcomeStatus.PENDING if pending else OutcomeStatus.UNVERIFIED
        return attrs.evolve(self._outcome(item, status, why), diff=differs)

    def _failed(self, item: Unconfirmed, error: GitOpsError) -> Outcome:
        target = self._p.app.target.member(item.change.key)
        completed(error, attrs.evolve(call_for(target, item.written.task), stage="verify"))
        return attrs.evolve(self._outcome(item, OutcomeStatus.FAILED, error.message), failure=failure_of(error))

    def _outcome(self, item: Unconfirmed, status: OutcomeStatus, reason: str) -> Outcome:
        return Outcome(item.change.key, item.change.action, status, reason, attempts=item.written.attempts)


def _unwell(health: Health) -> str:
    return f"{health.status.value}: {health.message or health.reason or 'has not settled'}"


def _held_by(live: Live) -> str:
    if not live.finalizers:
        return "its deletion is not finished: look at its finalizers"
    return f"its deletion is not finished: {', '.join(live.finalizers)} must let go of it first"
