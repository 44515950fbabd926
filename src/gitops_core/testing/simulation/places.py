"""Targets, sources and stores that can be in trouble, and that somebody watches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import SourceUnavailable, StateUnavailable, Throttled, Transient
from gitops_core.interfaces import Context, Query, Target, TargetChange
from gitops_core.model.health import Health
from gitops_core.model.resources import Live, ResourceKey, Unreadable, as_key
from gitops_core.model.revisions import Revision, Tree
from gitops_core.model.values import Body
from gitops_core.sources.memory import MemorySource
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.scheduling import Dice

BROKEN: Final = "broken.json"
"""The file of a bad commit."""


@attrs.frozen
class Throttling:
    """
    The API says 429.

    Attributes:
        share: Of the calls, from 0 to 1.
        retry_after: What it asks for, in seconds.
    """

    share: float = 1.0
    retry_after: float = 30.0


class SimulatedTarget(Target):
    """
    A target in memory with trouble in front of it.

    Args:
        memory: What is behind: where objects are, and what "somebody else" changes.
        dice: Decides which calls are throttled.

    Attributes:
        memory: As given.
        requests: How often each operation was asked for by the engines, refused calls included.
        unreachable: How many partitions there are now.
        unlistable: Kinds that cannot be listed now.
        delays: Seconds that each call takes longer now.
        storms: Throttling under way now.
        on_write: Told (key, operation) after each write of an engine.
    """

    def __init__(self, memory: MemoryTarget, dice: Dice) -> None:
        self.memory = memory
        self.fields = memory.fields
        self.limits = memory.limits
        self._dice = dice
        self.requests: Counter[str] = Counter()
        self.unreachable = 0
        self.unlistable: Counter[str] = Counter()
        self.delays: list[float] = []
        self.storms: list[Throttling] = []
        self.on_write: Callable[[ResourceKey, str], None] = lambda _key, _verb: None

    @property
    def name(self) -> str:
        return self.memory.name

    def observe(self, ctx: Context, query: Query) -> Iterator[Live | Unreadable]:
        self._meet(ctx, "observe")
        blind = +self.unlistable
        for live in self.memory.observe(ctx, query):
            if live.key.kind not in blind:
                yield live
        for group, kind in sorted(query.kinds):
            if kind in blind:
                yield Unreadable(None, Transient(f"{kind}: the list failed with 500"), (group, kind))

    def create(self, ctx: Context, change: TargetChange) -> Live:
        self._meet(ctx, "create")
        live = self.memory.create(ctx, change)
        self.on_write(change.key, "create")
        return live

    def update(self, ctx: Context, change: TargetChange) -> Live:
        self._meet(ctx, "update")
        live = self.memory.update(ctx, change)
        self.on_write(change.key, "update")
        return live

    def delete(self, ctx: Context, change: TargetChange) -> None:
        self._meet(ctx, "delete")
        self.memory.delete(ctx, change)
        self.on_write(change.key, "delete")

    def preview(self, ctx: Context, change: TargetChange) -> Body:
        self._meet(ctx, "preview")
        return self.memory.preview(ctx, change)

    def etag(self, ctx: Context) -> str:
        self._meet(ctx, "etag")
        return self.memory.etag(ctx)

    def health(self, live: Live) -> Health | None:
        return self.memory.health(live)

    def scope(self, key: ResourceKey) -> str:
        return self.memory.scope(key)

    def change_by_hand(self, key: ResourceKey | str, patch: Mapping[str, Any] | None) -> bool:
        """Merge *patch* into an object, or delete it with None; return whether that changed anything."""
        named = as_key(key)
        before = self.memory.objects.get(named)
        if before is None:
            return False
        if patch is None:
            self.memory.remove(named)
        else:
            self.memory.edit(named, patch)
        return self.memory.objects.get(named) != before

    def _meet(self, ctx: Context, verb: str) -> None:
        """Count a request, and let it meet whatever trouble there is."""
        self.requests[verb] += 1
        if self.delays:
            ctx.sleep(sum(self.delays))
        if self.unreachable:
            raise Transient(f"{self.name} cannot be reached")
        for storm in self.storms:
            if self._dice.random() < storm.share:
                raise Throttled("429 Too Many Requests", retry_after=storm.retry_after)


class SimulatedSource(MemorySource):
    """
    A :class:`MemorySource` that can be out of reach.

    Attributes:
        unreachable: How many partitions there are now.
        requests: How often the engines asked.
    """

    def __init__(self) -> None:
        super().__init__({})
        self.unreachable = 0
        self.requests: Counter[str] = Counter()

    def files(self) -> dict[str, bytes]:
        """Return the files of the newest commit."""
        newest = self._newest()
        return {path: self._read(newest, file) for path, file in newest.files.items()} if newest else {}

    def throw_newest_away(self) -> str | None:
        """
        Forget the newest commit, as a force-push does, and return its id.

        Nothing happens, and None is returned, when that would lose what was there at the beginning, or bring a bad commit back.
        """
        newest = self._newest()
        before = newest.parent if newest else None
        if newest is None or before is None or before.parent is None or BROKEN in before.files:
            return None
        self.forget(newest.revision.id)
        return newest.revision.id

    def resolve(self, ctx: Context) -> Revision:
        self._meet("resolve")
        return super().resolve(ctx)

    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        self._meet("fetch")
        return super().fetch(ctx, revision)

    def _meet(self, verb: str) -> None:
        self.requests[verb] += 1
        if self.unreachable:
            raise SourceUnavailable("the repository cannot be reached")


@attrs.define
class Line:
    """
    The line between an engine and the store.

    Attributes:
        cut: How many partitions there are now.
        step: Called before every use, so that engines may interleave there.
    """

    step: Callable[[str], None]
    cut: int = 0

    def use(self, method: str) -> None:
        """Raise :class:`StateUnavailable` when it is cut."""
        self.step(method)
        if self.cut:
            raise StateUnavailable("the state store cannot be reached")
