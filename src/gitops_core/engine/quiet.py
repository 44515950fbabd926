"""Nothing new in Git, nothing moved in the target: tell so without fetching, rendering or observing."""

from __future__ import annotations

from typing import Any

import attrs

from gitops_core.engine.calls import Call
from gitops_core.engine.keeping import kept
from gitops_core.engine.ledger import Ledger
from gitops_core.engine.loading import Desired
from gitops_core.engine.passes import Pass
from gitops_core.errors import GitOpsError
from gitops_core.interfaces import capabilities
from gitops_core.model.applications import Application
from gitops_core.model.plans import Plan
from gitops_core.model.results import PassStatus, ReconcileResult
from gitops_core.model.revisions import Notice, Revision


@attrs.frozen(kw_only=True)
class InSync:
    """
    A pass that found everything in sync, and what that rested on.

    Attributes:
        app: The application, with the very plug-ins that were asked.
        revision: The revision, with author and message.
        etag: The target's state token from before it was observed.
        serial: Of the inventory.
        plan: The plan that had nothing to do.
        notices: What the reader was told.
        expires: Epoch seconds; from then on a full pass is due.
    """

    app: Application
    revision: Revision
    etag: str
    serial: int
    plan: Plan
    notices: tuple[Notice, ...]
    expires: float


def token(p: Pass) -> str | None:
    """Return the target's state token, or None when it has none or some plug-in cannot tell whether it would answer the same."""
    target = p.app.target
    plugins = (p.app.renderer, *p.app.policies)
    if "etag" not in capabilities(target) or not all(plugin.fingerprint for plugin in plugins):
        return None
    try:
        return p.call(Call(target.name, "etag"), lambda: target.etag(p.ctx))
    except GitOpsError:
        p.ctx.check()
        return None  # a full look follows, and says what is wrong with the target


def learn(p: Pass, etag: str | None, desired: Desired, result: ReconcileResult, serial: int) -> None:
    """Keep *result* for :func:`still_in_sync` when it found nothing to do and every input can be recognised again."""
    memos = _memos(p)
    if etag is None or result.status is not PassStatus.IN_SYNC or result.plan is None:
        memos.pop(p.app.id, None)
        return
    memos[p.app.id] = InSync(
        app=p.app, revision=desired.revision, etag=etag, serial=serial, plan=result.plan, notices=result.notices,
        expires=p.started_at + p.app.options.memo_age,
    )  # fmt: skip


def is_worth_a_look(app: Application, result: ReconcileResult) -> bool:
    """
    Tell whether a pass that has written should look once more: when that is little beside what it has done.

    Not where a policy looks at plans: it has spoken about what was changed, and the next pass asks it about nothing to do.
    """
    plan = result.plan
    if result.status is not PassStatus.CHANGED or plan is None or any(policy.needs_plan for policy in app.policies):
        return False
    return len(plan.changes) > len(plan.unchanged)


def still_in_sync(p: Pass, revision: Revision) -> ReconcileResult | None:
    """
    Return the result of a pass that need not be run, or None.

    Cost: one read of the inventory's serial and one of the target's state token; one write for each new term.

    Raises:
        StaleTerm: Our own term is over. WAIT.
        StateError: The store cannot be read, or not be written under the new term.
    """
    memo = _memos(p).get(p.app.id)
    if memo is None or memo.revision.id != revision.id or not _same_application(memo.app, p.app) or p.started_at >= memo.expires:
        return None
    ledger = Ledger(p.store, p.store.inventory(p.app.id), p.runtime.term)
    if ledger.inventory.serial != memo.serial:
        return None
    ledger.claim()
    if ledger.inventory.serial != memo.serial:
        _memos(p)[p.app.id] = memo = attrs.evolve(memo, serial=ledger.inventory.serial)
    if token(p) != memo.etag:
        return None
    p.notices[:] = memo.notices
    return ReconcileResult(
        application=p.app.id, status=PassStatus.IN_SYNC, revision=memo.revision, plan=memo.plan, notices=memo.notices,
        requeue_after=p.app.options.interval, cost=p.meter.cost(),
    )  # fmt: skip


def _same_application(a: Application, b: Application) -> bool:
    """Compare plug-ins by identity, because equal-looking ones may have been changed, and the rest by value."""
    plugins = [(a.source, b.source), (a.renderer, b.renderer), (a.target, b.target), *zip(a.policies, b.policies, strict=False)]
    values = (len(a.policies), a.guard, a.approvals, a.options) == (len(b.policies), b.guard, b.approvals, b.options)
    return values and all(x is y for x, y in plugins)


def _memos(p: Pass) -> dict[str, Any]:
    memos: dict[str, Any] = kept(p.store, "in-sync", dict)
    return memos
