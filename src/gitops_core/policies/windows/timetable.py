"""Several windows together: when changes may be made at all. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import attrs

from gitops_core.policies.windows.window import PATIENCE, Window, WindowKind


class Closure(NamedTuple):
    """
    Why it is closed.

    Attributes:
        window: The deny window that is open, or the allow window that opens next.
        until: Epoch seconds at which it opens; None when it never does.
    """

    window: Window
    until: float | None


@attrs.frozen
class Timetable:
    """
    Allow and deny windows. A deny window wins; with allow windows nothing is open outside of them, without any everything is.

    Points in time are epoch seconds. Cost: a look at a few days of each window; up to a thousand where windows touch each other.
    """

    windows: tuple[Window, ...]

    def is_open(self, now: float) -> bool:
        """Tell whether changes may be made *now*."""
        allowing = self._of(WindowKind.ALLOW)
        return not _opened(self._of(WindowKind.DENY), now) and (not allowing or bool(_opened(allowing, now)))

    def opens_at(self, now: float) -> float | None:
        """
        Return the first instant from *now* on at which changes may be made: *now* itself when they may.

        None when there is none, or none within a thousand steps from window to window (years, with daily ones).
        """
        for _ in range(PATIENCE):
            closure = self._step(now)
            if closure is None:
                return now
            if closure.until is None:
                return None
            now = closure.until
        return None

    def closes_at(self, now: float) -> float | None:
        """Return the first instant from *now* on at which no change may be made: *now* itself when none may; None for never."""
        if not self.is_open(now):
            return now
        denied = _least(window.opens_at(now) for window in self._of(WindowKind.DENY))
        return _least([denied, self._left_at(now)])

    def closure(self, now: float) -> Closure | None:
        """Return why no change may be made *now*, and until when; None when changes may be made."""
        closure = self._step(now)
        return closure and closure._replace(until=self.opens_at(now))

    def _of(self, kind: WindowKind) -> list[Window]:
        return [window for window in self.windows if window.kind is kind]

    def _left_at(self, now: float) -> float | None:
        """Return when the last of the allow windows that are open or join those closes; None when there are none, or for never."""
        allowing = self._of(WindowKind.ALLOW)
        for _ in range(PATIENCE if allowing else 0):
            inside = _opened(allowing, now)
            if not inside:
                return now
            end = _latest(window.closes_at(now) for window in inside)
            if end is None:
                return None
            now = end
        return None

    def _step(self, now: float) -> Closure | None:
        """Return one window that stands in the way, and when it no longer does; others may then."""
        denying = _opened(self._of(WindowKind.DENY), now)
        if denying:
            ends = [(window, window.closes_at(now)) for window in denying]
            return Closure(*max(ends, key=lambda pair: _or_never(pair[1])))
        allowing = self._of(WindowKind.ALLOW)
        if not allowing or _opened(allowing, now):
            return None
        begins = [(window, window.opens_at(now)) for window in allowing]
        return Closure(*min(begins, key=lambda pair: _or_never(pair[1])))


def _opened(windows: Iterable[Window], now: float) -> list[Window]:
    return [window for window in windows if window.is_open(now)]


def _or_never(instant: float | None) -> float:
    return float("inf") if instant is None else instant


def _least(instants: Iterable[float | None]) -> float | None:
    return min((i for i in instants if i is not None), default=None)


def _latest(instants: Iterable[float | None]) -> float | None:
    found = list(instants)
    return None if None in found else max(i for i in found if i is not None)
