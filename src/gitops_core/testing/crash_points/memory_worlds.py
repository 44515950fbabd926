"""Stories told in memory."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.errors import Denied
from gitops_core.interfaces import Context, TargetChange
from gitops_core.model.fields import Fields, Identity
from gitops_core.model.resources import Live, Pending, ResourceKey
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.crash_points.scenarios import Facts, Scenario, Worlds, what_is_there
from gitops_core.testing.crash_points.stories import Bodies, Story, passes, play
from gitops_core.testing.worlds import OPEN, World


def in_memory(story: Story) -> Scenario:
    """Return *story* with a :class:`MemoryTarget` and a :class:`MemoryStore`."""

    def build() -> Worlds:
        target = _IN_MEMORY[story.api]("world", story.there, fields=Fields(immutable=["/data/zone"]))
        return play(story, World(target=target, guard=OPEN))

    return Scenario(name=story.name, build=build, run=passes(story), look=_with_orders)


def _with_orders(world: World) -> Facts:
    orders = getattr(world.target, "orders", {})
    return {**what_is_there(world), **{f"orders of {key}": len(tokens) for key, tokens in orders.items()}}


class RefusingTarget(MemoryTarget):
    """Refuses to make what is called "forbidden"."""

    def create(self, ctx: Context, change: TargetChange) -> Live:
        if change.key.name == "forbidden":
            raise Denied("403: it is forbidden", key=change.key)
        return super().create(ctx, change)


class AssigningTarget(MemoryTarget):
    """Invents ids; an idempotency key that comes again gets the first answer."""

    identity = Identity.ASSIGNED

    def __init__(self, name: str, objects: Bodies = (), *, fields: Fields = Fields()) -> None:
        super().__init__(name, objects, fields=fields)
        self.orders: dict[ResourceKey, dict[str, TargetChange | Live]] = {}

    def create(self, ctx: Context, change: TargetChange) -> Live:
        orders = self.orders.setdefault(change.key, {})
        made = orders.get(change.idempotency_key)
        if not isinstance(made, Live):
            made = orders[change.idempotency_key] = super().create(ctx, change)
        return made


class SlowTarget(AssigningTarget):
    """Takes an order; what was ordered is there from the second look on."""

    def create(self, ctx: Context, change: TargetChange) -> Any:
        ctx.check()
        self.orders.setdefault(change.key, {}).setdefault(change.idempotency_key, change)
        return Pending(f"{change.idempotency_key} 1", retry_after=1.0)

    def poll(self, ctx: Context, pending: Pending) -> Live | Pending | None:
        token, _, look = pending.token.rpartition(" ")
        if look == "1":
            return Pending(f"{token} 2", retry_after=1.0)
        for orders in self.orders.values():
            order = orders.get(token)
            if isinstance(order, TargetChange):
                orders[token] = MemoryTarget.create(self, ctx, order)
        return None


_IN_MEMORY: Final[dict[str, type[MemoryTarget]]] = {
    "declared": RefusingTarget,
    "assigned": AssigningTarget,
    "slow": SlowTarget,
}
