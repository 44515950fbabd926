"""What is written down about a pass while it runs: facts about the world, never the engine's own opinion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from gitops_core.model.guards import Approval
from gitops_core.model.inventory import Inventory
from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import ReconcileResult
from gitops_core.testing.machine.objects import Spec


class PromiseBroken(AssertionError):
    """
    The library broke one of its promises.

    Attributes:
        number: Which one, 1 to 12.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"promise {number} is broken: {text}")
        self.number = number


@attrs.frozen
class Seen:
    """One live object at one moment: its id, its fields, and whose mark it bears."""

    id: str
    fields: Mapping[str, Any]
    mark: str = ""


@attrs.frozen(kw_only=True)
class Call:
    """
    One call of the engine to the target.

    Attributes:
        op: ``observe``, ``create``, ``update``, ``delete``, ``preview`` ...
        key: The object; None for a look at many.
        at: Seconds on the virtual clock when it began.
        named: The id that the engine named.
        before: What was there.
        after: What was there afterwards.
        error: Class of the error that the engine got, or empty.
        retry_after: What a throttling API asked for.
        unmet: The object that this one needs, and that was not there or had just failed.
        takers: The applications that could take what was there for theirs.
        holder: The application that undoubtedly had it.
        shielded: It was protected when it was declared last.
        stopped: The host had asked to stop before.
    """

    op: str
    key: ResourceKey | None = None
    at: float
    named: str = ""
    before: Seen | None = None
    after: Seen | None = None
    error: str = ""
    retry_after: float = 0.0
    unmet: str = ""
    takers: frozenset[str] = frozenset()
    holder: str = ""
    shielded: bool = False
    stopped: bool = False

    @property
    def removed(self) -> bool:
        """The call took a live object away."""
        return self.op == "delete" and self.before is not None and self.after is None

    @property
    def writes(self) -> bool:
        """The call is one of those that change something."""
        return self.op in ("create", "update", "delete")


@attrs.define(kw_only=True)
class PassFacts:
    """
    One pass as an onlooker saw it.

    Attributes:
        app: Which application.
        declared: What its newest revision declared when the pass began, as far as it could be rendered.
        head: That revision.
        partial: The rest could not be rendered.
        disturbed: What was done to the pass from outside (``crash before`` ...), or empty.
        died: The process died in it.
        started, finished: Seconds on the virtual clock.
        cancelled_at: When the host asked it to stop.
        calls: Every call to the target, in order.
        unseen: Keys that it was not allowed to look at.
        faulty: Names for which the API failed on purpose.
        slow: Seconds that each call took.
        previews: The API can be asked beforehand.
        owned: How many objects were this application's when it began, by its inventory.
        ours: The very objects of which that is certain.
        neighbours: The other applications of which the store knows something.
        epoch: Time of day when it began.
        approvals: The permissions in force.
        before, after: Everything that was live.
        inventories: Of every application, at the end.
        result: What the engine said; None when it died.
        said: Everything it said, as text.
    """

    app: str
    declared: Mapping[ResourceKey, Spec]
    head: str
    partial: bool = False
    disturbed: str = ""
    died: bool = False
    started: float
    finished: float = 0.0
    cancelled_at: float | None = None
    calls: list[Call] = attrs.field(factory=list)
    unseen: frozenset[ResourceKey] = frozenset()
    faulty: frozenset[str] = frozenset()
    slow: float = 0.0
    previews: bool = True
    owned: int = 0
    ours: frozenset[tuple[ResourceKey, str]] = frozenset()
    neighbours: frozenset[str] = frozenset()
    epoch: float = 0.0
    approvals: tuple[Approval, ...] = ()
    before: Mapping[ResourceKey, Seen]
    after: Mapping[ResourceKey, Seen] = attrs.field(factory=dict)
    inventories: Mapping[str, Inventory] = attrs.field(factory=dict)
    result: ReconcileResult | None = None
    said: str = ""

    @property
    def calm(self) -> bool:
        """Nobody disturbed it from outside and it came to its end."""
        return not self.disturbed and not self.died and self.result is not None

    @property
    def ok(self) -> bool:
        """The engine says that the target equals Git."""
        return self.calm and self.result is not None and self.result.ok
