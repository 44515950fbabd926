"""What a plan is made from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING

import attrs

from gitops_core.errors import GitOpsError
from gitops_core.model.applications import Options, Owner
from gitops_core.model.fields import Fields
from gitops_core.model.guards import Approval, Guard
from gitops_core.model.health import Health
from gitops_core.model.inventory import Holder, Inventory, InventoryEntry
from gitops_core.model.outlines import outline
from gitops_core.model.plans import FieldDiff, Plan
from gitops_core.model.resources import Live, Resource, ResourceKey, Unreadable
from gitops_core.model.results import Awaited
from gitops_core.model.revisions import Revision
from gitops_core.model.values import Body, FrozenDict
from gitops_core.model.verdicts import Verdict

if TYPE_CHECKING:
    from gitops_core.planning.annotations import Annotations
    from gitops_core.planning.normalize import Secrecy
    from gitops_core.planning.records import Facts


class Read:
    """
    One declaration, read once a request: plan, write-ahead and record ask for the same.

    Attributes:
        key: Of what was read: what follows from a body depends on it, too.
        body: Its body.
        outline: Of the body.
        notes: See :func:`.annotations.notes_of`.
        facts: See :func:`.records.facts_of`.
        references: See :func:`.edges.referred`.
        secrecy: See :func:`.normalize.secrecy_of`.
        spelled: The body in the target's spelling, secrets wrapped.
    """

    __slots__ = ("body", "facts", "key", "notes", "outline", "references", "secrecy", "spelled")

    def __init__(self, resource: Resource) -> None:
        self.key = resource.key
        self.body = resource.body
        self.outline = resource.known_outline or outline(self.body)
        self.notes: Annotations | None = None
        self.facts: Facts | None = None
        self.references: frozenset[ResourceKey] | None = None
        self.secrecy: Secrecy | None = None
        self.spelled: FrozenDict | None = None

    def again(self) -> FrozenDict:
        """Return the body: a loader for who needs it again."""
        return self.body


@attrs.frozen(kw_only=True)
class TargetRules:
    """
    The pure half of a target, as the planner needs it.

    Attributes:
        fields: Immutable, computed, write-only, sensitive, unordered.
        can_update: The target changes objects in place; without it a difference is a REPLACE.
        normalize: Both sides, in clear; None when the target has none of its own.
        diff: Two normalised bodies in clear to differences, or None for ours; None when the target has none of its own.
        depends_on: A body in clear to the keys it needs.
        scope: Key to the world it lives in.
    """

    fields: Fields = Fields()
    can_update: bool = True
    normalize: Callable[[Body], Body] | None = None
    diff: Callable[[Body, Body], Iterable[FieldDiff] | None] | None = None
    depends_on: Callable[[Body], Iterable[ResourceKey | tuple[str, ...]]] | None = None
    scope: Callable[[ResourceKey], str] = lambda _key: ""


@attrs.frozen(kw_only=True)
class PlanRequest:
    """
    Everything a plan is decided from; equal requests give equal plans.

    Attributes:
        application: ``Application.id``.
        owner: For annotation keys.
        revision: What was rendered.
        desired: Sorted by key, unique, keys as the target spells them.
        complete: The render was complete and the observation did not fail as a whole; without it nothing is pruned.
        live: What was observed, by key; more than asked for is fine.
        unreadable: What could not be observed.
        inventory: What we own.
        holders: Other applications that have one of the keys.
        unseen: Other applications of the same target that have not looked at it since our declarations changed.
        previews: What the target says it would make of an update, or why it would refuse it; by key.
        unsettled: Objects that we wrote and that were not well when they were looked at just now.
        verdict: What the policies say.
        rules: The pure half of the target, or of the target that holds a key where there are several.
        guard: Limits.
        approvals: Permissions to exceed them.
        options: ``prune``, ``adopt``, ``ignore``, ``conflicts``, ``memo_age``, ``wait``.
        now: Epoch seconds, for approvals and memos.
        salt: Keys the digests of secrets.
        known: What was read of the declarations so far, by digest; where several keys have one body, of one of them.
    """

    application: str
    owner: Owner
    revision: Revision
    desired: tuple[Resource, ...]
    complete: bool = True
    live: Mapping[ResourceKey, Live]
    unreadable: tuple[Unreadable, ...] = ()
    inventory: Inventory
    holders: Mapping[ResourceKey, Holder] = attrs.field(factory=dict)
    unseen: tuple[str, ...] = ()
    previews: Mapping[ResourceKey, Body | GitOpsError] = attrs.field(factory=dict, repr=False)
    unsettled: Mapping[ResourceKey, Health] = attrs.field(factory=dict)
    verdict: Verdict = Verdict()
    rules: TargetRules | Callable[[ResourceKey], TargetRules] = TargetRules()
    guard: Guard = Guard()
    approvals: tuple[Approval, ...] = ()
    options: Options = Options()
    now: float = 0.0
    salt: bytes = attrs.field(default=b"", repr=False)
    known: dict[str, Read] = attrs.field(factory=dict, eq=False, repr=False)

    def read(self, resource: Resource) -> Read:
        """Return what is known of *resource*; its document is decoded once a request, however many steps look at it."""
        known = self.known.get(resource.digest)  # a text keeps its hash, a key is hashed at every look-up
        if known is None or known.key != resource.key:
            known = self.known[resource.digest] = Read(resource)
        return known

    def rules_for(self, key: ResourceKey) -> TargetRules:
        """Return the pure half of the target that holds *key*."""
        return self.rules if isinstance(self.rules, TargetRules) else self.rules(key)

    def declaration(self, key: ResourceKey) -> Resource | None:
        """Return the declaration of *key*, or None. Cost: O(log n)."""
        at = bisect_left(self.desired, key, key=_key_of)
        return self.desired[at] if at < len(self.desired) and self.desired[at].key == key else None


_key_of = attrgetter("key")


@attrs.frozen
class Planned:
    """
    A plan, and what the inventory should learn from having looked.

    Attributes:
        plan: The decision.
        refreshed: Entries of unchanged objects that were compared in full: new version, live digest and ``checked_at``.
        claims: Entries for objects that another application has and we declare.
        awaited: What only time will finish.
    """

    plan: Plan
    refreshed: tuple[InventoryEntry, ...] = ()
    claims: tuple[InventoryEntry, ...] = ()
    awaited: tuple[Awaited, ...] = ()
