"""What a health rule sees, and the verdicts it can give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.pointers import get
from gitops_core.model.resources import Live
from gitops_core.model.values import text_set

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final[Mapping[str, Any]] = {}


@attrs.frozen
class HealthOptions:
    """
    Numbers and names that no object says about itself.

    Attributes:
        grace: Seconds after our own write for which a custom resource without a status is Unknown, not Healthy.
        unschedulable_after: Age in seconds at which a Pod that fits on no node counts as failed. Source: kstatus.
        first_consumer_classes: Storage classes with ``volumeBindingMode: WaitForFirstConsumer``, ``*`` for all:
            a pending claim of one of them has settled, for it waits for a Pod that may be waiting for us.
    """

    grace: float = 5.0
    unschedulable_after: float = 15.0
    first_consumer_classes: frozenset[str] = attrs.field(default=frozenset(), converter=text_set)


@attrs.frozen
class Condition:
    """One of ``status.conditions``; every field is empty when the object has no such condition."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    observed_generation: Any = None

    @property
    def is_true(self) -> bool:
        """Its status is the text ``True``."""
        return self.status == "True"


@attrs.frozen
class Observed:
    """
    One live object, as a health rule sees it.

    The accessors forgive missing fields and wrong containers; a leaf of the wrong type is a ``TypeError``, which makes
    the object Unknown.

    Attributes:
        live: The object.
        now: Epoch seconds.
        written_at: Epoch seconds of our own last write; None when we did not write it.
        options: Of the rules in force.
        body: Of *live*, read once.
    """

    live: Live
    now: float
    written_at: float | None = None
    options: HealthOptions = HealthOptions()
    body: Mapping[str, Any] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "body", _mapping(self.live.body))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """``metadata``, empty when missing."""
        return _mapping(self.body.get("metadata"))

    @property
    def status(self) -> Mapping[str, Any]:
        """``status``, empty when missing or not an object."""
        return _mapping(self.body.get("status"))

    @property
    def is_kubernetes(self) -> bool:
        """It bears an ``apiVersion``: only then do the rules for Kubernetes' kinds mean anything."""
        return bool(self.body.get("apiVersion"))

    def number(self, pointer: str, default: int = 0) -> int:
        """Return the integer at *pointer*, or *default* when there is none or null."""
        value = get(self.body, pointer)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{pointer} is not an integer but {type(value).__name__}")
        return value

    def text(self, pointer: str, default: str = "") -> str:
        """Return the text at *pointer*, or *default* when there is none or null."""
        value = get(self.body, pointer)
        if value is None:
            return default
        if not isinstance(value, str):
            raise TypeError(f"{pointer} is not text but {type(value).__name__}")
        return value

    def items(self, pointer: str) -> Iterator[Mapping[str, Any]]:
        """Yield every object in the list at *pointer*."""
        return objects_in(get(self.body, pointer))

    def condition(self, name: str) -> Condition:
        """Return the condition of type *name*, or an empty one."""
        return next((c for c in conditions_in(self.status.get("conditions")) if c.type == name), _NO_CONDITION)

    def age(self) -> float | None:
        """Return the seconds since ``metadata.creationTimestamp``, or None when it cannot be read."""
        created = parse_time(self.metadata.get("creationTimestamp"))
        return None if created is None else self.now - created


Rule = Callable[[Observed], Health | None]
"""A health rule: None lets the general rules decide."""

_NO_CONDITION: Final = Condition()


def objects_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object of the list *value*; nothing when it is no list."""
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list | tuple) else iter(())


def conditions_in(value: Any) -> Iterator[Condition]:
    """Yield the conditions of the list *value*, in its order."""
    for item in objects_in(value):
        kind, status, reason, message = (str(item.get(field) or "") for field in ("type", "status", "reason", "message"))
        yield Condition(kind, status, reason, message, item.get("observedGeneration"))


def parse_time(text: Any) -> float | None:
    """Return the epoch seconds of an RFC 3339 time, or None when *text* is none. A time without a zone is none."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment - _EPOCH).total_seconds()
    except (TypeError, ValueError):  # no text, no time, or no zone: nothing that could be compared with ours
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _NOTHING


# ---------------------------------------------------------------------------------------------------------------------
# The verdicts. Two invariants hold everywhere: Healthy has settled, and failed is Degraded and has not settled.


def healthy(reason: str = "", message: str = "") -> Health:
    """It has settled and is well."""
    return Health(True, HealthStatus.HEALTHY, reason, message)


def suspended(reason: str, message: str = "", *, settled: bool = True) -> Health:
    """Somebody has told its controller to stop."""
    return Health(settled, HealthStatus.SUSPENDED, reason, message)


def progressing(reason: str, message: str = "", *, settled: bool = False) -> Health:
    """It is on its way; *settled* when dependents need not wait for the rest of it."""
    return Health(settled, HealthStatus.PROGRESSING, reason, message)


def degraded(reason: str, message: str = "", *, settled: bool = False) -> Health:
    """Something is wrong that may mend itself."""
    return Health(settled, HealthStatus.DEGRADED, reason, message)


def failed(reason: str, message: str = "") -> Health:
    """Something is wrong that only a change mends: waiting is pointless."""
    return Health(False, HealthStatus.DEGRADED, reason, message, failed=True)


def unknown(reason: str, message: str = "") -> Health:
    """Nothing can be said about it."""
    return Health(False, HealthStatus.UNKNOWN, reason, message)
