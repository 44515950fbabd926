"""Where a live object's body comes from: what a write has just answered, one list for many that moved, or a request of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from gitops_core.errors import TargetError
from gitops_core.interfaces import Context
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Body, freeze
from gitops_core.targets.kubernetes.access import Access
from gitops_core.targets.kubernetes.live import Sight, prepared
from gitops_core.targets.kubernetes.marks import Marks

_LAST: Final = 4
_KEPT_BYTES: Final = 48 * 1024 * 1024
"""Of the answers of writes that are kept until they have been looked at: two or three KiB each."""


_NOTHING: Final = Sight("", "", ""), b""


class Answers:
    """
    What the API server answered to our own writes, until they have been looked at again: an object that has not moved since
    then need not be fetched. Kept as text, which is a tenth of the size.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[ResourceKey, tuple[Sight, bytes]] = {}
        self._bytes = 0

    def keep(self, key: ResourceKey, sight: Sight, text: bytes) -> None:
        """Keep what the server sent: the JSON *text* of the object under *key*, which is at *sight*."""
        with self._lock:
            self._drop(key)
            while self._kept and self._bytes + len(text) > _KEPT_BYTES:
                self._drop(next(iter(self._kept)))
            self._kept[key] = (sight, text)
            self._bytes += len(text)

    def forget(self, key: ResourceKey) -> None:
        """Drop what is kept of *key*."""
        if key in self._kept:
            with self._lock:
                self._drop(key)

    def _drop(self, key: ResourceKey) -> None:
        found = self._kept.pop(key, None)
        self._bytes -= len(found[1]) if found is not None else 0

    def text(self, key: ResourceKey, revision: str) -> bytes | None:
        """Return the text of *key*; None when there is none of that *revision*."""
        found = self._kept.get(key)
        return found[1] if found is not None and found[0].revision == revision else None

    def sight(self, key: ResourceKey, metadata: Mapping[str, Any], application: str) -> Sight | None:
        """Return what *application* saw in the answer, if *metadata* is of that very object and revision; else None."""
        sight, _ = self._kept.get(key, _NOTHING)
        is_it = (sight.owner, sight.revision, sight.uid) == (application, metadata.get("resourceVersion"), metadata.get("uid"))
        return sight if is_it else None

    def revision(self, key: ResourceKey) -> str:
        """Return the resourceVersion of our own last write of *key* that has not been looked at yet; "" when there is none."""
        found = self._kept.get(key)
        return found[0].revision if found is not None else ""

    def peek(self, key: ResourceKey) -> dict[str, Any] | None:
        """Return the object that the server answered to our own last write of *key*."""
        found = self._kept.get(key)
        return None if found is None else json.loads(found[1])


@attrs.define
class Batch:
    """
    The objects of one kind and place that moved since they were seen last: one list brings all their bodies, when the first is
    asked for and they are many; else each is fetched when it is needed.
    """

    access: Access
    ctx: Context
    info: KindInfo
    namespace: str
    selector: str
    moved: set[tuple[str, str]] = attrs.field(factory=set)
    _texts: dict[tuple[str, str], bytes] | None = None

    def text(self, place: tuple[str, str]) -> bytes | None:
        """Return the JSON text of the object at *place* (namespace, name), or None when it must be fetched by itself."""
        if place not in self.moved or len(self.moved) <= self.access.settings.lookups:
            return None
        if self._texts is None:
            self._texts = dict(self._listed())
        return self._texts.get(place)

    def _listed(self) -> list[tuple[tuple[str, str], bytes]]:
        ctx = with_time(self.ctx, self.access.settings.limits.timeout)
        return self.access.listed(
            ctx, self.info, self.namespace, lambda items: list(self._wanted(items)), selector=self.selector, metadata=False
        )

    def _wanted(self, items: Iterable[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, str], bytes]]:
        for item in items:
            metadata = item["metadata"]
            place = (metadata.get("namespace", ""), metadata["name"])
            if place in self.moved:
                whole = {"apiVersion": self.info.api_version, "kind": self.info.kind, **item}
                yield place, json.dumps(whole, separators=(",", ":")).encode()


class _Decoded:
    """The bodies that were decoded last: the engine asks for one several times in a row, and for thousands in a pass."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[object, Body] = {}

    def get(self, reader: object) -> Body | None:
        """Return what *reader* has decoded, if it was among the last."""
        return self._last.get(reader)

    def put(self, reader: object, body: Body) -> None:
        """Remember what *reader* has decoded."""
        with self._lock:
            self._last[reader] = body
            if len(self._last) > _LAST:
                del self._last[next(iter(self._last))]


@attrs.frozen
class Bodies:
    """Makes the functions that read bodies when the engine asks for them."""

    access: Access
    answers: Answers
    _decoded: _Decoded = attrs.field(factory=_Decoded)

    def reader(
        self, ctx: Context, key: ResourceKey, sight: Sight, marks: Marks, batch: Batch | None = None
    ) -> Callable[[], Mapping[str, Any]]:
        """Return a function that reads the body of *key* when it is called, and again from memory when it is called again."""
        known: list[bytes] = []
        kept = self.answers.text(key, sight.revision)

        def read() -> Mapping[str, Any]:
            if not known:
                known.append(kept or (batch.text(self._place(ctx, key)) if batch else None) or self._fetched(ctx, key, sight))
            body = self._decoded.get(read)
            if body is None:
                also = marks.taken_over(sight.owner, self.access.settings.take_over)
                body = freeze(prepared(json.loads(known[0]), key, marks, also))
                self._decoded.put(read, body)
            return body

        return read

    def _place(self, ctx: Context, key: ResourceKey) -> tuple[str, str]:
        return self.access.namespace(self.access.kind(ctx, key), key), key.name

    def _fetched(self, ctx: Context, key: ResourceKey, sight: Sight) -> bytes:
        ctx = with_time(ctx, self.access.settings.limits.timeout)
        try:
            info = self.access.kind(ctx, key, sight.api_version)
        except TargetError:
            info = self.access.kind(ctx, key)  # the version in which we applied it is not served any more
        return json.dumps(self.access.get(ctx, info, key), separators=(",", ":")).encode()


def with_time(ctx: Context, seconds: float) -> Context:
    """Return *ctx* with a deadline of its own: bodies are read long after the call that listed them has ended."""
    return attrs.evolve(ctx, deadline=ctx.clock.monotonic() + seconds)
