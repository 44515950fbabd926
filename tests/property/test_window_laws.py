"""Maintenance windows agree with a scan of every minute, written without any of their code."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_core.policies.windows import Timetable, Window

MINUTE = 60
ZONES = ("UTC", "Europe/Zurich", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Beirut", "Pacific/Apia")
TURNS = (  # days near which some clock of these zones is changed
    "2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2010-11-07", "2010-03-14", "2026-10-04", "2026-04-05", "2011-12-30",
    "2028-02-29", "2026-12-31",
)  # fmt: skip


def numbers(low, high):
    return st.sets(st.integers(low, high), min_size=1, max_size=4)


@attrs.frozen
class Named:
    """What a window names, in sets; None for a star."""

    minutes: frozenset[int] | None
    hours: frozenset[int] | None
    days: frozenset[int] | None
    weekdays: frozenset[int] | None
    duration: int
    zone: str
    kind: str

    def window(self):
        words = [self.minutes, self.hours, self.days, None, self.weekdays]
        text = " ".join("*" if word is None else ",".join(map(str, sorted(word))) for word in words)
        return Window(text, self.duration, self.zone, self.kind)

    def fits(self, wall):
        """Tell whether the clock on the wall shows a time that is named."""
        by_day = self.days is None or wall.day in self.days
        by_weekday = self.weekdays is None or wall.isoweekday() % 7 in self.weekdays
        either = self.days is not None and self.weekdays is not None
        on_day = by_day or by_weekday if either else by_day and by_weekday
        named = (self.minutes is None or wall.minute in self.minutes) and (self.hours is None or wall.hour in self.hours)
        return on_day and named

    def begins(self, first, last):
        """Yield the begins among the minutes from *first* to *last*: what the wall clock of a patient observer shows."""
        zone, hourly = ZoneInfo(self.zone), self.hours is None or len(self.hours) == 24
        before = dt.datetime.fromtimestamp(first - MINUTE, zone)
        for instant in range(first, last, MINUTE):
            now = dt.datetime.fromtimestamp(instant, zone)
            left_out = int((now.utcoffset() - before.utcoffset()).total_seconds()) // MINUTE
            walls = [now.replace(tzinfo=None) - dt.timedelta(minutes=n) for n in range(1, left_out + 1)]
            if (self.fits(now) and (hourly or now.fold == 0)) or (not hourly and any(map(self.fits, walls))):
                yield instant
            before = now


named_windows = st.builds(
    Named,
    minutes=st.one_of(st.none(), numbers(0, 59).map(frozenset)),
    hours=st.one_of(st.none(), numbers(0, 23).map(frozenset), st.just(frozenset({0, 1, 2, 3, 23})), st.just(frozenset(range(24)))),
    days=st.one_of(st.none(), st.none(), numbers(1, 31).map(frozenset)),
    weekdays=st.one_of(st.none(), st.none(), numbers(0, 6).map(frozenset)),
    duration=st.sampled_from([1, 15, 30, 60, 90, 360, 1440, 2000]).map(lambda minutes: minutes * MINUTE),
    zone=st.sampled_from(ZONES),
    kind=st.sampled_from(["allow", "deny"]),
)  # fmt: skip
turns = st.sampled_from(TURNS).map(lambda text: int(dt.datetime.fromisoformat(text + "T00:00+00:00").timestamp()))
DAYS = 2 * 86400 // MINUTE


def opened(named, first, minutes):
    """Return for each of *minutes* minutes from *first* on whether it is inside a window."""
    begins = list(named.begins(first - named.duration - MINUTE, first + minutes * MINUTE))
    inside = [False] * minutes
    for begin in begins:
        offset = (begin - first) // MINUTE
        for minute in range(max(0, offset), min(minutes, offset + named.duration // MINUTE)):
            inside[minute] = True
    return inside


def first_where(wanted, states, start):
    return next((minute for minute in range(start, len(states)) if states[minute] is wanted), None)


def agrees(subject, states, first, starts):
    """Check the three questions against the scan *states*."""
    end = first + len(states) * MINUTE
    for start in starts:
        now = first + start * MINUTE
        assert subject.is_open(now) is states[start]
        assert subject.is_open(now + 59.5) is states[start], "it is the same all through the minute"
        for answer, wanted in ((subject.opens_at(now), True), (subject.closes_at(now), False)):
            minute = first_where(wanted, states, start)
            if minute is None:
                assert answer is None or answer >= end
            else:
                assert answer == first + minute * MINUTE


@pytest.mark.slow
@given(named=named_windows, turn=turns, starts=st.lists(st.integers(0, DAYS - 1), min_size=1, max_size=8))
def test_a_window_is_open_when_a_scan_of_every_minute_says_so(named, turn, starts):
    """is_open is what the scan says; opens_at and closes_at are the least instants that are open, or closed."""
    first = turn - 86400
    agrees(named.window(), opened(named, first, DAYS), first, starts)


@pytest.mark.slow
@given(
    windows=st.lists(named_windows, min_size=1, max_size=3),
    turn=turns,
    starts=st.lists(st.integers(0, DAYS - 1), min_size=1, max_size=5),
)
def test_windows_together_are_open_when_a_scan_of_every_minute_says_so(windows, turn, starts):
    """A deny window wins; with allow windows nothing is open outside of them."""
    first = turn - 86400
    scans = {kind: [opened(w, first, DAYS) for w in windows if w.kind == kind] for kind in ("allow", "deny")}
    states = [
        not any(scan[minute] for scan in scans["deny"])
        and (not scans["allow"] or any(scan[minute] for scan in scans["allow"]))
        for minute in range(DAYS)
    ]  # fmt: skip
    agrees(Timetable(tuple(named.window() for named in windows)), states, first, starts)


@given(named=named_windows, now=st.floats(0, 4e9))
def test_a_window_is_constant_between_its_changes(named, now):
    """What opens_at and closes_at name is a change, and nothing changes before it."""
    window = named.window()
    change = window.closes_at(now) if window.is_open(now) else window.opens_at(now)
    if change is None:
        return
    assert window.is_open(change) is not window.is_open(now)
    for share in (0.0, 0.25, 0.5, 0.75, 0.999):
        between = now + (change - now) * share
        assert between >= change or window.is_open(between) is window.is_open(now)
