"""What happened, as it happens: values for sinks."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from gitops_core.model.resources import Origin, ResourceKey


class EventType(enum.StrEnum):
    """The kinds of events: of a pass, in its order, and of a controller."""

    PASS_STARTED = "pass-started"
    RESOLVED = "resolved"
    RENDERED = "rendered"
    VIOLATION = "violation"
    PLANNED = "planned"
    CHANGE_STARTED = "change-started"
    CHANGE_FINISHED = "change-finished"
    RETRYING = "retrying"
    NOTICE = "notice"
    PASS_FINISHED = "pass-finished"
    # of a controller, between passes
    PHASE_CHANGED = "phase-changed"
    DRIFTED = "drifted"
    CONTESTED = "contested"
    ORDERED = "ordered"
    QUARANTINED = "quarantined"
    BREAKER_OPENED = "breaker-opened"
    BREAKER_CLOSED = "breaker-closed"
    MEMBERSHIP = "membership"
    APPLICATIONS_FAILED = "applications-failed"


@attrs.frozen
class Event:
    """
    One thing that happened.

    Attributes:
        type: What kind of thing.
        application: ``Application.id``.
        time: Epoch seconds on the engine's clock.
        sequence: Position within the pass, from 0; (application, pass_id, sequence) identifies an event.
        pass_id: The pass.
        message: For people; redacted.
        key: The object, if it is about one.
        origin: Its declaration.
        data: Facts for machines; JSON values, nothing secret.
    """

    type: EventType
    application: str
    time: float
    sequence: int = 0
    pass_id: str = ""
    message: str = ""
    key: ResourceKey | None = None
    origin: Origin = Origin()
    data: Mapping[str, Any] = attrs.field(factory=dict)
