"""Who may ask a target now: its breaker, those who wait in front of it, and who is woken when it answers. One thread's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from gitops_core.controller.backoff import backoff, jittered
from gitops_core.controller.breakers import Breakers
from gitops_core.controller.fleet import Fleet
from gitops_core.controller.status import Phase
from gitops_core.controller.surroundings import Surroundings
from gitops_core.controller.units import Hold, Unit
from gitops_core.interfaces import Target
from gitops_core.model.events import EventType
from gitops_core.model.results import ReconcileResult

_NEVER: Final = float("inf")
_UNSERVED: Final = (Phase.NEW, Phase.FAILED, Phase.DEGRADED)


class Gates:
    """
    The gates of all targets.

    Args:
        surroundings: Clock, randomness, limits, sinks.
        fleet: Who there is.
        due: Lets a unit have a turn after so many seconds.
    """

    def __init__(self, surroundings: Surroundings, fleet: Fleet, due: Callable[[Unit, float], None]) -> None:
        self._with, self._fleet, self._due = surroundings, fleet, due
        self._limits = surroundings.limits
        self._clock, self._dice = surroundings.runtime.clock, surroundings.runtime.random
        self._breakers = Breakers(self._limits.breaker_failures, self._pause)
        self._kept_off: dict[int, dict[str, None]] = {}

    def keep(self, targets: Iterable[Target]) -> None:
        """Forget all targets but *targets*."""
        self._breakers.keep(targets)

    def hold(self, unit: Unit) -> Hold | None:
        """Return why *unit* may not ask its target now; None lets it in, as the one that tries where nobody else may."""
        target, now, name = unit.app.target, self._clock.monotonic(), unit.app.id
        breaker = self._breakers.of(target)
        if breaker.lets(name, now):
            self._breakers.probe(target, name)
            return None
        self._kept_off.setdefault(id(target), {})[name] = None
        why = f"target {target.name}, which failed {breaker.failures} times in a row"
        return Hold(waits_for=why, after=breaker.until - now if now < breaker.until else _NEVER)  # the end of the try wakes it

    def learn(self, unit: Unit, result: ReconcileResult) -> None:
        """Open or close the breaker of the target, and say so."""
        target, now = unit.app.target, self._clock.monotonic()
        before, after = self._breakers.learn(target, result, now)
        if after.is_open and not before.is_open:
            wait = f"its applications wait {after.until - now:.1f} s, then one tries"
            self._with.tell(EventType.BREAKER_OPENED, unit.app.id, f"target {target.name} failed: {wait}")
        elif before.is_open and not after.is_open:
            self._with.tell(EventType.BREAKER_CLOSED, unit.app.id, f"target {target.name} answers again")
            for other in self._fleet.units.values():
                if other.app.target is target and other.status.phase in _UNSERVED and not other.status.running:
                    self._due(other, jittered(self._limits.breaker_pause / 10, 1.0, self._dice))

    def came_back(self, target: Target, application: str) -> None:
        """Let those ask again who wait for *target*: a turn of *application* is over, and perhaps it was the one that tried."""
        self._breakers.release(target, application)
        for name in self._kept_off.pop(id(target), ()):
            unit = self._fleet.units.get(name)
            if unit is not None:
                self._due(unit, max(0.0, self._breakers.of(target).until - self._clock.monotonic()))

    def _pause(self, opened: int) -> float:
        return backoff(opened, self._limits.breaker_pause, self._limits.backoff_cap, self._dice)
