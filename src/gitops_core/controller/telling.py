"""What a pass found that people want to hear of: drift, and what is contested. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import attrs

from gitops_core.controller.breakers import Breaker
from gitops_core.controller.dependencies import WELL
from gitops_core.controller.holding import Drift, Held
from gitops_core.controller.outlook import Outlook
from gitops_core.controller.passing import Report
from gitops_core.controller.status import ApplicationStatus
from gitops_core.model.events import EventType
from gitops_core.model.orders import Orders, Suspension
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import PassStatus, ReconcileResult

APPLIED: Final = (PassStatus.IN_SYNC, PassStatus.CHANGED, PassStatus.PENDING, PassStatus.REFUSED)
"""How a pass ends that could be carried out, whatever became of single objects."""


@attrs.frozen
class News:
    """Something to tell: the kind of event, words, and facts."""

    type: EventType
    message: str
    data: dict[str, Any] = attrs.field(factory=dict)


def news_of(held: Held, known: ApplicationStatus) -> Iterator[News]:
    """Yield what is new in *held* to those who know *known*: each drift when it is repaired or first seen, each contest once."""
    repaired = {drift.key for drift in held.repaired}
    for drift in held.drift:
        if drift.key in repaired or drift.key not in known.drift:
            what = "repaired" if drift.key in repaired else "left as it is"
            facts = {"key": str(drift.key), "repaired": drift.key in repaired, "manager": drift.manager}
            yield News(EventType.DRIFTED, f"{drift.key} {_named(drift)}: {what}", facts)
    told = {contested.key for contested in known.contested}
    for contested in held.contested:
        if contested.key not in told:
            who = contested.manager or "somebody else"
            why = f"{contested.key}: {who} keeps changing it back; it is not written any more until told"
            yield News(EventType.CONTESTED, why, {"key": str(contested.key), "manager": contested.manager})


def news_of_breaker(target: str, before: Breaker, after: Breaker, now: float) -> Iterator[News]:
    """Yield that *target* is left alone from now on, or that it answers again."""
    if after.is_open and not before.is_open:
        wait = f"its applications wait {after.until - now:.1f} s, then one tries"
        yield News(EventType.BREAKER_OPENED, f"target {target} failed: {wait}")
    elif before.is_open and not after.is_open:
        yield News(EventType.BREAKER_CLOSED, f"target {target} answers again")


def news_of_phase(before: ApplicationStatus, now: ApplicationStatus) -> News:
    """Return that an application stands somewhere else."""
    waits = f": {now.waits_for}" if now.waits_for else ""
    return News(EventType.PHASE_CHANGED, f"{before.phase.value} -> {now.phase.value}{waits}", {"phase": now.phase.value})


def news_of_orders(orders: Orders, ended: Suspension | None, leaves: str) -> Iterator[News]:
    """
    Yield what ended or began without anybody ordering it now.

    Args:
        orders: As they are now.
        ended: A suspension whose time was over.
        leaves: The revision that was to be left because it did not become healthy.
    """
    if ended is not None:
        text = f"the suspension by {ended.author} ({ended.reason}) is over{ended.drift}"
        yield News(EventType.ORDERED, text, {"drifted": [str(key) for key in ended.drifted]})
    if leaves and leaves == orders.rolled_back:
        pin = orders.pin
        back = f"held at {pin.revision[:12]}: {pin.reason}" if pin is not None else "no healthy revision to go back to"
        yield News(EventType.ORDERED, f"on_degraded: {leaves[:12]} was left; {back}")


def left_as_it_is(held: Held) -> tuple[ResourceKey, ...]:
    """Return the keys of the drift that is not repaired."""
    repaired: Collection[ResourceKey] = {drift.key for drift in held.repaired}
    return tuple(drift.key for drift in held.drift if drift.key not in repaired)


def facts_of(report: Report, result: ReconcileResult, seen: Outlook, known: ApplicationStatus, now: float) -> dict[str, Any]:
    """Return what a pass says about where its application stands: the fields of its status that follow from it."""
    revision = result.revision.id if result.revision is not None else known.applied
    is_well, orders = result.status in WELL, report.orders
    return {
        "phase": seen.phase,
        "converged": revision if is_well else known.converged,
        "converged_at": now if is_well else known.converged_at,
        "applied": revision if result.status in APPLIED else known.applied,
        "revision": orders.pin.revision if orders.pin is not None else revision,
        "waits_for": seen.waits_for,
        "last_pass": result.status,
        "last_error": seen.error,
        "failures": seen.failures,
        "drift": left_as_it_is(report.held) if report.held is not None else known.drift,
        "suspension": orders.suspension,
        "pin": orders.pin,
        "contested": orders.contested,
    }


def _named(drift: Drift) -> str:
    what = ", ".join(drift.pointers) or "it is gone"
    return f"drifted ({what}{f'; by {drift.manager}' if drift.manager else ''})"
