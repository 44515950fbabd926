"""Ten things that happen to objects, each to be cut everywhere."""

from __future__ import annotations

from typing import Any, Final

import attrs

from gitops_core.errors import Denied
from gitops_core.interfaces import Context, TargetChange
from gitops_core.model.fields import Fields, Identity
from gitops_core.model.resources import Live, Pending, ResourceKey
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.crash_points.scenarios import Facts, Scenario, Worlds, what_is_there
from gitops_core.testing.worlds import OPEN, World, config

Bodies = tuple[dict[str, Any], ...]


@attrs.frozen(kw_only=True)
class Story:
    """
    What happens.

    Attributes:
        name: In a word or two.
        there: What somebody else has made.
        before: What is declared, and made, before anything is cut.
        now: What is declared then: the pass that makes it true is cut.
        gone: What is un-declared then.
        elsewhere: What another application declares then.
        api: ``declared``, ``assigned`` or ``slow``: who invents ids, and whether a create takes time.
    """

    name: str
    there: Bodies = ()
    before: Bodies = ()
    now: Bodies = ()
    gone: tuple[str, ...] = ()
    elsewhere: Bodies = ()
    api: str = "declared"


_DEPENDS: Final = {"example.org/depends-on": "ConfigMap/first"}

STORIES: Final = (
    Story(name="create", now=(config("first", color="blue"), config("second", notes=_DEPENDS))),
    Story(
        name="update", before=(config("first", color="blue", size="1"),), now=(config("first", color="red", size="2"),)
    ),
    Story(
        name="un-declared field", before=(config("first", color="blue", size="1"),), now=(config("first", color="blue"),)
    ),
    Story(name="replace", before=(config("first", zone="1"), config("second")), now=(config("first", zone="2"),)),
    Story(
        name="delete",
        before=(config("first"), config("second"), config("third")),
        gone=("ConfigMap/first", "ConfigMap/second"),
    ),
    Story(
        name="adopt",
        there=(config("first", color="grey"), config("second")),
        now=(config("first", color="blue"), config("second")),
    ),
    Story(
        name="assigned ids",
        before=(config("third", zone="1"),),
        now=(config("first"), config("second"), config("third", zone="2")),
        api="assigned",
    ),
    Story(
        name="takes time",
        before=(config("third", color="blue"),),
        now=(config("first"), config("third", color="red")),
        api="slow",
    ),
    Story(
        name="move",
        before=(config("first", color="blue"), config("second")),
        gone=("ConfigMap/first",),
        elsewhere=(config("first", color="blue"),),
    ),
    Story(
        name="partial failure",
        before=(config("third", color="blue"),),
        now=(config("forbidden"), config("second", notes={"example.org/depends-on": "ConfigMap/forbidden"}), config("third", color="red")),
    ),
)  # fmt: skip
"""Every kind of change there is."""


def play(story: Story, world: World) -> Worlds:
    """Bring *world*, and another application beside it, to where *story* begins."""
    other = attrs.evolve(world, name="other", source=MemorySource({}), seed=world.seed + 1000)
    worlds = (world, other) if story.elsewhere else (world,)
    if story.before:
        world.declare(*story.before)
    for each in worlds:
        if not each.reconcile().ok:
            raise AssertionError(f"{story.name}: the world cannot be set up")
    if story.now:
        world.declare(*story.now)
    if story.gone:
        world.undeclare(*story.gone)
    if story.elsewhere:
        other.declare(*story.elsewhere)
    return worlds


def in_memory(story: Story) -> Scenario:
    """Return *story* with a :class:`MemoryTarget` and a :class:`MemoryStore`."""

    def build() -> Worlds:
        target = _IN_MEMORY[story.api]("world", story.there, fields=Fields(immutable=["/data/zone"]))
        return play(story, World(target=target, store=MemoryStore(salt=b"crash points"), guard=OPEN))

    return Scenario(name=story.name, build=build, look=_with_orders)


def _with_orders(world: World) -> Facts:
    orders = getattr(world.target, "orders", {})
    return {**what_is_there(world), **{f"orders of {key}": len(tokens) for key, tokens in orders.items()}}


class RefusingTarget(MemoryTarget):
    """Refuses to make what is called "forbidden"."""

    def create(self, ctx: Context, change: TargetChange) -> Live | Pending:
        if change.key.name == "forbidden":
            raise Denied("403: it is forbidden", key=change.key)
        return super().create(ctx, change)


class AssigningTarget(MemoryTarget):
    """Invents ids; an idempotency key that comes again gets the first answer."""

    identity = Identity.ASSIGNED

    def __init__(self, name: str, objects: Bodies = (), *, fields: Fields = Fields()) -> None:
        super().__init__(name, objects, fields=fields)
        self.orders: dict[ResourceKey, dict[str, TargetChange | Live]] = {}

    def create(self, ctx: Context, change: TargetChange) -> Live | Pending:
        orders = self.orders.setdefault(change.key, {})
        made = orders.get(change.idempotency_key)
        if not isinstance(made, Live):
            made = orders[change.idempotency_key] = super().create(ctx, change)
        return made


class SlowTarget(AssigningTarget):
    """Takes an order; what was ordered is there from the second look on."""

    def create(self, ctx: Context, change: TargetChange) -> Pending:
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
