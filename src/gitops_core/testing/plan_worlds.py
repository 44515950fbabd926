"""A world for decisions: declare, plan and carry out in plain dictionaries, without an engine, a target or a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from gitops_core.model.applications import Owner
from gitops_core.model.inventory import EntryState, Inventory, InventoryEntry
from gitops_core.model.outlines import merge_key
from gitops_core.model.plans import Action, Change, Plan
from gitops_core.model.pointers import split
from gitops_core.model.resources import Live, Origin, Resource, ResourceKey, as_key
from gitops_core.model.revisions import Revision
from gitops_core.model.secrets import reveal
from gitops_core.model.values import Body, FrozenDict, freeze, thaw
from gitops_core.planning.declared import previous_pointers
from gitops_core.planning.planner import make_plan
from gitops_core.planning.records import entry_for, planned_entry
from gitops_core.planning.request import Planned, PlanRequest


class PlanWorld:
    """
    What is live and what is recorded, for one application.

    Args:
        facts: Fields of every :class:`PlanRequest` that differ from their defaults: ``rules``, ``options``, ``guard`` ...

    Attributes:
        live: By key; put in, change or remove what others do.
        entries: The inventory, by key.
        versions: Whether live objects have a version.
    """

    def __init__(self, **facts: Any) -> None:
        self.live: dict[ResourceKey, Live] = {}
        self.entries: dict[ResourceKey, InventoryEntry] = {}
        self.versions = True
        self._facts = {
            "application": "example.org/demo/shop",
            "owner": Owner("example.org", "demo"),
            "revision": Revision("r1"),
            "now": 1000.0,
            "salt": b"salt of a test",
            **facts,
        }
        self._count = 0

    def put(self, body: Mapping[str, Any], **facts: Any) -> Live:
        """Make *body* live, as somebody else would, with a new id unless *facts* name one."""
        resource = Resource.of(body)
        self._count += 1
        number = str(self._count)
        known = {"id": f"id-{number}", "version": number if self.versions else "", **facts}
        self.live[resource.key] = Live(resource.key, freeze(reveal(resource.body)), **known)
        return self.live[resource.key]

    def edit(self, key: str, body: Mapping[str, Any]) -> None:
        """Change the object *key* to *body*: the same id, another version."""
        before = self.live[as_key(key)]
        self.put(body, id=before.id, owner=before.owner)

    def request(self, *declared: Mapping[str, Any] | Resource, **facts: Any) -> PlanRequest:
        """Return a request in which *declared* is all that is declared."""
        known = {**self._facts, **facts}
        resources = [
            d if isinstance(d, Resource) else Resource.of(d, Origin(path="shop.yaml", line=1), salt=known["salt"])
            for d in declared
        ]
        known.setdefault("inventory", Inventory(known["application"], dict(self.entries)))
        known.setdefault("live", dict(self.live))
        return PlanRequest(desired=tuple(sorted(resources, key=lambda r: r.key)), **known)

    def plan(self, *declared: Mapping[str, Any] | Resource, **facts: Any) -> Plan:
        """Return the plan for *declared*."""
        return make_plan(self.request(*declared, **facts)).plan

    def apply(self, *declared: Mapping[str, Any] | Resource, **facts: Any) -> Plan:
        """Plan, carry out what is READY, record it as an engine does, and return the plan."""
        request = self.request(*declared, **facts)
        planned = make_plan(request)
        for entry in (*planned.refreshed, *planned.claims):
            self.entries[entry.key] = entry
        for change in planned.plan.ready:
            self.carry_out(request, change)
        self._let_go(planned)
        return planned.plan

    def carry_out(self, request: PlanRequest, change: Change) -> None:
        """Do one change, with its records before and after."""
        key, resource = change.key, request.declaration(change.key)
        if change.action is Action.DELETE or resource is None:
            if key in self.live and change.live_id != self.live[key].id:
                raise AssertionError(f"{key}: the plan is for {change.live_id}, there is {self.live[key].id}")
            self.live.pop(key, None)
            del self.entries[key]
            return
        self.entries[key] = planned_entry(request, change, resource)
        desired, before = reveal(resource.body), self.live.get(key)
        if change.action in (Action.CREATE, Action.REPLACE) or before is None:
            self.put(desired)
        elif change.diff:
            declared = self._declared_before(request, key)
            self.edit(str(key), merged(desired, without(before.body, previous_pointers(declared, desired, freeze(before.body)))))
        after = attrs.evolve(request, inventory=Inventory(request.application, dict(self.entries)), live=self.live)
        self.entries[key] = entry_for(after, resource, self.live[key])

    def _declared_before(self, request: PlanRequest, key: ResourceKey) -> tuple[str, ...]:
        entry = request.inventory.entries.get(key)
        return entry.declared if entry else ()

    def _let_go(self, planned: Planned) -> None:
        for change in planned.plan.changes:
            if change.rule in ("handed_over", "not_ours"):
                self.entries.pop(change.key, None)
            elif change.rule == "handing_over":
                self.entries[change.key] = attrs.evolve(self.entries[change.key], state=EntryState.RELEASED)


def merged(desired: Any, live: Any) -> Any:
    """Return *live* with what *desired* declares, and nothing else changed: what a good target's ``update`` does."""
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        return {**thaw(live), **{name: merged(value, live.get(name)) for name, value in desired.items()}}
    if isinstance(desired, list) and isinstance(live, list) and (key := merge_key(desired, live)):
        there = {str(item[key]): item for item in live}
        return [merged(item, there.get(str(item[key]))) for item in desired]
    return thaw(desired)


def without(body: Body, pointers: tuple[str, ...]) -> FrozenDict:
    """Return *body* without what *pointers* name; items of lists last first, so that the others stay where they are."""
    copy = thaw(body)
    for pointer in sorted(
        pointers, key=lambda p: [(part.zfill(9) if part.isdecimal() else part) for part in split(p)], reverse=True
    ):
        *above, last = split(pointer)
        place = copy
        for segment in above:
            place = place[int(segment)] if isinstance(place, list) else place[segment]
        del place[int(last) if isinstance(place, list) else last]
    frozen: FrozenDict = freeze(copy)
    return frozen
