"""Cron expressions: what they name, and what is refused."""

import datetime as dt

import pytest

from gitops_core.errors import ConfigError, Disposition
from gitops_core.policies.windows.cron import Schedule, parse

DAY = dt.timedelta(days=1)


def days(text, first, count):
    """Return the first *count* days that *text* names, from *first* on, as ISO dates."""
    schedule, found, day = parse(text), [], dt.date.fromisoformat(first)
    for _ in range(count):
        day = schedule.day_from(day)
        found.append(day.isoformat())
        day += DAY
    return found


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("30 2 * * *", ["2:30"]),
        ("0,30 2,14 * * *", ["2:00", "2:30", "14:00", "14:30"]),
        ("*/20 3 * * *", ["3:00", "3:20", "3:40"]),
        ("5-15/5 23 * * *", ["23:05", "23:10", "23:15"]),
        ("0 22-23,1 * * *", ["1:00", "22:00", "23:00"]),
        ("59 */12 * * *", ["0:59", "12:59"]),
        ("05 07 * * *", ["7:05"]),
        ("*/60 0 * * *", ["0:00"]),
    ],
)
def test_minutes_and_hours_are_lists_ranges_and_steps(text, times):
    assert [f"{m // 60}:{m % 60:02}" for m in parse(text).minutes] == times


def test_stars_name_every_minute():
    assert parse("* * * * *").minutes == tuple(range(1440))


@pytest.mark.parametrize(
    ("text", "hourly"), [("0 * * * *", True), ("0 0-23 * * *", True), ("0 */2 * * *", False), ("0 0-22 * * *", False)]
)
def test_a_schedule_that_names_every_hour_is_known(text, hourly):
    assert parse(text).is_hourly is hourly


@pytest.mark.parametrize("word", ["mon-fri", "MON-FRI", "1-5", "mon,tue,wed,thu,5", "1-5/1"])
def test_weekdays_have_numbers_and_names(word):
    assert parse(f"0 0 * * {word}").weekdays == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("word", ["0", "7", "sun", "Sun", "0,7", "*/7"])
def test_sunday_is_0_and_7(word):
    assert parse(f"0 0 * * {word}").weekdays == {0}


@pytest.mark.parametrize("word", ["fri-sun", "5-7", "5-0", "fri,sat,sun"])
def test_a_range_of_weekdays_may_end_on_sunday(word):
    assert parse(f"0 0 * * {word}").weekdays == {0, 5, 6}


@pytest.mark.parametrize("word", ["jan-mar", "1-3", "Jan,FEB,3"])
def test_months_have_numbers_and_names(word):
    assert parse(f"0 0 * {word} *").months == (1, 2, 3)


def test_a_day_of_month_and_a_day_of_week_name_a_day_by_either():
    """POSIX: the first and the fifteenth of each month, and every Monday."""
    assert days("0 0 1,15 * 1", "2026-06-01", 6) == [f"2026-06-{day}" for day in ("01", "08", "15", "22", "29")] + ["2026-07-01"]


def test_a_day_that_is_given_alone_counts_alone():
    assert days("0 0 13 * *", "2026-01-14", 2) == ["2026-02-13", "2026-03-13"]
    assert days("0 0 * * fri", "2026-01-14", 2) == ["2026-01-16", "2026-01-23"]


def test_where_one_of_the_two_days_begins_with_a_star_both_must_fit():
    """Vixie cron: on those of the odd days that are Mondays."""
    assert days("0 0 */2 * 1", "2026-06-01", 3) == ["2026-06-01", "2026-06-15", "2026-06-29"]
    assert days("0 0 13 * */5", "2026-01-01", 3) == ["2026-02-13", "2026-03-13", "2026-09-13"]  # Sunday and Friday


def test_the_month_counts_always():
    assert days("0 0 24 dec fri", "2026-11-20", 5) == ["2026-12-04", "2026-12-11", "2026-12-18", "2026-12-24", "2026-12-25"]


def test_leap_days_come_in_leap_years_and_not_in_2100():
    assert days("0 0 29 2 *", "2026-01-01", 2) == ["2028-02-29", "2032-02-29"]
    assert days("0 0 29 feb *", "2096-03-01", 1) == ["2104-02-29"]


