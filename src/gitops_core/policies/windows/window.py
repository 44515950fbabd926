"""One recurring span of time."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable
from typing import Final

import attrs

from gitops_core.errors import ConfigError
from gitops_core.policies.windows import cron, zones

_DAY: Final = dt.timedelta(days=1)
_LONGEST: Final = 366 * 86400.0
PATIENCE: Final = 1000
"""How many spans without a break are joined before one is said to last for ever."""

Span = tuple[float, float]
"""Begin and end; the end is not in it. Epoch seconds, or seconds since midnight."""


class WindowKind(enum.StrEnum):
    """ALLOW: changes are made inside of it. DENY: no change is made inside of it."""

    ALLOW = "allow"
    DENY = "deny"


def _as_kind(value: WindowKind | str) -> WindowKind:
    try:
        return WindowKind(value)
    except ValueError:
        raise ConfigError(f"there is no kind of window {value!r}; it is one of {', '.join(WindowKind)}") from None


def _as_text(value: str) -> str:
    return " ".join(value.split())


def _is_a_time(_window: Window, _field: attrs.Attribute[float], value: float) -> None:
    if not 0 < value <= _LONGEST:
        raise ConfigError(f"the duration of a window is {value} s; it is more than 0 and at most {_LONGEST:.0f} s (366 days)")


@attrs.frozen
class Window:
    """
    A span of time that comes again and again.

    Example::

        Window("0 2 * * mon-fri", 2 * 3600, "Europe/Zurich")                          # on workdays from two to four
        Window("0 17 * * fri", 64 * 3600, "Europe/Zurich", "deny", "weekend")         # from Friday evening to Monday morning

    It begins by the clock on the wall and lasts *duration* of real time: eight hours from 22:00 end at 07:00 in the night in which
    clocks are set forward. A begin that the clocks leave out is at the first instant after the gap; one that they show twice is the
    first of the two. A schedule that names every hour goes by the clock instead: no begin in the gap, two in the repeated hour.
    Begins that come while it is open prolong it.

    Attributes:
        schedule: When it begins: five cron fields, see :func:`gitops_core.policies.windows.cron.parse`.
        duration: Seconds, at most 366 days.
        zone: Of the IANA time zone database; ``UTC`` when left out.
        kind: ``allow`` or ``deny``.
        reason: Why, for those whose change it holds back.
    """

    schedule: str = attrs.field(converter=_as_text)
    duration: float = attrs.field(converter=float, validator=_is_a_time)
    zone: str = "UTC"
    kind: WindowKind = attrs.field(default=WindowKind.ALLOW, converter=_as_kind)
    reason: str = ""
    _schedule: cron.Schedule = attrs.field(init=False, repr=False, eq=False)
    _zone: dt.tzinfo = attrs.field(init=False, repr=False, eq=False)
    _even: tuple[Span, ...] = attrs.field(init=False, repr=False, eq=False)  # of a day on which no clock is changed

    def __attrs_post_init__(self) -> None:
        schedule = cron.parse(self.schedule)
        object.__setattr__(self, "_schedule", schedule)
        object.__setattr__(self, "_zone", zones.zone_of(self.zone))
        object.__setattr__(self, "_even", tuple(_joined((60.0 * minute for minute in schedule.minutes), self.duration)))

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f'{self.kind} window "{self.schedule}" for {_readable(self.duration)}, {self.zone}{reason}'

    def is_open(self, now: float) -> bool:
        """Tell whether *now*, in epoch seconds, is inside of it."""
        return self._span_at(now) is not None

    def opens_at(self, now: float) -> float | None:
        """Return the first instant from *now* on that is inside: *now* itself when it is; None at the end of the calendar."""
        return now if self.is_open(now) else self._next_begin(now)

    def closes_at(self, now: float) -> float | None:
        """Return the first instant from *now* on that is outside: *now* itself when it is; None when it stays open for ever."""
        end = now
        for _ in range(PATIENCE):
            span = self._span_at(end)
            if span is None:
                return end
            end = span[1]
        return None

    def shown(self, instant: float) -> str:
        """Return *instant* as ISO 8601 in the window's zone, with the name of the zone."""
        return f"{dt.datetime.fromtimestamp(instant, self._zone).isoformat(timespec='seconds')} ({self.zone})"

    def _span_at(self, now: float) -> Span | None:
        """Return a span that *now* is in, looking at the latest days first; the day after, too, for clocks go back over midnight."""
        day = zones.local_day(self._zone, now) + _DAY
        first = zones.local_day(self._zone, now - self.duration) - _DAY
        while day >= first:
            if self._schedule.names(day):
                found = next((span for span in self._spans(day) if span[0] <= now < span[1]), None)
                if found is not None:
                    return found
            day -= _DAY
        return None

    def _next_begin(self, now: float) -> float | None:
        day = self._schedule.day_from(zones.local_day(self._zone, now) - _DAY)
        while day is not None:
            begins = self._begins_after(now, day)
            if begins:  # those of the next day may be earlier, for clocks go back over midnight
                return min(begins + self._begins_after(now, day + _DAY))
            day = self._schedule.day_from(day + _DAY)
        return None

    def _begins_after(self, now: float, day: dt.date) -> list[float]:
        return [begin for begin, _ in self._spans(day) if begin > now] if self._schedule.names(day) else []

    def _spans(self, day: dt.date) -> Iterable[Span]:
        midnight = zones.even_midnight(self._zone, day)
        if midnight is not None:
            return ((midnight + a, midnight + b) for a, b in self._even)
        is_hourly = self._schedule.is_hourly
        begins = (i for m in self._schedule.minutes for i in zones.instants(self._zone, day, m, is_hourly=is_hourly))
        return _joined(sorted(begins), self.duration)


def _joined(begins: Iterable[float], duration: float) -> list[Span]:
    """Return the spans from each of *begins*, ascending, with those that touch joined."""
    spans: list[Span] = []
    for begin in begins:
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], begin + duration)
        else:
            spans.append((begin, begin + duration))
    return spans


def _readable(seconds: float) -> str:
    whole, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(whole), 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest:g} s" if rest else ""]
    return " ".join(filter(None, parts))
