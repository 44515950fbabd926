"""
Look at the cluster: one list of metadata for each kind and place, and bodies only of what moved.

What is ours is found by its label. What we have not seen before is looked up by name where it is little, else by listing its
namespace: nothing is created over, and everything that is there can be adopted. A kind that is being watched costs nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from gitops_core.errors import Cancelled, DeadlineExceeded, Denied, GitOpsError, NotFound
from gitops_core.interfaces import Context, Query
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.targets.kubernetes.access import Access
from gitops_core.targets.kubernetes.bodies import Batch, Bodies
from gitops_core.targets.kubernetes.live import Sight, sight_of
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.schemas import Schemas
from gitops_core.targets.kubernetes.sharing import Sharing

Place = tuple[str, str]
"""Namespace and name."""


@attrs.frozen
class Reader:
    """Looks at objects, kind by kind. What cannot be looked at is said; the other kinds go on."""

    access: Access
    bodies: Bodies
    schemas: Schemas

    def observe(self, ctx: Context, query: Query, marks: Marks) -> Iterator[Live | Unreadable]:
        """Yield every object of ``query.keys`` that exists."""
        kinds: dict[tuple[str, str], list[ResourceKey]] = defaultdict(list)
        for key in query.keys:
            kinds[key.group, key.kind].append(key)
        for kind in sorted(kinds):
            ctx.check()
            try:
                yield from _Kind(self, ctx, query, marks, sorted(kinds[kind])).observe()
            except (Cancelled, DeadlineExceeded):
                raise
            except GitOpsError as error:
                yield Unreadable(None, error, kind)


class _Kind:
    """One look at the objects of one kind."""

    def __init__(self, reader: Reader, ctx: Context, query: Query, marks: Marks, keys: list[ResourceKey]) -> None:
        self._reader = reader
        self._access = reader.access
        self._ctx = ctx
        self._versions = query.versions
        self._marks = marks
        self._sharing = Sharing.over(reader.access.connection, marks)
        self._info = reader.access.kind(ctx, keys[0])
        self._keys = {(reader.access.namespace(self._info, key), key.name): key for key in keys}
        self._schema = reader.schemas.token(ctx, self._info)

    def observe(self) -> Iterator[Live | Unreadable]:
        self._sharing.watched.relies_on(self._ctx.application, {(self._info.group_kind, place[0]) for place in self._keys})
        seen = self._sharing.watched.sights(self._info.group_kind, self._keys, self._marks)
        if seen is None:
            known = {place for place, key in self._keys.items() if key in self._versions}
            seen = self._labelled(known) if known else {}
        yield from self._lives(self._recent(seen), self._marks.selector)
        missing = [place for place in self._keys if place not in seen]
        if len(missing) <= self._access.settings.lookups:
            yield from self._looked_up(missing)
        else:
            yield from self._listed(missing)

    # -- what bears our label -----------------------------------------------------------------------------------------------
    def _labelled(self, known: set[Place]) -> dict[Place, Sight]:
        namespaces = sorted({namespace for namespace, _ in known})
        if len(namespaces) > 1 and self._may_list_all():
            try:
                return self._sights("", self._marks.selector)
            except Denied:
                self._sharing.narrowed.add(self._info.group_kind)  # a Role allows less than a ClusterRole
        seen: dict[Place, Sight] = {}
        for namespace in namespaces:
            seen.update(self._sights(namespace, self._marks.selector))
        return seen

    def _may_list_all(self) -> bool:
        return self._access.settings.scope == "cluster" and self._info.group_kind not in self._sharing.narrowed

    def _sights(self, namespace: str, selector: str) -> dict[Place, Sight]:
        return self._access.listed(
            self._ctx, self._info, namespace, lambda items: dict(self._wanted(items)), selector=selector, metadata=True
        )

    def _wanted(self, items: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Place, Sight]]:
        for item in items:
            metadata = item["metadata"]
            place = (metadata.get("namespace", ""), metadata["name"])
            key = self._keys.get(place)
            if key is not None:
                answered = self._reader.bodies.answers.sight(key, metadata, self._marks.application)
                yield place, answered or sight_of(metadata, self._info.group_kind, self._marks)

    def _recent(self, seen: dict[Place, Sight]) -> dict[Place, Sight]:
        """A watch may lag behind our own writes: then what the server has answered to them is newer."""
        for place, key in self._keys.items():
            answered = self._reader.bodies.answers.revision(key) if self._sharing.watched.covers(self._info.group_kind) else ""
            if answered and (place not in seen or seen[place].revision != answered):
                body = self._reader.bodies.answers.peek(key)
                if body is not None and not self._sharing.watched.has_passed(self._info.group_kind, place, answered):
                    seen[place] = sight_of(body["metadata"], self._info.group_kind, self._marks)
        return seen

    # -- what does not, or not yet ------------------------------------------------------------------------------------------
    def _looked_up(self, places: Iterable[Place]) -> Iterator[Live | Unreadable]:
        for place in places:
            key = self._keys[place]
            try:
                found = self._access.get(self._ctx, self._info, key, metadata=True)
            except NotFound:
                continue
            except (Cancelled, DeadlineExceeded):
                raise
            except GitOpsError as error:
                yield Unreadable(key, error)
                continue
            yield self._live(key, sight_of(found["metadata"], self._info.group_kind, self._marks), None)

    def _listed(self, places: list[Place]) -> Iterator[Live | Unreadable]:
        wanted = set(places)
        for namespace in sorted({namespace for namespace, _ in places}):
            found = self._sights(namespace, "")
            yield from self._lives({place: sight for place, sight in found.items() if place in wanted}, "", namespace)

    # -- lives ------------------------------------------------------------------------------------------------------------------
    def _lives(self, seen: Mapping[Place, Sight], selector: str, namespace: str = "") -> Iterator[Live]:
        spaces = {place[0] for place in seen}
        together = bool(namespace) or (len(spaces) > 1 and self._may_list_all())  # else a Role may allow no list of them all
        batches = {
            space: Batch(self._access, self._ctx, self._info, namespace if together else space, selector)
            for space in ([namespace] if together else spaces)
        }
        for place, sight in seen.items():
            if sight.under(self._schema) != self._versions.get(self._keys[place]):
                batches[namespace if together else place[0]].moved.add(place)
        for place, sight in seen.items():
            yield self._live(self._keys[place], sight, batches[namespace if together else place[0]])

    def _live(self, key: ResourceKey, sight: Sight, batch: Batch | None) -> Live:
        version = sight.under(self._schema)
        if version == self._versions.get(key):
            self._reader.bodies.answers.forget(key)  # the engine has taken it in
        return sight.as_live(key, self._reader.bodies.reader(self._ctx, key, sight, self._marks, batch), version)
