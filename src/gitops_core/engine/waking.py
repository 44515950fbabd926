"""Look when something has happened instead of when a clock says so: watch what is being waited for, where the target can."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable

import attrs

from gitops_core.engine.calls import Call, translated
from gitops_core.engine.passes import Pass
from gitops_core.errors import GitOpsError
from gitops_core.interfaces import Context, Query, Target, capabilities
from gitops_core.model.resources import Live, ResourceKey
from gitops_core.model.revisions import Notice


class Waker:
    """
    Watches objects for one pass, in a thread for each target that holds some of them, and collects the keys of what has moved.

    A target that cannot watch, or whose watch fails, is looked at in intervals as before. Used by the pass's own thread.

    Args:
        p: The pass.
        candidates: Everything that may have to be waited for: what is of a kind that is watched already needs no other watch.
    """

    def __init__(self, p: Pass, candidates: Iterable[ResourceKey] = ()) -> None:
        self._p = p
        self._candidates = frozenset(candidates)
        self._moved: queue.SimpleQueue[ResourceKey] = queue.SimpleQueue()
        self._failed: queue.SimpleQueue[GitOpsError] = queue.SimpleQueue()
        self.has_moved = threading.Event()
        """Set when something has moved."""
        self._stop = threading.Event()
        self._watched: dict[int, frozenset[ResourceKey]] = {}
        self._threads: list[threading.Thread] = []

    def watch(self, keys: Iterable[ResourceKey]) -> None:
        """See to it that *keys* are being watched. Cost: nothing when they are, or cannot be."""
        for target, asked in self._by_target(keys):
            watched = self._watched.get(id(target), frozenset())
            kinds = {(key.group, key.kind) for key in asked - watched}
            if kinds:
                alike = (key for key in self._candidates if (key.group, key.kind) in kinds and self._holds(target, key))
                wanted = asked.union(alike) - watched
                self._watched[id(target)] = watched | wanted
                thread = threading.Thread(target=self._follow, args=(target, wanted), name=f"watch {target.name}", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _holds(self, target: Target, key: ResourceKey) -> bool:
        return self._p.app.target.member(key) is target

    @property
    def is_watching(self) -> bool:
        """Something is being watched."""
        return any(thread.is_alive() for thread in self._threads)

    def wait(self, seconds: float) -> frozenset[ResourceKey]:
        """Wait for something to move, at most *seconds*; return everything that has moved by then."""
        self._p.ctx.clock.wait(self.has_moved, seconds)
        return self.moved()

    def moved(self) -> frozenset[ResourceKey]:
        """Return everything that has moved since this was asked last."""
        self.has_moved.clear()
        moved = set()
        while not self._moved.empty():
            moved.add(self._moved.get())
        return frozenset(moved)

    def close(self) -> None:
        """End every watch."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=self._p.app.target.limits.timeout)
        while not self._failed.empty():
            error = self._failed.get()
            self._p.ctx.notify(Notice("watch-failed", f"waited in intervals instead: {error}"))

    def _by_target(self, keys: Iterable[ResourceKey]) -> list[tuple[Target, frozenset[ResourceKey]]]:
        members: dict[int, tuple[Target, set[ResourceKey]]] = {}
        for key in keys:
            target = self._p.app.target.member(key)
            if "watch" in capabilities(target):
                members.setdefault(id(target), (target, set()))[1].add(key)
        return [(target, frozenset(found)) for target, found in members.values()]

    def _follow(self, target: Target, keys: frozenset[ResourceKey]) -> None:
        """Run in a thread of its own."""
        try:
            with translated(Call(target.name, "watch")):
                for seen in target.watch(self._context(), Query(keys)):
                    if self._stop.is_set():
                        return
                    self._take_in(seen, keys)
        except GitOpsError as error:
            if not self._stop.is_set():
                self._failed.put(error)

    def _context(self) -> Context:
        return attrs.evolve(self._p.ctx, cancel=self._stop, deadline=float("inf"))

    def _take_in(self, seen: object, keys: frozenset[ResourceKey]) -> None:
        key = seen.key if isinstance(seen, Live) else seen
        if isinstance(key, ResourceKey) and key in keys:
            self._moved.put(key)
            self.has_moved.set()
