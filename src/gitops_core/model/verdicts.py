"""What policies say about a render."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import attrs

from gitops_core.model.resources import Origin, ResourceKey, as_key


class Severity(enum.StrEnum):
    """DENY keeps the object from being written, WARN is shown, AUDIT is only recorded."""

    DENY = "deny"
    WARN = "warn"
    AUDIT = "audit"


@attrs.frozen
class Violation:
    """
    One objection of one policy.

    Attributes:
        key: The object; None when it is about the whole set (then DENY stops every write of the pass).
        message: What is wrong and what to do about it.
        severity: What follows from it.
        pointer: JSON Pointer of the offending field, empty for the object.
        policy: Name of the policy; the engine fills it in.
        origin: File and line of the field or object; the engine fills in what a policy leaves out.
    """

    key: ResourceKey | None = attrs.field(converter=attrs.converters.optional(as_key))
    message: str
    severity: Severity = attrs.field(default=Severity.DENY, converter=Severity)
    pointer: str = ""
    policy: str = ""
    origin: Origin = Origin()

    def __str__(self) -> str:
        where = f" ({self.origin}{self.pointer and ' ' + self.pointer})" if self.origin.path else ""
        return f"{self.severity} {self.policy}: {self.key or 'all objects'}: {self.message}{where}"


@attrs.frozen
class Verdict:
    """Every violation, sorted; equal inputs give equal verdicts."""

    violations: tuple[Violation, ...] = ()

    @classmethod
    def of(cls, violations: Iterable[Violation]) -> Verdict:
        """Return the verdict of *violations* in the one order that plans and reports use."""
        return cls(tuple(sorted(violations, key=_order)))

    @property
    def denied(self) -> dict[ResourceKey | None, Violation]:
        """The first denial of each object; the key None denies the whole set."""
        found: dict[ResourceKey | None, Violation] = {}
        for violation in self.violations:
            if violation.severity is Severity.DENY:
                found.setdefault(violation.key, violation)
        return found

    @property
    def is_allowed(self) -> bool:
        """No violation denies."""
        return not self.denied


_RANK = {Severity.DENY: 0, Severity.WARN: 1, Severity.AUDIT: 2}


def _order(violation: Violation) -> tuple[int, tuple[str, ...], str, str, str]:
    return (_RANK[violation.severity], violation.key or (), violation.pointer, violation.policy, violation.message)
