"""A circuit breaker for each target: when it fails whoever asks, ask rarely, with one application. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

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
