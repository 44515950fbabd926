"""What policies that are made of options share: a severity, a name, and a fingerprint over every option."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from gitops_core.errors import ConfigError
from gitops_core.interfaces import Context, Policy, Subject
from gitops_core.model.resources import Resource
from gitops_core.model.values import digest
from gitops_core.model.verdicts import Severity, Violation

_VERSION = 1  # raise it when a policy of this package changes its mind about equal inputs


def as_severity(value: Severity | str) -> Severity:
    """
    Return the severity *value* names (an attrs converter).

    Raises:
        ConfigError: There is no such severity. STALL.
    """
    try:
        return Severity(value)
    except ValueError:
        raise ConfigError(f"there is no severity {value!r}; it is one of {', '.join(Severity)}") from None


@attrs.frozen(kw_only=True)
class DeclaredPolicy(Policy):
    """
    Base of the policies of this package.

    Attributes:
        severity: What follows from a violation.
        name: How reports call it; the class's name when left out.
    """

    severity: Severity = attrs.field(default=Severity.DENY, converter=as_severity)
    name: str = attrs.field(default=attrs.Factory(lambda self: type(self).__name__, takes_self=True))

    @property
    def fingerprint(self) -> str:
        """Changes with every option."""
        kind = type(self)
        return digest([kind.__module__, kind.__qualname__, _VERSION, _plain(self)])


@attrs.frozen(kw_only=True)
class ResourcePolicy(DeclaredPolicy):
    """Base of the policies that look at one declaration at a time."""

    def review(self, ctx: Context, subject: Subject) -> Iterator[Violation]:
        """Yield what :meth:`objections` says about each resource."""
        for resource in subject.resources:
            ctx.check()
            yield from self.objections(resource)

    @abc.abstractmethod
    def objections(self, resource: Resource) -> Iterable[Violation]:
        """Return what is wrong with *resource*. Its place is left to the engine, which knows the line of every field."""


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        return {f.name: _plain(getattr(value, f.name)) for f in attrs.fields(type(value)) if f.init}
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
