"""Watch: events from a resource version on, bookmarks, and the end when the history is gone. Nothing here waits but ``wait``."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.testing.kubernetes import presenting, reading
from gitops_core.testing.kubernetes.calls import Call
from gitops_core.testing.kubernetes.encoding import encoded
from gitops_core.testing.kubernetes.statuses import expired
from gitops_core.testing.kubernetes.store import Event, Stored

Object = dict[str, Any]
_BOOKMARK_SECONDS: Final = 60.0
_LONGEST: Final = 1800.0


class WatchStream:
    """
    The answer to a watch, pulled by whoever sends it.

    Attributes:
        status: 200.
        headers: None beside the media type.
        content_type: JSON, one event a line.
    """

    status = 200
    headers: tuple[tuple[str, str], ...] = ()
    content_type = "application/json"

    def __init__(self, call: Call, form: presenting.Form) -> None:
        """
        Begin to watch what *call* asks for.

        Raises:
            ApiStatus: 400 for parameters that make no sense.
        """
        self._call = call
        self._form = form
        self._selects = reading.selection(call)
        self._clock = call.world.settings.clock
        self._ends = self._clock.monotonic() + (reading.number(call, "timeoutSeconds") or _LONGEST)
        self._bookmarks = call.request.flag("allowWatchBookmarks")
        self._next_bookmark = self._clock.monotonic() + _BOOKMARK_SECONDS
        self._closed = False
        self._lines: list[bytes] = []
        with call.world.store.lock:
            self._version = self._begin()

    def _begin(self) -> int:
        call, store = self._call, self._call.world.store
        asked = reading.version_of(call)
        initial = call.request.flag("sendInitialEvents")
        if asked and not initial:
            if asked > store.version:
                raise reading.too_new(asked, store.version)
            return asked
        for stored in store.all(call.kind.key, call.route.namespace):
            if self._selects(stored):
                self._lines.append(self._line("ADDED", stored))
        if initial:
            self._lines.append(self._bookmark(store.version, {"k8s.io/initial-events-end": "true"}))
        return store.version

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self._closed and not self._lines

    def close(self) -> None:
        """End it, from any thread."""
        self._closed = True
        with self._call.world.store.changed:
            self._call.world.store.changed.notify_all()

    def pending(self) -> list[bytes]:
        """Return the lines that there are by now; the last ones when the time is over or the history is gone."""
        if not self._closed:
            self._pull()
        lines, self._lines = self._lines, []
        return lines

    def wait(self, seconds: float) -> None:
        """Sleep until something was written, somewhere, or *seconds* of real time went by."""
        store = self._call.world.store
        with store.changed:
            if not self._closed and store.version <= self._version:
                store.changed.wait(seconds)

    def _pull(self) -> None:
        store = self._call.world.store
        self._call.world.settle()
        with store.lock:
            events, current = store.since(self._call.kind.key, self._version), store.version
        if events is None:
            self._lines.append(_too_old(self._version, current))
            self._closed = True
            return
        for event in events:
            self._add(event)
        self._version = current
        self._tick()

    def _tick(self) -> None:
        now = self._clock.monotonic()
        if now >= self._ends:
            self._closed = True
        elif self._bookmarks and now >= self._next_bookmark:
            self._next_bookmark = now + _BOOKMARK_SECONDS
            self._lines.append(self._bookmark(self._version, {}))
        if self._closed and self._bookmarks:
            self._lines.append(self._bookmark(self._version, {}))

    def _add(self, event: Event) -> None:
        was = event.before is not None and self._selects(event.before)
        is_now = not event.deleted and self._selects(event.after)
        if is_now:
            self._lines.append(self._line("MODIFIED" if was else "ADDED", event.after))
        elif was:
            self._lines.append(self._line("DELETED", event.after if event.deleted else self._left(event)))

    def _left(self, event: Event) -> Stored:
        before = event.before or event.after
        metadata = {**before.object["metadata"], "resourceVersion": str(event.version)}
        return Stored({**before.object, "metadata": metadata}, event.version, before.created)

    def _line(self, what: str, stored: Stored) -> bytes:
        content = presenting.shown(self._call.kind, stored, self._form)
        return b'{"type":"' + what.encode() + b'","object":' + content + b"}\n"

    def _bookmark(self, version: int, annotations: dict[str, str]) -> bytes:
        kind, metadata = self._call.kind, {"resourceVersion": str(version)}
        meta: Object = {**metadata, "annotations": annotations} if annotations else metadata
        head = {"kind": kind.kind, "apiVersion": kind.api_version}
        if self._form.kind:
            head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        return encoded({"type": "BOOKMARK", "object": {**head, "metadata": meta}}) + b"\n"


def _too_old(asked: int, current: int) -> bytes:
    status = expired(f"too old resource version: {asked} ({current})")
    return encoded({"type": "ERROR", "object": status.document()}) + b"\n"
