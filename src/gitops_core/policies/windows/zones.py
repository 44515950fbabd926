"""Time zones: the instants at which a clock on the wall shows a time."""

from __future__ import annotations

import datetime as dt
import functools
import zoneinfo

from gitops_core.errors import ConfigError


def zone_of(name: str) -> dt.tzinfo:
    """
    Return the time zone *name* of the IANA time zone database. ``UTC`` is always there.

    Raises:
        ConfigError: There is no such zone, or no database. STALL.
    """
    if name == "UTC":
        return dt.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        cure = 'write a name like "Europe/Zurich"; where the system has no time zone data, install the package tzdata'
        raise ConfigError(f"the time zone {name!r} cannot be found: {cure}") from None


def local_day(zone: dt.tzinfo, instant: float) -> dt.date:
    """Return the date that a calendar in *zone* shows at *instant*, in epoch seconds."""
    return dt.datetime.fromtimestamp(instant, zone).date()


@functools.lru_cache(maxsize=4096)
def even_midnight(zone: dt.tzinfo, day: dt.date) -> float | None:
    """
    Return the epoch seconds at which *day* begins; None of a day on which clocks in *zone* are changed.

    Cost: remembered for the last thousands of days, because all windows ask about the same ones.
    """
    begin = _at(zone, day, 0, fold=0)
    end = _at(zone, day + dt.timedelta(days=1), 0, fold=1)
    return begin.timestamp() if begin.utcoffset() == end.utcoffset() else None


def instants(zone: dt.tzinfo, day: dt.date, minute: int, *, is_hourly: bool) -> list[float]:
    """
    Return the epoch seconds at which something that is due at *minute* of *day* begins.

    What names certain hours begins once: where clocks are set forward over it, at the first instant after the gap; where they are
    set back and show it twice, the first time. What happens every hour goes by the clock: never in the gap, and twice when an hour is
    shown twice.

    Source: PEP 495 for gap and fold; cron(8) of Vixie cron for the difference between certain hours and every hour.
    """
    first, second = (_at(zone, day, minute, fold=fold) for fold in (0, 1))
    begin, again = first.timestamp(), second.timestamp()
    if again < begin:  # a gap: with fold=1 the later offset counts, which is the greater
        return [] if is_hourly else [_gap_end(zone, again, begin)]
    return [begin, again] if is_hourly and again > begin else [begin]


def _at(zone: dt.tzinfo, day: dt.date, minute: int, *, fold: int) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone, fold=fold)


def _gap_end(zone: dt.tzinfo, before: float, after: float) -> float:
    """Return the instant between *before* and *after* at which the clocks were changed, to the second."""
    offset = dt.datetime.fromtimestamp(after, zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if dt.datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
