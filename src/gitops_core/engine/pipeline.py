"""One pass: resolve -> fetch -> render -> review -> observe -> plan -> apply -> verify -> prune -> record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from gitops_core.collecting import heap_set_aside, paused_collector
from gitops_core.engine import quiet
from gitops_core.engine.applying import Applier, Job
from gitops_core.engine.calls import failures_of, foreseen
from gitops_core.engine.confirming import Confirmer
from gitops_core.engine.deciding import Decided, Judge, named_elsewhere, plan_request
from gitops_core.engine.excluding import alone
from gitops_core.engine.ledger import Ledger
from gitops_core.engine.loading import Desired, fetch, render, resolve
from gitops_core.engine.observing import Observed, holders, observe, unseen
from gitops_core.engine.passes import Pass
from gitops_core.engine.pending import resume
from gitops_core.engine.previewing import previews
from gitops_core.engine.recording import journal, remember, write_ahead
from gitops_core.engine.results import Ended, conclude, failed, unrecorded
from gitops_core.engine.reviewing import fail_closed, review
from gitops_core.engine.settling import unsettled
from gitops_core.errors import GitOpsError, SourceError, StateError
from gitops_core.model.events import EventType
from gitops_core.model.inventory import Inventory
from gitops_core.model.plans import Change, Plan
from gitops_core.model.resources import Resource, ResourceKey
from gitops_core.model.results import CheckResult, Outcome, PassStatus, ReconcileResult
from gitops_core.model.revisions import File, Notice, Revision, Tree
from gitops_core.model.verdicts import Verdict
from gitops_core.planning import planner
from gitops_core.planning.request import Planned, PlanRequest

_SHOWN: Final = 5  # names in a notice

Select = Callable[[Decided], tuple[Plan, tuple[Outcome, ...]]]
"""Narrows a fresh plan to what may be applied, with the outcomes of the rest."""


def everything(decided: Decided) -> tuple[Plan, tuple[Outcome, ...]]:
    """Let all of a fresh plan be applied."""
    return decided.planned.plan, ()


def reconcile(p: Pass, revision: Revision | None = None, select: Select = everything) -> ReconcileResult:
    """
    Run one pass and return its result; failures are in it, not raised.

    Args:
        p: The pass.
        revision: Go to this one instead of what the source's reference names.
        select: Narrows the plan to what may be applied.
    """
    p.events.emit(EventType.PASS_STARTED, p.app.name)
    try:
        with alone(p):
            result = _remembered(p, _attempt(p, revision, select))
    except GitOpsError as error:
        result = failed(p, revision, failures_of(error))
    p.events.emit(EventType.PASS_FINISHED, result.status.value, status=result.status.value)
    return result


def _remembered(p: Pass, result: ReconcileResult) -> ReconcileResult:
    try:
        remember(p, result)
    except StateError as error:
        return unrecorded(p, result, error)
    return result


def _attempt(p: Pass, revision: Revision | None, select: Select) -> ReconcileResult:
    at = revision
    try:
        with foreseen():
            at = revision or resolve(p)
            result = None if p.saved_plan else quiet.still_in_sync(p, at)
        if result is None:
            desired = load(p, at)
            result = converge(p, desired, Ledger(p.store, p.store.inventory(p.app.id), p.runtime.term), select)
    except StateError:
        raise
    except GitOpsError as error:
        return failed(p, at, failures_of(error))
    return result


@foreseen()
def converge(p: Pass, desired: Desired, ledger: Ledger, select: Select) -> ReconcileResult:
    """Bring the target to *desired*: decide, write ahead, apply, verify, prune, record."""
    ledger.claim()
    token = None if p.saved_plan else quiet.token(p)  # what a saved plan leaves out has to be done by the next pass
    decided = decide_all(p, desired, ledger, resume(p, ledger))
    plan, ended = select(decided)
    if p.events.is_heard:
        p.events.emit(EventType.PLANNED, plan.summary, plan=plan.id)
    over = {outcome.key for outcome in ended}
    ready = [c for c in plan.changes if c.is_ready and c.key not in over]
    with paused_collector():
        resources = _at_hand(decided.request, ready)
        ahead = write_ahead(p, decided.planned, decided.request, ready, resources)
    before = ledger.inventory
    ledger.write(ahead)
    judge = Judge(decided.request, resources, ledger, p.ctx.clock.now)
    confirmer = Confirmer(p, ledger, judge)
    job = Job(plan=plan, resources=resources, live=decided.observed.live, ended=ended, before=before)
    applier = Applier(p, ledger, job, confirmer)
    with heap_set_aside():
        outcomes = applier.run()
        result = conclude(p, decided, plan, Ended(outcomes, applier.unsettled, confirmer.given_back))
        error = applier.unrecorded or _journaled(p, desired, plan, outcomes)
        if error is not None:
            return unrecorded(p, result, error)
        seen = result
        if token is not None and quiet.is_worth_a_look(p.app, result):
            token, seen = _look_again(p, decided, ledger, result)
            result = attrs.evolve(result, cost=p.meter.cost())
        quiet.learn(p, token, desired, seen, ledger.inventory.serial)
    return result


def _look_again(p: Pass, decided: Decided, ledger: Ledger, result: ReconcileResult) -> tuple[str | None, ReconcileResult]:
    """Return the target's state token, and what a pass would find now; no token when that cannot be told."""
    try:
        token = quiet.token(p)
        observed = observe(p, frozenset(ledger.inventory.entries), ledger.inventory)
        planned = make_plan(plan_request(p, decided.desired, observed, ledger, decided.request.verdict))
    except GitOpsError:
        return None, result  # everything is done and recorded; the next pass looks
    is_quiet = planned.plan.is_empty and not planned.plan.refusals and not planned.refreshed
    return (token if is_quiet else None), attrs.evolve(result, status=PassStatus.IN_SYNC, plan=planned.plan)


