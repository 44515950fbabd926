"""What the checks of the target contract are written on: the author's methods, as far as the checks call them."""
# ruff: noqa: S101  # why: a contract suite is made of assertions, and pytest runs it

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

import pytest

from gitops_core.interfaces import StateStore, Target, capabilities
from gitops_core.model.applications import Options
from gitops_core.model.guards import Guard
from gitops_core.model.resources import Live, ResourceKey, as_key
from gitops_core.model.values import Body, freeze
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.state.memory import MemoryStore
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.target_bench import Bench, Example
from gitops_core.testing.target_taps import Place, Taps, mutators
from gitops_core.testing.worlds import World

_GUARD: Final = Guard(10**6, 1.0, 10**6, 1.0, frozenset(), allow_empty=True)
_PASSES: Final = 6  # after a crash the engine may have to wait once for what it does not trust yet
_MINUTE: Final = 60.0


class Checks:
    """Types of the author's methods; the documentation is in :class:`~gitops_core.testing.target_contract.TargetContract`."""

    text_pointer: ClassVar[str]
    undeclared: ClassVar[tuple[str, object] | None]
    owns_whole_object: ClassVar[bool]
    many: ClassVar[int]
    thousand: ClassVar[int]
    page_size: ClassVar[int]
    conditional_writes: ClassVar[bool]

    @functools.cached_property
    def clock(self) -> VirtualClock:
        """See ``TargetContract``."""
        return VirtualClock()

    def make_target(self) -> Target:
        """See ``TargetContract``."""
        raise NotImplementedError

    def examples(self) -> Sequence[Example]:
        """See ``TargetContract``."""
        raise NotImplementedError

    def named(self, body: Body, name: str) -> Body:
        """See ``TargetContract``."""
        raise NotImplementedError

    def external_edit(self, target: Target, key: ResourceKey, body: Body) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def external_remove(self, target: Target, key: ResourceKey) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def api_reads(self, target: Target) -> Sequence[Place]:
        """See ``TargetContract``."""
        raise NotImplementedError

    def api_writes(self, target: Target) -> Sequence[Place]:
        """See ``TargetContract``."""
        raise NotImplementedError

    def break_reads(self, target: Target) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def break_writes(self, target: Target) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def lose_next_reply(self, target: Target) -> None:
        """See ``TargetContract``."""
        raise NotImplementedError

    def writes(self, target: Target) -> object:
        """See ``TargetContract``."""
        raise NotImplementedError

    # -- many objects -----------------------------------------------------------------------------------------------------
    def crowd(self, example: Example, count: int) -> list[Body]:
        """Return *count* objects like *example*, of different names."""
        return [self.named(example.body, f"crowd-{number:04}") for number in range(count)]

    def family(self) -> list[Body]:
        """Return every example and objects whose names begin alike."""
        first = self.examples()[0].body
        return [*(example.body for example in self.examples()), *(self.named(first, name) for name in ("a", "aa", "a-b", "ab"))]

    # -- what is there ----------------------------------------------------------------------------------------------------
    def world(self, bench: Bench, bodies: Sequence[Body]) -> object:
        """Return what must stay equal when nothing is written: what is there, and the count of writes."""
        return bench.picture(bodies), self.writes(bench.target)

    def in_sync(self, bench: Bench, desired: Body, live: object) -> None:
        """Fail unless *live* is there and shows no difference to *desired*."""
        assert isinstance(live, Live), f"{bench.key(desired)} is not there as a live object: {live!r}"
        found = bench.differences(desired, live.body)
        assert not found, f"{live.key} still differs after it was written: {found}"

    # -- the engine -------------------------------------------------------------------------------------------------------
    def engine(self, target: Target, bodies: Iterable[Body], store: StateStore | None = None) -> World:
        """Return an engine that wants *bodies*, in memory and on a virtual clock; no guard is in the way."""
        return World(
            target=target,
            renderer=MemoryRenderer(bodies),
            store=store or MemoryStore(),
            guard=_GUARD,
            clock=self.clock,
            options=Options(wait=False),
        )

    def converge(self, world: World) -> None:
        """Let passes run, a minute apart, until one of them is in sync and leaves an empty plan; fail when none is."""
        told = ""
        for _ in range(_PASSES):
            result = world.reconcile()
            told = result.text()
            if result.ok and world.plan().is_empty:
                return
            world.clock.advance(_MINUTE)
        raise AssertionError(f"after {_PASSES} passes there still is something to do: {told}\n{world.plan().text()}")

    def converged(self, target: Target, bodies: Sequence[Body], store: StateStore | None = None) -> World:
        """Return the engine that has made *target* equal to *bodies*."""
        world = self.engine(target, bodies, store)
        self.converge(world)
        return world

    # -- the calls --------------------------------------------------------------------------------------------------------
    def write_taps(self, target: Target) -> Taps:
        """Return taps on every call that writes: the API's where ``api_writes`` names them, else the target's own methods."""
        return Taps(self.api_writes(target) or self._own_mutators(target))

    def api_taps(self, target: Target) -> Taps:
        """Return taps on the calls that write to the API; a skip when ``api_writes`` names none."""
        places = self.api_writes(target)
        if not places:
            pytest.skip("api_writes is not written: single writes cannot be made to fail")
        return Taps(places)

    def read_taps(self, target: Target) -> Taps:
        """Return taps on the calls that read the API; a skip when ``api_reads`` names none."""
        places = self.api_reads(target)
        if not places:
            pytest.skip("api_reads is not written: single reads are neither counted nor made to fail")
        return Taps(places)

    def _own_mutators(self, target: Target) -> list[Place]:
        found = (target.member(as_key(target.key(freeze(example.body)))) for example in self.examples())
        members = {id(member): member for member in found}
        return [place for member in members.values() for place in mutators(member, capabilities(member))]
