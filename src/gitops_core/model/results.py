"""What a pass did: one outcome an object, and the result of the whole."""

from __future__ import annotations

import enum
from collections import Counter

import attrs

from gitops_core.model.health import Health
from gitops_core.model.plans import Action, FieldDiff, Plan
from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.model.revisions import Notice, Revision
from gitops_core.model.verdicts import Verdict


class OutcomeStatus(enum.StrEnum):
    """How one change ended."""

    DONE = "done"  # written, and observed as planned
    PENDING = "pending"  # accepted by the API, not finished within this pass
    UNSETTLED = "unsettled"  # written and observed, health has not settled yet
    UNVERIFIED = "unverified"  # the target said yes, the next look said no
    FAILED = "failed"
    STALE = "stale"  # the live object moved since the plan was made
    REFUSED = "refused"
    DEFERRED = "deferred"
    SKIPPED = "skipped"  # because of another object; the reason names it


class PassStatus(enum.StrEnum):
    """How one pass ended; a host maps these names to its own exit codes."""

    IN_SYNC = "in-sync"  # nothing had to be done
    CHANGED = "changed"  # everything planned was done
    PENDING = "pending"  # done so far; the target or health needs time
    REFUSED = "refused"  # done but for what a guard, policy or owner refused
    STALE = "stale"  # a saved plan no longer fits in part
    DEGRADED = "degraded"  # some objects failed, the others are done
    FAILED = "failed"  # the pass could not be carried out


@attrs.frozen
class Failure:
    """
    An error as data: safe to store and show.

    Attributes:
        error: Class name of the error.
        message: Its text, redacted.
        disposition: ``retry``, ``wait`` or ``stall``.
        stage: The step of the pass.
        key: The object, if it is about one.
        origin: Its declaration.
        retry_after: Seconds the other side asked us to wait, or None.
    """

    error: str
    message: str
    disposition: str
    stage: str = ""
    key: ResourceKey | None = None
    origin: Origin = Origin()
    retry_after: float | None = None

    def __str__(self) -> str:
        where = f" ({self.origin})" if self.origin.path else ""
        return f"{self.error}: {f'{self.key}: ' if self.key else ''}{self.message}{where}"


@attrs.frozen
class Outcome:
    """
    How one change ended.

    Attributes:
        key: The object.
        action: What was to happen.
        status: What did.
        reason: Why, for everything but DONE.
        failure: The error behind FAILED (and the last one behind PENDING), if any.
        diff: For STALE and UNVERIFIED: what is different now.
        attempts: Calls made, retries included.
        id: What the API calls the object now.
        health: As last assessed, if it was.
    """

    key: ResourceKey
    action: Action
    status: OutcomeStatus
    reason: str = ""
    failure: Failure | None = None
    diff: tuple[FieldDiff, ...] = ()
    attempts: int = 0
    id: str = ""
    health: Health | None = None


@attrs.frozen(kw_only=True)
class Awaited:
    """
    Something that only time will finish. It holds up what depends on it, and nobody has to stand by.

    Attributes:
        key: The object.
        reason: What is missing.
        since: When it was written, epoch seconds; 0 when nobody knows any more.
        until: When it should have been done, epoch seconds. It is looked at after that, too, less often.
        retry_after: Seconds after which the target wants to be asked again, or None.
        leaves: It is to go; what is to come holds up every delete, and this does not.
    """

    key: ResourceKey
    reason: str
    since: float = 0.0
    until: float = 0.0
    retry_after: float | None = None
    leaves: bool = False


@attrs.frozen
class Cost:
    """What a pass cost, in things that can be counted: equal work, equal numbers on any machine."""

    resolves: int = 0
    fetches: int = 0
    documents_decoded: int = 0
    objects_observed: int = 0
    reads: int = 0
    writes: int = 0
    retries: int = 0


@attrs.frozen
class CheckResult:
    """
    What :func:`gitops_core.check` found without looking at any target.

    Attributes:
        revision: What was rendered; None when it could not be resolved.
        keys: What it declares, sorted.
        verdict: What the policies say.
        notices: What the reader should know.
        failures: Every problem found; empty when the revision could be reconciled.
    """

    revision: Revision | None
    keys: tuple[ResourceKey, ...] = ()
    verdict: Verdict = Verdict()
    notices: tuple[Notice, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing failed and nothing is denied."""
        return not self.failures and self.verdict.is_allowed

    def text(self) -> str:
        """Return the findings for a terminal: every failure with file, line and cure, every violation, every notice."""
        from gitops_core.model.result_text import check_text  # why here: the printer needs this class

        return check_text(self)

    def __str__(self) -> str:
        return self.text()


@attrs.frozen
class ReconcileResult:
    """
    One pass, told completely. Failures are here and not raised.

    Attributes:
        application: ``Application.id``.
        status: The pass in one word.
        revision: What was reconciled to; None when it could not be resolved.
        plan: What was to be done; None when planning was not reached.
        outcomes: One per change, in plan order.
        notices: What the reader should know.
        failures: What went wrong outside single objects, and every failed object's error.
        requeue_after: Seconds after which another pass makes sense; None when nobody said.
        cost: What it took.
        awaited: What only time will finish, sorted by key.
    """

    application: str
    status: PassStatus
    revision: Revision | None = None
    plan: Plan | None = None
    outcomes: tuple[Outcome, ...] = ()
    notices: tuple[Notice, ...] = ()
    failures: tuple[Failure, ...] = ()
    requeue_after: float | None = None
    cost: Cost = Cost()
    awaited: tuple[Awaited, ...] = ()

    @property
    def ok(self) -> bool:
        """The target equals Git: nothing failed, was refused, or is still open."""
        return self.status in (PassStatus.IN_SYNC, PassStatus.CHANGED)

    def counts(self) -> dict[OutcomeStatus, int]:
        """Return how many outcomes there are per status."""
        return dict(Counter(o.status for o in self.outcomes))

    def __getitem__(self, key: ResourceKey | str) -> Outcome:
        """Return the outcome of *key*; KeyError when it had no change."""
        from gitops_core.model.resources import as_key

        wanted = as_key(key)
        for outcome in self.outcomes:
            if outcome.key == wanted:
                return outcome
        raise KeyError(str(wanted))

    def text(self) -> str:
        """Return the result for a terminal: a line per outcome that is not DONE, the failures with their cure, a summary."""
        from gitops_core.model.result_text import result_text  # why here: the printer needs this class

        return result_text(self)

    def __str__(self) -> str:
        return self.text()
