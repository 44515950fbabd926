"""
The six things an embedder does with an application.

Each takes the application, and by keyword a store (default: one SQLite file in the user's state directory, so that the next
process still knows what to prune) and a :class:`~gitops_core.engine.runtime.Runtime` (clock, stop signal, listeners).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from gitops_core.engine import explaining, pipeline
from gitops_core.engine.calls import failures_of
from gitops_core.engine.deciding import Decided
from gitops_core.engine.ledger import Ledger
from gitops_core.engine.loading import resolve
from gitops_core.engine.observing import Observed
from gitops_core.engine.passes import Pass, begin
from gitops_core.engine.pipeline import load
from gitops_core.engine.results import not_begun
from gitops_core.engine.runtime import Runtime
from gitops_core.engine.saved import select_saved
from gitops_core.errors import ConfigError, PlanMismatch, StateError
from gitops_core.interfaces import StateStore
from gitops_core.model.applications import Application
from gitops_core.model.arguments import require
from gitops_core.model.guards import Approval
from gitops_core.model.history import Explanation
from gitops_core.model.plans import Plan
from gitops_core.model.resources import ResourceKey, as_key
from gitops_core.model.results import CheckResult, Outcome, ReconcileResult
from gitops_core.model.revisions import Revision
from gitops_core.state.default import default_store


def plan(app: Application, *, store: StateStore | None = None, runtime: Runtime | None = None) -> Plan:
    """
    Return what a pass would change and why. Writes nothing, neither to the target nor to the inventory.

    Raises:
        GitOpsError: Source, renderer or store failed. A target that cannot be read is part of the plan, not an error.

    Cost: resolve, fetch and render as far as they are not known yet, one ``observe``, and for targets that say
    ``previews_updates`` one ``preview`` for each object that differs.
    """
    p = attrs.evolve(_begin(app, store, runtime), for_people=True)
    desired = load(p, resolve(p))
    ledger = Ledger(p.store, p.store.inventory(app.id))
    return pipeline.decide_all(p, desired, ledger, Observed({})).planned.plan


def reconcile(app: Application, *, store: StateStore | None = None, runtime: Runtime | None = None) -> ReconcileResult:
    """
    Run one pass: make the target equal to what the source says now.

    Never raises for what a source, renderer, policy, target or store does: failures are in the result, and independent
    objects are finished first.

    Cost: when neither Git nor the target moved, one resolve and (for a target with ``etag``) nothing else.
    """
    return _run(app, store, runtime, pipeline.reconcile)


def apply(plan: Plan, app: Application, *, store: StateStore | None = None, runtime: Runtime | None = None) -> ReconcileResult:
    """
    Apply a saved plan at the revision it was made for.

    Every change is checked against a fresh look: what moved in between comes back STALE with the new diff, and nothing is
    done that the plan does not show.

    Raises:
        PlanMismatch: The plan was made for another application. STALL.
    """
    require("plan", plan, Plan)
    if plan.application != require("app", app, Application).id:
        raise PlanMismatch(f"the plan was made for {plan.application}, not for {app.id}; make a new one with plan(app)")

    def select(decided: Decided) -> tuple[Plan, tuple[Outcome, ...]]:
        return select_saved(plan, decided.planned.plan)

    return _run(
        app, store, runtime, lambda p: pipeline.reconcile(attrs.evolve(p, saved_plan=plan.id), Revision(plan.revision), select)
    )


def check(app: Application, *, store: StateStore | None = None, runtime: Runtime | None = None) -> CheckResult:
    """
    Render and review without looking at the target: for pull requests.

    Failures are in the result. The store is read for its salt and its memo of renders only.
    """
    try:
        p = _begin(app, store, runtime)
    except StateError as error:
        return CheckResult(None, failures=failures_of(error))
    return pipeline.check(p)


def destroy(app: Application, *, store: StateStore | None = None, runtime: Runtime | None = None) -> ReconcileResult:
    """
    Delete everything the application owns, in reverse order. Neither source nor renderer is asked.

    Calling it is the approval for the number of deletes, whatever ``options.prune`` says; protected objects and the kinds in
    ``guard.never`` still need their own, and policies are asked as ever. Run it again when the result is not ``ok``.
    """
    require("app", app, Application)
    now = (runtime or Runtime()).clock.now()
    rules = {"empty", "delete_limit", "touched_limit"}
    approval = Approval(name="destroy", expires_at=now + app.options.deadline, rules=rules, max_count=2**31)
    allowed = attrs.evolve(app, approvals=(*app.approvals, approval), options=attrs.evolve(app.options, prune=True, handover=0.0))
    return _run(allowed, store, runtime, pipeline.destroy)


def explain(
    app: Application, key: ResourceKey | str, *, store: StateStore | None = None, runtime: Runtime | None = None
) -> Explanation:
    """
    Return what made an object what it is: commit, author, file, line, renderer, policies, and what became of it.

    Args:
        app: The application.
        key: The object, or its text form (``apps/Deployment/shop/web``).
        store: Where state is kept.
        runtime: Clock and stop signal.

    Raises:
        ConfigError: *key* is not a key. STALL.
        GitOpsError: Source, renderer or store failed.
    """
    try:
        wanted = as_key(key)
    except ValueError as error:
        raise ConfigError(f"explain: {error}") from None
    return explaining.explain(_begin(app, store, runtime), wanted)


def _run(
    app: Application, store: StateStore | None, runtime: Runtime | None, run: Callable[[Pass], ReconcileResult]
) -> ReconcileResult:
    """Run a pass; a store that cannot be read at all is a failure in the result, too."""
    try:
        p = _begin(app, store, runtime)
    except StateError as error:
        return not_begun(app, error)
    return run(p)


def _begin(app: Application, store: StateStore | None, runtime: Runtime | None) -> Pass:
    require("app", app, Application)
    kept = default_store() if store is None else require("store", store, StateStore)
    return begin(app, kept, require("runtime", runtime or Runtime(), Runtime))
