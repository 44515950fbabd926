"""What a desk works with: store, clock, workers, those who listen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.membership import Place
from gitops_core.controller.watching import Watching
from gitops_core.engine.runtime import Runtime
from gitops_core.interfaces import StateStore
from gitops_core.model.events import EventType


class Teller(Protocol):
    """Tells sinks what happened; never waits for one."""

    def __call__(self, type_: EventType, application: str, message: str, **data: Any) -> None: ...


@attrs.frozen(kw_only=True)
class Surroundings:
    """
    What a desk works with.

    Attributes:
        store: Where state is kept.
        runtime: Clock, randomness, sinks.
        limits: How hard to work.
        hand_over: Gives work to a worker, and what it returns to a function that the desk's own thread will call.
        tell: Tells sinks.
        watching: What targets tell by themselves.
        place: Who else shares the work.
    """

    store: StateStore
    runtime: Runtime
    limits: ControllerLimits
    hand_over: Callable[[Callable[[], Any], Callable[[Any], None]], None]
    tell: Teller
    watching: Watching
    place: Place


@attrs.frozen
class Task:
    """
    Work for a worker.

    Attributes:
        name: What it is, for who asks what does not come back.
        work: What to do.
        then: Gets the answer, in the desk's own thread.
        patience: Seconds that it may take.
    """

    name: str
    work: Callable[[], Any]
    then: Callable[[Any], None]
    patience: float
