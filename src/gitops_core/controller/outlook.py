"""From how a pass ended to where the application stands and when it is looked at again. Pure."""

from __future__ import annotations

import random

import attrs

from gitops_core.controller.backoff import backoff, jittered
from gitops_core.controller.dependencies import WELL
from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.passing import Report
from gitops_core.controller.status import Phase
from gitops_core.errors import Disposition
from gitops_core.model.applications import Options
from gitops_core.model.results import Failure, OutcomeStatus, PassStatus, ReconcileResult

_OPEN = (OutcomeStatus.PENDING, OutcomeStatus.UNSETTLED, OutcomeStatus.DEFERRED, OutcomeStatus.SKIPPED)
_UNDER_WAY = (OutcomeStatus.PENDING, OutcomeStatus.UNSETTLED)
_UNSETTLED = "objects that have not settled"
_INTERRUPTED = ("Cancelled",)
_LEAST = 1.0  # seconds between two looks that nobody asked for
_TAKEN_OVER = ("StaleTerm",)


@attrs.frozen(kw_only=True)
class Outlook:
    """
    What follows from a pass.

    Attributes:
        phase: Where the application stands.
        after: Seconds until the next pass, when nothing happens before.
        failures: Passes in a row that failed, this one included.
        waits_for: What has to happen first, in words.
        error: The first thing that was wrong.
    """

    phase: Phase
    after: float
    failures: int = 0
    waits_for: str = ""
    error: Failure | None = None


@attrs.frozen(kw_only=True)
class Past:
    """
    What was before the pass.

    Attributes:
        options: Of the application.
        failures: Passes in a row that failed.
        waited: Seconds since it began to wait for health at this revision.
        watched: The target tells when something moves.
        now: Epoch seconds.
        stopped: The pass was stopped from here: that is no failure.
    """

    options: Options
    failures: int = 0
    waited: float = 0.0
    watched: bool = False
    now: float = 0.0
    stopped: bool = False


def outlook(report: Report, result: ReconcileResult, past: Past, limits: ControllerLimits, dice: random.Random) -> Outlook:
    """Return what follows from *result*."""
    options = past.options
    error = result.failures[0] if result.failures else None
    if result.status in WELL:
        phase = Phase.SYNCED if report.orders.suspension is None else Phase.SUSPENDED
        return Outlook(phase=phase, after=jittered(calm(options, past.watched), limits.jitter, dice))
    if result.status is PassStatus.REFUSED:
        return _refused(report, result, options, limits, dice)
    if past.stopped and any(f.error in _INTERRUPTED for f in result.failures):
        return Outlook(phase=Phase.PROGRESSING, after=0.0, failures=past.failures, waits_for="its turn", error=error)
    if result.status is PassStatus.PENDING:
        return _pending(result, past, limits)
    failures = past.failures + 1
    wait = backoff(failures, limits.backoff, limits.backoff_cap, dice)
    if result.status is PassStatus.STALE and failures == 1:
        return Outlook(phase=Phase.PROGRESSING, after=0.0, failures=failures, waits_for="another look", error=error)
    asked = max((f.retry_after or 0.0 for f in result.failures), default=0.0)
    phase = Phase.DEGRADED if result.status is PassStatus.DEGRADED else Phase.FAILED
    if any(f.error in _TAKEN_OVER for f in result.failures):
        phase = Phase.ELSEWHERE
    return Outlook(phase=phase, after=max(wait, asked), failures=failures, waits_for=_waits_for(error), error=error)


def calm(options: Options, watched: bool) -> float:
    """Return the seconds between two looks at an application where nothing happens: drift is told by a watch, or looked for."""
    if options.drift == "off":
        return float("inf")
    return max(_LEAST, options.interval, options.memo_age if watched else 0.0)


def _refused(report: Report, result: ReconcileResult, options: Options, limits: ControllerLimits, dice: random.Random) -> Outlook:
    phase = Phase.REFUSED
    if report.orders.contested:
        phase = Phase.CONTESTED
    if report.orders.suspension is not None:
        phase = Phase.SUSPENDED
    reasons = [outcome.reason for outcome in result.outcomes if outcome.status is OutcomeStatus.REFUSED]
    plan = [refusal.message for refusal in result.plan.refusals] if result.plan is not None else []
    order = report.orders.suspension
    suspended = [f"suspended by {order.author}: {order.reason}"] if order is not None else []
    why = next(iter([*reasons, *plan, *suspended]), "")
    interval = max(_LEAST, options.interval) if options.drift != "off" else limits.backoff_cap
    return Outlook(phase=phase, after=min(jittered(interval, limits.jitter, dice), report.opens_in), waits_for=why)


def _pending(result: ReconcileResult, past: Past, limits: ControllerLimits) -> Outlook:
    """What is awaited has a time of its own; what is only deferred (an unknown kind, a missing dependency) is asked for ever more rarely."""
    options, awaited = past.options, result.awaited
    overdue = any(0.0 < item.until <= past.now for item in awaited)
    first = next((o for o in result.outcomes if o.status in _OPEN), None)
    named = [f"{item.key}: {item.reason}" for item in awaited[:1]]
    named += [f"{first.key}: {first.reason or first.status.value}"] if first is not None else []
    after = result.requeue_after if result.requeue_after is not None else options.health_interval
    if overdue or past.waited >= options.health_timeout:
        return Outlook(phase=Phase.DEGRADED, after=max(after, options.health_interval), waits_for=next(iter(named), _UNSETTLED))
    if not awaited and not any(o.status in _UNDER_WAY for o in result.outcomes):
        after = max(after, min(past.waited, limits.backoff_cap))
    return Outlook(phase=Phase.PROGRESSING, after=after, waits_for=next(iter(named), _UNSETTLED))


def _waits_for(error: Failure | None) -> str:
    if error is None:
        return "the next attempt"
    if error.disposition == Disposition.STALL.value:
        return f"a change: {error.message}"
    return f"the next attempt: {error.message}"


def has_failed(result: ReconcileResult) -> bool:
    """Tell whether an object is unwell for good, so that waiting for its health makes no sense."""
    unwell = any(outcome.health is not None and outcome.health.failed for outcome in result.outcomes)
    return unwell or any(0.0 < item.since == item.until for item in result.awaited)


def to_leave(report: Report, result: ReconcileResult, seen: Outlook, options: Options) -> str:
    """Return the revision to leave for the last healthy one: it has not become healthy in time, and that was ordered; else empty."""
    revision, orders = report.revision, report.orders
    if options.on_degraded != "rollback" or result.status is not PassStatus.PENDING or revision is None or orders.pin is not None:
        return ""
    is_unwell = seen.phase is Phase.DEGRADED or has_failed(result)
    return revision.id if is_unwell and orders.rolled_back != revision.id else ""
