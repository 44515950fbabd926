"""What an exploration found, for tests and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from gitops_core.testing.crash_points.points import Point

_SHOWN: Final = 10


@attrs.frozen
class Finding:
    """
    How one cut, or one fault, ended.

    Attributes:
        how: ``before``, ``middle``, ``after``, ``power``; or the error that the call got.
        point: The call.
        problems: What is not as in the uncut run, and not allowed.
        allowed: Names of the allowed differences that were seen.
    """

    how: str
    point: Point
    problems: tuple[str, ...] = ()
    allowed: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.how} {self.point}: {'; '.join(self.problems) or 'as without the cut'}"


@attrs.frozen
class Report:
    """
    What became of a scenario that was cut.

    Attributes:
        scenario: Its name.
        points: The calls of the uncut run.
        possible: How many cuts there are.
        findings: One for each cut that was made.
    """

    scenario: str
    points: tuple[Point, ...]
    possible: int
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The cuts after which something was not as without them."""
        return tuple(finding for finding in self.findings if finding.problems)

    @property
    def equal(self) -> int:
        """How many cuts ended exactly as the uncut run."""
        return sum(not finding.problems and not finding.allowed for finding in self.findings)

    @property
    def allowed(self) -> Counter[str]:
        """How many cuts ended so but for an allowed difference, by its name."""
        return Counter(name for finding in self.findings if not finding.problems for name in finding.allowed)

    def check(self) -> None:
        """
        Do nothing when every cut ended as the uncut run.

        Raises:
            AssertionError: One did not; or nothing was cut at all.
        """
        if not self.findings:
            raise AssertionError(f"{self.scenario}: nothing was cut")
        if self.wrong:
            lines = "".join(f"\n  - {finding}" for finding in self.wrong[:_SHOWN])
            raise AssertionError(f"{self.scenario}: {len(self.wrong)} of {len(self.findings)} cuts end otherwise:{lines}")


def table(reports: Iterable[Report], columns: Sequence[str]) -> str:
    """
    Return *reports* as a Markdown table: calls, cuts, equal ends, and one column for each allowed difference.

    Args:
        reports: The rows.
        columns: Names of allowed differences.
    """
    heads = ["scenario", "calls", "cuts", "run", "equal", *columns, "wrong"]
    rows: list[list[object]] = [
        [
            r.scenario, len(r.points), r.possible, len(r.findings), r.equal, *(r.allowed[name] for name in columns), len(r.wrong),
        ]
        for r in reports
    ]  # fmt: skip
    totals: list[object] = ["all", *(sum(int(str(cell)) for cell in column) for column in list(zip(*rows, strict=True))[1:])]
    lines: list[list[object]] = [[*heads], ["---", *["--:"] * (len(heads) - 1)], *rows, totals]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
