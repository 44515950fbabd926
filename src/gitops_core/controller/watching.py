"""One watch for each target that can be watched, for all applications that use it; and a gate that lets through only what matters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any, Final

import attrs

from gitops_core.controller.backoff import backoff
from gitops_core.engine.calls import Call, translated
from gitops_core.engine.passes import begin
from gitops_core.engine.runtime import Runtime
from gitops_core.errors import GitOpsError
from gitops_core.interfaces import Query, StateStore, Target, capabilities
from gitops_core.model.applications import Application, Owner
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.model.values import digest

_GONE: Final = "gone"
_MANY: Final = 2_000  # objects, of which a watch tells in a moment
_PAUSE: Final = 1.0  # seconds before a watch that ended begins anew, at first
_LONGEST_PAUSE: Final = 60.0

Moves = Mapping[ResourceKey, tuple[tuple[str, ...], str | None]]
"""What has moved: the applications that own it, and its version now; None when it is gone."""


_Place = tuple[int, Owner]


def _place(target: Target, app: Application) -> _Place:
    """Return what is watched once: a target, for one owner, because a target may see only what bears the owner's mark."""
    return id(target), app.owner


def _by_target(app: Application, keys: Collection[ResourceKey]) -> list[tuple[Target, Collection[ResourceKey]]]:
    """Return the targets that hold *keys* and can be watched, each with its own keys: a router is asked who holds what."""
    if "member" not in capabilities(app.target):
        return [(app.target, keys)] if keys and "watch" in capabilities(app.target) else []
    found: dict[int, tuple[Target, list[ResourceKey]]] = {}
    for key in keys:
        member = app.target.member(key)
        if "watch" in capabilities(member):
            found.setdefault(id(member), (member, []))[1].append(key)
    return list(found.values())


@attrs.define(eq=False)
class _Watch:
    """
    One run of one target's watch.

    Attributes:
        keys: What it covers.
        stop: Ends it.
        failed: It has ended by itself and waits to begin anew.
    """

    keys: frozenset[ResourceKey]
    stop: threading.Event = attrs.field(factory=threading.Event)
    failed: bool = False


@attrs.define(eq=False)
class _Watched:
    """
    One target.

    Attributes:
        target: The target.
        app: One of the applications that use it.
        owners: Ids of the applications that own an object, by key; read by the watch's thread, replaced entry by entry.
        seen: What the gate saw last, by key.
        run: The present run.
        restart_at: When it has to begin anew, because of new keys; on the monotonic clock.
    """

    target: Target
    app: Application
    owners: dict[ResourceKey, tuple[str, ...]] = attrs.field(factory=dict)
    seen: dict[ResourceKey, str] = attrs.field(factory=dict)
    run: _Watch | None = None
    restart_at: float | None = None


@attrs.frozen(kw_only=True)
class WatchSettings:
    """
    What a :class:`Watching` works with.

    Attributes:
        store: For its salt and memos.
        runtime: Clock and randomness.
        threads: Makes the threads that watch, from their number; None where there are none: then nothing is watched.
        restart: Seconds for which new keys are collected before a watch begins anew with them.
        report: Called, from a watch's thread, when something has moved after :meth:`Watching.moves` was asked last; must be quick.
    """

    store: StateStore
    runtime: Runtime
    threads: Callable[[int], Executor] | None
    restart: float
    report: Callable[[], None]


