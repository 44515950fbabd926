"""What made an object what it is."""

from __future__ import annotations

from gitops_core.engine.calls import Call, translated
from gitops_core.engine.ledger import Ledger
from gitops_core.engine.loading import Desired, resolve
from gitops_core.engine.observing import Observed
from gitops_core.engine.passes import Pass
from gitops_core.engine.pipeline import decide_all, load
from gitops_core.model.history import Explanation
from gitops_core.model.inventory import Inventory
from gitops_core.model.plans import Change, Plan
from gitops_core.model.resources import Resource, ResourceKey
from gitops_core.model.revisions import Revision

_JOURNAL = 20


def explain(p: Pass, key: ResourceKey) -> Explanation:
    """
    Return everything known about *key*. Reads source and target like a plan, and writes nothing.

    Raises:
        GitOpsError: Source, renderer or store failed.
    """
    desired = load(p, resolve(p))
    ledger = Ledger(p.store, p.store.inventory(p.app.id))
    decided = decide_all(p, desired, ledger, Observed({}))
    plan = decided.planned.plan
    resource = next((r for r in desired.resources if r.key == key), None)
    entry = ledger.inventory.entries.get(key)
    commit = _commit(p, desired, resource, ledger.inventory, key)
    return Explanation(
        key=key,
        declared=resource.origin if resource else None,
        commit=commit.id if commit else "",
        author=commit.author if commit else "",
        commit_time=commit.time if commit else 0.0,
        commit_message=commit.message if commit else "",
        renderer=p.app.renderer.fingerprint or p.app.renderer.name,
        policies=tuple(sorted(policy.name for policy in p.app.policies)),
        violations=tuple(str(v) for v in plan.verdict.violations if v.key in (key, None)),
        owned=entry is not None,
        protected=entry is not None and entry.protected,
        pending=_pending(plan, key),
        records=tuple(p.store.journal(p.app.id, key, _JOURNAL)),
        depends_on=entry.depends_on if entry else (),
    )


def _commit(p: Pass, desired: Desired, resource: Resource | None, inventory: Inventory, key: ResourceKey) -> Revision | None:
    entry = inventory.entries.get(key)
    path = resource.origin.path if resource else (entry.path if entry else _last_path(p, key))
    if not path:
        return None
    with translated(Call(p.app.source.name, "history", key)):
        return desired.tree.history(path)


def _pending(plan: Plan, key: ResourceKey) -> str:
    change: Change | None = next((c for c in plan.changes if c.key == key), None)
    if change is None:
        return "nothing: it is as declared" if key in plan.unchanged else ""
    return f"{change.action.value} ({change.state.value}): {change.reason}"


def _last_path(p: Pass, key: ResourceKey) -> str:
    """Return the file that declared *key* before it was removed."""
    return next((record.origin.path for record in p.store.journal(p.app.id, key, _JOURNAL) if record.origin.path), "")
