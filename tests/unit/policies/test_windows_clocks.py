"""Windows on the days on which clocks are changed."""

import datetime as dt
from zoneinfo import ZoneInfo

import attrs
import pytest

from gitops_core.errors import ConfigError
from gitops_core.policies.windows import Window
from gitops_core.policies.windows.zones import even_midnight, instants, local_day, zone_of

ZURICH, NEW_YORK = "Europe/Zurich", "America/New_York"


def at(text):
    """Return the epoch seconds of *text*, ISO 8601 with an offset."""
    return dt.datetime.fromisoformat(text).timestamp()


def spans(window, first, last):
    """Return begin and end of every span of *window* between two instants, in its own zone."""
    found, now, zone = [], window.opens_at(at(first)), zone_of(window.zone)
    while now < at(last):
        end = window.closes_at(now)
        found.append(tuple(dt.datetime.fromtimestamp(t, zone).isoformat(timespec="minutes") for t in (now, end)))
        now = window.opens_at(end)
    return found


# -- forward: an hour is left out --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("zone", "day", "before", "after"),
    [(ZURICH, "2026-03-29", "+01:00", "+02:00"), (NEW_YORK, "2026-03-08", "-05:00", "-04:00")],
)
class TestForward:
    """Both change from 02:00 to 03:00."""

    def test_a_window_that_begins_in_the_gap_begins_at_the_first_instant_after_it(self, zone, day, before, after):
        window = Window("30 2 * * *", 1800, zone)
        (found,) = spans(window, f"{day}T00:00{before}", f"{day}T12:00{after}")
        assert found == (f"{day}T03:00{after}", f"{day}T03:30{after}")

    def test_windows_in_and_after_the_gap_are_one(self, zone, day, before, after):
        window = Window("15 2,3 * * *", 1800, zone)
        (found,) = spans(window, f"{day}T00:00{before}", f"{day}T12:00{after}")
        assert found == (f"{day}T03:00{after}", f"{day}T03:45{after}")

    def test_a_window_lasts_real_time(self, zone, day, before, after):
        window = Window("0 1 * * *", 3 * 3600, zone)
        (found,) = spans(window, f"{day}T00:00{before}", f"{day}T12:00{after}")
        assert found == (f"{day}T01:00{before}", f"{day}T05:00{after}")

    def test_what_comes_every_hour_does_not_come_in_the_hour_that_is_not(self, zone, day, before, after):
        window = Window("30 * * * *", 600, zone)
        found = [begin for begin, _ in spans(window, f"{day}T01:00{before}", f"{day}T05:00{after}")]
        assert found == [f"{day}T01:30{before}", f"{day}T03:30{after}", f"{day}T04:30{after}"]

    def test_the_day_before_and_after_are_as_ever(self, zone, day, before, after):
        here, change = zone_of(zone), dt.date.fromisoformat(day)
        assert [even_midnight(here, change + dt.timedelta(days=n)) is None for n in (-1, 0, 1)] == [False, True, False]


# -- back: an hour is repeated -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("zone", "day", "hour", "before", "after"),
    [(ZURICH, "2026-10-25", 2, "+02:00", "+01:00"), (NEW_YORK, "2026-11-01", 1, "-04:00", "-05:00")],
)
class TestBack:
    """Zurich changes from 03:00 to 02:00, New York from 02:00 to 01:00."""

    def test_a_window_in_the_repeated_hour_begins_once_the_first_time(self, zone, day, hour, before, after):
        window = Window(f"30 {hour} * * *", 600, zone)
        (found,) = spans(window, f"{day}T00:00{before}", f"{day}T12:00{after}")
        assert found == (f"{day}T0{hour}:30{before}", f"{day}T0{hour}:40{before}")

    def test_a_window_lasts_real_time(self, zone, day, hour, before, after):
        window = Window(f"30 {hour} * * *", 3600, zone)
        (found,) = spans(window, f"{day}T00:00{before}", f"{day}T12:00{after}")
        assert found == (f"{day}T0{hour}:30{before}", f"{day}T0{hour}:30{after}")

    def test_what_comes_every_hour_comes_in_both(self, zone, day, hour, before, after):
        window = Window("30 * * * *", 600, zone)
        found = [begin for begin, _ in spans(window, f"{day}T0{hour}:00{before}", f"{day}T0{hour + 1}:45{after}")]
        assert found == [f"{day}T0{hour}:30{before}", f"{day}T0{hour}:30{after}", f"{day}T0{hour + 1}:30{after}"]

    def test_every_minute_is_every_minute(self, zone, day, hour, before, after):
        window = Window("* * * * *", 60, zone)
        assert window.closes_at(at(f"{day}T00:00{before}")) is None

    def test_a_window_that_fills_the_day_leaves_the_25th_hour(self, zone, day, hour, before, after):
        window = Window("0 0 * * *", 86400, zone)
        assert window.shown(window.closes_at(at(f"{day}T12:00{after}") - 40 * 86400)) == f"{day}T23:00:00{after} ({zone})"


