"""What a pass of a controller leaves undone on purpose: drift that is only to be told, contested objects, everything while suspended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import attrs

from gitops_core.engine.deciding import Decided
from gitops_core.model.inventory import EntryState, Inventory
from gitops_core.model.orders import Contested, Orders
from gitops_core.model.plans import Action, Change, ChangeState, Plan
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Outcome, OutcomeStatus
from gitops_core.planning.annotations import notes_of

_WRITTEN: Final = frozenset({OutcomeStatus.DONE, OutcomeStatus.PENDING, OutcomeStatus.UNSETTLED, OutcomeStatus.UNVERIFIED})
_REPAIRS: Final = frozenset({Action.CREATE, Action.UPDATE, Action.REPLACE, Action.ADOPT})


@attrs.frozen
class Drift:
    """
    An object that is not as it was applied, although its declaration is.

    Attributes:
        key: The object.
        pointers: The fields that differ, sorted; empty when it is gone.
        manager: Who else has written one of them, where the API knows.
        desired: Digest of the declaration.
    """

    key: ResourceKey
    pointers: tuple[str, ...] = ()
    manager: str = ""
    desired: str = ""


@attrs.frozen
class Returns:
    """
    How often the same drift came back.

    Attributes:
        drift: What was repaired last.
        repairs: How often.
        last: When, epoch seconds.
    """

    drift: Drift
    repairs: int
    last: float


@attrs.frozen(kw_only=True)
class Held:
    """
    What became of a plan.

    Attributes:
        plan: What is left to do.
        ended: An outcome for each change that was held back.
        drift: Every drift that was found.
        repaired: What of it is going to be repaired.
        contested: What is contested now, the old and the new.
    """

    plan: Plan
    ended: tuple[Outcome, ...] = ()
    drift: tuple[Drift, ...] = ()
    repaired: tuple[Drift, ...] = ()
    contested: tuple[Contested, ...] = ()


@attrs.frozen(kw_only=True)
class Rules:
    """
    By what is decided.

    Attributes:
        orders: What is ordered about the application.
        mode: Of the application: ``Options.drift``.
        returns: What was repaired before, by key.
        limit: Repairs of the same drift after which we stop to fight.
        now: Epoch seconds.
        managers: Who last wrote each object, where the API knows that and not who wrote a field.
    """

    orders: Orders
    mode: str
    returns: Mapping[ResourceKey, Returns]
    limit: int
    now: float
    managers: Mapping[ResourceKey, str] = attrs.field(factory=dict)


def hold_back(decided: Decided, rules: Rules) -> Held:
    """Return what of a plan is to be done now, and why the rest is not. Pure."""
    modes = _modes(decided, rules.mode)
    live = decided.observed.live
    managers = {key: live[key].manager for key in (change.key for change in decided.planned.plan.changes) if key in live}
    return narrow(decided.planned.plan, decided.request.inventory, modes, attrs.evolve(rules, managers=managers))


def narrow(plan: Plan, inventory: Inventory, mode_of: Callable[[ResourceKey], str], rules: Rules) -> Held:
    """Like :func:`hold_back`, from the parts it looks at."""
    drift = {change.key: found for change in plan.changes if (found := drift_of(change, inventory, rules.managers)) is not None}
    contested = _contested(drift, plan, rules)
    changes: list[Change] = []
    ended: list[Outcome] = []
    for change in plan.changes:
        mode = mode_of(change.key) if change.key in drift else "enforce"
        if mode == "off" and change.is_ready:
            continue
        held = _held(change, mode, contested.get(change.key), rules.orders)
        changes.append(held)
        if held is not change:
            ended.append(Outcome(held.key, held.action, OutcomeStatus.REFUSED, held.reason))
    ready = {change.key for change in changes if change.is_ready}
    return Held(
        plan=attrs.evolve(plan, changes=tuple(changes)),
        ended=tuple(ended),
        drift=tuple(found for key, found in sorted(drift.items()) if mode_of(key) != "off"),
        repaired=tuple(found for key, found in sorted(drift.items()) if key in ready),
        contested=tuple(contested[key] for key in sorted(contested)),
    )


def drift_of(change: Change, inventory: Inventory, writers: Mapping[ResourceKey, str]) -> Drift | None:
    """Return what drifted, when *change* would only bring back what had been applied already."""
    entry = inventory.entries.get(change.key)
    if entry is None or entry.state is not EntryState.APPLIED or change.action not in _REPAIRS:
        return None
    if not change.is_ready or entry.desired != change.desired:
        return None
    managers = sorted({field.manager for field in change.diff if field.manager})
    return Drift(
        change.key,
        tuple(field.pointer for field in change.diff),
        ", ".join(managers) or writers.get(change.key, ""),
        change.desired,
    )


def counted(
    returns: Mapping[ResourceKey, Returns], held: Held, outcomes: Iterable[Outcome], now: float, memory: float
) -> dict[ResourceKey, Returns]:
    """
    Return what to remember after a pass: the same drift is counted on once more, what is old or contested now is forgotten.

    Args:
        returns: What was remembered.
        held: What was going to be repaired.
        outcomes: What became of it: a repair that the target did not take is none.
        now: Epoch seconds.
        memory: Seconds for which a repair is remembered.
    """
    contested = {each.key for each in held.contested}
    written = {outcome.key for outcome in outcomes if outcome.status in _WRITTEN}
    kept = {key: known for key, known in returns.items() if now - known.last < memory and key not in contested}
    for drift in held.repaired:
        if drift.key not in written:
            continue
        known = kept.get(drift.key)
        is_same = known is not None and _same(known.drift, drift)
        kept[drift.key] = Returns(drift, known.repairs + 1 if known is not None and is_same else 1, now)
    return kept


def _same(one: Drift, other: Drift) -> bool:
    return (one.pointers, one.desired) == (other.pointers, other.desired)


def _contested(drift: Mapping[ResourceKey, Drift], plan: Plan, rules: Rules) -> dict[ResourceKey, Contested]:
    """Return what stays contested, and what has come back once too often."""
    desired = {change.key: change.desired for change in plan.changes}
    known = {c.key: c for c in rules.orders.contested if desired.get(c.key, c.desired) == c.desired}
    for key, found in drift.items():
        before = rules.returns.get(key)
        if key not in known and before is not None and _same(before.drift, found) and before.repairs >= rules.limit:
            known[key] = Contested(key, found.pointers, found.manager, rules.now, found.desired)
    return known


def _held(change: Change, mode: str, contested: Contested | None, orders: Orders) -> Change:
    """Return *change*, or the same one refused."""
    if not change.is_ready:
        return change
    if orders.suspension is not None:
        order = orders.suspension
        why = f"suspended by {order.author}: {order.reason}"
        return attrs.evolve(
            change, state=ChangeState.REFUSED, rule="suspended", reason=why, override="controller.resume(application)"
        )
    if contested is not None:
        who = contested.manager or "somebody else"
        why = f"contested: {who} keeps changing it back ({', '.join(contested.pointers) or 'it is deleted'}); not written until told"
        return attrs.evolve(
            change, state=ChangeState.REFUSED, rule="contested", reason=why, override="controller.settle(application)"
        )
    if mode == "warn":
        why = f"drifted: {change.reason}; only told, because its drift mode is warn"
        return attrs.evolve(change, state=ChangeState.REFUSED, rule="drift", reason=why, override='Options(drift="enforce")')
    return change


def _modes(decided: Decided, default: str) -> Callable[[ResourceKey], str]:
    """Return the drift mode of each key: its annotation's, else the application's."""
    resources = {resource.key: resource for resource in decided.desired.resources}

    def mode_of(key: ResourceKey) -> str:
        resource = resources.get(key)
        return (notes_of(decided.request.read(resource), decided.request.owner).drift if resource is not None else "") or default

    return mode_of
