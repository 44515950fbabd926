"""What came out of a simulation: frozen values, and a table for people."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import attrs

_SHOWN: Final = 12  # rows of a section
_EXACT: Final = 10.0  # seconds; below it tenths matter


@attrs.frozen
class Convergence:
    """
    What became of a commit.

    Attributes:
        application: Its name.
        at: When it was made, in seconds from the beginning.
        revision: Its id.
        message: Its message.
        after: Seconds until an engine reported the application in sync at it; None when none did.
        fate: ``converged``, ``superseded`` by a later commit, ``vanished`` by a force-push, or ``open``.
    """

    application: str
    at: float
    revision: str
    message: str
    after: float | None = None
    fate: str = "open"


@attrs.frozen
class Repair:
    """
    What became of a change that somebody made by hand.

    Attributes:
        target: Where.
        key: The object.
        at: When, in seconds from the beginning.
        cause: ``edit``, ``remove`` or ``fight``.
        after: Seconds until an engine wrote the object again; None when none did.
        fate: ``repaired``, ``left alone`` (no declared field was touched, or the object is no engine's), or ``open``.
    """

    target: str
    key: str
    at: float
    cause: str
    after: float | None = None
    fate: str = "open"


Row = TypeVar("Row", Convergence, Repair)


@attrs.frozen
class Refused:
    """
    Something that engines would not do, and why.

    Attributes:
        application: Its name.
        key: The object; empty for what is about the whole plan.
        rule: The rule that says no.
        reason: Why, the first time.
        first: When first, in seconds from the beginning.
        last: When last.
        times: In how many passes.
    """

    application: str
    key: str
    rule: str
    reason: str
    first: float
    last: float
    times: int = 1


@attrs.frozen
class Failed:
    """
    Something that went wrong; passes with one of these report it and go on with the next interval.

    Attributes:
        application: Its name.
        error: Class of the error.
        stage: Step of the pass.
        message: The first one.
        first: When first, in seconds from the beginning.
        last: When last.
        times: How often.
    """

    application: str
    error: str
    stage: str
    message: str
    first: float
    last: float
    times: int = 1


@attrs.frozen(kw_only=True)
class Report:
    """
    A run, told completely. Equal seeds give equal reports, byte for byte.

    Attributes:
        seed: Of every decision.
        seconds: How long it was, in virtual seconds.
        applications, engines: How many.
        passes: How many ended in each status.
        commits: Every commit, in order.
        repairs: Every change by hand, in order.
        requests: How often each operation of each target was asked for, by target.
        refused: What engines would not do.
        failed: What went wrong.
    """

    seed: int
    seconds: float
    applications: int
    engines: int
    passes: Mapping[str, int]
    commits: tuple[Convergence, ...]
    repairs: tuple[Repair, ...]
    requests: Mapping[str, Mapping[str, int]]
    refused: tuple[Refused, ...]
    failed: tuple[Failed, ...]

    def text(self) -> str:
        """Return the report for a terminal: at most a dozen rows a section, the slowest first where there are more."""
        total = sum(self.passes.values())
        heading = f"{span(self.seconds)}, seed {self.seed}: {_many(self.applications, 'application')}, "
        heading += f"{_many(self.engines, 'engine')}, {_many(total, 'pass', 'passes')}"
        requests = {name: _counts(verbs) for name, verbs in sorted(self.requests.items())}
        parts = [
            [heading, f"  {_counts(self.passes)}"],
            _section("Commits", _times(self.commits), [_commit_row(c) for c in _slowest(self.commits)]),
            _section("Changes by hand", _times(self.repairs), [_repair_row(r) for r in _slowest(self.repairs)]),
            _section("Requests", "", list(requests.items())),
            _section("Refused", "", [(r.application, r.key, r.rule, _often(r), r.reason) for r in self.refused]),
            _section("Failed", "", [(f.application, _what(f), _often(f), f.message) for f in self.failed]),
        ]
        return "\n\n".join("\n".join(part) for part in parts if part)

    def __str__(self) -> str:
        return self.text()


def span(seconds: float) -> str:
    """Return *seconds* for people, the two largest units of it: ``1d 4h``, ``5m 20s``, ``0.3s``."""
    if 0 < seconds < _EXACT:
        return f"{seconds:.1f}s"
    left, parts = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return " ".join(parts[:2]) or "0s"


def _slowest(rows: Sequence[Row]) -> list[Row]:
    """Return all *rows* in order when there are few, else the open ones and the slowest."""
    if len(rows) <= _SHOWN:
        return list(rows)
    return sorted(rows, key=lambda r: (r.fate != "open", -(r.after or 0.0), r.at))


def _commit_row(c: Convergence) -> tuple[str, ...]:
    return (span(c.at), c.application, c.revision[:8], c.message, _fate(c))


def _repair_row(r: Repair) -> tuple[str, ...]:
    return (span(r.at), r.target, r.key, r.cause, _fate(r))


def _fate(row: Convergence | Repair) -> str:
    return row.fate if row.after is None else f"{row.fate} after {span(row.after)}"


def _times(rows: Iterable[Convergence | Repair]) -> str:
    """Return how many there were of each fate, and how long it took."""
    rows = list(rows)
    fates = {fate: sum(row.fate == fate for row in rows) for fate in sorted({row.fate for row in rows})}
    after = sorted(row.after for row in rows if row.after is not None)
    took = f"; half within {span(statistics.median(after))}, all within {span(after[-1])}" if after else ""
    return f"{_counts(fates)}{took}"


def _what(failed: Failed) -> str:
    return f"{failed.error} in {failed.stage}" if failed.stage else failed.error


def _often(row: Refused | Failed) -> str:
    if row.times == 1:
        return f"at {span(row.first)}"
    return f"{row.times} times, {span(row.first)} to {span(row.last)}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items(), key=lambda i: (-i[1], i[0])) if number)


def _many(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def _section(title: str, summary: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    return [f"{title}: {summary}" if summary else title, *_table(rows[:_SHOWN]), *_rest(len(rows) - _SHOWN)]


def _rest(number: int) -> Iterator[str]:
    if number > 0:
        yield f"  ... and {number:,} more"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield *rows* in columns; the last column is as long as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        yield "  " + "  ".join([*cells, row[-1]]).rstrip()
