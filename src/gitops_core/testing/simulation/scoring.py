"""Keeps the score while a simulation runs: what happened, and what the engines made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import attrs

from gitops_core.model.plans import ChangeState
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import ReconcileResult
from gitops_core.testing.simulation.report import Convergence, Failed, Refused, Repair

_OPEN: Final = "open"


@attrs.frozen
class Passed:
    """
    One finished pass.

    Attributes:
        application: Its name.
        target: Of its target.
        owned: What its inventory had afterwards.
        began: In seconds from the beginning.
        ended: Likewise.
        result: What it said.
    """

    application: str
    target: str
    owned: frozenset[ResourceKey]
    began: float
    ended: float
    result: ReconcileResult


class Score:
    """
    Everything that is worth a line in the report, in order.

    Attributes:
        passes: How many ended in each status.
        foreign: What somebody else has put into a target: (target, key).
        touched: What engines did to these.
    """

    def __init__(self) -> None:
        self.passes: Counter[str] = Counter()
        self.foreign: set[tuple[str, ResourceKey]] = set()
        self.touched: list[tuple[str, ResourceKey, str]] = []
        self._commits: list[Convergence] = []
        self._repairs: list[Repair] = []
        self._open_commits: dict[str, list[int]] = {}
        self._open_repairs: dict[tuple[str, ResourceKey], list[int]] = {}
        self._refused: dict[tuple[str, str, str], Refused] = {}
        self._failed: dict[tuple[str, str, str], Failed] = {}

    @property
    def commits(self) -> tuple[Convergence, ...]:
        """Every commit so far."""
        return tuple(self._commits)

    @property
    def repairs(self) -> tuple[Repair, ...]:
        """Every change by hand so far."""
        return tuple(self._repairs)

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What was refused so far, in the order of the first time."""
        return tuple(self._refused.values())

    @property
    def failed(self) -> tuple[Failed, ...]:
        """What went wrong so far, in the order of the first time."""
        return tuple(self._failed.values())

    # -- what happens ------------------------------------------------------------------------------------------------------
    def committed(self, commit: Convergence) -> None:
        """Somebody has made *commit*."""
        self._open_commits.setdefault(commit.application, []).append(len(self._commits))
        self._commits.append(commit)

    def vanished(self, application: str, revision: str) -> None:
        """Somebody has thrown *revision* away."""
        for number in self._open_commits.get(application, []):
            if self._commits[number].revision == revision:
                self._close_commit(number, "vanished")

    def drifted(self, key: ResourceKey, repair: Repair) -> None:
        """Somebody has changed *key* by hand."""
        self._open_repairs.setdefault((repair.target, key), []).append(len(self._repairs))
        self._repairs.append(repair)

    # -- what the engines make of it ---------------------------------------------------------------------------------------
    def wrote(self, target: str, key: ResourceKey, verb: str, now: float) -> None:
        """An engine has written *key*."""
        if (target, key) in self.foreign:
            self.touched.append((target, key, verb))
        for number in self._open_repairs.pop((target, key), []):
            repair = self._repairs[number]
            self._repairs[number] = attrs.evolve(repair, fate="repaired", after=now - repair.at)

    def passed(self, done: Passed) -> None:
        """A pass is over."""
        result = done.result
        self.passes[result.status.value] += 1
        if result.ok:
            if self._open_commits.get(done.application):
                self._converged(done)
            if self._open_repairs:
                self._leave_alone(done)
            return
        for name, key, rule, reason in _refusals(done):
            self._refused[name, key, rule] = _again(
                self._refused.get((name, key, rule)), Refused(name, key, rule, reason, done.ended, done.ended)
            )
        for failure in result.failures:
            kind = (done.application, failure.error, failure.stage)
            self._failed[kind] = _again(self._failed.get(kind), Failed(*kind, failure.message, done.ended, done.ended))

    def _converged(self, done: Passed) -> None:
        """Close the commit that the pass was about, and the ones before it."""
        revision = done.result.revision
        open_ = self._open_commits[done.application]
        about = [number for number in open_ if revision is not None and self._commits[number].revision == revision.id]
        for number in [number for number in open_ if about and number <= about[-1]]:
            commit = self._commits[number]
            if number == about[-1]:
                self._commits[number] = attrs.evolve(commit, after=done.ended - commit.at)
            self._close_commit(number, "converged" if number == about[-1] else "superseded")

    def _close_commit(self, number: int, fate: str) -> None:
        commit = self._commits[number] = attrs.evolve(self._commits[number], fate=fate)
        self._open_commits[commit.application] = [n for n in self._open_commits[commit.application] if n != number]

    def _leave_alone(self, done: Passed) -> None:
        """Close what the application owns and has seen as it is, without finding anything to mend."""
        for (target, key), numbers in list(self._open_repairs.items()):
            seen = [number for number in numbers if self._repairs[number].at < done.began]
            if target == done.target and key in done.owned and seen:
                for number in seen:
                    self._repairs[number] = attrs.evolve(self._repairs[number], fate="left alone")
                self._open_repairs[target, key] = [number for number in numbers if number not in seen]


def _refusals(done: Passed) -> Iterator[tuple[str, str, str, str]]:
    plan = done.result.plan
    if plan is not None:
        yield from ((done.application, "", refusal.rule, refusal.message) for refusal in plan.refusals)
        changes = (change for change in plan.changes if change.state is ChangeState.REFUSED)
        yield from ((done.application, str(change.key), change.rule, change.reason) for change in changes)


def _again(known: Any, new: Any) -> Any:
    return new if known is None else attrs.evolve(known, last=new.last, times=known.times + 1)