def _at_hand(request: PlanRequest, changes: Iterable[Change]) -> dict[ResourceKey, Resource]:
    """Return the declarations of *changes* by key, with the bodies that planning has decoded already."""
    keys = {change.key for change in changes}
    return {r.key: r.with_loader(request.read(r).again) for r in request.desired if r.key in keys} if keys else {}


def _journaled(p: Pass, desired: Desired, plan: Plan, outcomes: tuple[Outcome, ...]) -> StateError | None:
    try:
        p.store.append_journal(p.app.id, journal(p, desired, outcomes, {c.key: c for c in plan.changes}))
    except StateError as error:
        return error
    return None


@foreseen()
def load(p: Pass, revision: Revision) -> Desired:
    """Return what *revision* declares."""
    return render(p, fetch(p, revision))


@foreseen()
def decide_all(p: Pass, desired: Desired, ledger: Ledger, pending: Observed) -> Decided:
    """Review, observe and plan. Writes nothing, neither to the target nor to the inventory."""
    wanted = frozenset(r.key for r in desired.resources)
    known = wanted | ledger.inventory.entries.keys()
    verdict = fail_closed(review(p, desired), known)
    observed = observe(p, known, ledger.inventory)
    observed = attrs.evolve(observed, unreadable=(*observed.unreadable, *pending.unreadable))
    request = plan_request(p, desired, observed, ledger, verdict)
    late = unsettled(p, ledger.inventory, observed)
    request = attrs.evolve(request, holders=holders(p, [r.key for r in desired.resources], ledger.inventory), unsettled=late)
    planned = make_plan(request)
    elsewhere = named_elsewhere(desired, planned.plan, p.app.owner)
    if elsewhere:
        others = observe(p, elsewhere, ledger.inventory)
        request = attrs.evolve(request, live={**others.live, **observed.live})
        planned = make_plan(request)
    objections = review(p, desired, planned.plan)
    if objections.violations:
        request = attrs.evolve(request, verdict=fail_closed(Verdict.of((*verdict.violations, *objections.violations)), known))
        planned = make_plan(request)
    if p.for_people:
        found = previews(p, planned.plan, {r.key: r for r in desired.resources}, observed.live)
        if found:
            request = attrs.evolve(request, previews=found)
            planned = make_plan(request)
    others_first = unseen(p, planned.plan, ledger.inventory, desired.revision.id)
    if others_first:
        request = attrs.evolve(request, unseen=others_first)
        planned = make_plan(request)
    if not p.app.options.prune:
        _tell_what_is_kept(p, ledger.inventory, wanted)
    return Decided(desired=desired, observed=observed, request=request, planned=planned)


def make_plan(request: PlanRequest) -> Planned:
    """Plan, without the collector: planning keeps much and drops no cycles."""
    with paused_collector():
        return planner.make_plan(request)


def _tell_what_is_kept(p: Pass, inventory: Inventory, wanted: frozenset[ResourceKey]) -> None:
    kept = sorted(inventory.entries.keys() - wanted)
    if kept:
        shown = ", ".join(map(str, kept[:_SHOWN])) + (" ..." if len(kept) > _SHOWN else "")
        p.ctx.notify(Notice("kept", f"{len(kept)} no longer declared and kept, because Options.prune is off: {shown}"))


def check(p: Pass) -> CheckResult:
    """Render and review, for pull requests; the target is never asked."""
    revision: Revision | None = None
    try:
        with foreseen():
            revision = resolve(p)
            tree = fetch(p, revision)
            revision = tree.revision
            desired = render(p, tree)
            verdict = review(p, desired)
    except GitOpsError as error:
        return CheckResult(revision, notices=tuple(p.notices), failures=failures_of(error))
    failures = () if desired.error is None else failures_of(desired.error)
    return CheckResult(revision, tuple(r.key for r in desired.resources), verdict, tuple(p.notices), failures)


def destroy(p: Pass) -> ReconcileResult:
    """Run a pass in which nothing is declared; source and renderer are not asked."""
    tree = Tree("", Revision("", ref="destroy"), dict, _unread)
    p.events.emit(EventType.PASS_STARTED, p.app.name)
    try:
        with alone(p):
            ledger = Ledger(p.store, p.store.inventory(p.app.id), p.runtime.term)
            result = converge(p, Desired(tree.revision, tree, ()), ledger, everything)
            result = _remembered(p, result)
    except GitOpsError as error:
        result = failed(p, None, failures_of(error))
    p.events.emit(EventType.PASS_FINISHED, result.status.value, status=result.status.value)
    return result


def _unread(file: File) -> bytes:
    raise SourceError(f"{file.path}: there are no files when everything is to be deleted")
