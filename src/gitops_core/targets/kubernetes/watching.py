"""Follow objects as they change, for one who asks: everything once as it is, then what moves, as it is when it is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from gitops_core.errors import Cancelled, GitOpsError
from gitops_core.interfaces import Context, Query
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.targets.feeds import Feed
from gitops_core.targets.kubernetes.access import Access
from gitops_core.targets.kubernetes.bodies import Bodies
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.sharing import Sharing, Wish
from gitops_core.targets.kubernetes.streaming import Follower, Moved, pause_after
from gitops_core.targets.kubernetes.watched import Kind, Place

Told = Live | Unreadable | ResourceKey
_NEVER: Final = float("inf")


@attrs.frozen
class Watcher:
    """Watches what a query names, over streams that are shared with everybody who uses the same connection."""

    access: Access
    bodies: Bodies

    def watch(self, ctx: Context, query: Query, marks: Marks) -> Iterator[Told]:
        """
        Yield each object of ``query.keys`` once it has been listed, and whenever it changes; its key when it is gone, or bears no
        label of ours any more; and an :class:`Unreadable` when a kind cannot be watched for now. Ends when *ctx* is cancelled.
        """
        watch = _Watch(self, ctx, marks, Sharing.over(self.access.connection, marks))
        unknown = {kind: [key for key in query.keys if (key.group, key.kind) == kind] for kind in sorted(query.kinds)}
        try:
            failures = 0
            while not ctx.cancel.is_set() and ctx.remaining():
                pause, failures = _NEVER, failures + 1
                for kind, error in watch.begin(unknown):
                    yield Unreadable(None, error, kind)
                    pause = min(pause, pause_after(error, failures))
                yield from watch.follow(ctx.within(pause))
        finally:
            watch.end()


@attrs.define
class _Watch:
    """One call of :meth:`Watcher.watch`."""

    watcher: Watcher
    ctx: Context
    marks: Marks
    sharing: Sharing
    feed: Feed[Moved] = attrs.field(factory=Feed)
    _joined: dict[Follower, Wish] = attrs.field(factory=dict)
    _left: list[Follower] = attrs.field(factory=list)

    def begin(self, unknown: dict[Kind, list[ResourceKey]]) -> Iterator[tuple[Kind, GitOpsError]]:
        """Join what shows the kinds of *unknown*, and take them out of it; yield those that the server does not know for now."""
        for kind, keys in list(unknown.items()):
            try:
                wish = self._wish(keys)
            except Cancelled:
                raise
            except GitOpsError as error:
                yield kind, error
                continue
            del unknown[kind]
            self._join(wish)

    def _wish(self, keys: Iterable[ResourceKey]) -> Wish:
        access = self.watcher.access
        infos = {key: access.kind(self.ctx, key) for key in keys}
        return Wish(next(iter(infos.values())), {(access.namespace(info, key), key.name): key for key, info in infos.items()})

    def _join(self, wish: Wish) -> None:
        for follower in self.sharing.join(self.watcher.access, self.ctx, wish, self.feed):
            known = self._joined.get(follower)
            self._joined[follower] = Wish(wish.info, {**known.keys, **wish.keys}) if known else wish

    def follow(self, ctx: Context) -> Iterator[Told]:
        """Yield what moves, until *ctx* ends."""
        for follower, place in self.feed.follow(ctx):
            wish = self._joined.get(follower)
            if wish is None:
                continue  # it was left meanwhile
            if follower.is_over:
                self._replace(follower, wish)
            elif place is not None:
                yield self._told(follower, wish.keys[place], place)
            elif follower.error is not None:
                yield Unreadable(None, follower.error, wish.info.group_kind)

    def _replace(self, follower: Follower, wish: Wish) -> None:
        """Go over to who has taken the place of *follower*, and then let that one end: there is no moment between them."""
        self._join(Wish(wish.info, {place: wish.keys[place] for place in wish.within(follower.namespace)}))
        self._leave(follower, wish)

    def _told(self, follower: Follower, key: ResourceKey, place: Place) -> Told:
        sight = self.sharing.watched.sight(follower.info.group_kind, follower.namespace, place)
        if sight is None:
            return key
        marks = self.marks if self.marks.application else Marks(self.marks.owner, sight.owner)
        return sight.as_live(key, self.watcher.bodies.reader(self.ctx, key, sight, marks))

    def _leave(self, follower: Follower, wish: Wish) -> None:
        del self._joined[follower]
        self._left.append(follower)
        self.sharing.leave(follower, wish, self.feed)

    def end(self) -> None:
        """Leave, and wait for the streams that nobody else wants."""
        for follower, wish in list(self._joined.items()):
            self._leave(follower, wish)
        for follower in self._left:
            follower.wait_if_stopped()
