"""Where a run can be cut: every call that leaves the process, and how it is cut there."""

from __future__ import annotations

import enum

import attrs


class Moment(enum.StrEnum):
    """
    When, relative to one call, the process ends.

    AFTER is also "the reply was lost": what the call did stays, and nobody learns of it. MIDDLE is for calls that can be half
    done: half of the bytes of a write, half of the rows of a statement, half of a batch. POWER is the end of the machine, right
    after a call: the content of every file that was written and not forced to the disk (fsync) is lost, and its name stays.
    """

    BEFORE = "before"
    MIDDLE = "middle"
    AFTER = "after"
    POWER = "power"


class Seam(enum.StrEnum):
    """What is on the other side of a call."""

    SOURCE = "source"
    TARGET = "target"
    STORE = "store"
    FILE = "file"
    SQL = "sql"


@attrs.frozen
class Call:
    """
    One call that leaves the process.

    Attributes:
        seam: What is on the other side.
        name: Method, system call, or first word of the statement.
        about: Object, path, or statement; for people.
        changes: It may change something on the other side.
    """

    seam: Seam
    name: str
    about: str = ""
    changes: bool = False


@attrs.frozen
class Point:
    """
    A call of a recorded run.

    Attributes:
        number: Its place in the run, from 1.
        call: The call.
        moments: When it can be cut.
    """

    number: int
    call: Call
    moments: tuple[Moment, ...]

    def __str__(self) -> str:
        about = f" {self.call.about}" if self.call.about else ""
        return f"{self.number} {self.call.seam} {self.call.name}{about}"


@attrs.frozen
class Cut:
    """One way to cut a run: at call *number*, at *moment*."""

    number: int
    moment: Moment

    def __str__(self) -> str:
        return f"{self.moment} call {self.number}"


def cuts_of(points: tuple[Point, ...]) -> tuple[Cut, ...]:
    """Return every cut of a recorded run, in order."""
    return tuple(Cut(point.number, moment) for point in points for moment in point.moments)


def distinct_cuts(points: tuple[Point, ...]) -> tuple[Cut, ...]:
    """
    Return the cuts that leave different things behind: around calls that may change something.

    What a process reads leaves no trace: being killed before a read, after it, and before the next change is one and the same.
    """
    changing = tuple(point for point in points if point.call.changes)
    cuts = (Cut(point.number, moment) for point in changing for moment in point.moments)
    return tuple(cut for cut in cuts if cut.moment is not Moment.AFTER or cut.number == changing[-1].number)
