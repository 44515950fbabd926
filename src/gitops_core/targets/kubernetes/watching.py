"""
Follow objects as they change: a list, then a watch from where the list ended, for each kind and place.

A watch blocks where it reads, so each has a thread of its own; they end when the generator is closed. Only metadata is
transferred; a body is fetched by who wants one.

Source: Kubernetes API concepts, "Efficient detection of changes".
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import Cancelled, Expired, GitOpsError, TargetError, Transient
from gitops_core.interfaces import Context, Query
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.streams import Stream
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.targets.kubernetes.access import Access
from gitops_core.targets.kubernetes.bodies import Bodies, with_time
from gitops_core.targets.kubernetes.live import Sight, sight_of
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.watched import Place, Watched

Told = Live | Unreadable | ResourceKey
_TICK: Final = 0.25  # seconds; the longest time until a stop is noticed
_LONGEST_PAUSE: Final = 30.0  # seconds between two attempts to watch, unless the server asks for more
_SHORTEST: Final = 1.0  # seconds; a watch that ends sooner, and without a word, was none
_NUMBERS: Final = itertools.count(1)


@attrs.frozen
class Watcher:
    """Watches what a query names."""

    access: Access
    bodies: Bodies
    watched: Watched
    narrowed: set[tuple[str, str]]

    def watch(self, ctx: Context, query: Query, marks: Marks) -> Iterator[Told]:
        """
        Yield each object of ``query.keys`` once it has been listed, and whenever it changes; its key when it is gone; and an
        :class:`Unreadable` when a kind cannot be watched for now. Ends when *ctx* is cancelled.
        """
        told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        followers = [follower for kind in sorted(query.kinds) for follower in self._followers(ctx, query, marks, kind, told)]
        self.watched.relies_on(ctx.application, {pair for f in followers for pair in f.pairs()}, only=True)
        threads = [threading.Thread(target=f.run, name=f"watch {f.info.kind}", daemon=True) for f in followers]
        for thread in threads:
            thread.start()
        try:
            while not ctx.cancel.is_set() and ctx.remaining():
                item = ctx.clock.take(lambda seconds: _next(told, seconds), _TICK)
                if item is not None:
                    yield item
        finally:
            for follower in followers:
                follower.stop()
            for thread in threads:
                thread.join(timeout=self.access.connection.settings.connect_timeout + 1.0)

    def _followers(
        self, ctx: Context, query: Query, marks: Marks, kind: tuple[str, str], told: queue.SimpleQueue[Told]
    ) -> list[_Follower]:
        keys = [key for key in query.keys if (key.group, key.kind) == kind]
        try:
            info = self.access.kind(ctx, keys[0])
        except GitOpsError as error:
            told.put(Unreadable(None, error, kind))
            return []
        places = {(self.access.namespace(info, key), key.name): key for key in keys}
        namespaces = {namespace for namespace, _ in places}
        everywhere = len(namespaces) > 1 and self.access.settings.scope == "cluster" and kind not in self.narrowed
        chosen = [""] if everywhere else sorted(namespaces)
        return [
            _Follower(watcher=self, ctx=ctx, marks=marks, info=info, namespace=n, keys=_within(places, n), told=told)
            for n in chosen
        ]


def _within(places: Mapping[Place, ResourceKey], namespace: str) -> dict[Place, ResourceKey]:
    return {place: key for place, key in places.items() if namespace in ("", place[0])}


def _next(told: queue.SimpleQueue[Told], seconds: float) -> Told | None:
    try:
        return told.get(timeout=seconds)
    except queue.Empty:
        return None


@attrs.define(kw_only=True)
class _Follower:
    """Lists and watches one kind in one place, again and again, until it is stopped. Runs in a thread of its own."""

    watcher: Watcher
    ctx: Context
    marks: Marks
    info: KindInfo
    namespace: str
    keys: Mapping[Place, ResourceKey]
    told: queue.SimpleQueue[Told]
    number: int = attrs.field(factory=lambda: next(_NUMBERS))
    _stopped: threading.Event = attrs.field(factory=threading.Event)
    _stream: Stream | None = None
    _heard: int = 0

    def pairs(self) -> Iterable[tuple[tuple[str, str], str]]:
        """Return the (kind, namespace) pairs of what is followed."""
        return {(self.info.group_kind, place[0]) for place in self.keys}

    def stop(self) -> None:
        """End the watch, from any thread."""
        self._stopped.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def run(self) -> None:
        """Follow until stopped; each failure is told, and waited out a little longer than the one before."""
        failures = 0
        try:
            while not self._stopped.is_set():
                try:
                    self._follow(self._list())
                except Cancelled:
                    return
                except GitOpsError as error:
                    failures = failures + 1 if self._heard == 0 else 1
                    self._interrupted()
                    if not isinstance(error, Expired) or failures > 1:
                        self._pause(error, failures)
        finally:
            self._interrupted()

    def _pause(self, error: GitOpsError, failures: int) -> None:
        if not self._stopped.is_set():
            self.told.put(Unreadable(None, error, self.info.group_kind))
            self._stopped.wait(error.retry_after or min(_LONGEST_PAUSE, 2.0 ** min(failures, 5)))

    def _interrupted(self) -> None:
        self.watcher.watched.interrupted(self.info.group_kind, self.namespace, self.number)

    def _list(self) -> str:
        """Take in everything that bears a label of ours, and return the place from which to watch."""
        self._heard = 0
        access = self.watcher.access
        ctx = with_time(self.ctx, access.settings.limits.timeout)
        sights: dict[Place, Sight] = {}
        revision = ""
        for page in access.pages(ctx, self.info, self.namespace, selector=self.marks.label):
            revision = (page.get("metadata") or {}).get("resourceVersion", "")
            sights.update(self._sight(item["metadata"]) for item in page.get("items") or ())
        self.watcher.watched.reset(self.info.group_kind, self.namespace, sights, self.number)
        for place, key in self.keys.items():
            self.told.put(self._live(key, sights[place]) if place in sights else key)
        return revision

    def _sight(self, metadata: Mapping[str, Any]) -> tuple[Place, Sight]:
        place = (metadata.get("namespace", ""), metadata["name"])
        return place, sight_of(metadata, self.info.group_kind, self.marks)

    def _live(self, key: ResourceKey, sight: Sight) -> Live:
        return sight.as_live(key, self.watcher.bodies.reader(self.ctx, key, sight, self.marks))

    def _follow(self, revision: str) -> None:
        """Watch on from *revision*, in as many requests as the server wants; raises when that cannot go on."""
        while not self._stopped.is_set():
            access, heard, began = self.watcher.access, self._heard, self.ctx.clock.monotonic()
            self._stream = access.watch(self.ctx, self.info, self.namespace, selector=self.marks.label, revision=revision)
            try:
                if self._stopped.is_set():
                    return
                for event in self._stream:
                    revision = self._take_in(event) or revision
                    if self._stopped.is_set():
                        return
            finally:
                self._stream.close()
            if self._heard == heard and self.ctx.clock.monotonic() - began < _SHORTEST and not self._stopped.is_set():
                raise Transient(
                    f"the watch of {self.info.plural} ended as soon as it began; is there a proxy that takes no streams?"
                )

    def _take_in(self, event: Mapping[str, Any]) -> str:
        found = event.get("object")
        metadata = found.get("metadata") if isinstance(found, Mapping) else None
        if not isinstance(metadata, Mapping) or (event.get("type") != "BOOKMARK" and not metadata.get("name")):
            raise TargetError(
                f"the watch of {self.info.plural} sent an event without an object; is this a Kubernetes API server?"
            )
        self._heard += 1
        if event.get("type") != "BOOKMARK":
            place, sight = self._sight(metadata)
            key = self.keys.get(place)
            watched, kind = self.watcher.watched, self.info.group_kind
            if event.get("type") == "DELETED":
                watched.drop(kind, self.namespace, place, sight.revision)
            else:
                watched.put(kind, self.namespace, place, sight)
            if key is not None:
                self.told.put(key if event.get("type") == "DELETED" else self._live(key, sight))
        return str(metadata.get("resourceVersion") or "")
