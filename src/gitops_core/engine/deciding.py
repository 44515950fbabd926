"""From what is wanted and what is there to a plan; and the same decision again for one object after it was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from gitops_core.engine.ledger import Ledger
from gitops_core.engine.loading import Desired
from gitops_core.engine.observing import Observed
from gitops_core.engine.passes import Pass
from gitops_core.errors import PluginError
from gitops_core.interfaces import Target, capabilities
from gitops_core.model.applications import Owner
from gitops_core.model.inventory import InventoryEntry
from gitops_core.model.plans import Change, FieldDiff, Plan
from gitops_core.model.resources import Live, Resource, ResourceKey
from gitops_core.model.secrets import wrap
from gitops_core.model.values import digest
from gitops_core.model.verdicts import Verdict
from gitops_core.planning.annotations import read_annotations
from gitops_core.planning.normalize import always_secret, ask
from gitops_core.planning.planner import is_as_declared, verify
from gitops_core.planning.records import entry_for
from gitops_core.planning.request import Planned, PlanRequest, TargetRules


@attrs.frozen(kw_only=True)
class Decided:
    """A plan, and all it was decided from."""

    desired: Desired
    observed: Observed
    request: PlanRequest
    planned: Planned


def rules_of(target: Target) -> TargetRules:
    """Return the pure half of *target*; what its class does not override is None, so that the planner can skip it."""
    can = capabilities(target)
    return TargetRules(
        fields=target.fields,
        can_update="update" in can,
        normalize=target.normalize if "normalize" in can else None,
        diff=target.diff if "diff" in can else None,
        depends_on=target.depends_on if "depends_on" in can else None,
        scope=target.scope,
    )


def rules_by_key(target: Target) -> TargetRules | Callable[[ResourceKey], TargetRules]:
    """Return the rules for each key: of the target that really holds it."""
    if "member" not in capabilities(target):
        return rules_of(target)
    known: dict[int, TargetRules] = {}

    def rules_for(key: ResourceKey) -> TargetRules:
        member = target.member(key)
        return known.setdefault(id(member), rules_of(member))

    return rules_for


def plan_request(p: Pass, desired: Desired, observed: Observed, ledger: Ledger, verdict: Verdict) -> PlanRequest:
    """Return everything a plan is decided from, except who else holds an object."""
    app = p.app
    return PlanRequest(
        application=app.id,
        owner=app.owner,
        revision=desired.revision,
        desired=desired.resources,
        complete=desired.error is None and observed.error is None,
        live=observed.live,
        unreadable=observed.unreadable,
        inventory=ledger.inventory,
        verdict=verdict,
        rules=rules_by_key(app.target),
        guard=app.guard,
        approvals=app.approvals,
        options=app.options,
        now=p.started_at,
        salt=p.ctx.salt,
    )


def named_elsewhere(desired: Desired, plan: Plan, owner: Owner) -> frozenset[ResourceKey]:
    """Return what deferred changes depend on that nobody declares here: it may be there all the same, so it is looked for."""
    waiting = {change.key for change in plan.changes if change.rule == "missing_dependency"}
    if not waiting:
        return frozenset()
    found = (read_annotations(r.body, owner).depends_on for r in desired.resources if r.key in waiting)
    return frozenset(key for keys in found for key in keys) - {r.key for r in desired.resources}


@attrs.define
class Judge:
    """
    Decides about single objects after they were written, by the same rules as the plan.

    Attributes:
        request: What the plan was decided from; follows the inventory.
        resources: Declarations by key.
        ledger: The inventory as it is now.
        now: Epoch seconds, asked each time.
    """

    request: PlanRequest
    resources: Mapping[ResourceKey, Resource]
    ledger: Ledger
    now: Callable[[], float]

    def _follow(self) -> PlanRequest:
        """Return the request with the inventory as it is now; made anew only when that was written."""
        if self.request.inventory is not self.ledger.inventory:
            self.request = attrs.evolve(self.request, now=self.now(), inventory=self.ledger.inventory)
        return self.request

    def differences(self, change: Change, live: Live) -> tuple[FieldDiff, ...]:
        """Return what differs although *change* was carried out; empty when *live* is as planned. Raises PluginError."""
        resource = self.resources[change.key]
        if self._looks_alike(resource, live):
            return ()
        request = attrs.evolve(self._follow(), desired=(resource,), live={change.key: live}, unreadable=())
        return verify(request, change.key)

    def _looks_alike(self, resource: Resource, live: Live) -> bool:
        """As declared at first sight, as most of what was written is: no need to compare field by field, and to say what differs."""
        rules = self.request.rules_for(resource.key)
        if rules.diff is not None:
            return is_as_declared(self.request, resource, live)
        try:
            body = ask("observe", lambda: live.body)
            if body is resource.body:
                return True
            secret = always_secret(resource.key, rules.fields)
            return ask("observe", lambda: digest(wrap(body, secret), self.request.salt)) == resource.digest
        except PluginError:
            return False  # the comparison that follows meets it again, and says what is wrong with it

    def applied(self, change: Change, live: Live, *, settled: bool) -> InventoryEntry:
        """Return the inventory entry of an object that was seen as planned."""
        return entry_for(self._follow(), self.resources[change.key], live, settled=settled)
