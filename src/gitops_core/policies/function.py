"""A function as a policy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, overload

from gitops_core.errors import ConfigError, PluginError
from gitops_core.interfaces import Context, Policy, Subject
from gitops_core.model.resources import Resource, ResourceKey
from gitops_core.model.verdicts import Severity, Violation
from gitops_core.policies.declared import as_severity

Objection = str | Violation | None
"""What a function says: nothing, a message, or a violation of its own making."""

Answer = Objection | Iterable[Objection]

PolicyFunction = Callable[[Resource], Answer] | Callable[[Context, Subject], Answer]


class FunctionPolicy(Policy):
    """
    Calls a function: with one resource at a time, or, if it takes two arguments, with context and subject.

    Text that it returns becomes the message of a violation: about the resource, or about the whole set. It may also return a
    :class:`Violation`, several of either, or None. Its fingerprint is empty, because nobody can tell what a function does.
    """

    def __init__(self, function: PolicyFunction, *, name: str = "", severity: Severity | str = Severity.DENY) -> None:
        """
        Wrap *function*.

        Args:
            function: ``(resource)`` or ``(ctx, subject)``.
            name: How reports call it; the function's own name when left out.
            severity: Of violations that it returns as text.

        Raises:
            ConfigError: It takes neither one nor two arguments, or there is no such severity. STALL.
        """
        self._name = name or str(getattr(function, "__name__", type(function).__name__))
        self._severity = as_severity(severity)
        self._function: Callable[..., Any] = function
        self._takes_subject = _takes_subject(function, self._name)

    @property
    def name(self) -> str:
        """The given name, or the function's."""
        return self._name

    def review(self, ctx: Context, subject: Subject) -> Iterator[Violation]:
        """
        Yield what the function says.

        Raises:
            PluginError: It returned something that is no objection.
        """
        if self._takes_subject:
            ctx.check()
            yield from self._objections(None, self._function(ctx, subject))
            return
        for resource in subject.resources:
            ctx.check()
            yield from self._objections(resource.key, self._function(resource))

    def _objections(self, key: ResourceKey | None, answer: Any) -> Iterator[Violation]:
        if answer is None or answer == "":
            return
        if isinstance(answer, Violation):
            yield answer
        elif isinstance(answer, str):
            yield Violation(key, answer, self._severity)
        elif isinstance(answer, Iterable) and not isinstance(answer, bytes):
            for item in answer:
                if item is not None and not isinstance(item, str | Violation):
                    raise self._wrong(item)
                yield from self._objections(key, item)
        else:
            raise self._wrong(answer)

    def _wrong(self, answer: object) -> PluginError:
        cure = "return None, a message, a Violation, or several of them"
        return PluginError(f"the policy {self._name} returned {type(answer).__name__}; {cure}", self._name)


class _PlanFunctionPolicy(FunctionPolicy):
    needs_plan: ClassVar[bool] = True

    def review(self, ctx: Context, subject: Subject) -> Iterator[Violation]:
        return super().review(ctx, subject) if subject.plan is not None else iter(())


@overload
def policy(function: PolicyFunction) -> FunctionPolicy: ...
@overload
def policy(
    *, name: str = "", severity: Severity | str = Severity.DENY, needs_plan: bool = False
) -> Callable[[PolicyFunction], FunctionPolicy]: ...
def policy(
    function: PolicyFunction | None = None,
    *,
    name: str = "",
    severity: Severity | str = Severity.DENY,
    needs_plan: bool = False,
) -> FunctionPolicy | Callable[[PolicyFunction], FunctionPolicy]:
    """
    Make a :class:`FunctionPolicy` of a function.

    Example::

        @policy
        def has_an_owner(resource):
            if "owner" not in resource.body.get("metadata", {}).get("annotations", {}):
                return "the annotation owner is missing: say who to call"

        @policy(severity="warn", needs_plan=True)
        def not_on_friday(ctx, subject):
            if subject.plan.ready and date.fromtimestamp(ctx.clock.now()).weekday() == 4:
                return "it is Friday: merge on Monday"

    Args:
        function: As :class:`FunctionPolicy` takes it.
        name: How reports call it.
        severity: Of violations that it returns as text.
        needs_plan: Call it only once there is a plan, so that ``subject.plan`` is never None.
    """
    cls = _PlanFunctionPolicy if needs_plan else FunctionPolicy
    if function is not None:
        return cls(function, name=name, severity=severity)
    return lambda wrapped: cls(wrapped, name=name, severity=severity)


def _takes_subject(function: Callable[..., Any], name: str) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    required = [p for p in parameters if p.kind in kinds and p.default is p.empty]
    if len(required) not in (1, 2):
        raise ConfigError(f"the policy {name} takes {len(required)} arguments; it gets (resource), or (ctx, subject)")
    return len(required) > 1
