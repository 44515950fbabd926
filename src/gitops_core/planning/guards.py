"""
The limits of one plan, counted on owned objects: how much may go, how much may be touched, and who may say otherwise.

When a limit strikes, everything it is about is refused, not just what is above it: half of a wrong plan is no better.
Objects that are only created are never held back. Refusals are data; the plan that was refused stays readable.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from gitops_core.model.guards import Approval, Guard
from gitops_core.model.plans import Action, Change, ChangeState, Refusal
from gitops_core.model.resources import ResourceKey


@attrs.frozen(kw_only=True)
class Limits:
    """
    What one plan is measured against.

    Attributes:
        guard: The numbers.
        approvals: Permissions to exceed them.
        now: Epoch seconds; an expired approval counts for nothing.
        owned: How many objects we own.
        is_empty: Nothing is declared at all.
    """

    guard: Guard
    approvals: tuple[Approval, ...] = ()
    now: float = 0.0
    owned: int
    is_empty: bool = False

    @property
    def deletes(self) -> int:
        """How many deletes one plan may hold."""
        return min(max(self.guard.delete_floor, share(self.guard.delete_fraction, self.owned)), self.guard.delete_cap)

    @property
    def touched(self) -> int:
        """How many owned objects one plan may update, replace or delete."""
        return max(self.guard.delete_floor, share(self.guard.touched_fraction, self.owned))


def share(fraction: float, count: int) -> int:
    """Return *fraction* (0.0-1.0) of *count*, rounded down; 0.29 of 100 is 29."""
    return math.floor(fraction * count + 1e-9)


class Permits:
    """Hands out what approvals allow, object by object, each rule of each approval at most ``max_count`` times."""

    def __init__(self, approvals: Iterable[Approval], now: float) -> None:
        self._approvals = sorted(approvals, key=lambda a: a.name)
        self._now = now
        self._used: Counter[tuple[str, str]] = Counter()

    def take(self, rule: str, key: ResourceKey) -> str:
        """Return the name of the first approval that lets *key* past *rule*, and count it; "" when there is none."""
        for approval in self._approvals:
            if approval.allows(rule, key, self._now) and self._used[approval.name, rule] < approval.max_count:
                self._used[approval.name, rule] += 1
                return approval.name
        return ""


@attrs.frozen
class Guarded:
    """What is left of a plan: every change, refused ones marked; what struck; and the numbers on one line."""

    changes: tuple[Change, ...]
    refusals: tuple[Refusal, ...]
    footer: str


_COUNTED: Final = (Action.UPDATE, Action.REPLACE, Action.DELETE)


def destroys(change: Change) -> bool:
    """Tell whether *change* will remove a live object. A delete of what is gone already removes nothing."""
    return change.is_ready and (change.action is Action.REPLACE or (change.action is Action.DELETE and bool(change.precondition)))


def touches(change: Change) -> bool:
    """Tell whether *change* will write to, or remove, a live object of ours."""
    return destroys(change) or (change.is_ready and change.action is Action.UPDATE)


def guard_plan(changes: Sequence[Change], limits: Limits, permits: Permits) -> Guarded:
    """
    Hold *changes* against every limit, in this order: kinds, empty, deletes, touched.

    An empty desired set that is allowed by name (``Guard.allow_empty`` or an approval of rule ``empty``) is not held
    against the delete and touched limits: to allow it is to allow that everything goes.
    """
    round_ = _Round(list(changes), limits, permits)
    round_.check_kinds()
    if limits.is_empty and not limits.guard.allow_empty:
        round_.check_empty()
    footer = round_.footer()
    if not limits.is_empty:
        round_.check_deletes()
        round_.check_touched()
    return Guarded(tuple(round_.changes), tuple(round_.refusals), footer)


class _Round:
    def __init__(self, changes: list[Change], limits: Limits, permits: Permits) -> None:
        self.changes = changes
        self.refusals: list[Refusal] = []
        self._counted = [i for i, change in enumerate(changes) if change.action in _COUNTED]  # the others touch nothing of ours
        self._limits = limits
        self._permits = permits

    def check_kinds(self) -> None:
        """Kinds that take others with them need an approval that names the kind."""
        for i in self._counted:
            change = self.changes[i]
            if destroys(change) and self._needs_approval(change):
                approval = self._permits.take("kind", change.key)
                self.changes[i] = approved(change, approval) if approval else _refused(change, _kind_refusal(change))

    def _needs_approval(self, change: Change) -> bool:
        guard, kind = self._limits.guard, change.key.kind
        return kind in guard.never or (change.action is Action.REPLACE and kind in guard.irreplaceable)

    def check_empty(self) -> None:
        count = self._count(destroys)
        message = (
            f"nothing is declared, so all {count} of {self._limits.owned} owned objects would go; a broken render looks the same"
        )
        refusal = Refusal("empty", message, f"Guard(allow_empty=True), or {_approval('empty', count)}")
        self._strike(self._over(destroys, refusal, allowed=0), refusal)

    def check_deletes(self) -> None:
        refusal = self._delete_refusal()
        self._strike(self._over(destroys, refusal, self._limits.deletes), refusal)

    def check_touched(self) -> None:
        """Deletes and replaces are refused first; only if the updates alone are still too many, they are refused, too."""
        refusal = self._touched_refusal()
        over = self._over(touches, refusal, self._limits.touched)
        updates = [i for i in over if not destroys(self.changes[i])]
        self._strike(over if len(updates) > self._limits.touched else [i for i in over if destroys(self.changes[i])], refusal)

    def footer(self) -> str:
        """The numbers before anything was refused for them."""
        limits = self._limits
        deletes, touched = self._count(destroys), self._count(touches)
        return (
            f"{deletes} of {limits.owned} owned objects to delete or replace (limit {limits.deletes}), "
            f"{touched} to touch (limit {limits.touched})"
        )

    def _count(self, about: Callable[[Change], bool]) -> int:
        return sum(about(self.changes[i]) for i in self._counted)

    def _over(self, about: Callable[[Change], bool], refusal: Refusal, allowed: int) -> list[int]:
        """Return where the changes are that no approval lets through, if there are more of them than *allowed*."""
        concerned = [i for i in self._counted if about(self.changes[i])]
        if len(concerned) <= allowed:
            return []
        left = []
        for i in concerned:
            approval = self._permits.take(refusal.rule, self.changes[i].key)
            if approval:
                self.changes[i] = approved(self.changes[i], approval)
            else:
                left.append(i)
        return left if len(left) > allowed else []

    def _strike(self, places: Iterable[int], refusal: Refusal) -> None:
        struck = [*places]
        for i in struck:
            self.changes[i] = _refused(self.changes[i], refusal)
        if struck:
            self.refusals.append(refusal)

    def _delete_refusal(self) -> Refusal:
        guard, limits = self._limits.guard, self._limits
        count = self._count(destroys)
        message = (
            f"{count} of {limits.owned} owned objects would be deleted or replaced, at most {limits.deletes} may be: the larger of "
            f"{guard.delete_floor} and {guard.delete_fraction:.0%} of {limits.owned}, never more than {guard.delete_cap}"
        )
        numbers = (
            [f"delete_fraction={_fraction_for(count, limits.owned)}"]
            if share(guard.delete_fraction, limits.owned) < count
            else []
        )
        numbers += [f"delete_cap={count}"] if count > guard.delete_cap else []
        return Refusal("delete_limit", message, f"Guard({', '.join(numbers)}), or {_approval('delete_limit', count)}")

    def _touched_refusal(self) -> Refusal:
        limits = self._limits
        count = self._count(touches)
        message = (
            f"{count} of {limits.owned} owned objects would be updated, replaced or deleted, at most {limits.touched} may be: "
            f"the larger of {limits.guard.delete_floor} and {limits.guard.touched_fraction:.0%} of {limits.owned}"
        )
        numbers = f"touched_fraction={_fraction_for(count, limits.owned)}"
        return Refusal("touched_limit", message, f"Guard({numbers}), or {_approval('touched_limit', count)}")


def _fraction_for(count: int, owned: int) -> float:
    """Return the smallest fraction, in hundredths of a per cent, that allows *count* of *owned*."""
    return math.ceil(count * 10_000 / max(owned, count, 1) - 1e-9) / 10_000


def _approval(rule: str, count: int) -> str:
    return f'Approval(name="...", rules={{"{rule}"}}, expires_at=..., max_count={count})'


def _kind_refusal(change: Change) -> Refusal:
    kind = change.key.kind
    message = (
        f"to {change.action.value} a {kind} takes whatever is in it or of it along; it needs an approval that names the kind"
    )
    return Refusal("kind", message, f'Approval(name="...", rules={{"kind"}}, kinds={{"{kind}"}}, expires_at=...)')


def approved(change: Change, name: str) -> Change:
    """Return *change* with the approval that let it through; several are joined."""
    names = dict.fromkeys([*filter(None, change.approval.split(", ")), name])
    return attrs.evolve(change, approval=", ".join(names))


def _refused(change: Change, refusal: Refusal) -> Change:
    return attrs.evolve(
        change,
        state=ChangeState.REFUSED,
        rule=refusal.rule,
        reason=f"{change.reason}; {refusal.message}",
        override=refusal.override,
    )
