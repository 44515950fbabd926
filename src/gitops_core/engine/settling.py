"""How well is what we wrote? Asked of the target first, then of the rules for the kind."""

from __future__ import annotations

from gitops_core.engine.calls import Call, translated
from gitops_core.engine.observing import Observed
from gitops_core.engine.passes import Pass
from gitops_core.errors import GitOpsError
from gitops_core.health.rules import DEFAULT_RULES, assess
from gitops_core.interfaces import Target, capabilities
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.inventory import EntryState, Inventory
from gitops_core.model.resources import Live, ResourceKey

_WRITTEN = frozenset({EntryState.PLANNED, EntryState.APPLIED})


def health_of(p: Pass, live: Live, written_at: float | None) -> Health:
    """
    Return how well *live* is: the target's own answer, else the rules for its kind. Raises nothing.

    Args:
        p: The pass.
        live: What is there.
        written_at: When we wrote it, epoch seconds, or None.
    """
    target = p.app.target.member(live.key)
    try:
        if "health" in capabilities(target):
            own = _asked(target, live)
            if own is not None:
                return own
        return assess(live, now=p.ctx.clock.now(), written_at=written_at, rules=p.app.health or DEFAULT_RULES)
    except GitOpsError as error:
        return Health(settled=False, status=HealthStatus.UNKNOWN, reason="HealthFailed", message=error.message)


def is_well(health: Health) -> bool:
    """Tell whether dependents may go on: a failed Pod has settled, but nothing should build on it."""
    return health.settled and health.status is not HealthStatus.DEGRADED


def unsettled(p: Pass, inventory: Inventory, observed: Observed) -> dict[ResourceKey, Health]:
    """Return what of *observed* we have written, had not settled, and is not well now either. Cost: O(entries)."""
    if not p.app.options.wait:
        return {}
    live = observed.live
    open_ = [e for e in inventory.entries.values() if not e.settled and e.state in _WRITTEN and e.key in live]
    found = {entry.key: health_of(p, live[entry.key], entry.written_at or None) for entry in open_}
    return {key: health for key, health in found.items() if not is_well(health)}


def _asked(target: Target, live: Live) -> Health | None:
    try:
        return _checked(target.health(live))
    except Exception:
        with translated(Call(target.name, "health", live.key)):
            raise


def _checked(answer: object) -> Health | None:
    if answer is None or isinstance(answer, Health):
        return answer
    raise TypeError(f"a Health or None was expected, not {type(answer).__name__}")
