"""An application: where desired state comes from, where it goes, and the limits in between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs
from attrs.validators import deep_iterable, ge, gt, in_, is_callable, optional, or_

from gitops_core.model.arguments import is_a, is_number, is_plug_in, several
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.pointers import Patterns, as_patterns
from gitops_core.model.resources import ResourceKey, key_set
from gitops_core.model.values import text_set

if TYPE_CHECKING:
    from gitops_core.controller.status import ApplicationStatus
    from gitops_core.health.rules import HealthRules
    from gitops_core.interfaces import Policy, Renderer, Source, Target

CONFLICTS: Final = ("refuse", "take", "leave")
"""What can be done about fields that others have written."""

DRIFT: Final = ("off", "warn", "enforce")
"""What can be done about objects that are no longer as they were applied."""

_WRAP: Final = "gitops_core.policies.function.policy makes one of a function"
_DOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_IS_DOMAIN: Final = "a DNS name in lower case, such as example.org"
_IS_NAME: Final = "1 to 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit"


def _spelled(pattern: re.Pattern[str], rule: str) -> Callable[[Any, attrs.Attribute[str], object], None]:
    """Like ``attrs.validators.matches_re``, which answers with the expression where people want the rule."""

    def check(_owner: Any, attribute: attrs.Attribute[str], value: object) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"{attribute.name}={value!r} is not {rule}")

    return check


@attrs.frozen
class Owner:
    """
    On whose behalf we act.

    Attributes:
        domain: A DNS name of yours. It prefixes every label and annotation key we read or write: ``example.org/protect``.
        name: Which installation; two engines with one owner name believe they are the same.
    """

    domain: str = attrs.field(validator=_spelled(_DOMAIN, _IS_DOMAIN))
    name: str = attrs.field(validator=_spelled(_NAME, _IS_NAME))

    def key(self, word: str) -> str:
        """Return the label or annotation key for *word*."""
        return f"{self.domain}/{word}"


def _policies(values: Iterable[Policy]) -> tuple[Policy, ...]:
    return several(values)


def _approvals(values: Iterable[Approval]) -> tuple[Approval, ...]:
    return several(values)


def _rules(values: Iterable[IgnoreRule]) -> tuple[IgnoreRule, ...]:
    return several(values)


@attrs.frozen
class IgnoreRule:
    """
    Fields that are somebody else's, at diff and at apply alike.

    Attributes:
        pointers: JSON Pointer patterns, ``*`` for any one segment.
        kinds: Kinds it is about; empty for all.
        keys: Objects it is about; empty for all.
    """

    pointers: Patterns = attrs.field(converter=as_patterns)
    kinds: frozenset[str] = attrs.field(default=frozenset(), converter=text_set)
    keys: frozenset[ResourceKey] = attrs.field(default=frozenset(), converter=key_set)

    def applies_to(self, key: ResourceKey) -> bool:
        """Tell whether this rule is about *key*."""
        return (not self.kinds or key.kind in self.kinds) and (not self.keys or key in self.keys)


@attrs.frozen
class Options:
    """
    How a pass behaves. All times are seconds.

    Attributes:
        prune: Delete what is owned and no longer declared.
        adopt: Take over an unowned object that is already there; without it such an object is refused.
        workers: Threads that write at once, before the target's own ``limits.concurrency``.
        deadline: For a whole pass.
        attempts: Calls per operation, the first one included, for errors that may be retried.
        backoff: First wait between attempts; doubles with jitter up to *backoff_cap*.
        backoff_cap: Longest wait between attempts.
        wait: Wait for health before dependents and pruning go on.
        health_timeout: How long one object may take to settle.
        health_interval: Between two looks at an object that has not settled.
        verify_timeout: How long a written object may take to show up as planned (APIs that are eventually consistent).
        memo_age: How long "unchanged" is believed without a full comparison.
        history: Passes kept in the state store.
        allow_partial_render: Apply what rendered when other files are broken. Never prunes then.
        handover: How long a delete waits for the other applications of the same target to look at it first: an object that moved
            to one of them is handed over instead. Nothing waits where no other application shares the target.
        ignore: Fields that belong to others, at diff and at apply alike.
        conflicts: What to do about a declared field that another manager has written, where the API knows managers: ``refuse``
            (unless it was ours before: then it is drift, and repaired), ``take`` or ``leave``.
        interval: What ``requeue_after`` says after a pass that is in sync.
        lock_timeout: How long to wait while another process reconciles the same application.
        drift: What a controller does about an object that is no longer as it was applied, although its declaration is: ``enforce``
            repairs it, ``warn`` only tells, ``off`` does not even look. A new declaration is applied whatever this says.
        on_degraded: What a controller does when a new revision does not become healthy in time: ``report`` it, or ``rollback`` to
            the last healthy one, once, and stay there until released.
        priority: Among applications that are due, those with a higher one come first; nobody waits for ever.

    Raises:
        ValueError: A number that makes no sense: no worker, no attempt, a negative time.
        TypeError: No number, or no truth value: a text "no" would count as yes.
    """

    prune: bool = attrs.field(default=True, validator=is_a(bool))
    adopt: bool = attrs.field(default=True, validator=is_a(bool))
    workers: int = attrs.field(default=8, validator=is_number(ge(1)))
    deadline: float = attrs.field(default=600.0, validator=is_number(gt(0.0)))
    attempts: int = attrs.field(default=5, validator=is_number(ge(1)))
    backoff: float = attrs.field(default=0.5, validator=is_number(ge(0.0)))
    backoff_cap: float = attrs.field(default=30.0, validator=is_number(ge(0.0)))
    wait: bool = attrs.field(default=True, validator=is_a(bool))
    health_timeout: float = attrs.field(default=120.0, validator=is_number(ge(0.0)))
    health_interval: float = attrs.field(default=1.0, validator=is_number(gt(0.0)))
    verify_timeout: float = attrs.field(default=10.0, validator=is_number(ge(0.0)))
    memo_age: float = attrs.field(default=3600.0, validator=is_number(ge(0.0)))
    history: int = attrs.field(default=20, validator=is_number(ge(1)))
    allow_partial_render: bool = attrs.field(default=False, validator=is_a(bool))
    handover: float = attrs.field(default=60.0, validator=is_number(ge(0)))
    ignore: tuple[IgnoreRule, ...] = attrs.field(default=(), converter=_rules, validator=deep_iterable(is_a(IgnoreRule)))
    conflicts: str = attrs.field(default="refuse", validator=in_(CONFLICTS))
    interval: float = attrs.field(default=180.0, validator=is_number(ge(0.0)))
    lock_timeout: float = attrs.field(default=30.0, validator=is_number(ge(0.0)))
    drift: str = attrs.field(default="enforce", validator=in_(DRIFT))
    on_degraded: str = attrs.field(default="report", validator=in_(("report", "rollback")))
    priority: int = 0


@attrs.frozen
class Dependency:
    """
    Another application that has to be ready first.

    Attributes:
        application: Its ``id``, or its name where the owner is the same.
        condition: ``applied``: its last pass did everything it was to do; ``healthy``: and all of it has settled and is well.
            Or a function of its :class:`~gitops_core.controller.status.ApplicationStatus`; it is pure and quick.
    """

    application: str
    condition: Literal["applied", "healthy"] | Callable[[ApplicationStatus], bool] = attrs.field(
        default="healthy", validator=or_(in_(("applied", "healthy")), is_callable())
    )


def _dependencies(values: Iterable[Dependency | str]) -> tuple[Dependency, ...]:
    return tuple(Dependency(value) if isinstance(value, str) else value for value in several(values))


@attrs.frozen(kw_only=True)
class Application:
    """
    One unit of reconciliation.

    Attributes:
        name: Unique per owner.
        owner: On whose behalf.
        source: Where desired state is fetched from.
        renderer: How files become resources.
        target: Where resources live.
        policies: What may object. Order does not matter.
        guard: Limits on one plan.
        approvals: Named, expiring permissions to exceed them.
        options: How a pass behaves.
        health: Rules by kind for "settled?" and "healthy?"; None for ours. ``DEFAULT_RULES.with_rule(...)`` overrides one.
        depends_on: Applications that a controller lets go first, and deletes later; a name alone means "healthy".
        tenant: Whose it is: a controller shares its workers evenly among tenants.

    Raises:
        ValueError: A name that cannot be one.
        TypeError: Something is not what it should be: a plug-in's class instead of an object, a dictionary instead of options.
    """

    name: str = attrs.field(validator=_spelled(_NAME, _IS_NAME))
    owner: Owner = attrs.field(validator=is_a(Owner))
    source: Source = attrs.field(validator=is_plug_in("Source", "resolve"))
    renderer: Renderer = attrs.field(validator=is_plug_in("Renderer", "render"))
    target: Target = attrs.field(validator=is_plug_in("Target", "observe"))
    policies: tuple[Policy, ...] = attrs.field(
        default=(), converter=_policies, validator=deep_iterable(is_plug_in("Policy", "review", _WRAP))
    )
    guard: Guard = attrs.field(default=Guard(), validator=is_a(Guard))
    approvals: tuple[Approval, ...] = attrs.field(default=(), converter=_approvals, validator=deep_iterable(is_a(Approval)))
    options: Options = attrs.field(default=Options(), validator=is_a(Options))
    health: HealthRules | None = attrs.field(default=None, validator=optional(is_plug_in("HealthRules", "with_rule")))
    depends_on: tuple[Dependency, ...] = attrs.field(
        default=(), converter=_dependencies, validator=deep_iterable(is_a(Dependency))
    )
    tenant: str = attrs.field(default="", validator=is_a(str))

    @property
    def id(self) -> str:
        """``domain/owner/name``: the name under which state is kept and objects are marked as owned."""
        return f"{self.owner.domain}/{self.owner.name}/{self.name}"