# -- odd zones ---------------------------------------------------------------------------------------------------------------
def test_a_gap_at_midnight_is_left_at_one():
    """Beirut, 2026-03-29: from 00:00 to 01:00."""
    window = Window("15 0 * * *", 600, "Asia/Beirut")
    (found,) = spans(window, "2026-03-28T12:00+02:00", "2026-03-29T12:00+03:00")
    assert found == ("2026-03-29T01:00+03:00", "2026-03-29T01:10+03:00")


def test_clocks_that_go_back_over_midnight_show_two_days_in_turns():
    """St John's, 2010-11-07: from 00:01 back to 23:01 of the day before, so that both days come twice."""
    window = Window("0,30 * * * *", 600, "America/St_Johns")
    found = [begin for begin, _ in spans(window, "2010-11-06T23:15-02:30", "2010-11-07T00:45-03:30")]
    assert found == [
        "2010-11-06T23:30-02:30", "2010-11-07T00:00-02:30",
        "2010-11-06T23:30-03:30", "2010-11-07T00:00-03:30", "2010-11-07T00:30-03:30",
    ]  # fmt: skip


TURN = "2010-11-07T00:00:30-02:30"  # half a minute before St John's clocks go back to the day before


def test_a_window_of_the_first_midnight_is_open_when_the_day_before_has_come_back():
    window = Window("0 0 * * *", 600, "America/St_Johns")
    assert window.is_open(at("2010-11-06T23:05-03:30"))


def test_a_window_of_the_day_before_may_begin_when_the_next_day_has_been_seen():
    window = Window("30 * * * *", 2400, "America/St_Johns")
    assert window.is_open(at("2010-11-06T23:40-03:30"))
    assert attrs.evolve(window, duration=60).opens_at(at(TURN)) == at("2010-11-06T23:30-03:30")


@pytest.mark.parametrize("seconds", [0.5, 1, 59, 61, 3600])
def test_the_opening_is_exact_whatever_the_second(seconds):
    begin = at("2026-03-30T02:00+02:00")
    window = Window("0 2 * * *", 0.25, ZURICH)
    assert window.opens_at(begin - seconds) == begin
    assert window.closes_at(begin) == begin + 0.25


def test_a_day_that_was_left_out_begins_when_the_next_one_does():
    """Samoa went over the date line: there was no 30 December 2011."""
    window = Window("0 9 30 12 *", 600, "Pacific/Apia")
    assert spans(window, "2011-12-28T00:00-10:00", "2012-06-01T00:00+13:00") == [
        ("2011-12-31T00:00+14:00", "2011-12-31T00:10+14:00")
    ]


def test_half_an_hour_is_a_gap_too():
    """Lord Howe Island, 2026-10-04: from 02:00 to 02:30."""
    zone = zone_of("Australia/Lord_Howe")
    (found,) = instants(zone, dt.date(2026, 10, 4), 2 * 60 + 10, is_hourly=False)
    assert dt.datetime.fromtimestamp(found, zone).isoformat() == "2026-10-04T02:30:00+11:00"


# -- names -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["Europe/Zurich ", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "", "Europe", "a\0b"])
def test_a_zone_that_is_not_there_is_refused_with_a_cure(name):
    with pytest.raises(ConfigError, match=r"cannot be found: write a name like .* install the package tzdata"):
        Window("0 0 * * *", 60, name)


def test_utc_needs_no_data(monkeypatch):
    monkeypatch.setattr("zoneinfo.ZoneInfo", None)
    assert zone_of("UTC") is dt.UTC


def test_the_date_is_that_of_the_zone():
    assert [local_day(ZoneInfo(z), at("2026-01-01T03:00+00:00")).isoformat() for z in (ZURICH, NEW_YORK)] == [
        "2026-01-01",
        "2025-12-31",
    ]
