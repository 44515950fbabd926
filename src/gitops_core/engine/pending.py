"""Operations that an earlier pass left with the API: ask about them before anything is decided."""

from __future__ import annotations

import attrs

from gitops_core.engine.calls import Call
from gitops_core.engine.ledger import Ledger
from gitops_core.engine.observing import Observed
from gitops_core.engine.passes import Pass
from gitops_core.errors import GitOpsError, NotStabilized
from gitops_core.interfaces import capabilities
from gitops_core.model.inventory import Intent, Inventory, InventoryUpdate
from gitops_core.model.resources import Pending, ResourceKey, Unreadable


def resume(p: Pass, ledger: Ledger) -> Observed:
    """
    Return the objects on which the API still works, as unreadable: nothing is created over them and nothing pruned.

    Intents whose operation has ended are closed; what it made is observed like everything else. One that has another token by
    now is asked by that one the next time.
    """
    unreadable: list[Unreadable] = []
    finished: list[ResourceKey] = []
    moved: list[Intent] = []
    for key, intent in sorted(ledger.inventory.intents.items()):
        if not intent.token:
            continue
        if _is_trusted(p, ledger.inventory, key):
            continue
        token, error = _ask(p, intent)
        if error is None:
            finished.append(key)
            continue
        unreadable.append(Unreadable(key, error))
        if token != intent.token:
            moved.append(attrs.evolve(intent, token=token))
    ledger.write(InventoryUpdate(open_intents=tuple(moved), close_intents=tuple(finished)))
    return Observed({}, tuple(unreadable))


def _is_trusted(p: Pass, inventory: Inventory, key: ResourceKey) -> bool:
    """A target that cannot be asked is looked at for as long as its operation may take; the intent tells that there is one."""
    entry = inventory.entries.get(key)
    if entry is None or not entry.written_at or "poll" in capabilities(p.app.target.member(key)):
        return False
    return abs(p.started_at - entry.written_at) < p.app.options.health_timeout


def _ask(p: Pass, intent: Intent) -> tuple[str, GitOpsError | None]:
    """Return the token to ask by the next time, and why the operation has not ended; None when it has."""
    target = p.app.target.member(intent.key)
    if "poll" not in capabilities(target):
        return intent.token, None
    call, pending = Call(target.name, "poll", intent.key), Pending(intent.token)
    try:
        answer, _ = p.call_target(target, call, "reads", lambda ctx: target.poll(ctx, pending))
    except GitOpsError as error:
        p.ctx.check()
        return intent.token, error
    if isinstance(answer, Pending):
        message = answer.message or "an operation of an earlier pass is not finished"
        return answer.token, NotStabilized(message, key=intent.key, retry_after=answer.retry_after)
    return intent.token, None
