"""The ready-queue: which changes may begin, as others end. No I/O, no threads."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from gitops_core.model.plans import Action, Change
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Outcome, OutcomeStatus
from gitops_core.planning.guards import destroys

_Group = tuple[str, str, str]


class ReadyQueue:
    """
    Changes whose prerequisites are done, in plan order.

    A delete waits until every other change has ended, and is put off when a change of the same kind and namespace did
    not end well: what failed may be the replacement of what would be deleted. Other failures do not hold it up.
    """

    def __init__(self, changes: Sequence[Change], ended: Iterable[Outcome] = ()) -> None:
        self.outcomes: dict[ResourceKey, Outcome] = {}
        self._untold: list[Outcome] = []
        self._changes = {change.key: change for change in changes}
        self._missing: dict[ResourceKey, set[ResourceKey]] = {}
        self._dependents: dict[ResourceKey, list[ResourceKey]] = defaultdict(list)
        self._ready: deque[Change] = deque()
        self._deletes: list[Change] = []
        self._failed_groups: dict[_Group, ResourceKey] = {}
        self._writes_left = sum(c.action is not Action.DELETE for c in changes)
        for change in changes:
            if change.depends_on:
                self._missing[change.key] = {key for key in change.depends_on if key in self._changes}
                for key in self._missing[change.key]:
                    self._dependents[key].append(change.key)
        for outcome in ended:
            self.finish(outcome)
        for change in changes:
            if change.key not in self.outcomes and not self._missing.get(change.key):
                self._enqueue(change)

    def __len__(self) -> int:
        """Return how many changes have not ended."""
        return len(self._changes) - len(self.outcomes)

    def take(self) -> Change | None:
        """Return the next change that may begin, or None when there is none for now."""
        if not self._ready and not self._writes_left and self._deletes:
            self._release_deletes()
        while self._ready:
            change = self._ready.popleft()
            if change.key not in self.outcomes:
                return change
        return None

    @property
    def ready(self) -> int:
        """How many changes may begin now, roughly."""
        return len(self._ready) + (0 if self._writes_left else len(self._deletes))

    def left(self) -> list[Change]:
        """Return the changes that have not ended, in plan order."""
        return [change for key, change in self._changes.items() if key not in self.outcomes]

    def ended(self) -> list[Outcome]:
        """Return what has ended since this was asked last: what was finished, and what was skipped or put off because of it."""
        ended, self._untold = self._untold, []
        return ended

    def finish(self, outcome: Outcome) -> None:
        """Note how a change ended; what depends on it becomes ready, or is skipped with the reason."""
        ended = [outcome]
        while ended:
            outcome = ended.pop()
            if outcome.key in self.outcomes:
                continue
            self.outcomes[outcome.key] = outcome
            self._untold.append(outcome)
            change = self._changes[outcome.key]
            self._count(change, outcome)
            for key in self._dependents.get(outcome.key, ()):
                if outcome.status is OutcomeStatus.DONE:
                    self._missing[key].discard(outcome.key)
                    if not self._missing[key] and key not in self.outcomes:
                        self._enqueue(self._changes[key])
                elif key not in self.outcomes:
                    ended.append(_skipped(self._changes[key], outcome))

    def _count(self, change: Change, outcome: Outcome) -> None:
        if change.action is Action.DELETE:
            return
        self._writes_left -= 1
        if outcome.status is not OutcomeStatus.DONE and change.is_ready:  # what else is held back, the plan has weighed
            self._failed_groups.setdefault(change.key[:3], change.key)

    def _enqueue(self, change: Change) -> None:
        (self._deletes if change.action is Action.DELETE else self._ready).append(change)

    def _release_deletes(self) -> None:
        deletes, self._deletes = self._deletes, []
        for change in deletes:
            blocker = self._failed_groups.get(change.key[:3]) if destroys(change) else None
            if blocker is None:
                self._ready.append(change)
            else:
                reason = f"put off: {blocker} did not end well and may be its replacement"
                self.finish(Outcome(change.key, change.action, OutcomeStatus.DEFERRED, reason))


def _skipped(change: Change, because: Outcome) -> Outcome:
    reason = f"depends on {because.key}, which is {because.status.value}"
    return Outcome(change.key, change.action, OutcomeStatus.SKIPPED, reason)
