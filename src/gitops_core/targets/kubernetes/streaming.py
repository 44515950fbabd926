"""
One kind in one place, listed and watched again and again, for everybody who wants to hear of it.

Only metadata is transferred. What was shown goes to :class:`.Watched`; who follows hears the name of what has moved.

Source: Kubernetes API concepts, "Efficient detection of changes".
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import Cancelled, Denied, Expired, GitOpsError, TargetError, Transient
from gitops_core.interfaces import Context
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.streams import Stream
from gitops_core.targets.feeds import Feed
from gitops_core.targets.kubernetes.access import Access
from gitops_core.targets.kubernetes.bodies import with_time
from gitops_core.targets.kubernetes.live import Sight, sight_of
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.watched import Place, Watched

_LONGEST_PAUSE: Final = 30.0  # seconds between two attempts to watch, unless the server asks for more
_SHORTEST: Final = 1.0  # seconds; a watch that ends sooner, and without a word, was none
_NUMBERS: Final = itertools.count(1)


def pause_after(error: GitOpsError, failures: int) -> float:
    """Return the seconds to wait after the last of so many *failures* in a row."""
    return error.retry_after or min(_LONGEST_PAUSE, 2.0 ** min(failures, 5))


@attrs.define(kw_only=True, eq=False)
class Follower:
    """
    Follows one kind in one namespace, or in all of them (empty), in a thread of its own, until it is stopped.

    Attributes:
        access: Where to ask.
        ctx: Of its own: it belongs to nobody who listens.
        marks: Whose labels to look for.
        info: The kind.
        namespace: The place.
        watched: Takes what was shown.
        on_standing: Called once a watch stands.
        on_refusal: Called when it may not look at all namespaces; it is over then.
        error: Why it does not stand; None when it does, or has not tried.
        is_over: Another one has taken its place.
    """

    access: Access
    ctx: Context
    marks: Marks
    info: KindInfo
    namespace: str
    watched: Watched
    on_standing: Callable[[Follower], None]
    on_refusal: Callable[[Follower], None]
    error: GitOpsError | None = None
    is_over: bool = False
    number: int = attrs.field(factory=lambda: next(_NUMBERS))
    _stopped: threading.Event = attrs.field(factory=threading.Event)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)
    _listeners: dict[Place, set[Feed[Moved]]] = attrs.field(factory=dict)
    _feeds: set[Feed[Moved]] = attrs.field(factory=set)
    _stands: bool = False
    _thread: threading.Thread | None = None
    _stream: Stream | None = None
    _heard: int = 0

    # -- who listens --------------------------------------------------------------------------------------------------------
    def join(self, feed: Feed[Moved], places: Iterable[Place]) -> None:
        """Tell *feed* of *places* from now on; of all of them at once where it is known already how they are."""
        with self._lock:
            self._feeds.add(feed)
            for place in places:
                self._listeners.setdefault(place, set()).add(feed)
            if self._stands:
                feed.tell((self, place) for place in places)
            elif self.error is not None:
                feed.tell([(self, None)])

    def leave(self, feed: Feed[Moved], places: Iterable[Place]) -> bool:
        """Tell *feed* nothing more; return whether nobody listens any more."""
        with self._lock:
            self._feeds.discard(feed)
            for place in places:
                listeners = self._listeners.get(place, set())
                listeners.discard(feed)
                if not listeners:
                    self._listeners.pop(place, None)
            return not self._feeds

    def retire(self) -> None:
        """Send those who listen to whoever has taken its place; until they have gone it goes on."""
        with self._lock:
            self.is_over = True
            for feed in self._feeds:
                feed.tell([(self, None)])

    def _tell(self, place: Place) -> None:
        with self._lock:
            for feed in self._listeners.get(place, ()):
                feed.tell([(self, place)])

    def _tell_all(self) -> None:
        with self._lock:
            self._stands, self.error = True, None
            for place, feeds in self._listeners.items():
                for feed in feeds:
                    feed.tell([(self, place)])

    def _tell_error(self, error: GitOpsError) -> None:
        with self._lock:
            self.error = error
            for feed in self._feeds:
                feed.tell([(self, None)])

    # -- its thread ---------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begin to follow."""
        self._thread = threading.Thread(target=self.run, name=f"watch {self.info.kind}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch, from any thread."""
        self._stopped.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def wait_if_stopped(self) -> None:
        """Wait for the end of its thread, as long as a connection may take to be made; not when others still listen."""
        if self._thread is not None and self._stopped.is_set():
            self._thread.join(timeout=self.access.connection.settings.connect_timeout + 1.0)

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
                    if isinstance(error, Denied) and self.info.namespaced and not self.namespace:
                        self.on_refusal(self)
                        return
                    if not isinstance(error, Expired) or failures > 1:
                        self._pause(error, failures)
        finally:
            self._interrupted()

    def _pause(self, error: GitOpsError, failures: int) -> None:
        if not self._stopped.is_set():
            self._tell_error(error)
            self._stopped.wait(pause_after(error, failures))

    def _interrupted(self) -> None:
        with self._lock:
            self._stands = False
        self.watched.interrupted(self.info.group_kind, self.namespace, self.number)

    # -- list and watch -----------------------------------------------------------------------------------------------------
    def _list(self) -> str:
        """Take in everything that bears a label of ours, and return the place from which to watch."""
        self._heard = 0
        ctx = with_time(self.ctx, self.access.settings.limits.timeout)
        sights: dict[Place, Sight] = {}
        revision = ""
        for page in self.access.pages(ctx, self.info, self.namespace, selector=self.marks.label):
            revision = (page.get("metadata") or {}).get("resourceVersion", "")
            sights.update(self._sight(item["metadata"]) for item in page.get("items") or ())
        self.watched.reset(self.info.group_kind, self.namespace, sights, self.number)
        self._tell_all()
        self.on_standing(self)
        return revision

    def _sight(self, metadata: Mapping[str, Any]) -> tuple[Place, Sight]:
        place = (metadata.get("namespace", ""), metadata["name"])
        return place, sight_of(metadata, self.info.group_kind, self.marks)

    def _follow(self, revision: str) -> None:
        """Watch on from *revision*, in as many requests as the server wants; raises when that cannot go on."""
        while not self._stopped.is_set():
            access, heard, began = self.access, self._heard, self.ctx.clock.monotonic()
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
            if event.get("type") == "DELETED":
                self.watched.drop(self.info.group_kind, self.namespace, place, sight.revision)
            else:
                self.watched.put(self.info.group_kind, self.namespace, place, sight)
            self._tell(place)
        return str(metadata.get("resourceVersion") or "")


Moved = tuple[Follower, Place | None]
"""What a follower tells: a place that has moved; without a place, to look at the follower itself."""
