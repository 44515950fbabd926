"""Ten things that happen to objects, each to be cut everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from gitops_core.model.resources import ResourceKey, key_of
from gitops_core.model.results import ReconcileResult
from gitops_core.sources.memory import MemorySource
from gitops_core.testing.crash_points.scenarios import Worlds, reconcile_each
from gitops_core.testing.worlds import World, config

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
        beside: What another application declares, and has, before.
        elsewhere: What that one declares then.
        rounds: Passes of each application that are cut; a hand-over takes two.
        api: ``declared``, ``assigned`` or ``slow``: who invents ids, and whether a create takes time.
    """

    name: str
    there: Bodies = ()
    before: Bodies = ()
    now: Bodies = ()
    gone: tuple[str, ...] = ()
    beside: Bodies = ()
    elsewhere: Bodies = ()
    rounds: int = 1
    api: str = "declared"

    @property
    def keys(self) -> frozenset[ResourceKey]:
        """Every object that it is about."""
        return frozenset(map(key_of, (*self.there, *self.before, *self.now, *self.beside, *self.elsewhere)))


_LATER: Final = 600.0  # seconds between what was and what is cut: nobody has looked since
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
        beside=(config("third"),),
        elsewhere=(config("first", color="blue"),),
        rounds=2,
    ),
    Story(
        name="partial failure",
        before=(config("third", color="blue"),),
        now=(config("forbidden"), config("second", notes={"example.org/depends-on": "ConfigMap/forbidden"}), config("third", color="red")),
    ),
)  # fmt: skip
"""Every kind of change there is."""


def passes(story: Story) -> Callable[[Worlds], list[ReconcileResult]]:
    """Return what is cut: every application's passes, in turn."""

    def run(worlds: Worlds) -> list[ReconcileResult]:
        return [result for _ in range(story.rounds) for result in reconcile_each(worlds)]

    return run


def play(story: Story, world: World) -> Worlds:
    """Bring *world*, and another application beside it, to where *story* begins."""
    other = attrs.evolve(world, name="other", source=MemorySource({}), seed=world.seed + 1000)
    worlds = (world, other) if story.elsewhere else (world,)
    if story.before:
        world.declare(*story.before)
    if story.beside:
        other.declare(*story.beside)
    for each in worlds:
        if not each.reconcile().ok:
            raise AssertionError(f"{story.name}: the world cannot be set up")
    world.clock.advance(_LATER)
    if story.now:
        world.declare(*story.now)
    if story.gone:
        world.undeclare(*story.gone)
    if story.elsewhere:
        other.declare(*story.elsewhere)
    return worlds
