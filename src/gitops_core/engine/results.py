"""From outcomes to the one word that tells how a pass ended. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import attrs

from gitops_core.engine.calls import failures_of
from gitops_core.engine.deciding import Decided
from gitops_core.engine.passes import Pass
from gitops_core.errors import Disposition, GitOpsError, NotStabilized, StateError, UnknownKind
from gitops_core.model.applications import Application, Options
from gitops_core.model.plans import Plan
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Awaited, Failure, Outcome, OutcomeStatus, PassStatus, ReconcileResult
from gitops_core.model.revisions import Revision

_BAD = frozenset({OutcomeStatus.FAILED, OutcomeStatus.UNVERIFIED})
_OPEN = frozenset({OutcomeStatus.PENDING, OutcomeStatus.UNSETTLED})
_NO_FAULTS = (NotStabilized, UnknownKind)  # the API works on it; there is no such kind, and what is declared of it says so itself
_KEPT = frozenset({OutcomeStatus.REFUSED, OutcomeStatus.DEFERRED, OutcomeStatus.SKIPPED})


@attrs.frozen
class Ended:
    """
    How the changes of a pass ended.

    Attributes:
        outcomes: One a change, in plan order.
        unsettled: Unchanged objects that have not settled.
        given_back: What was written and is left to the next passes to see.
    """

    outcomes: Sequence[Outcome]
    unsettled: Collection[ResourceKey] = ()
    given_back: Sequence[Awaited] = ()


def conclude(p: Pass, decided: Decided, plan: Plan, ended: Ended) -> ReconcileResult:
    """Return the result of a pass that came to its end."""
    desired, observed, outcomes = decided.desired, decided.observed, ended.outcomes
    found = {a.key: a for a in (*decided.planned.awaited, *ended.given_back)}
    awaited = tuple(found[key] for key in sorted(found))
    failures = [o.failure for o in outcomes if o.failure is not None]
    for error in (observed.error, desired.error):
        failures = [*failures_of(error), *failures] if error is not None else failures
    still_working = any(isinstance(u.error, NotStabilized) for u in observed.unreadable)
    status = _status(outcomes, bool(plan.refusals), bool(ended.unsettled or awaited or still_working))
    if desired.error is not None or any(not isinstance(u.error, _NO_FAULTS) for u in observed.unreadable):
        status = PassStatus.DEGRADED
    return ReconcileResult(
        application=p.app.id,
        status=status,
        revision=desired.revision,
        plan=plan,
        outcomes=tuple(outcomes),
        notices=tuple(p.notices),
        failures=tuple(failures),
        requeue_after=_requeue_after(p.app, status, failures, _due(p, awaited)),
        cost=p.meter.cost(),
        awaited=awaited,
    )


def _due(p: Pass, awaited: Iterable[Awaited]) -> float | None:
    """Return the seconds until the first of *awaited* is worth another look; None when there is nothing."""
    now = p.ctx.clock.now()
    return min((_pause(p.app.options, one, now) for one in awaited), default=None)


def _pause(options: Options, one: Awaited, now: float) -> float:
    """Soon, and when its time is up; from then on seldom. Never before the target wants to be asked."""
    soon = max(options.health_interval, options.backoff)
    left = one.until - now if abs(now - one.since) < one.until - one.since else 0.0
    return max(one.retry_after or 0.0, min(soon, left) if left > 0 else max(soon, options.backoff_cap))


def unrecorded(p: Pass, result: ReconcileResult, error: StateError) -> ReconcileResult:
    """Return *result* of a pass whose end could not be written down: failed, with everything that is known about it."""
    failures = (*failures_of(error), *result.failures)
    requeue_after = _requeue_after(p.app, PassStatus.FAILED, failures)
    return attrs.evolve(result, status=PassStatus.FAILED, failures=failures, requeue_after=requeue_after)


def not_begun(app: Application, error: GitOpsError) -> ReconcileResult:
    """Return the result of a pass that could not even begin."""
    failures = failures_of(error)
    requeue_after = _requeue_after(app, PassStatus.FAILED, failures)
    return ReconcileResult(app.id, PassStatus.FAILED, failures=failures, requeue_after=requeue_after)


def failed(p: Pass, revision: Revision | None, failures: tuple[Failure, ...]) -> ReconcileResult:
    """Return the result of a pass that could not be carried out."""
    return ReconcileResult(
        application=p.app.id,
        status=PassStatus.FAILED,
        revision=revision,
        notices=tuple(p.notices),
        failures=failures,
        requeue_after=_requeue_after(p.app, PassStatus.FAILED, failures),
        cost=p.meter.cost(),
    )


def _status(outcomes: Sequence[Outcome], refused: bool, unsettled: bool) -> PassStatus:
    seen = {outcome.status for outcome in outcomes}
    if seen & _BAD:
        return PassStatus.DEGRADED
    if OutcomeStatus.STALE in seen:
        return PassStatus.STALE
    if OutcomeStatus.REFUSED in seen or refused:
        return PassStatus.REFUSED
    if seen & (_OPEN | _KEPT) or unsettled:
        return PassStatus.PENDING
    return PassStatus.CHANGED if seen else PassStatus.IN_SYNC


def _requeue_after(app: Application, status: PassStatus, failures: Iterable[Failure], due: float | None = None) -> float | None:
    """
    Return when another pass makes sense: soon for what may be retried, at the interval for the rest.

    Args:
        app: The application.
        status: How the pass ended.
        failures: What went wrong.
        due: When something that is awaited is worth another look; None when nothing is awaited.
    """
    options = app.options
    asked = [f.retry_after for f in failures if f.retry_after is not None]
    if asked:
        again = max(asked)
    elif any(f.disposition == Disposition.RETRY.value for f in failures) or status is PassStatus.STALE:
        again = options.backoff_cap
    elif status is PassStatus.PENDING:
        again = max(options.health_interval, options.backoff) if due is None else due
    else:
        again = options.interval
    return again if due is None else min(again, due)
