"""Ask every policy; one that raises denies."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs

from gitops_core.engine.calls import Call, translated
from gitops_core.engine.loading import Desired
from gitops_core.engine.passes import Pass
from gitops_core.errors import GitOpsError, PluginError
from gitops_core.interfaces import Policy, Subject
from gitops_core.model.events import EventType
from gitops_core.model.plans import Plan
from gitops_core.model.resources import Origin, Resource, ResourceKey
from gitops_core.model.revisions import Notice
from gitops_core.model.verdicts import Severity, Verdict, Violation


def review(p: Pass, desired: Desired, plan: Plan | None = None) -> Verdict:
    """
    Return what the policies say: of the declarations without *plan*, of the plan with one (then only those that need it).

    Every violation comes back with policy, revision, file and line.
    """
    policies = [policy for policy in p.app.policies if plan is None or policy.needs_plan]
    if not policies:
        return Verdict()
    subject = Subject(p.app.id, p.app.owner, desired.revision, desired.resources, plan)
    by_key = {resource.key: resource for resource in desired.resources}
    violations = [_placed(p, desired, by_key, violation) for policy in policies for violation in _ask(p, policy, subject)]
    for violation in violations:
        message, severity = violation.message, violation.severity.value
        p.events.later(
            EventType.VIOLATION, message, key=violation.key, origin=violation.origin, policy=violation.policy, severity=severity
        )
    p.events.flush()
    return Verdict.of(violations)


def fail_closed(verdict: Verdict, known: Collection[ResourceKey]) -> Verdict:
    """
    Return *verdict* with every denial of an object that nobody knows turned into a denial of everything.

    A misspelt key would otherwise deny nothing, and let through what it was meant to stop.
    """
    return Verdict.of(
        attrs.evolve(v, key=None, message=f"{v.message} (it names {v.key}, which is neither declared nor owned)")
        if v.severity is Severity.DENY and v.key is not None and v.key not in known
        else v
        for v in verdict.violations
    )


def _ask(p: Pass, policy: Policy, subject: Subject) -> list[Violation]:
    call = Call(policy.name, "review")
    try:
        found = p.call(call, lambda: _collect(p, policy, subject))
    except GitOpsError as error:
        message = f"denied because the policy itself failed: {error.message}; mend the policy or take it out"
        found = [Violation(None, message)]
    return [attrs.evolve(violation, policy=violation.policy or policy.name) for violation in found]


def _collect(p: Pass, policy: Policy, subject: Subject) -> list[Violation]:
    answer = policy.review(p.ctx, subject)
    if not isinstance(answer, Iterable):
        raise PluginError(f"{policy.name}.review returned {type(answer).__name__}, not violations", policy.name)
    found: list[Violation] = []
    for violation in answer:
        if not isinstance(violation, Violation):
            raise PluginError(f"{policy.name}.review yielded {type(violation).__name__}, not a Violation", policy.name)
        found.append(violation)
    return found


def _placed(p: Pass, desired: Desired, by_key: dict[ResourceKey, Resource], violation: Violation) -> Violation:
    """Return *violation* with the file and line of the field it is about, as exactly as the renderer knows."""
    resource = by_key.get(violation.key) if violation.key else None
    origin = violation.origin
    if resource is not None and not origin.path:
        origin = resource.origin
        if violation.pointer:
            origin = _located(p, desired, resource, violation.pointer)
    return attrs.evolve(violation, origin=attrs.evolve(origin, revision=desired.revision.id))


def _located(p: Pass, desired: Desired, resource: Resource, pointer: str) -> Origin:
    """Return the place of one field; of the object, with a notice, when the renderer fails to find it: the violation stands."""
    renderer = p.app.renderer
    try:
        with translated(Call(renderer.name, "locate", resource.key, resource.origin)):
            found = renderer.locate(desired.tree, resource, pointer)
            if not isinstance(found, Origin):
                raise PluginError(f"{renderer.name}.locate returned {type(found).__name__}, not Origin", renderer.name)
            return found
    except GitOpsError as error:
        p.ctx.notify(Notice("locate-failed", error.message, resource.origin.path, resource.origin.line))
        return resource.origin
