"""How much one plan may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import attrs

from gitops_core.errors import ConfigError
from gitops_core.interfaces import Context, Subject
from gitops_core.model.plans import Action, Change, Plan
from gitops_core.model.verdicts import Violation
from gitops_core.policies.declared import DeclaredPolicy


def _not_negative(policy: ChangeBudget, field: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and value < 0:
        raise ConfigError(f"{policy.name}: {field.name} is {value}; a limit is 0 or more, or None for no limit")


_limit = attrs.validators.optional(attrs.validators.instance_of(int))


@attrs.frozen(kw_only=True)
class ChangeBudget(DeclaredPolicy):
    """
    Limits on one plan; beyond one of them nothing of it is applied. Looks at the plan, so it has no say before one is made.

    Unlike the ``Guard``, which protects what is owned from pruning, this is about any kind of change: roll out in small steps.

    Attributes:
        creates: Most objects created, or None for no limit; likewise the others.
        updates: Most objects changed in place, adoptions with a difference included.
        replaces: Most objects deleted and created again.
        deletes: Most objects deleted; a replace counts.
        total: Most objects touched.
    """

    needs_plan: ClassVar[bool] = True

    creates: int | None = attrs.field(default=None, validator=[_limit, _not_negative])
    updates: int | None = attrs.field(default=None, validator=[_limit, _not_negative])
    replaces: int | None = attrs.field(default=None, validator=[_limit, _not_negative])
    deletes: int | None = attrs.field(default=None, validator=[_limit, _not_negative])
    total: int | None = attrs.field(default=None, validator=[_limit, _not_negative])

    def review(self, ctx: Context, subject: Subject) -> Iterator[Violation]:
        """Yield one violation about the whole set for each limit that is exceeded."""
        ctx.check()
        if subject.plan is None:
            return
        for word, count in _count(subject.plan).items():
            most = getattr(self, word)
            if most is not None and count > most:
                cure = f"split the commit, or allow it with {type(self).__name__}({word}={count})"
                yield Violation(None, f"{count} {_noun(word)} planned, at most {most} allowed: {cure}", self.severity)


def _count(plan: Plan) -> dict[str, int]:
    touched = [change for change in plan.ready if writes(change)]
    actions = [change.action for change in touched]
    return {
        "creates": actions.count(Action.CREATE),
        "updates": actions.count(Action.UPDATE) + actions.count(Action.ADOPT),
        "replaces": actions.count(Action.REPLACE),
        "deletes": actions.count(Action.DELETE) + actions.count(Action.REPLACE),
        "total": len(touched),
    }


def writes(change: Change) -> bool:
    """Tell whether *change* touches the target: an adoption of what is equal already only writes down that it is ours."""
    return change.action is not Action.UNCHANGED and (change.action is not Action.ADOPT or bool(change.diff))


def _noun(word: str) -> str:
    return "changes in all" if word == "total" else word
