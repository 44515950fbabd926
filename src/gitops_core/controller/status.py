"""What a controller knows about itself and about each application: values, safe to store and to show."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from gitops_core.model.orders import Contested, Pin, Suspension
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Failure, PassStatus


class Phase(enum.StrEnum):
    """Where an application stands, in one word."""

    NEW = "new"  # no pass has ended yet
    BLOCKED = "blocked"  # waits for an application it depends on
    PROGRESSING = "progressing"  # everything is done; the target or health needs time
    SYNCED = "synced"  # the target equals Git, and all of it is well
    REFUSED = "refused"  # done but for what a guard, a policy, an owner or a drift mode refused
    CONTESTED = "contested"  # done but for what somebody else keeps changing back
    DEGRADED = "degraded"  # some objects failed, or did not become healthy in time
    FAILED = "failed"  # the last pass could not be carried out
    SUSPENDED = "suspended"  # ordered to stand still
    QUARANTINED = "quarantined"  # a plug-in has not come back in time; nothing is begun before it does
    ELSEWHERE = "elsewhere"  # another member of the roster works on it


@attrs.frozen(kw_only=True)
class ApplicationStatus:
    """
    One application, as of its last event. Times are epoch seconds.

    Attributes:
        application: ``Application.id``.
        phase: Where it stands.
        since: Since when in this phase.
        converged: The revision at which everything was last as declared; empty before that. It stays while another pass runs.
        converged_at: When that was last seen to be so; what "age of the last success" is counted from.
        applied: The revision of the last pass that could be carried out, whatever became of single objects.
        revision: The revision that is to be reconciled: what the source named last, or the pin.
        running: A pass is under way.
        waits_for: What has to happen before the next pass, in words; empty when nothing has to.
        waits_until: When it goes on without that.
        next_run: When the next pass is due; None while one is under way, or when nothing is planned.
        last_pass: How the last pass ended.
        last_error: The first thing that was wrong in it, with its disposition.
        failures: Passes in a row that failed.
        drift: Objects that were found not as applied and were not repaired, sorted.
        suspension: It is suspended.
        pin: It is held at one revision.
        contested: What somebody else keeps changing back.
    """

    application: str
    phase: Phase = Phase.NEW
    since: float = 0.0
    converged: str = ""
    converged_at: float = 0.0
    applied: str = ""
    revision: str = ""
    running: bool = False
    waits_for: str = ""
    waits_until: float | None = None
    next_run: float | None = None
    last_pass: PassStatus | None = None
    last_error: Failure | None = None
    failures: int = 0
    drift: tuple[ResourceKey, ...] = ()
    suspension: Suspension | None = None
    pin: Pin | None = None
    contested: tuple[Contested, ...] = ()

    @property
    def is_current(self) -> bool:
        """It has converged at the revision that is wanted now."""
        return bool(self.converged) and self.converged == self.revision


@attrs.frozen(kw_only=True)
class Stuck:
    """
    A worker that has not come back in time.

    Attributes:
        work: What it does, such as an application's id.
        since: When it began, epoch seconds.
        seconds: For how long.
    """

    work: str
    since: float
    seconds: float


@attrs.frozen(kw_only=True)
class ControllerStatus:
    """
    The controller as a whole.

    Attributes:
        applications: By ``Application.id``.
        running: It was started and not stopped.
        workers: How many passes may run at once.
        busy: How many run.
        waiting: Applications that are due and wait for a worker.
        stuck: Workers that have not come back.
        error: Why the list of applications could not be read, or who takes part could not be agreed on; empty when all is well.
        dropped: Events that no sink got, because they were too slow.
        generation: Of the roster.
        members: Ids of those who share the work.
    """

    applications: Mapping[str, ApplicationStatus]
    running: bool = False
    workers: int = 0
    busy: int = 0
    waiting: int = 0
    stuck: tuple[Stuck, ...] = ()
    error: str = ""
    dropped: int = 0
    generation: int = 0
    members: tuple[str, ...] = ()

    def oldest_success(self) -> tuple[str, float] | None:
        """Return the application whose last success is longest ago, and when that was (0: never); what a health check looks at."""
        ages = [(status.converged_at, name) for name, status in self.applications.items() if status.phase is not Phase.ELSEWHERE]
        when, name = min(ages, default=(0.0, ""))
        return (name, when) if name else None
