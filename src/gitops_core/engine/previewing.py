"""Show the target what a plan would update, and hear what it would make of it."""

from __future__ import annotations

from collections.abc import Mapping

from gitops_core.engine.passes import Pass
from gitops_core.engine.writing import Task, call_for, preview_request
from gitops_core.errors import Cancelled, DeadlineExceeded, Disposition, GitOpsError, PluginError
from gitops_core.interfaces import capabilities
from gitops_core.model.plans import Action, Change, Plan
from gitops_core.model.resources import Live, Resource, ResourceKey
from gitops_core.model.values import Body

_PREVIEWED = frozenset({Action.UPDATE, Action.ADOPT})


def previews(
    p: Pass, plan: Plan, resources: Mapping[ResourceKey, Resource], live: Mapping[ResourceKey, Live]
) -> Mapping[ResourceKey, Body | GitOpsError]:
    """
    Return what the target would make of each update of *plan* that differs, or why it would not accept it.

    Only of targets that say ``previews_updates``. What the target cannot say for now (it is busy, or away) is left out: the
    plan then shows what was compared here.

    Cost: one ``preview`` for each of these changes, as many at once as the target bears.
    """
    asked = [c for c in plan.changes if _would_be_written(c) and c.diff and c.action in _PREVIEWED and _is_asked(p, c.key)]
    if not asked:
        return {}
    with p.runtime.executor(max(1, min(p.app.options.workers, p.app.target.limits.concurrency, len(asked)))) as pool:
        answers = [pool.submit(_preview, p, c, resources[c.key], live[c.key]) for c in asked]
        found = {c.key: answer.result() for c, answer in zip(asked, answers, strict=True)}
    return {key: answer for key, answer in found.items() if answer is not None}


def _would_be_written(change: Change) -> bool:
    """It is not held back, or only by a limit on numbers: too many differences may be false ones."""
    return change.is_ready or change.rule == "touched_limit"


def _is_asked(p: Pass, key: ResourceKey) -> bool:
    target = p.app.target.member(key)
    return target.previews_updates and "preview" in capabilities(target)


def _preview(p: Pass, change: Change, resource: Resource, live: Live) -> Body | GitOpsError | None:
    target = p.app.target.member(change.key)
    task = Task(change=change, action=Action.UPDATE, resource=resource, live=live)
    try:
        answer, _ = p.call_target(
            target, call_for(target, task), "reads", lambda ctx: target.preview(ctx, preview_request(p, task))
        )
    except (Cancelled, DeadlineExceeded):
        raise
    except GitOpsError as error:
        return error if error.disposition is Disposition.STALL else None
    body: object = answer
    if not isinstance(body, Mapping):
        return PluginError(f"{target.name}.preview returned {type(body).__name__}, not an object", target.name)
    return body
