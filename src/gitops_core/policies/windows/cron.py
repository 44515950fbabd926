"""Five-field cron expressions: which minutes of which days they name. Pure."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Sequence
from typing import Final

import attrs

from gitops_core.errors import ConfigError

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LAST_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SUNDAY: Final = 7
_DIGITS: Final = re.compile("[0-9]{1,2}")


@attrs.frozen
class _Field:
    """One of the five: what it is called, its least and greatest number, and names for the numbers from the least on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        named = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"numbers {self.low}-{self.high}{named}, as *, a, a-b, a-b/step, */step, or a list of these with commas"


_WEEKDAY: Final = _Field("day of week", 0, _SUNDAY, _WEEKDAYS)
_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _WEEKDAY,
)


@attrs.frozen
class Schedule:
    """
    What a cron expression names. Made by :func:`parse`.

    Attributes:
        minutes: Of the day, 0 to 1439, ascending.
        days: Of the month.
        months: 1 to 12, ascending.
        weekdays: 0 is Sunday.
        is_either: A day is named by its number *or* its weekday; else by both.
        is_hourly: Every hour is named.
    """

    minutes: tuple[int, ...]
    days: frozenset[int]
    months: tuple[int, ...]
    weekdays: frozenset[int]
    is_either: bool
    is_hourly: bool

    def names(self, day: dt.date) -> bool:
        """Tell whether *day* is one of the days."""
        if day.month not in self.months:
            return False
        by_number, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_number or by_weekday) if self.is_either else (by_number and by_weekday)

    def day_from(self, first: dt.date) -> dt.date | None:
        """
        Return the first named day that is not before *first*; None at the end of the calendar, in the year 9999.

        Cost: a look at each day of the named months only. The rarest schedule, 29 February on one weekday, takes up to 40 of them.
        """
        for year in range(first.year, dt.MAXYEAR):
            for month in self.months:
                if (year, month) < (first.year, first.month):
                    continue
                begin = first.day if (year, month) == (first.year, first.month) else 1
                days = (dt.date(year, month, day) for day in range(begin, calendar.monthrange(year, month)[1] + 1))
                found = next(filter(self.names, days), None)
                if found is not None:
                    return found
        return None


def parse(text: str) -> Schedule:
    """
    Return the schedule that *text* names: minute, hour, day of month, month, day of week.

    A day of month and a day of week that are both given name a day by either; where one of the two begins with ``*``, a day must fit
    both. Sunday is 0 and 7; months and days of the week have three-letter names in any case, in lists and ranges, too.
    A range of weekdays may end on Sunday: ``fri-sun``.

    Source: POSIX.1-2017, crontab, for numbers, ranges, lists and the rule of the two days; crontab(5) of Vixie cron for steps, names,
    7 and the meaning of a leading ``*``.

    Raises:
        ConfigError: There are not five fields, one is not of these forms, or no day of the calendar fits (30 February). STALL.
    """
    words = text.split()
    if len(words) != len(_FIELDS):
        fields = ", ".join(field.name for field in _FIELDS)
        raise ConfigError(f'the schedule "{text}" does not have five fields; write {fields}: "0 2 * * mon-fri"')
    minutes, hours, days, months, weekdays = (_numbers(field, word, text) for field, word in zip(_FIELDS, words, strict=True))
    schedule = Schedule(
        minutes=tuple(60 * hour + minute for hour in sorted(hours) for minute in sorted(minutes)),
        days=days,
        months=tuple(sorted(months)),
        weekdays=frozenset(day % _SUNDAY for day in weekdays),
        is_either=not any(word.startswith("*") for word in (words[2], words[4])),
        is_hourly=len(hours) == len(range(24)),
    )
    if not schedule.is_either and all(min(days) > _LAST_DAYS[month - 1] for month in months):
        raise ConfigError(f'the schedule "{text}" never comes: none of its months has a day {min(days)}; correct day or month')
    return schedule


def _numbers(field: _Field, word: str, text: str) -> frozenset[int]:
    numbers: set[int] = set()
    for part in word.split(","):
        found = _part(field, part)
        if not found:
            raise ConfigError(f'the {field.name} "{part}" of the schedule "{text}" is not allowed; write {field.allowed}')
        numbers.update(found)
    return frozenset(numbers)


def _part(field: _Field, part: str) -> Sequence[int]:
    """Return the numbers of one element of a list; none when it is wrong."""
    span, slash, step_text = part.partition("/")
    step = _integer(step_text) if slash else 1
    first_text, dash, last_text = span.partition("-")
    if span == "*":
        first, last = field.low, field.high - (field is _WEEKDAY)
    else:
        first = _number(field, first_text)
        last = _number(field, last_text) if dash else first
        if field is _WEEKDAY and dash and last == 0 and first > 0:
            last = _SUNDAY
    wrong_step = not 1 <= step <= field.high - field.low + 1 or (slash and span != "*" and not dash)
    if wrong_step or not field.low <= first <= last <= field.high:
        return ()
    return range(first, last + 1, step)


def _number(field: _Field, text: str) -> int:
    word = text.lower()
    return field.names.index(word) + field.low if word in field.names else _integer(text)


def _integer(text: str) -> int:
    return int(text) if _DIGITS.fullmatch(text) else -1
