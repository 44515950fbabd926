"""What other members' applications are like, for those that depend on them: asked of the store, because no event comes from there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs

from gitops_core.controller.dependencies import WELL, needs
from gitops_core.controller.fleet import Fleet
from gitops_core.controller.passing import differ
from gitops_core.controller.references import look_up
from gitops_core.controller.status import Phase
from gitops_core.controller.surroundings import Surroundings, Task
from gitops_core.controller.units import Hold, Unit
from gitops_core.engine.calls import foreseen
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import GitOpsError
from gitops_core.interfaces import StateStore
from gitops_core.model.applications import Application
from gitops_core.model.results import PassStatus
from gitops_core.model.revisions import Revision

BELIEVED: Final = 5.0
"""Seconds for which an answer is believed, and after which one that did not suffice is asked for again."""


@attrs.frozen(kw_only=True)
class Seen:
    """
    What the store says about an application that another member works on.

    Attributes:
        status: How its last pass ended; None when nobody knows.
        applied: The revision of that pass, in the words of the present one when the files are the same.
        revision: The revision that is wanted.
    """

    status: PassStatus | None = None
    applied: str = ""
    revision: str = ""


def ask(app: Application, store: StateStore, runtime: Runtime) -> Seen:
    """Return what the store and the source say about *app*. Never raises. Cost: two reads, one resolve, and a fetch when they differ."""
    try:
        with foreseen():
            records, pin = store.history(app.id, 1), store.inventory(app.id).orders.pin
    except GitOpsError:
        return Seen()
    newest = Revision(pin.revision) if pin is not None else look_up(app, store, runtime).revision
    if not records or newest is None:
        return Seen()
    last = records[0]
    is_same = last.revision == newest.id or not differ(app, (Revision(last.revision), newest), store, runtime)
    return Seen(status=PassStatus(last.status), applied=newest.id if is_same else last.revision, revision=newest.id)


class Neighbours:
    """
    The applications of other members that ours depend on. One thread's own.

    Args:
        surroundings: Store and clock.
        fleet: Who there is.
        hand_over: Lets a worker ask.
        tell: Publishes facts about a unit.
        due: Lets a unit have its turn.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        fleet: Fleet,
        hand_over: Callable[[Task], None],
        tell: Callable[..., None],
        due: Callable[[Unit], None],
    ) -> None:
        self._with, self._fleet = surroundings, fleet
        self._hand_over, self._tell, self._due = hand_over, tell, due
        self._asked: dict[str, float] = {}
        self._asking: set[str] = set()

    def hold(self, unit: Unit) -> Hold | None:
        """Return that *unit* waits for an answer about somebody it depends on; None when everything that is known is fresh."""
        now = self._with.runtime.clock.monotonic()
        needed = [self._fleet.units[name] for name in needs(unit.app) if name in self._fleet.units]
        others = [other for other in needed if other.status.phase is Phase.ELSEWHERE]
        stale = [other for other in others if now - self._asked.get(other.app.id, float("-inf")) >= BELIEVED]
        for other in stale:
            self._ask(other)
        if stale:
            return Hold(waits_for=f"word of {stale[0].app.id}, which another member works on")
        return None

    def again(self, unit: Unit) -> float:
        """Return after how many seconds somebody who waits for *unit*'s dependencies is to ask again; infinite when an event will come."""
        needed = (self._fleet.units.get(name) for name in needs(unit.app))
        return BELIEVED if any(n is not None and n.status.phase is Phase.ELSEWHERE for n in needed) else float("inf")

    def _ask(self, other: Unit) -> None:
        if other.app.id in self._asking:
            return
        self._asking.add(other.app.id)
        runtime = attrs.evolve(self._with.runtime, waits=False)
        work = partial(ask, other.app, self._with.store, runtime)
        self._hand_over(Task(f"how {other.app.id} is", work, partial(self._told, other), other.app.options.deadline))

    def _told(self, other: Unit, seen: Seen) -> None:
        self._asking.discard(other.app.id)
        self._asked[other.app.id] = self._with.runtime.clock.monotonic()
        if other.status.phase is Phase.ELSEWHERE and self._fleet.units.get(other.app.id) is other:
            facts: dict[str, Any] = {"last_pass": seen.status, "applied": seen.applied, "revision": seen.revision}
            self._tell(other, converged=seen.applied if seen.status in WELL else "", **facts)
        for unit in self._fleet.needed_by(other.app.id):
            self._due(unit)
