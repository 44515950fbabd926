"""One turn of a worker: a pass over one application, or the proof that none is needed. Everything it learns comes back as a value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import attrs

from gitops_core.controller.dependencies import WELL
from gitops_core.controller.holding import Held, Returns, Rules, hold_back
from gitops_core.engine import pipeline
from gitops_core.engine.calls import failures_of, foreseen
from gitops_core.engine.deciding import Decided
from gitops_core.engine.loading import fetch
from gitops_core.engine.ordering import give_orders
from gitops_core.engine.passes import Pass, begin
from gitops_core.engine.results import not_begun
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import GitOpsError
from gitops_core.interfaces import StateStore
from gitops_core.model.applications import Application
from gitops_core.model.inventory import EntryState
from gitops_core.model.orders import Orders, Pin, Suspension
from gitops_core.model.plans import Plan
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Outcome, PassStatus, ReconcileResult
from gitops_core.model.revisions import Revision
from gitops_core.operations import destroy
from gitops_core.policies.windows import MaintenanceWindows, until_closing


@attrs.frozen(kw_only=True)
class Job:
    """
    What a worker is to do.

    Attributes:
        app: The application.
        revision: What its source's reference names, as far as known.
        digest: Of the files at the last pass that ended well; with the same ones no pass is needed.
        look: A pass is needed whatever the files are: something may have drifted, or somebody asked.
        tokens: Of the triggers that this turn carries out; one that was not carried out before asks for a pass.
        returns: What was repaired before.
        contested_after: Repairs of the same drift after which we stop to fight.
        roll_back: Leave this revision for the last healthy one first.
        delete: Delete everything instead.
        known: The orders as of the last turn, for the report when they cannot be read.
    """

    app: Application
    revision: Revision | None
    digest: str = ""
    look: bool = True
    tokens: tuple[str, ...] = ()
    returns: Mapping[ResourceKey, Returns] = attrs.field(factory=dict)
    contested_after: int = 2
    roll_back: str = ""
    delete: bool = False
    known: Orders = Orders()


@attrs.frozen(kw_only=True)
class Report:
    """
    What a worker has learned.

    Attributes:
        result: The pass's; None when none was needed.
        revision: What was looked at.
        digest: Of its files; empty when they could not be read.
        orders: As they are now.
        ended: A suspension whose time was over at this turn.
        held: What became of the plan; None when planning was not reached.
        opens_in: Seconds until maintenance windows that are closed open; infinite when none are, or they never do.
        versions: What the application owns now, and which version of each its last look has seen; empty where the API has none.
        stopped: The pass did not come to its end because it was told to stop: by us, by a window that closed, by a standing that ended.
    """

    result: ReconcileResult | None
    revision: Revision | None = None
    digest: str = ""
    orders: Orders = Orders()
    ended: Suspension | None = None
    held: Held | None = None
    opens_in: float = float("inf")
    versions: Mapping[ResourceKey, str] = attrs.field(factory=dict)
    stopped: bool = False


def carry_out(job: Job, store: StateStore, runtime: Runtime) -> Report:
    """Do what *job* says. Never raises for what a plug-in or a store does: failures are in the result."""
    try:
        with foreseen():
            return _carry_out(job, store, runtime)
    except GitOpsError as error:
        return Report(result=not_begun(job.app, error), revision=job.revision, orders=job.known)


def _carry_out(job: Job, store: StateStore, runtime: Runtime) -> Report:
    before = store.inventory(job.app.id).orders
    orders = _orders(job, before, store, runtime)
    report = _pass(job, orders, store, runtime)
    return attrs.evolve(report, ended=before.suspension if orders.suspension is None else None)


def _pass(job: Job, orders: Orders, store: StateStore, runtime: Runtime) -> Report:
    revision = Revision(orders.pin.revision, "pinned") if orders.pin else job.revision
    if job.delete and orders.suspension is not None:
        return Report(result=ReconcileResult(job.app.id, PassStatus.REFUSED), revision=revision, orders=orders)
    if job.delete:
        result = destroy(job.app, store=store, runtime=runtime)
        return Report(result=result, revision=revision, orders=orders, versions=_versions(job.app, store))
    runtime = attrs.evolve(runtime, cancel=until_closing(job.app.policies, runtime.cancel, runtime.clock))
    p = begin(job.app, store, runtime)
    digest = _digest(p, revision)
    look = job.look or any(token not in orders.handled for token in job.tokens)
    if digest and digest == job.digest and not look:
        return Report(result=None, revision=revision, digest=digest, orders=orders, versions=_versions(job.app, store))
    found: list[Held] = []
    result = pipeline.reconcile(p, revision, partial(_select, job, orders, found, runtime))
    held = found[0] if found else None
    try:
        orders = _after(job, orders, held, store, runtime)
    except GitOpsError as error:  # the pass is over; what could not be written down is found again by the next one
        result = attrs.evolve(result, status=PassStatus.FAILED, failures=(*failures_of(error), *result.failures))
    return Report(
        result=result,
        revision=result.revision or revision,
        digest=digest,
        orders=orders,
        held=held,
        opens_in=_opens_in(job.app, runtime.clock.now()) if result.status is PassStatus.REFUSED else float("inf"),
        versions=_versions(job.app, store),
        stopped=runtime.cancel.is_set() and any(failure.error == "Cancelled" for failure in result.failures),
    )


def _opens_in(app: Application, now: float) -> float:
    """Return the seconds until all of the application's windows may be open; infinite when they are, or never will be."""
    windows = [policy for policy in app.policies if isinstance(policy, MaintenanceWindows)]
    opens = [at - now for policy in windows if (at := policy.opens_at(now)) is not None and at > now]
    return max(opens, default=float("inf"))


