"""The numbers that stop a plan from doing too much, and the named, expiring permissions to do it all the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
from attrs.validators import and_, ge, le

from gitops_core.model.arguments import is_a, is_number
from gitops_core.model.resources import ResourceKey, key_set
from gitops_core.model.values import text_set

_RULES: Final = frozenset({"delete_limit", "touched_limit", "empty", "kind", "protected", "replace"})
_FRACTION: Final = is_number(and_(ge(0.0), le(1.0)))


@attrs.frozen
class Guard:
    """
    Limits on one plan, counted on owned objects. A replace counts as a delete.

    Attributes:
        delete_floor: So many deletes are always allowed (unless the desired set is empty).
        delete_fraction: Of the owned objects, 0.0-1.0, that may go in one plan.
        delete_cap: Never more deletes than this in one plan.
        touched_fraction: Of the owned objects, 0.0-1.0, that may be updated, replaced or deleted in one plan.
        never: Kinds that are deleted or replaced only with an approval that names them.
        irreplaceable: Kinds that may be deleted, but are replaced only with an approval that names them: what they hold is lost.
        allow_empty: Whether an empty desired set may prune everything.

    Raises:
        ValueError: A number that is negative, or a fraction above 1.
        TypeError: No number, or no truth value.

    Source: octoDNS' plan limits, tightened; design promise 8.
    """

    delete_floor: int = attrs.field(default=2, validator=is_number(ge(0)))
    delete_fraction: float = attrs.field(default=0.25, validator=_FRACTION)
    delete_cap: int = attrs.field(default=50, validator=is_number(ge(0)))
    touched_fraction: float = attrs.field(default=0.5, validator=_FRACTION)
    never: frozenset[str] = attrs.field(default=frozenset({"Namespace", "CustomResourceDefinition"}), converter=text_set)
    irreplaceable: frozenset[str] = attrs.field(
        default=frozenset({"PersistentVolume", "PersistentVolumeClaim"}), converter=text_set
    )
    allow_empty: bool = attrs.field(default=False, validator=is_a(bool))


@attrs.frozen
class Approval:
    """
    A named permission to exceed a guard, kept in Git or code, reviewed like everything else.

    Attributes:
        name: Who or what approved it, shown in the plan.
        expires_at: Epoch seconds after which it counts for nothing.
        rules: Which refusals it lifts: ``delete_limit``, ``touched_limit``, ``empty``, ``kind``, ``protected``, ``replace``.
        kinds: Kinds it is about; empty for all kinds, except that rule ``kind`` needs them by name.
        keys: Objects it is about; empty for all.
        max_count: At most so many objects are let through by it.

    Raises:
        ValueError: A rule that does not exist, rule ``kind`` without a kind, or a time or count that makes no sense: an
            approval that can never count for anything would go unnoticed until it is needed.
    """

    name: str
    expires_at: float = attrs.field(validator=is_number(ge(0.0)))
    rules: frozenset[str] = attrs.field(converter=text_set)
    kinds: frozenset[str] = attrs.field(default=frozenset(), converter=text_set)
    keys: frozenset[ResourceKey] = attrs.field(default=frozenset(), converter=key_set)
    max_count: int = attrs.field(default=50, validator=is_number(ge(0)))

    @rules.validator
    def _known(self, _attribute: object, rules: frozenset[str]) -> None:
        unknown = sorted(rules - _RULES)
        if unknown or not rules:
            raise ValueError(f"approval {self.name!r}: no rule is called {unknown}; rules are {', '.join(sorted(_RULES))}")

    @kinds.validator
    def _named(self, _attribute: object, kinds: frozenset[str]) -> None:
        if "kind" in self.rules and not kinds:
            raise ValueError(f"approval {self.name!r}: rule 'kind' needs the kinds by name, such as kinds={{'Namespace'}}")

    def allows(self, rule: str, key: ResourceKey | None, now: float) -> bool:
        """Tell whether this approval lifts *rule* for *key* (None: for the whole plan) at *now* (epoch seconds)."""
        if rule not in self.rules or now >= self.expires_at:
            return False
        if rule == "kind" and (key is None or key.kind not in self.kinds):
            return False
        return key is None or ((not self.kinds or key.kind in self.kinds) and (not self.keys or key in self.keys))


def first_allowing(approvals: Iterable[Approval], rule: str, key: ResourceKey | None, now: float) -> Approval | None:
    """Return the first approval, by name, that lifts *rule* for *key*."""
    return next((a for a in sorted(approvals, key=lambda a: a.name) if a.allows(rule, key, now)), None)
