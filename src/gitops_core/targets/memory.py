"""A whole target in memory: for tests of your own, for examples, and to try things without an API."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import AlreadyExists, Conflict, Invalid, NotFound
from gitops_core.interfaces import Context, Limits, Query, Target, TargetChange
from gitops_core.model.fields import Fields
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.plans import Action
from gitops_core.model.resources import Live, ResourceKey, as_key, key_of
from gitops_core.model.values import Body, freeze
from gitops_core.targets.feeds import Feed
from gitops_core.targets.merging import merge_patch, overlay

_WORLDS: Final = itertools.count(1)
_SETTLED: Final = Health(settled=True, status=HealthStatus.HEALTHY, reason="InMemory")
_ONE_BY_ONE: Final = Limits(concurrency=1)
_CHECK_EVERY: Final = 512  # objects between two looks at the clock: often enough to stop within a millisecond


@attrs.frozen
class MemorySnapshot:
    """Everything a :class:`MemoryTarget` held at one moment; shares the frozen bodies, so it costs a dict copy."""

    name: str
    live: Mapping[ResourceKey, Live] = attrs.field(repr=False)
    generation: int


class MemoryTarget(Target):
    """
    Objects in a dict, with everything a good API has: ids, versions, an ETag, in-place updates and a dry run.

    Ids and versions are counters, so equal histories give equal worlds. All methods may be called from any thread.
    :meth:`edit`, :meth:`remove` and :meth:`put` are "somebody else": they change the world behind the engine's back.

    Args:
        name: Tells two worlds apart; part of the scope.
        objects: What is there at the beginning, as manifests.
        fields: What the engine shall know about fields, as an API with such fields would say.
        limits: What the engine shall respect, as an API with such limits would say. Nothing here waits for anything, so by
            default one call follows the other.

    Attributes:
        calls: How often each operation was called by the engine, failures included: ``{"observe": 2, "create": 7}``.

    Cost: some microseconds an operation; 10,000 objects are listed in a few milliseconds.
    """

    def __init__(
        self, name: str = "memory", objects: Iterable[Body] = (), *, fields: Fields = Fields(), limits: Limits = _ONE_BY_ONE
    ) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._live: dict[ResourceKey, Live] = {}
        self._feeds: dict[Feed[ResourceKey], frozenset[ResourceKey]] = {}
        self._generation = 0
        self._world = next(_WORLDS)  # two worlds with equal counters must not have equal ETags
        self.fields = fields
        self.limits = limits
        self.calls: Counter[str] = Counter()
        for body in objects:
            self.put(body)

    @property
    def name(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"MemoryTarget({self._name!r}, {len(self._live)} objects)"

    # -- what the engine calls --------------------------------------------------------------------------------------------
    def observe(self, ctx: Context, query: Query) -> Iterator[Live]:
        """Yield the objects of ``query.keys`` that exist, as they were when the first one is asked for."""
        ctx.check()
        for number, live in enumerate(self._select(query.keys)):
            if number % _CHECK_EVERY == _CHECK_EVERY - 1:
                ctx.check()
            yield live

    def create(self, ctx: Context, change: TargetChange) -> Live:
        ctx.check()
        with self._lock:
            self.calls["create"] += 1
            self._absent(change.key)
            return self._store(change.key, change.desired)

    def update(self, ctx: Context, change: TargetChange) -> Live:
        ctx.check()
        with self._lock:
            self.calls["update"] += 1
            there = self._present(change)
            return self._store(change.key, overlay(there.body, change.desired, change.previous), there.id)

    def delete(self, ctx: Context, change: TargetChange) -> None:
        """Delete the object if it is still the one with ``change.live.id``; a no-op when that one is gone."""
        ctx.check()
        if change.live is None:
            raise Invalid("a delete must name the object's id: set TargetChange.live", key=change.key)
        with self._lock:
            self.calls["delete"] += 1
            there = self._live.get(change.key)
            if there is not None and there.id == change.live.id:
                self._drop(change.key)

    def preview(self, ctx: Context, change: TargetChange) -> Body:
        ctx.check()
        with self._lock:
            self.calls["preview"] += 1
            if change.action is Action.UPDATE:
                return overlay(self._present(change).body, change.desired, change.previous)
            if change.action is Action.DELETE:
                return {}
            self._absent(change.key)
            return change.desired

    def watch(self, ctx: Context, query: Query) -> Iterator[Live | ResourceKey]:
        """
        Yield how each of ``query.keys`` is now, the key alone where nothing is there, and again whenever that has changed.

        Cost: nothing while nothing moves; some microseconds for each object that does, however many there are. A reader who is slow
        hears of an object that moved several times only once.
        """
        ctx.check()
        feed = Feed(sorted(query.keys))
        with self._lock:
            self.calls["watch"] += 1
            self._feeds[feed] = query.keys
        try:
            for key in feed.follow(ctx):
                yield self._live.get(key, key)
        finally:
            with self._lock:
                del self._feeds[feed]

    def etag(self, ctx: Context) -> str:
        ctx.check()
        with self._lock:
            self.calls["etag"] += 1
            return f"{self._world}.{self._generation}"

    def health(self, live: Live) -> Health | None:
        """Return Healthy for an object without ``status``: nothing acts on it here. One that was given a status is judged by it."""
        return None if "status" in live.body else _SETTLED

    def scope(self, key: ResourceKey) -> str:  # noqa: ARG002  # why: one world for every key
        return f"memory:{self._name}"

    # -- what somebody else does ------------------------------------------------------------------------------------------
    @property
    def objects(self) -> Mapping[ResourceKey, Body]:
        """What is there now: frozen bodies by key, in the order of creation."""
        with self._lock:
            return {key: live.body for key, live in self._live.items()}

    def edit(self, key: ResourceKey | tuple[str, ...] | str, patch: Mapping[str, Any]) -> None:
        """
        Change an object by hand.

        Args:
            key: The object: a key, a tuple, or ``"kind/name"``.
            patch: A JSON Merge Patch: None removes a field, lists are replaced.

        Raises:
            KeyError: There is no such object.
        """
        named = as_key(key)
        with self._lock:
            there = self._live[named]
            self._store(named, merge_patch(there.body, patch), there.id)

    def remove(self, key: ResourceKey | tuple[str, ...] | str) -> None:
        """Delete an object by hand; KeyError when it is not there."""
        with self._lock:
            self._drop(as_key(key))

    def put(self, body: Body) -> ResourceKey:
        """
        Write a whole object by hand and return its key. One that is there keeps its id.

        Raises:
            ValueError: The body has no kind or name.
        """
        key = key_of(body)
        with self._lock:
            there = self._live.get(key)
            self._store(key, body, there.id if there else "")
        return key

    def snapshot(self) -> MemorySnapshot:
        """Return everything there is, to go back to with :meth:`from_snapshot`."""
        with self._lock:
            return MemorySnapshot(self._name, dict(self._live), self._generation)

    @classmethod
    def from_snapshot(cls, snapshot: MemorySnapshot) -> MemoryTarget:
        """Return a target with the objects, ids and counters of *snapshot*; its ETag is another one."""
        target = cls(snapshot.name)
        target._live = dict(snapshot.live)
        target._generation = snapshot.generation
        return target

    # -- with the lock held -----------------------------------------------------------------------------------------------
    def _store(self, key: ResourceKey, body: Body, known_id: str = "") -> Live:
        self._generation += 1
        version = str(self._generation)
        live = self._live[key] = Live(key, freeze(body), known_id or version, version)
        self._tell(key)
        return live

    def _drop(self, key: ResourceKey) -> None:
        del self._live[key]
        self._generation += 1
        self._tell(key)

    def _tell(self, key: ResourceKey) -> None:
        for feed, keys in self._feeds.items():
            if key in keys:
                feed.tell((key,))

    def _absent(self, key: ResourceKey) -> None:
        if key in self._live:
            raise AlreadyExists("it is there already; observe it and decide about adoption", key=key)

    def _present(self, change: TargetChange) -> Live:
        there = self._live.get(change.key)
        if there is None:
            raise NotFound("it is not there any more; observe again and create it", key=change.key)
        if change.live is not None and change.live.id != there.id:
            raise Conflict("another object has this name now; observe again and plan anew", key=change.key)
        return there

    def _select(self, keys: frozenset[ResourceKey]) -> list[Live]:
        """Return the asked objects: a few by look-up, many by one walk in the order of creation."""
        with self._lock:
            self.calls["observe"] += 1
            if len(keys) * 8 < len(self._live):
                return [self._live[key] for key in sorted(keys) if key in self._live]
            return [live for key, live in self._live.items() if key in keys]
