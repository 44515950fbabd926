"""One object, one decision: what is to happen to it, looking at nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import Cancelled, DeadlineExceeded, GitOpsError, PluginError
from gitops_core.model.inventory import EntryState, InventoryEntry
from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, FieldDiff
from gitops_core.model.pointers import Patterns, get
from gitops_core.model.resources import Live, Origin, Resource, ResourceKey
from gitops_core.model.secrets import reveal
from gitops_core.model.values import Body, FrozenDict
from gitops_core.planning.annotations import Annotations, notes_of, read_annotations
from gitops_core.planning.awaiting import AWAITED, held, leaving
from gitops_core.planning.diff import Comparison, compare, precondition_of, taken_over, write_only_diffs
from gitops_core.planning.edges import Index, plugin_edges
from gitops_core.planning.guards import Permits, approved
from gitops_core.planning.ignoring import ignored_by
from gitops_core.planning.managers import Scales, Weighed, conflict_text, weigh
from gitops_core.planning.match import Blind, Match, Standing, error_text, match
from gitops_core.planning.normalize import Secrecy, ask, declared_in_spelling, normalized, secrecy_of
from gitops_core.planning.prune import protect, prune
from gitops_core.planning.records import applied_addresses, claim_entry, refreshed_entry
from gitops_core.planning.request import PlanRequest, TargetRules

_NO_NOTES: Final = Annotations()


class Unread(Exception):
    """The body of a live object could not be read."""


@attrs.frozen(kw_only=True)
class Decision:
    """
    What was decided about one declared object, and what was learnt on the way.

    Attributes:
        resource: The declaration.
        change: What is to happen; None when nothing is.
        body: Its body, if it had to be read.
        notes: Its annotations, if they were read.
        needs: What the target says it needs.
        entry: What the inventory should learn from having looked.
        claim: Set when another application has it.
    """

    resource: Resource
    change: Change | None = None
    body: Body | None = attrs.field(default=None, repr=False)
    notes: Annotations = _NO_NOTES
    needs: tuple[ResourceKey, ...] = ()
    entry: InventoryEntry | None = None
    claim: InventoryEntry | None = None


class Decider:
    """Decides one object at a time. Made for one request; keeps what is the same for all of its objects."""

    def __init__(self, request: PlanRequest) -> None:
        self.request = request
        self.permits = Permits(request.approvals, request.now)
        self.blind = Blind(request.unreadable)
        self._denied = request.verdict.denied
        self._ignored: dict[tuple[Patterns, Patterns], Patterns] = {}
        self.index = Index(request)

    # -- declared objects --------------------------------------------------------------------------------------------------

    def declared(self, resource: Resource) -> Decision:
        """Return what is to happen to *resource*."""
        found = match(self.request, resource.key, self.blind)
        if found.standing in _WITHOUT_BODIES:
            return Decision(resource=resource, change=self._left_alone(resource, found), claim=self._claim(resource, found))
        read = self.request.read(resource)
        body, notes = read.body, notes_of(read, self.request.owner)
        needs: tuple[ResourceKey, ...] = ()
        try:
            change = self._by_body(resource, body, notes, found)
            if change is None and (why := leaving(self.request, resource.key)):
                change = attrs.evolve(self._stopped(resource, found, AWAITED, why), action=Action.CREATE)
            if change is None and found.live is not None:
                return Decision(resource=resource, entry=refreshed_entry(self.request, resource, found.live, self.index))
            needs = plugin_edges(body, self.request.rules_for(resource.key))
        except PluginError as error:
            change = self._stopped(resource, found, "plugin", f"the target's {error.message}")
        except Unread as error:
            change = self._stopped(resource, found, "unreadable", f"it could not be read: {error}")
        if change is not None and change.wait and not (notes.wait and self.request.options.wait):
            change = attrs.evolve(change, wait=False)
        return Decision(resource=resource, change=self.reviewed(held(self.request, change)), body=body, notes=notes, needs=needs)

    def reviewed(self, change: Change | None) -> Change | None:
        """Return *change* refused if a policy denies it, or denies everything."""
        violation = self._denied.get(change.key, self._denied.get(None)) if change is not None and self._denied else None
        if change is None or violation is None or not change.is_ready:
            return change
        text = f"{violation.policy or 'a policy'} denies it: {violation.message}"
        return attrs.evolve(change, state=ChangeState.REFUSED, rule="policy", reason=f"{change.reason}; {text}")

    def _left_alone(self, resource: Resource, found: Match) -> Change:
        """Decide what can be decided without any body."""
        if found.standing is Standing.UNREADABLE:
            return self._stopped(resource, found, "unreadable", f"it could not be read: {found.why}")
        if found.standing is Standing.DELETING:
            return self._stopped(resource, found, "deleting", "being deleted; it will be created again when it is gone")
        us, them = self.request.application, found.other
        change = self._stopped(resource, found, "foreign_owner", f"application {them} has it, and {us} declares it, too")
        return attrs.evolve(
            change, override=f"remove it from {them} or from {us}: the other one takes it over, nothing is deleted"
        )

    def _claim(self, resource: Resource, found: Match) -> InventoryEntry | None:
        return claim_entry(self.request, resource, found) if found.standing is Standing.FOREIGN else None

    def _by_body(self, resource: Resource, body: Body, notes: Annotations, found: Match) -> Change | None:
        if notes.problems:
            where = f" ({resource.origin})" if resource.origin.path else ""
            return self._stopped(resource, found, "annotation", "; ".join(notes.problems) + where)
        if found.live is None:
            return self._create(resource)
        ours = found.standing is Standing.OURS
        if ours and notes.strategy == "create-only":
            return None
        entry = found.entry if ours else None
        sides = self.sides(resource.key, body, found.live, entry)
        weighed = self._weighed(resource, notes, entry, sides)
        change = self._changed(resource, found, notes, weighed.diff)
        if change is None:
            return None
        if weighed.conflicts and change.is_ready:
            change = self._conflicting(change, weighed.conflicts)
        preview = self.request.previews.get(resource.key)
        if isinstance(preview, GitOpsError) and change.is_ready:
            text = f"{change.reason}; the target would not accept it: {sides.secrecy.redactor.redact(preview.message)}"
            change = attrs.evolve(change, state=ChangeState.REFUSED, rule="preview", reason=text)
        return attrs.evolve(change, precondition=precondition_of(found.live.id, sides.live, sides.desired, sides.how))

    def _weighed(self, resource: Resource, notes: Annotations, entry: InventoryEntry | None, sides: Sides) -> Weighed:
        """Return what is to be changed, and what others stand against; what the target would not change is left out."""
        if notes.strategy == "create-only":
            return Weighed(())  # it is there: adopted as it is
        was_applied = entry is not None and entry.state is EntryState.APPLIED
        scales = Scales(
            policy=notes.conflicts or self.request.options.conflicts,
            applied=applied_addresses(entry) if entry is not None else (),
            desired=sides.desired,
            is_unchanged=was_applied and entry is not None and entry.desired == resource.digest,
        )
        weighed = weigh(sides.diff(), scales)
        preview = self.request.previews.get(resource.key)
        if not weighed.diff or not isinstance(preview, Mapping):
            return weighed
        return attrs.evolve(weighed, diff=weigh(sides.previewed(preview), scales).diff)

    def _changed(self, resource: Resource, found: Match, notes: Annotations, diff: tuple[FieldDiff, ...]) -> Change | None:
        if found.standing is Standing.UNOWNED:
            return self._adopt(resource, found, diff)
        return self._repair(resource, found, notes, diff) if diff else None

    def _conflicting(self, change: Change, conflicts: tuple[FieldDiff, ...]) -> Change:
        override = f'annotation {self.request.owner.key("conflicts")}: "take" or "leave", or Options(conflicts=...)'
        text = f"{change.reason}; {conflict_text(conflicts)}"
        return attrs.evolve(change, state=ChangeState.REFUSED, rule="field_owner", reason=text, override=override)

    def _create(self, resource: Resource) -> Change:
        rules = self.request.rules_for(resource.key)
        if rules.normalize is not None:
            read = self.request.read(resource)  # what it may raise is raised before the write
            declared_in_spelling(read, rules, secrecy_of(read, rules))
        entry = self.request.inventory.entries.get(resource.key)
        was_there = entry is not None and entry.state is EntryState.APPLIED
        reason = "gone from the target since it was applied" if was_there else "not in the target"
        return self._change(resource, Action.CREATE, None, reason)

    def _repair(self, resource: Resource, found: Match, notes: Annotations, diff: tuple[FieldDiff, ...]) -> Change:
        why = self._replace_reason(resource.key, diff) or _recreated(notes)
        change = self._change(resource, Action.REPLACE if why else Action.UPDATE, found.live, f"{_count(diff)}{why}", diff)
        is_protected = notes.protected or (found.entry is not None and found.entry.protected)
        return protect(change, self.permits) if why and is_protected else change

    def _adopt(self, resource: Resource, found: Match, diff: tuple[FieldDiff, ...]) -> Change:
        reason = f"{found.why}; {_count(diff) if diff else 'it is as declared'}"
        change = attrs.evolve(self._change(resource, Action.ADOPT, found.live, reason, diff), adopts=True)
        if not self.request.options.adopt:
            text = f"{reason}; adopting is switched off"
            return attrs.evolve(change, state=ChangeState.REFUSED, rule="adoption", reason=text, override="Options(adopt=True)")
        why = self._replace_reason(resource.key, diff) if diff else ""
        return self._replace_unowned(change, why) if why else change

    def _replace_unowned(self, change: Change, why: str) -> Change:
        approval = self.permits.take("replace", change.key)
        if approval:
            return approved(attrs.evolve(change, action=Action.REPLACE, reason=f"{change.reason}{why}"), approval)
        text = f"{change.reason}{why}; what is not ours is not deleted"
        override = f'Approval(name="...", rules={{"replace"}}, keys={{"{change.key}"}}, expires_at=...)'
        return attrs.evolve(change, state=ChangeState.REFUSED, rule="replace", reason=text, override=override)

    def _replace_reason(self, key: ResourceKey, diff: tuple[FieldDiff, ...]) -> str:
        fixed = [d.label or d.pointer for d in diff if d.forces_replacement]
        if fixed:
            return f"; {', '.join(fixed)} cannot be changed in place"
        return "" if self.request.rules_for(key).can_update else "; the target cannot update in place"

    def _change(
        self, resource: Resource, action: Action, live: Live | None, reason: str, diff: tuple[FieldDiff, ...] = ()
    ) -> Change:
        return Change(
            resource.key,
            action,
            reason=reason,
            diff=diff,
            wait=self.request.options.wait,
            desired=resource.digest,
            live_id=live.id if live else "",
            origin=self._origin(resource.origin),
        )

    def _stopped(self, resource: Resource, found: Match, rule: str, reason: str) -> Change:
        """Refused, or deferred where time may help by itself. What would have been done is the best guess there is."""
        known = Action.UPDATE if found.entry else Action.CREATE
        foreign = Action.ADOPT if found.live else Action.CREATE
        action = {Standing.UNREADABLE: known, Standing.FOREIGN: foreign}.get(found.standing) or _ACTIONS[found.standing]
        state = ChangeState.DEFERRED if rule in _PASSING else ChangeState.REFUSED
        return attrs.evolve(self._change(resource, action, found.live, reason), state=state, rule=rule)

    def _origin(self, origin: Origin) -> Origin:
        """Fill in the revision."""
        revision = self.request.revision
        source = origin.source or revision.source
        return Origin(source, revision.id, origin.path, origin.document, origin.line, origin.column)

    # -- what both sides look like --------------------------------------------------------------------------------------------

    def sides(self, key: ResourceKey, body: Body, live: Live, entry: InventoryEntry | None) -> Sides:
        """
        Return both sides of *key* in one spelling.

        Raises:
            PluginError: A function of the target raised.
            Unread: The live body could not be read.
        """
        rules = self.request.rules_for(key)
        resource = self.request.declaration(key) if body else None
        read = self.request.read(resource) if resource is not None else None  # a target cannot spell what is not declared
        recorded = entry.sensitive if entry else ()
        secrecy = Secrecy.of(key, rules, body, recorded) if recorded or read is None else secrecy_of(read, rules)
        raw = read_body(live)
        desired = declared_in_spelling(read, rules, secrecy) if read is not None else FrozenDict()
        there = normalized(raw, rules, secrecy.between(body, raw))
        secrecy = secrecy.between(body, raw, desired, there)
        how = Comparison(
            fields=rules.fields,
            ignored=self._ignored_for(key, rules.fields.computed, body),
            salt=self.request.salt,
            redactor=secrecy.redactor,
            declared=entry.declared if entry else (),
            write_only=entry.write_only if entry else "",
        )
        return Sides(desired, there, how, secrecy, rules)

    def _ignored_for(self, key: ResourceKey, computed: Patterns, body: Body) -> Patterns:
        ignored = ignored_by(self.request.options, key, read_annotations(body, self.request.owner).ignored)
        if not ignored:
            return computed
        memo = computed, ignored
        if memo not in self._ignored:
            self._ignored[memo] = Patterns(computed.patterns | ignored.patterns)
        return self._ignored[memo]

    # -- undeclared objects ---------------------------------------------------------------------------------------------------

    def undeclared(self, entry: InventoryEntry) -> Change | None:
        """Return what is to happen to what is in the inventory and not declared."""
        try:
            return self.reviewed(held(self.request, prune(self.request, entry, self.blind, self.permits, self._stamp)))
        except PluginError as error:
            rule, state, text = "plugin", ChangeState.REFUSED, f"the target's {error.message}"
        except Unread as error:
            rule, state, text = "unreadable", ChangeState.DEFERRED, f"it could not be read: {error}"
        live, origin = self.request.live[entry.key], Origin(path=entry.path, revision=entry.revision)
        reason = f"no longer declared; {text}"
        return Change(entry.key, Action.DELETE, state=state, rule=rule, reason=reason, live_id=live.id, origin=origin)

    def _stamp(self, entry: InventoryEntry, live: Live) -> str:
        sides = self.sides(entry.key, FrozenDict(), live, entry)
        return precondition_of(live.id, sides.live, FrozenDict(), sides.how)


@attrs.frozen
class Sides:
    """Both sides of one object, normalised, secrets wrapped, and how they are compared."""

    desired: FrozenDict
    live: FrozenDict
    how: Comparison
    secrecy: Secrecy
    rules: TargetRules

    def diff(self) -> tuple[FieldDiff, ...]:
        """
        Return what differs, by the target's own comparison if it has one.

        Raises:
            PluginError: It raised, or returned something that is no difference.
        """
        own = self.rules.diff
        if own is not None:
            redactor = self.secrecy.redactor
            is_clear = not self.secrecy.patterns
            desired, live = (self.desired, self.live) if is_clear else (reveal(self.desired), reveal(self.live))
            found = ask("diff", lambda: _checked(own(desired, live)), redactor)
            if found is not None:
                taken = taken_over(found, self.how, self.secrecy.patterns, redactor)
                return tuple(sorted([*taken, *write_only_diffs(self.desired, self.how)], key=lambda d: (d.pointer, d.op)))
        return compare(self.desired, self.live, self.how)

    def previewed(self, preview: Body) -> tuple[FieldDiff, ...]:
        """
        Return what differs between what is there and what the target would make of it, *preview*.

        Write-only fields are as in :meth:`diff`: nobody reads them back, from a preview neither. A field that is there and would not be
        any more is declared with a value that the target does not keep, such as ``false``: it differs as declared.

        Raises:
            PluginError: See :meth:`diff`; or *preview* is not a JSON object.
        """
        would_be = normalized(preview, self.rules, self.secrecy)
        hidden = self.rules.fields.write_only
        would_change = {d.pointer: d for d in attrs.evolve(self, desired=would_be).diff()}
        gone = {d.pointer: d for d in self.diff() if d.op is DiffOp.REPLACE and get(would_be, d.pointer, _GONE) is _GONE}
        shown = [d for d in (would_change | gone).values() if not hidden.covers(d.pointer)]
        return tuple(sorted([*shown, *write_only_diffs(self.desired, self.how)], key=lambda d: (d.pointer, d.op)))


def _checked(found: Any) -> list[FieldDiff] | None:
    diffs = None if found is None else list(found)
    wrong = next((d for d in diffs or () if not isinstance(d, FieldDiff)), None)
    if wrong is not None:
        raise TypeError(f"a FieldDiff was expected, not {type(wrong).__name__}")
    return diffs


def read_body(live: Live) -> Mapping[str, Any]:
    """
    Return the body of *live*, which may have to be fetched.

    Raises:
        Unread: It could not be.
        Cancelled, DeadlineExceeded: The host wants us to stop.
    """
    try:
        return live.body
    except (Cancelled, DeadlineExceeded):
        raise
    except Exception as error:  # a target may throw anything
        raise Unread(error_text(error)) from error


_GONE: Final = object()
_WITHOUT_BODIES: Final = (Standing.UNREADABLE, Standing.DELETING, Standing.FOREIGN)  # no set: the hash of an enum takes longer
_PASSING: Final = frozenset({"unreadable", "deleting", AWAITED})
_ACTIONS: Final = {
    Standing.ABSENT: Action.CREATE,
    Standing.OURS: Action.UPDATE,
    Standing.UNOWNED: Action.ADOPT,
    Standing.DELETING: Action.CREATE,
}


def _recreated(notes: Annotations) -> str:
    return "; its strategy is to recreate it" if notes.strategy == "recreate" else ""


def _count(diff: tuple[FieldDiff, ...]) -> str:
    return "1 field differs" if len(diff) == 1 else f"{len(diff)} fields differ"
