"""A circuit breaker for each target: when it fails whoever asks, ask rarely, with one application. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from gitops_core.interfaces import Target
from gitops_core.model.results import Failure, OutcomeStatus, ReconcileResult

_TARGET_FAILS: Final = frozenset({"Transient", "Expired", "Throttled", "Unobservable"})
_DONE: Final = frozenset({OutcomeStatus.DONE, OutcomeStatus.PENDING, OutcomeStatus.UNSETTLED})


@attrs.frozen
class Breaker:
    """
    What is known about one target.

    Attributes:
        failures: Passes in a row that it could not serve.
        opened: How often in a row it was opened.
        until: Nobody asks it before that, on the monotonic clock; 0 while everybody may.
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

    def without(self, application: str) -> Breaker:
        """Return it with nobody trying, when it was *application* that did: its turn is over, or it is gone."""
        return attrs.evolve(self, probe="") if self.probe == application else self

    def failed(self, application: str, most: int, pause: float, now: float) -> Breaker:
        """Return it after one more failure; with *most* of them, or when the probe failed, it pauses."""
        if self.is_open and self.probe != application:
            return self  # it began before the pause, and says nothing new
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
    """Tell whether the target failed as such: it served nothing of the pass; not one object, not the source, not the store."""
    served = any(outcome.status in _DONE for outcome in result.outcomes)
    return not served and any(failure.error in _TARGET_FAILS for failure in result.failures)


class Breakers:
    """
    The breakers of all targets, by identity: two that look alike may be two APIs.

    Args:
        most: Failures in a row that open one.
        pause: From how often in a row it was opened to the seconds of its pause.
    """

    def __init__(self, most: int, pause: Callable[[int], float]) -> None:
        self._most = most
        self._pause = pause
        self._breakers: dict[int, tuple[Target, Breaker]] = {}  # with the target: another one must not get its id

    def of(self, target: Target) -> Breaker:
        """Return what is known about *target*."""
        return self._breakers[id(target)][1] if id(target) in self._breakers else Breaker()

    def probe(self, target: Target, application: str) -> None:
        """Let *application* try for all, when the breaker is open."""
        self._know(target, self.of(target).probing(application))

    def release(self, target: Target, application: str) -> None:
        """Let another one try, when it was *application* that did."""
        self._know(target, self.of(target).without(application))

    def learn(self, target: Target, result: ReconcileResult, now: float) -> tuple[Breaker, Breaker]:
        """Take in how a pass ended; return the breaker before and after."""
        known = new = self.of(target)
        asked = asked_to_pause(result.failures)
        if is_the_targets_fault(result):
            new = known.failed(result.application, self._most, self._pause(known.opened + 1), now)
        elif result.plan is not None and not asked:
            new = Breaker()
        if asked:
            new = new.paused(now + asked)
        self._know(target, new)
        return known, new

    def keep(self, targets: Iterable[Target]) -> None:
        """Forget all targets but *targets*."""
        kept = {id(target) for target in targets}
        self._breakers = {name: known for name, known in self._breakers.items() if name in kept}

    def _know(self, target: Target, breaker: Breaker) -> None:
        if breaker == Breaker():
            self._breakers.pop(id(target), None)
        else:
            self._breakers[id(target)] = (target, breaker)
