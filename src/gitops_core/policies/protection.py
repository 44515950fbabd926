"""Objects that may be changed, but not removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

import attrs

from gitops_core.errors import ConfigError
from gitops_core.interfaces import Context, Subject
from gitops_core.model.plans import Action, Change
from gitops_core.model.resources import ResourceKey, key_set
from gitops_core.model.verdicts import Violation
from gitops_core.policies.declared import DeclaredPolicy
from gitops_core.policies.selectors import Selector

_CURES: Final = {
    Action.DELETE: ("deleted", "declare it again"),
    Action.REPLACE: ("replaced", "take back the change of a field that cannot be changed in place"),
}


@attrs.frozen
class ProtectedObjects(DeclaredPolicy):
    """
    Objects that must not be deleted or replaced. Looks at the plan, so it has no say before one is made.

    It holds as long as it is configured. Protection that an object asks for itself is kept in the inventory instead.

    Example::

        ProtectedObjects({"Namespace/shop", ("PersistentVolumeClaim", "shop", "orders")})
        ProtectedObjects(where=Selector(kinds=("Namespace", "CustomResourceDefinition")))

    Attributes:
        keys: These objects.
        where: And these; none when left out.
    """

    needs_plan: ClassVar[bool] = True

    keys: frozenset[ResourceKey] = attrs.field(default=frozenset(), converter=key_set)
    where: Selector = attrs.field(default=Selector(), kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.keys and not self.where:
            raise ConfigError(f"{self.name} protects nothing; say keys or where")

    def review(self, ctx: Context, subject: Subject) -> Iterator[Violation]:
        """Yield a violation for each planned delete or replace of a protected object."""
        for change in subject.plan.changes if subject.plan else ():
            ctx.check()
            if change.action in _CURES and self._protects(change):
                done, cure = _CURES[change.action]
                message = f"it is protected and would be {done}: {cure}, or take it out of {self.name}"
                yield Violation(change.key, message, self.severity, origin=change.origin)

    def _protects(self, change: Change) -> bool:
        return change.key in self.keys or (bool(self.where) and self.where.selects(change.key, change.origin.path))
