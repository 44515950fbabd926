"""From outcomes to the one word that tells how a pass ended. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import attrs

from gitops_core.engine.calls import failures_of
from gitops_core.engine.deciding import Decided
from gitops_core.engine.passes import Pass
from gitops_core.errors import Disposition, GitOpsError, NotStabilized, StateError, UnknownKind
from gitops_core.model.applications import Application
from gitops_core.model.plans import Plan
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Failure, Outcome, OutcomeStatus, PassStatus, ReconcileResult
from gitops_core.model.revisions import Revision

_BAD = frozenset({OutcomeStatus.FAILED, OutcomeStatus.UNVERIFIED})
_OPEN = frozenset({OutcomeStatus.PENDING, OutcomeStatus.UNSETTLED})
_NO_FAULTS = (NotStabilized, UnknownKind)  # the API works on it; there is no such kind, and what is declared of it says so itself
_KEPT = frozenset({OutcomeStatus.REFUSED, OutcomeStatus.DEFERRED, OutcomeStatus.SKIPPED})


def conclude(
    p: Pass, decided: Decided, plan: Plan, outcomes: Sequence[Outcome], unsettled: Collection[ResourceKey]
) -> ReconcileResult:
    """Return the result of a pass that came to its end."""
    desired, observed = decided.desired, decided.observed
    failures = [o.failure for o in outcomes if o.failure is not None]
    for error in (observed.error, desired.error):
        failures = [*failures_of(error), *failures] if error is not None else failures
    still_working = any(isinstance(u.error, NotStabilized) for u in observed.unreadable)
    status = _status(outcomes, bool(plan.refusals), bool(unsettled or still_working))
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
        requeue_after=_requeue_after(p.app, status, failures),
        cost=p.meter.cost(),
    )


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


def _requeue_after(app: Application, status: PassStatus, failures: Iterable[Failure]) -> float | None:
    """Return when another pass makes sense: soon for what may be retried, at the interval for the rest."""
    options = app.options
    asked = [f.retry_after for f in failures if f.retry_after is not None]
    if asked:
        return max(asked)
    if any(f.disposition == Disposition.RETRY.value for f in failures) or status is PassStatus.STALE:
        return options.backoff_cap
    if status is PassStatus.PENDING:
        return max(options.health_interval, options.backoff)
    return options.interval
