"""Look at the target: what is there, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from gitops_core.engine.calls import Call, translated
from gitops_core.engine.passes import Pass
from gitops_core.errors import Conflict, GitOpsError, PluginError
from gitops_core.interfaces import Context, Query
from gitops_core.model.inventory import EntryState, Holder, Inventory
from gitops_core.model.plans import Action, Plan
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.model.results import PassStatus
from gitops_core.planning.match import WITHOUT_IT

_APPLIED: Final = EntryState.APPLIED
_RECENT: Final = 10  # passes in which a neighbour's last look is searched; before them it is too long ago to count


@attrs.frozen
class Observed:
    """
    What one look at the target gave.

    Attributes:
        live: By key; more than asked for is fine.
        unreadable: What nothing is known about.
        error: Why the target could not be observed at all; then everything is unreadable.
    """

    live: Mapping[ResourceKey, Live]
    unreadable: tuple[Unreadable, ...] = ()
    error: GitOpsError | None = None


def observe(p: Pass, keys: frozenset[ResourceKey], inventory: Inventory) -> Observed:
    """
    Return what the target has of *keys*. Never raises for a target that cannot be read: that is an answer, too.

    Cost: one ``observe`` call; retried as its errors say.
    """
    if not keys:
        return Observed({})
    versions = {key: entry.version for key, entry in inventory.entries.items() if entry.version}
    target = p.app.target
    call = Call(target.name, "observe")

    def look(ctx: Context) -> Observed:
        return _sorted_out(target.observe(ctx, Query(keys, versions)), target.name)

    try:
        observed, _ = p.call_target(target, call, "reads", look)
    except GitOpsError as error:
        p.ctx.check()
        return Observed({}, (Unreadable(None, error),), error)
    p.meter.count("objects_observed", len(observed.live))
    return observed


def _sorted_out(answers: Iterable[Live | Unreadable], name: str) -> Observed:
    if not isinstance(answers, Iterable):
        raise PluginError(f"{name}.observe returned {type(answers).__name__}, not objects", name)
    live: dict[ResourceKey, Live] = {}
    unreadable: list[Unreadable] = []
    for answer in answers:
        if type(answer) is Live and answer.key not in live:  # as nearly always
            live[answer.key] = answer
        elif isinstance(answer, Live):
            if answer.key in live:
                unreadable.append(Unreadable(answer.key, Conflict("two objects answer to this key; delete one of them by hand")))
            live[answer.key] = answer
        elif isinstance(answer, Unreadable):
            unreadable.append(answer)
        else:
            raise PluginError(f"{name}.observe yielded {type(answer).__name__}, not Live or Unreadable", name)
    return Observed(live, tuple(unreadable))


def unseen(p: Pass, plan: Plan, inventory: Inventory, revision: str) -> tuple[str, ...]:
    """
    Return the other applications that should look before *plan* deletes anything: one of them may declare it by now.

    They share a target with what is to be deleted, and have not finished a pass since we first saw *revision*. Nobody is
    waited for longer than ``options.handover``.
    """
    scopes = {inventory.entries[c.key].scope for c in plan.changes if c.action is Action.DELETE and c.is_ready}
    if not scopes - {""} or not p.app.options.handover:
        return ()
    since = min([r.started_at for r in p.store.history(p.app.id) if r.revision == revision], default=p.started_at)
    if p.started_at - since >= p.app.options.handover:
        return ()
    return tuple(name for name in p.store.neighbours(p.app.id, scopes) if _last_look(p, name) <= since)


def _last_look(p: Pass, application: str) -> float:
    looked = (r.finished_at for r in p.store.history(application, _RECENT) if r.status != PassStatus.FAILED)
    return max(looked, default=0.0)


def holders(p: Pass, desired: Iterable[ResourceKey], inventory: Inventory) -> Mapping[ResourceKey, Holder]:
    """
    Return which other application holds a key that we are about to take up or to let go, or only claim.

    Cost: one read of the store at most.
    """
    entries = inventory.entries
    claimed = {key for key, entry in entries.items() if entry.state is not _APPLIED and entry.state in WITHOUT_IT}
    wanted = dict.fromkeys(desired)
    unsettled = dict.fromkeys([key for key in wanted if key not in entries])  # in an order that is the same in every run
    unsettled.update(dict.fromkeys(sorted((entries.keys() - wanted) | claimed)))
    target = p.app.target
    with translated(Call(target.name, "scope")):
        asked = [(scope, key) for key in unsettled if (scope := target.scope(key))]
    return p.store.holders(p.app.id, asked) if asked else {}