def test_a_leap_day_on_one_weekday_is_found_decades_away():
    assert days("0 0 29 2 */7", "2088-03-01", 1) == ["2128-02-29"]


def test_the_31st_skips_short_months():
    assert days("0 0 31 * *", "2026-03-31", 3) == ["2026-03-31", "2026-05-31", "2026-07-31"]


def test_the_calendar_ends():
    assert parse("0 0 * * *").day_from(dt.date(9999, 1, 1)) is None


@pytest.mark.parametrize("text", ["0 0 30 2 *", "0 0 31 apr,jun *", "0 0 31 2 *", "0 0 30-31 2 *", "0 0 30 2 */2"])
def test_a_day_that_no_calendar_has_is_refused(text):
    with pytest.raises(ConfigError, match=r"never comes: none of its months has a day 3[01]; correct day or month"):
        parse(text)


def test_30_february_or_a_monday_is_a_monday():
    assert days("0 0 30 2 mon", "2026-01-01", 1) == ["2026-02-02"]


@pytest.mark.parametrize("text", ["", "0 2 * *", "0 0 2 * * *", "@daily", "@hourly"])
def test_anything_but_five_fields_is_refused(text):
    with pytest.raises(ConfigError, match="does not have five fields; write minute, hour, day of month, month, day of week"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "field", "part", "allowed"),
    [
        ("60 0 * * *", "minute", "60", "0-59"),
        ("0 24 * * *", "hour", "24", "0-23"),
        ("0 0 0 * *", "day of month", "0", "1-31"),
        ("0 0 32 * *", "day of month", "32", "1-31"),
        ("0 0 * 13 *", "month", "13", "1-12 or jan-dec"),
        ("0 0 * * 8", "day of week", "8", "0-7 or sun-sat"),
        ("0 0 * mon *", "month", "mon", "1-12"),
        ("0 0 * * january", "day of week", "january", "0-7"),
        ("0 0 * * tuesday", "day of week", "tuesday", "0-7"),
        ("0 22-4 * * *", "hour", "22-4", "0-23"),
        ("0 0 * * sat-mon", "day of week", "sat-mon", "0-7"),
        ("0 1,,2 * * *", "hour", "", "0-23"),
        ("*/0 0 * * *", "minute", "*/0", "0-59"),
        ("*/61 0 * * *", "minute", "*/61", "0-59"),
        ("*/ 0 * * *", "minute", "*/", "0-59"),
        ("5/10 0 * * *", "minute", "5/10", "a-b/step"),
        ("-5 0 * * *", "minute", "-5", "0-59"),
        ("1-2-3 0 * * *", "minute", "1-2-3", "0-59"),
        ("**  0 * * *", "minute", "**", "0-59"),
        ("*-5 0 * * *", "minute", "*-5", "0-59"),
        ("1.5 0 * * *", "minute", "1.5", "0-59"),
        ("+5 0 * * *", "minute", "+5", "0-59"),
        ("٣ 0 * * *", "minute", "٣", "0-59"),
        ("000 0 * * *", "minute", "000", "0-59"),
        ("0 0 L * *", "day of month", "L", "1-31"),
        ("0 0 ? * mon", "day of month", "?", "1-31"),
        ("0 0 * * mon#2", "day of week", "mon#2", "0-7"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(text, field, part, allowed):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    message = caught.value.message
    assert message.startswith(f'the {field} "{part}" of the schedule "{text}" is not allowed; write numbers ')
    assert allowed in message
    assert caught.value.disposition is Disposition.STALL


@pytest.mark.parametrize(("text", "looks"), [("30 2 * * *", 1), ("0 0 1 1 *", 2), ("0 0 24 12 fri", 400), ("0 0 29 2 */7", 1200)])
def test_a_search_looks_at_the_days_of_the_named_months_only(text, looks, monkeypatch):
    """And never at hours or minutes, however rare the day is."""
    schedule, seen = parse(text), []
    names = Schedule.names
    monkeypatch.setattr(Schedule, "names", lambda self, day: seen.append(day) or names(self, day))
    schedule.day_from(dt.date(2088, 3, 1))
    assert len(seen) <= looks
