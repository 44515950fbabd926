"""What a controller keeps about one application between passes: digests and times, no bodies."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from gitops_core.controller.holding import Returns
from gitops_core.controller.signals import PassSignal
from gitops_core.controller.status import ApplicationStatus, Phase
from gitops_core.controller.workqueue import Lane
from gitops_core.interfaces import Source
from gitops_core.model.applications import Application
from gitops_core.model.orders import Orders
from gitops_core.model.resources import ResourceKey
from gitops_core.model.revisions import Revision


@attrs.frozen(kw_only=True)
class Hold:
    """Why an application cannot have a pass now: another phase perhaps, what it waits for, and when to ask again."""

    waits_for: str
    phase: Phase | None = None
    after: float = float("inf")


@attrs.define(kw_only=True)
class Unit:
    """
    One application. Only the controller's own thread touches it; ``status`` is a value that any thread may read.

    Attributes:
        app: The application.
        reference: What has to be resolved for it.
        status: As everybody sees it.
        digest: Of the files at the last pass; with the same ones nothing is done before the time that it planned.
        seen: The revision of the last pass.
        look: The next turn is a pass, whatever the files are.
        is_stale: It was not ours, and its source has not been looked at since it is: what is known of it may be hours old.
        tokens: Of triggers that the next turn carries out.
        returns: Drift that was repaired, by key.
        unsettled_since: When it began to wait for health at this revision, on the monotonic clock.
        roll_back: The revision to leave with the next turn.
        leaves: The same, until it has been told.
        ordering: Orders that are being written down; no pass begins meanwhile.
        delete: It is to be deleted.
        versions: What it owns, in the versions of its last pass.
        heard: What has moved while a pass was under way, and its version; None for gone.
        orders: What was ordered, as of the last turn.
        signal: Stops the pass under way.
        planned: From when on a turn is a pass whatever the files are, on the monotonic clock.
        waits_for: What it waited for after its last pass, in words.
        begun: When the turn under way began, on the monotonic clock.
        quarantined: Its worker did not come back in time, and has not since.
    """

    app: Application
    status: ApplicationStatus
    reference: str = ""
    digest: str = ""
    seen: Revision | None = None
    look: bool = True
    is_stale: bool = False
    tokens: tuple[str, ...] = ()
    returns: dict[ResourceKey, Returns] = attrs.field(factory=dict)
    unsettled_since: float | None = None
    roll_back: str = ""
    leaves: str = ""
    ordering: int = 0
    delete: bool = False
    versions: Mapping[ResourceKey, str] = attrs.field(factory=dict)
    heard: dict[ResourceKey, str | None] = attrs.field(factory=dict)
    orders: Orders = Orders()
    signal: PassSignal | None = None
    planned: float = 0.0
    waits_for: str = ""
    begun: float = 0.0
    quarantined: bool = False

    @property
    def lane(self) -> Lane:
        """Where it stands in line."""
        return Lane(self.app.tenant, self.app.options.priority)


def reference_of(source: Source) -> str:
    """Return what *source* resolves, as text: its own word, or its identity when it has none, or cannot say."""
    try:
        word: object = source.reference
    except Exception:  # noqa: BLE001  # why: a plug-in may throw anything; asked by itself, it says so in its own look
        word = ""
    return word if isinstance(word, str) and word else f"{type(source).__name__} at {id(source):x}"