class Watching:
    """
    Follows what applications own, and tells what has moved.

    The gate: an event whose object is as it was when the last one came is dropped, whatever its status does. Where the target's
    versions move with the status, what is compared is a hash of the rest. Applications that wait for health hear of every event.

    All methods but the watches themselves run in the controller's thread.
    """

    _MOST: Final = 10_000  # threads; they are made when they are needed

    def __init__(self, settings: WatchSettings) -> None:
        self._with = settings
        self._clock = settings.runtime.clock
        self._watched: dict[_Place, _Watched] = {}
        self._threads: Executor | None = None
        self._lock = threading.Lock()
        self._moves: dict[ResourceKey, tuple[tuple[str, ...], str | None]] = {}
        self.eager: set[str] = set()
        """Ids of the applications that wait for health."""
        self.dropped = 0
        """Events that did not matter."""
        self.errors: dict[str, str] = {}
        """Why a target cannot be watched for now, by its name."""

    def follow(self, app: Application, keys: Collection[ResourceKey], before: Collection[ResourceKey] = ()) -> None:
        """Follow *keys* of *app*, which owned *before*. Cost: O(keys)."""
        if self._with.threads is None:
            return
        for target, gone in _by_target(app, set(before).difference(keys)):
            self._forget(self._watched.get(_place(target, app)), app, gone)
        for target, wanted in _by_target(app, keys):
            watched = self._watched.setdefault(_place(target, app), _Watched(target, app))
            for key in wanted:
                owners = watched.owners.get(key, ())
                if app.id not in owners:
                    watched.owners[key] = (*owners, app.id)
            run = watched.run
            if watched.restart_at is None and (run is None or not run.keys.issuperset(wanted)):
                watched.restart_at = self._clock.monotonic() + (self._collecting(watched) if run is not None else 0.0)

    def _collecting(self, watched: _Watched) -> float:
        """Return how long to collect new keys: longer for many, because a watch that begins anew tells of all of them."""
        return self._with.restart * (1.0 + len(watched.owners) / _MANY)

    def leave(self, app: Application, keys: Collection[ResourceKey]) -> None:
        """Follow *keys* no longer for *app*; a target that nobody uses any more is not watched."""
        self.eager.discard(app.id)
        for target, gone in _by_target(app, keys):
            place = _place(target, app)
            watched = self._watched.get(place)
            self._forget(watched, app, gone)
            if watched is not None and not watched.owners:
                self._end(watched)
                del self._watched[place]

    def listen(self, app: Application, *, eagerly: bool) -> None:
        """Let *app* hear of every event, even of those that leave its objects as they are, or no longer."""
        (self.eager.add if eagerly else self.eager.discard)(app.id)

    def covers(self, app: Application, keys: Collection[ResourceKey]) -> bool:
        """Tell whether every one of *keys* is being watched now."""
        found = [(self._watched.get(_place(target, app)), wanted) for target, wanted in _by_target(app, keys)]
        return sum(len(wanted) for watched, wanted in found if _is_covering(watched, wanted)) == len(keys)

    def tend(self) -> None:
        """Begin the watches that are due."""
        now = self._clock.monotonic()
        for watched in self._watched.values():
            if watched.restart_at is not None and watched.restart_at <= now:
                watched.restart_at = None
                self._begin(watched)

    def seconds(self) -> float | None:
        """Return how long until :meth:`tend` has something to do; None when it has nothing."""
        due = [watched.restart_at for watched in self._watched.values() if watched.restart_at is not None]
        return max(0.0, min(due) - self._clock.monotonic()) if due else None

    def moves(self) -> Moves:
        """Return what has moved since this was asked last."""
        with self._lock:
            moves, self._moves = self._moves, {}
        return moves

    def close(self) -> None:
        """End every watch; nobody is waited for."""
        for watched in self._watched.values():
            self._end(watched)
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    # -- one target ---------------------------------------------------------------------------------------------------------

    def _forget(self, watched: _Watched | None, app: Application, keys: Collection[ResourceKey]) -> None:
        if watched is None:
            return
        for key in keys:
            owners = tuple(owner for owner in watched.owners.get(key, ()) if owner != app.id)
            if owners:
                watched.owners[key] = owners
            else:
                watched.owners.pop(key, None)
                watched.seen.pop(key, None)

    def _begin(self, watched: _Watched) -> None:
        """Begin a run with all keys, and end the one before after that: nothing is missed in between."""
        if self._threads is None and self._with.threads is not None:
            self._threads = self._with.threads(self._MOST)
        before, watched.run = watched.run, _Watch(frozenset(watched.owners))
        if self._threads is not None:
            self._threads.submit(self._run, watched, watched.run)
        if before is not None:
            before.stop.set()

    def _end(self, watched: _Watched) -> None:
        if watched.run is not None:
            watched.run.stop.set()
            watched.run = None

    # -- in a thread of its own -----------------------------------------------------------------------------------------------

    def _run(self, watched: _Watched, run: _Watch) -> None:
        """Watch until stopped; after a failure, again and again."""
        failures = 0
        while not run.stop.is_set():
            began = self._clock.monotonic()
            why = self._watch(watched, run)
            if run.stop.is_set():
                return
            if self._clock.monotonic() - began > _LONGEST_PAUSE:
                failures = 0
            failures, run.failed = failures + 1, True
            self.errors[watched.target.name] = why
            self._clock.wait(run.stop, backoff(failures, _PAUSE, _LONGEST_PAUSE, self._with.runtime.random))
            self._all_may_have_moved(watched, run)

    def _watch(self, watched: _Watched, run: _Watch) -> str:
        """Return why the watch ended."""
        target = watched.target
        try:
            ctx = begin(watched.app, self._with.store, self._with.runtime).ctx
            ctx = attrs.evolve(ctx, application="", cancel=run.stop, deadline=float("inf"))
            with translated(Call(target.name, "watch")):
                for seen in target.watch(ctx, Query(run.keys)):
                    if run.stop.is_set():
                        break
                    run.failed = False
                    self._take_in(watched, seen)
        except GitOpsError as error:
            return error.message
        return "it ended"

    def _all_may_have_moved(self, watched: _Watched, run: _Watch) -> None:
        """Nobody knows what happened while nothing was watched: what has vanished is not announced by a new watch."""
        if not run.stop.is_set():
            watched.seen.clear()
            for key in run.keys:
                self._tell(watched, key, None)

    def _take_in(self, watched: _Watched, seen: Live | Unreadable | ResourceKey) -> None:
        if isinstance(seen, Unreadable):
            self.errors[watched.target.name] = str(seen.error)
            return
        key = seen.key if isinstance(seen, Live) else seen
        owners = watched.owners.get(key, ())
        state = gate(seen) if isinstance(seen, Live) else _GONE
        is_same, watched.seen[key] = watched.seen.get(key) == state, state
        if is_same and self.eager.isdisjoint(owners):
            self.dropped += 1
        elif owners:
            self._tell(watched, key, seen.version if isinstance(seen, Live) else None)

    def _tell(self, watched: _Watched, key: ResourceKey, version: str | None) -> None:
        with self._lock:
            is_first = not self._moves
            self._moves[key] = (watched.owners.get(key, ()), version)
        if is_first:
            self._with.report()


def _is_covering(watched: _Watched | None, keys: Collection[ResourceKey]) -> bool:
    run = watched.run if watched is not None else None
    return run is not None and not run.failed and run.keys.issuperset(keys)


def gate(live: Live) -> str:
    """Return what has to change before *live* counts as moved: all but its status where the body came along, else its version."""
    if live.deleting:
        return f"deleting {live.version}"
    if not live.is_at_hand:
        return live.version
    return digest(dict(_settled(live.body)))


def _settled(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the parts of *body* that do not move by themselves."""
    return ((name, value) for name, value in body.items() if name != "status")


def is_other(versions: Mapping[ResourceKey, str], key: ResourceKey, version: str | None) -> bool:
    """Tell whether an object is other than its owner's last pass has seen it; yes, where the API has no versions."""
    return version is None or not version or versions.get(key) != version
