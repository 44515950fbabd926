"""A disk that is full, or broken: every call that writes fails once, or from there on."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Sequence
from typing import Final

import attrs

from gitops_core.model.results import PassStatus, ReconcileResult
from gitops_core.testing.crash_points.allowed import ALLOWED
from gitops_core.testing.crash_points.exploring import Recording, armed, compared, record
from gitops_core.testing.crash_points.gate import Gate
from gitops_core.testing.crash_points.points import Call, Point, Seam
from gitops_core.testing.crash_points.reports import Finding, Report
from gitops_core.testing.crash_points.scenarios import Scenario, Worlds, equal_salts

_SQLITE: Final = {errno.ENOSPC: sqlite3.SQLITE_FULL, errno.EIO: sqlite3.SQLITE_IOERR_WRITE}
_NEEDS_NO_ROOM: Final = frozenset({"unlink", "rmdir", "remove", "fchmod", "chmod", "truncate"})
_RIGHT: Final = frozenset({"Transient", "StateUnavailable", "NotStabilized"})
"""What such an error is called: it may pass, so the host tries again."""


@attrs.frozen
class DiskError:
    """
    What a disk does from a call on.

    Attributes:
        number: The call.
        code: ``errno.ENOSPC`` or ``errno.EIO``.
        lasting: Every later write fails, too.
    """

    number: int
    code: int
    lasting: bool = False

    def __call__(self, point: Point) -> Exception | None:
        """Return the error for *point*; None when it is not meant."""
        meant = point.number == self.number or (self.lasting and point.number > self.number)
        return self._error(point.call) if meant and hits(point.call, self.code) else None

    def __str__(self) -> str:
        return f"{errno.errorcode[self.code]}{' from here on' if self.lasting else ''} at"

    def _error(self, call: Call) -> Exception:
        if call.seam is Seam.FILE:
            return OSError(self.code, os.strerror(self.code))
        error = sqlite3.OperationalError(os.strerror(self.code))
        error.sqlite_errorcode, error.sqlite_errorname = (
            _SQLITE[self.code],
            f"SQLITE_{'FULL' if self.code == errno.ENOSPC else 'IOERR_WRITE'}",
        )
        return error


def hits(call: Call, code: int) -> bool:
    """Tell whether a disk can answer *call* with *code*: what frees room works on a full one."""
    writes = call.seam in (Seam.FILE, Seam.SQL) and call.changes
    return writes and (code != errno.ENOSPC or call.name not in _NEEDS_NO_ROOM)


def errors_of(points: Sequence[Point]) -> tuple[DiskError, ...]:
    """Return every error of a recorded run: broken at each write, and full from each write on."""
    broken = [DiskError(p.number, errno.EIO) for p in points if hits(p.call, errno.EIO)]
    full = [DiskError(p.number, errno.ENOSPC, lasting=True) for p in points if hits(p.call, errno.ENOSPC)]
    return (*broken, *full)


@equal_salts()
def break_disk(scenario: Scenario, *, errors: Sequence[DiskError] | None = None) -> Report:
    """
    Let each write of *scenario* fail; then go on without the fault, and compare.

    The pass must not raise; what it tells must be an error that may pass, with the system's own words; nothing may be lost or torn.

    Args:
        scenario: What to run.
        errors: Which errors; all of :func:`errors_of` when left out.
    """
    recording = record(scenario)
    every = errors_of(recording.points)
    findings = [_finding(scenario, recording, error) for error in (every if errors is None else errors)]
    return Report(scenario.name, recording.points, len(every), tuple(findings))


def _finding(scenario: Scenario, recording: Recording, error: DiskError) -> Finding:
    worlds = scenario.worlds()
    for world in worlds:
        world.store.close()
    improper = _told(scenario, worlds, error)
    return compared(scenario, recording, worlds, (str(error), error.number, improper), ALLOWED)


def _told(scenario: Scenario, worlds: Worlds, error: DiskError) -> list[str]:
    """Run *scenario* on a broken disk and return what it tells badly. It must not raise: what it raises goes through to the test."""
    with armed(Gate(breaker=error), worlds):
        results = scenario.run(worlds)
    return [problem for result in results for problem in _badly_told(result, error)]


def _badly_told(result: ReconcileResult, error: DiskError) -> list[str]:
    failures = result.failures or tuple(o.failure for o in result.outcomes if o.failure is not None)
    ours = [f for f in failures if f.error not in ("Denied", "Cancelled")]
    words = (os.strerror(error.code), "SQLITE_")
    wrong = [
        f"told as {f.error} ({f.disposition}): {f.message}" for f in ours if f.error not in _RIGHT or f.disposition == "stall"
    ]
    vague = [f"told without its cause: {f.message}" for f in ours if not any(word in f.message for word in words)]
    silent = ["nothing was told"] if not failures and result.status in (PassStatus.FAILED, PassStatus.DEGRADED) else []
    return [*wrong, *vague, *silent]
