"""What sources name now: asked once for all applications that follow the same reference."""

from __future__ import annotations

import random
from collections.abc import Iterable

import attrs

from gitops_core.controller.backoff import backoff, jittered
from gitops_core.controller.limits import ControllerLimits
from gitops_core.engine.calls import failures_of, foreseen
from gitops_core.engine.loading import resolve
from gitops_core.engine.passes import begin
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import GitOpsError
from gitops_core.interfaces import Source, StateStore
from gitops_core.model.applications import Application
from gitops_core.model.results import Failure
from gitops_core.model.revisions import Revision


@attrs.frozen
class Resolved:
    """What a source answered: a revision, or why there is none."""

    revision: Revision | None = None
    failure: Failure | None = None


@attrs.define
class Reference:
    """
    One reference, and who follows it.

    Attributes:
        name: As the source calls it.
        followers: Ids of the applications.
        revision: What it named last; it stays when the source cannot be reached.
        failures: Looks in a row that failed.
        failure: Of the last look.
    """

    name: str
    followers: dict[str, None] = attrs.field(factory=dict)
    revision: Revision | None = None
    failures: int = 0
    failure: Failure | None = None

    def learn(self, found: Resolved, limits: ControllerLimits, dice: random.Random) -> float:
        """Take in what a look has found, and return the seconds until the next one."""
        self.failure = found.failure
        if found.revision is None:
            self.failures += 1
            wait = backoff(self.failures, limits.backoff, limits.backoff_cap, dice)
            return max(wait, (self.failure.retry_after or 0.0) if self.failure is not None else 0.0)
        self.failures, self.revision = 0, found.revision
        return jittered(limits.poll, limits.jitter, dice)


def is_told(source: Source, repositories: Iterable[str], refs: Iterable[str]) -> bool:
    """Tell whether a push to *refs* of *repositories* may change what *source* names; a source that cannot say is looked at."""
    try:
        return any(source.is_told_by(repository, ref) for repository in repositories for ref in refs)
    except Exception:  # noqa: BLE001  # why: a plug-in may throw anything; one look too many costs little
        return True


def look_up(app: Application, store: StateStore, runtime: Runtime) -> Resolved:
    """Return what the source of *app* names now. Never raises. Cost: one ``Source.resolve``."""
    try:
        with foreseen():
            return Resolved(resolve(begin(app, store, runtime)))
    except GitOpsError as error:
        return Resolved(failure=failures_of(error)[0])