def differ(app: Application, revisions: tuple[Revision, Revision], store: StateStore, runtime: Runtime) -> bool:
    """Tell whether two revisions have other files for *app*; yes, when that cannot be told."""
    try:
        with foreseen():
            p = begin(app, store, runtime)
            one, other = (_digest(p, revision) for revision in revisions)
    except GitOpsError:
        return True
    return not one or one != other


def _orders(job: Job, orders: Orders, store: StateStore, runtime: Runtime) -> Orders:
    """Return the orders to work under; a suspension that is over, and a roll-back that is due, are written first."""
    now = runtime.clock.now()
    ended = orders.suspension is not None and now >= orders.suspension.until
    leaves = job.roll_back not in ("", orders.rolled_back) and orders.pin is None
    if not ended and not leaves:
        return orders
    pin = _healthy(job, store, now) if leaves else None

    def change(known: Orders) -> Orders:
        known = attrs.evolve(known, suspension=None) if ended else known
        return attrs.evolve(known, pin=pin, rolled_back=job.roll_back) if leaves else known

    return give_orders(job.app, change, store=store, runtime=runtime)


def _healthy(job: Job, store: StateStore, now: float) -> Pin | None:
    """Return the pin at the last healthy revision before the one that is left; None when the history has none."""
    revision = last_healthy(job.app, store, job.roll_back)
    why = f"{job.roll_back[:12]} did not become healthy within {job.app.options.health_timeout:g} s"
    return Pin(revision, why, "on_degraded", now) if revision else None


def last_healthy(app: Application, store: StateStore, left: str) -> str:
    """
    Return the revision at which a pass over *app* ended well last, other than the one that is *left*; empty when there is none.

    Raises:
        StateError: The history cannot be read.
    """
    records = store.history(app.id, app.options.history)
    return next((r.revision for r in records if r.status in WELL and r.revision not in ("", left)), "")


def _digest(p: Pass, revision: Revision | None) -> str:
    """Return the address of *revision*'s files; empty when they cannot be had, which the pass itself then reports."""
    if revision is None:
        return ""
    try:
        return fetch(p, revision).digest
    except GitOpsError:
        return ""


def _select(job: Job, orders: Orders, found: list[Held], runtime: Runtime, decided: Decided) -> tuple[Plan, tuple[Outcome, ...]]:
    rules = Rules(
        orders=orders, mode=job.app.options.drift, returns=job.returns, limit=job.contested_after, now=runtime.clock.now()
    )
    held = hold_back(decided, rules)
    found[:] = [held]
    return held.plan, held.ended


def _after(job: Job, orders: Orders, held: Held | None, store: StateStore, runtime: Runtime) -> Orders:
    """Return the orders with the tokens that were carried out, and with what is contested now. Cost: a write when they differ."""
    contested = orders.contested if held is None else held.contested
    drifted = [drift.key for drift in held.drift] if held is not None else []

    def change(known: Orders) -> Orders:
        for token in job.tokens:
            known = known.handling(token)
        suspension = known.suspension.also(drifted) if known.suspension is not None else None
        return attrs.evolve(known, contested=contested, suspension=suspension)

    return orders if change(orders) == orders else give_orders(job.app, change, store=store, runtime=runtime)


def _versions(app: Application, store: StateStore) -> dict[ResourceKey, str]:
    entries = store.inventory(app.id).entries.values()
    return {entry.key: entry.version for entry in entries if entry.state is not EntryState.CLAIMED}
