"""A circuit breaker for each target: when it fails whoever asks, ask rarely, with one application. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from gitops_core.interfaces import Target
from gitops_core.model.results import Failure, ReconcileResult

_TARGET_FAILS: Final = frozenset({"Transient", "Expired", "Throttled", "Unobservable"})


@attrs.frozen
class Breaker:
    """
    What is known about one target.

    Attributes:
        failures: Passes in a row that it could not serve.
        opened: How often in a row it was opened.
        until: Closed until then, on the monotonic clock; 0 while open to all.
        probe: The application that tries for all others.
    """

    failures: int = 0
    opened: int = 0
    until: float = 0.0
    probe: str = ""

    @property
    def is_open(self) -> bool:
        """Applications wait."""
        return self.until > 0.0

    def lets(self, application: str, now: float) -> bool:
        """Tell whether *application* may ask the target: everybody while it works, one when the pause is over."""
        return not self.is_open or (now >= self.until and self.probe in ("", application))

    def probing(self, application: str) -> Breaker:
        """Return it with *application* trying for all, when it is open."""
        return attrs.evolve(self, probe=application) if self.is_open else self

    def failed(self, most: int, pause: float, now: float) -> Breaker:
        """Return it after one more failure; with *most* of them, or when the probe failed, it pauses."""
        failures = self.failures + 1
        if failures < most and not self.is_open:
            return attrs.evolve(self, failures=failures)
        return Breaker(failures, self.opened + 1, now + pause)

    def paused(self, until: float) -> Breaker:
        """Return it as the target itself asked: nobody before *until*."""
        return attrs.evolve(self, until=max(self.until, until), probe="")


def asked_to_pause(failures: Iterable[Failure]) -> float:
    """Return the seconds for which a target asked to be left alone; 0 when it did not."""
    return max((f.retry_after or 0.0 for f in failures if f.error == "Throttled"), default=0.0)


def is_the_targets_fault(result: ReconcileResult) -> bool:
    """Tell whether the target failed as such: not one object, not the source, not the store."""
    return any(failure.error in _TARGET_FAILS for failure in result.failures)


class Breakers:
    """The breakers of all targets, by identity: two that look alike may be two APIs."""

    def __init__(self, most: int, pause: Callable[[int], float]) -> None:
        self._most = most
        self._pause = pause
        self._breakers: dict[int, Breaker] = {}

    def of(self, target: Target) -> Breaker:
        """Return what is known about *target*."""
        return self._breakers.get(id(target), Breaker())

    def probe(self, target: Target, application: str) -> None:
        """Let *application* try for all, when the breaker is open."""
        known = self._breakers.get(id(target))
        if known is not None:
            self._breakers[id(target)] = known.probing(application)

    def learn(self, target: Target, result: ReconcileResult, now: float) -> tuple[Breaker, Breaker]:
        """Take in how a pass ended; return the breaker before and after."""
        known = new = self.of(target)
        asked = asked_to_pause(result.failures)
        if asked or is_the_targets_fault(result):
            new = known.failed(self._most, self._pause(known.opened + 1), now)
            new = new.paused(now + asked) if asked else new
        elif result.plan is not None:
            new = Breaker()
        if new == Breaker():
            self._breakers.pop(id(target), None)  # the target may go, and another one have its id
        else:
            self._breakers[id(target)] = new
        return known, new
