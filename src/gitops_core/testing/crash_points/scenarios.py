"""What is run and cut: worlds, what happens in them, and how the next process finds them."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

import attrs

from gitops_core.engine.sinks import ListSink
from gitops_core.interfaces import Query
from gitops_core.model.inventory import EntryState
from gitops_core.model.resources import Live, ResourceKey
from gitops_core.model.results import PassStatus, ReconcileResult
from gitops_core.model.values import thaw
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.contexts import make_context
from gitops_core.testing.worlds import World

Worlds = tuple[World, ...]
Facts = Mapping[str, object]

LEFTOVER: Final = "leftover of a dead writer"
"""How the names of facts begin that nobody minds right after a crash: temporary files. At the end they must be gone."""

_ROUNDS: Final = 12
_BETWEEN_ROUNDS: Final = 30.0  # seconds on the virtual clock


_SALT_BYTES: Final = 32


@contextmanager
def equal_salts() -> Iterator[None]:
    """Give every store that is made in the block the same salt: else no digest of a live object equals that of another run."""
    real = secrets.token_bytes

    def token_bytes(nbytes: int | None = None) -> bytes:
        return bytes(_SALT_BYTES) if nbytes == _SALT_BYTES else real(nbytes)

    with mock.patch.object(secrets, "token_bytes", token_bytes):
        yield


def reconcile_each(worlds: Worlds) -> list[ReconcileResult]:
    """Run one pass of each application, in order."""
    return [world.reconcile() for world in worlds]


def next_process(worlds: Worlds) -> Worlds:
    """
    Return what the next process has: other objects, over the same state.

    Whatever the engine keeps for a living object (memos, limits) begins anew. The copies are shallow: dicts of a fake API are
    shared with the process that died, as a server would be.
    """
    copies: dict[int, Any] = {}

    def again(thing: Any) -> Any:
        return copies.setdefault(id(thing), copy.copy(thing))

    def start(world: World) -> World:
        things = {name: again(getattr(world, name)) for name in ("target", "store", "source", "renderer")}
        return attrs.evolve(world, **things, sink=ListSink(), seed=world.seed + 1)

    return tuple(start(world) for world in worlds)


def what_is_there(world: World) -> Facts:
    """
    Return the objects outside, by the text of their keys.

    Everything in a :class:`MemoryTarget`; of another target what the inventory of *world* names, found by observing.
    """
    if isinstance(world.target, MemoryTarget):
        return {str(key): thaw(body) for key, body in world.target.objects.items()}
    keys = frozenset(world.store.inventory(world.app.id).entries)
    return observed(world, keys)


def observed(world: World, keys: Iterable[ResourceKey]) -> Facts:
    """Return the objects of *keys* as the target of *world* shows them; one that cannot be read is told, not left out."""
    answers = list(world.target.observe(make_context(), Query(frozenset(keys))))
    return {str(a.key): thaw(a.body) if isinstance(a, Live) else f"unreadable: {a.error}" for a in answers}


def nothing(worlds: Worlds) -> None:
    """Do nothing."""


@attrs.frozen(kw_only=True)
class Scenario:
    """
    What is run, and cut.

    Example::

        def world():
            world = World()
            world.declare(config("site", color="blue"))
            return world

        explore(Scenario(name="create", build=world)).check()

    Attributes:
        name: For tables and messages.
        build: Makes a fresh world and brings it to where it begins to matter; not cut. Several worlds share a store. Two of
            them are equal: fixed seeds, no clock, no randomness.
        run: What is cut: one or more operations. Returns their results.
        restart: Makes of the worlds of a dead process those of the next one.
        look: What is there outside, by name. A name that is the text of a key is that object.
        dispose: Removes what *build* made.
    """

    name: str
    build: Callable[[], World | Sequence[World]]
    run: Callable[[Worlds], Sequence[ReconcileResult]] = reconcile_each
    restart: Callable[[Worlds], Worlds] = next_process
    look: Callable[[World], Facts] = what_is_there
    dispose: Callable[[Worlds], None] = nothing

    def worlds(self) -> Worlds:
        """Return fresh worlds."""
        built = self.build()
        return (built,) if isinstance(built, World) else tuple(built)

    def finish(self, worlds: Worlds) -> None:
        """
        Run passes until nothing changes any more.

        Raises:
            AssertionError: It went on and on.
        """
        for _ in range(_ROUNDS):
            before = self._state(worlds)
            results = reconcile_each(worlds)
            if all(result.status is PassStatus.IN_SYNC for result in results):
                return
            if self._state(worlds) == before:
                return
            for clock in {id(world.clock): world.clock for world in worlds}.values():
                clock.advance(_BETWEEN_ROUNDS)
        raise AssertionError(f"{self.name}: it did not come to rest in {_ROUNDS} rounds: {results[-1].text()}")

    def outside(self, worlds: Worlds) -> Facts:
        """Return what is there outside."""
        return {name: fact for world in worlds for name, fact in self.look(world).items()}

    def _state(self, worlds: Worlds) -> object:
        inventories = [world.store.inventory(world.app.id) for world in worlds]
        return self.outside(worlds), [(dict(i.entries), dict(i.intents)) for i in inventories]


def owned(worlds: Worlds) -> frozenset[str]:
    """Return the keys of what the inventories of *worlds* have, as text; what is only claimed is another one's."""
    entries = (entry for world in worlds for entry in world.store.inventory(world.app.id).entries.values())
    return frozenset(str(entry.key) for entry in entries if entry.state is not EntryState.CLAIMED)
