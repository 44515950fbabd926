"""
Streams that many share: over one connection each kind is watched once, whoever asks.

A stream begins with the first who wants it and ends with the last. It shows the objects of every application of the owner, so the
next application of a kind that is watched needs no stream of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

import attrs

from gitops_core.interfaces import Context
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.model.resources import ResourceKey
from gitops_core.targets.feeds import Feed
from gitops_core.targets.kubernetes.access import Access
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.streaming import Follower, Moved
from gitops_core.targets.kubernetes.watched import Kind, Place, Watched


@attrs.frozen
class Wish:
    """
    Objects of one kind that somebody wants to hear of.

    Attributes:
        info: The kind.
        keys: Their keys by their place.
    """

    info: KindInfo
    keys: Mapping[Place, ResourceKey]

    @property
    def namespaces(self) -> set[str]:
        """Where they are."""
        return {namespace for namespace, _ in self.keys}

    def within(self, namespace: str) -> list[Place]:
        """Return the places that a follower of *namespace* sees; all of them when that is empty."""
        return [place for place in self.keys if namespace in ("", place[0])]


class Sharing:
    """
    What is watched over one connection for one owner. Safe between threads; no lock is held over I/O.

    Attributes:
        watched: What the watches have shown.
        narrowed: (group, kind) pairs that may not be listed over all namespaces.
    """

    def __init__(self) -> None:
        self.watched = Watched()
        self.narrowed: set[Kind] = set()
        self._lock = threading.Lock()
        self._followers: dict[tuple[Kind, str], Follower] = {}

    @classmethod
    def over(cls, connection: Connection, marks: Marks) -> Sharing:
        """Return the one of *connection*, and of the owner whose *marks* these are."""
        return connection.kept(f"watches of {marks.label}", cls)

    def join(self, access: Access, ctx: Context, wish: Wish, feed: Feed[Moved]) -> list[Follower]:
        """Let *feed* hear of what is wished, from followers that are there or begin now; return them."""
        with self._lock:
            places = self._places(access, wish)
            chosen = [self._followers.get((wish.info.group_kind, n)) or self._new(access, ctx, wish.info, n) for n in places]
            begun = [f for f in chosen if (wish.info.group_kind, f.namespace) not in self._followers]
            for follower in chosen:
                self._followers[wish.info.group_kind, follower.namespace] = follower
                follower.join(feed, wish.within(follower.namespace))
        for follower in begun:
            follower.start()
        return chosen

    def leave(self, follower: Follower, wish: Wish, feed: Feed[Moved]) -> None:
        """Let *feed* hear nothing more from *follower*, which ends when nobody else listens."""
        with self._lock:
            is_last = follower.leave(feed, wish.within(follower.namespace))
            if is_last:
                self._forget(follower)
        if is_last:
            follower.stop()

    def _places(self, access: Access, wish: Wish) -> Iterable[str]:
        """Return the namespaces to follow; an empty one for all. One stream where that is allowed and more would be needed."""
        kind = wish.info.group_kind
        if (kind, "") in self._followers:
            return [""]
        known = {namespace for other, namespace in self._followers if other == kind}
        everywhere = len(known | wish.namespaces) > 1 and access.settings.scope == "cluster" and kind not in self.narrowed
        return [""] if everywhere else sorted(wish.namespaces)

    def _new(self, access: Access, ctx: Context, info: KindInfo, namespace: str) -> Follower:
        stopped = threading.Event()
        return Follower(
            access=access, ctx=attrs.evolve(ctx, application="", cancel=stopped, deadline=float("inf")), marks=Marks(ctx.owner, ""),
            info=info, namespace=namespace, watched=self.watched, stopped=stopped, on_standing=self._stands, on_refusal=self._refused,
        )  # fmt: skip

    # -- called by followers ------------------------------------------------------------------------------------------------
    def _stands(self, follower: Follower) -> None:
        """One that follows all namespaces takes the place of those that follow one."""
        if not follower.info.namespaced or follower.namespace:
            return
        with self._lock:
            kind = follower.info.group_kind
            narrow = [f for (other, namespace), f in self._followers.items() if other == kind and namespace]
            for other in narrow:
                self._forget(other)
        for other in narrow:
            other.retire()

    def _refused(self, follower: Follower) -> None:
        """A Role allows less than a ClusterRole: each namespace is followed by itself."""
        with self._lock:
            self.narrowed.add(follower.info.group_kind)
            self._forget(follower)
        follower.retire()

    def _forget(self, follower: Follower) -> None:
        where = (follower.info.group_kind, follower.namespace)
        if self._followers.get(where) is follower:
            del self._followers[where]
