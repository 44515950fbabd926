"""The stop signal of a pass that has to end when its windows close."""

from __future__ import annotations

from collections.abc import Iterable

from gitops_core.interfaces import Clock, Policy, Signal
from gitops_core.policies.windows.maintenance import MaintenanceWindows


class Closing:
    """
    Set from a time of day on, or as soon as another signal is. A :class:`~gitops_core.interfaces.Signal`.

    A pass that has it for ``Runtime.cancel`` finishes the calls in hand and begins no other, as in a shutdown.
    """

    def __init__(self, signal: Signal, clock: Clock, at: float) -> None:
        """
        Watch the time.

        Args:
            signal: The host's own; setting this one sets it.
            clock: Tells the time of day.
            at: Epoch seconds.
        """
        self._signal, self._clock, self._at = signal, clock, at

    def is_set(self) -> bool:
        """Tell whether it is time."""
        return self._signal.is_set() or self._clock.now() >= self._at

    def set(self) -> None:
        """Set the host's signal."""
        self._signal.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, at most *timeout* seconds; where the clock is set back meanwhile, no longer than that."""
        left = max(0.0, self._at - self._clock.now())
        self._signal.wait(left if timeout is None else min(timeout, left))
        return self.is_set()


def until_closing(policies: Iterable[Policy], signal: Signal, clock: Clock) -> Signal:
    """
    Return the stop signal for a pass that begins now: *signal*, or one that is set, too, when windows close that say ``stop``.

    Example::

        runtime = Runtime()
        runtime = attrs.evolve(runtime, cancel=until_closing(app.policies, runtime.cancel, runtime.clock))

    Args:
        policies: Of the application; those that are no :class:`MaintenanceWindows` are passed over.
        signal: The host's own.
        clock: Tells the time of day.
    """
    now = clock.now()
    stops = [policy.stops_at(now) for policy in policies if isinstance(policy, MaintenanceWindows)]
    first = min((at for at in stops if at is not None), default=None)
    return signal if first is None else Closing(signal, clock, first)
