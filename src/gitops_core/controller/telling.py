"""What a pass found that people want to hear of: drift, and what is contested. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import attrs

from gitops_core.controller.holding import Drift, Held
from gitops_core.controller.status import ApplicationStatus
from gitops_core.model.events import EventType
from gitops_core.model.resources import ResourceKey


@attrs.frozen
class News:
    """Something to tell: the kind of event, words, and facts."""

    type: EventType
    message: str
    data: dict[str, Any] = attrs.field(factory=dict)


def news_of(held: Held, known: ApplicationStatus) -> Iterator[News]:
    """Yield what is new in *held* to those who know *known*: each drift when it is repaired or first seen, each contest once."""
    repaired = {drift.key for drift in held.repaired}
    for drift in held.drift:
        if drift.key in repaired or drift.key not in known.drift:
            what = "repaired" if drift.key in repaired else "left as it is"
            facts = {"key": str(drift.key), "repaired": drift.key in repaired, "manager": drift.manager}
            yield News(EventType.DRIFTED, f"{drift.key} {_named(drift)}: {what}", facts)
    told = {contested.key for contested in known.contested}
    for contested in held.contested:
        if contested.key not in told:
            who = contested.manager or "somebody else"
            why = f"{contested.key}: {who} keeps changing it back; it is not written any more until told"
            yield News(EventType.CONTESTED, why, {"key": str(contested.key), "manager": contested.manager})


def left_as_it_is(held: Held) -> tuple[ResourceKey, ...]:
    """Return the keys of the drift that is not repaired."""
    repaired: Collection[ResourceKey] = {drift.key for drift in held.repaired}
    return tuple(drift.key for drift in held.drift if drift.key not in repaired)


def _named(drift: Drift) -> str:
    what = ", ".join(drift.pointers) or "it is gone"
    return f"drifted ({what}{f'; by {drift.manager}' if drift.manager else ''})"
