"""
What the cluster holds: objects, a counter of resource versions, and a bounded history for watches.

Objects are plain JSON values that nobody changes after they were put: whoever writes makes new dictionaries along the path that
changes, and shares the rest. Each is encoded once.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from gitops_core.testing.kubernetes.encoding import encoded

Object = dict[str, Any]
Encoded = bytes
"""JSON in UTF-8; the class below has a property of the type's name."""


class Stored:
    """One version of one object: the value, its resource version, and its bytes, made when they are first asked for."""

    __slots__ = ("_bytes", "_partial", "created", "name", "namespace", "object", "version")

    def __init__(self, value: Object, version: int, created: int) -> None:
        metadata = value["metadata"]
        self.object = value
        self.version = version
        self.created = created
        self.namespace: str = metadata.get("namespace", "")
        self.name: str = metadata["name"]
        self._bytes: Encoded | None = None
        self._partial: Encoded | None = None

    @property
    def bytes(self) -> Encoded:
        """The object as JSON. Cost: O(size) once."""
        if self._bytes is None:
            self._bytes = encoded(self.object)
        return self._bytes

    @property
    def partial(self) -> Encoded:
        """Its metadata as an object of its own, as JSON. Cost: O(metadata) once."""
        if self._partial is None:
            head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            self._partial = encoded({**head, "metadata": self.object["metadata"]})
        return self._partial


@attrs.frozen
class Event:
    """
    One change.

    Attributes:
        version: Resource version of the change.
        before: The object before; None when it was created.
        after: The object after; when it was deleted, as it was last, with the version of the deletion.
        deleted: Whether it is gone.
    """

    version: int
    before: Stored | None
    after: Stored
    deleted: bool = False


class _Shelf:
    """The objects of one resource, and what happened to them."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Stored] = {}
        self.events: list[Event] = []
        self.compacted = 0


class Store:
    """
    Everything. Hold ``lock`` while reading and writing more than one thing.

    Attributes:
        lock: Reentrant.
        changed: Notified after every change.
        version: The newest resource version.
        listeners: Called with the resource and the event after every change, under the lock.
    """

    def __init__(self, history: int) -> None:
        """Keep *history* changes per resource; older watches are told that they are too old."""
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 1
        self.listeners: list[Callable[[tuple[str, str], Event], None]] = []
        self._history = history
        self._shelves: dict[tuple[str, str], _Shelf] = {}

    def get(self, key: tuple[str, str], namespace: str, name: str) -> Stored | None:
        """Return an object; None when there is none."""
        return self._shelf(key).objects.get((namespace, name))

    def all(self, key: tuple[str, str], namespace: str = "") -> list[Stored]:
        """Return the objects of one resource, of all namespaces or one, in the order of their keys. Cost: O(n log n)."""
        with self.lock:
            objects = self._shelf(key).objects
            return [objects[place] for place in sorted(objects) if not namespace or place[0] == namespace]

    def holds(self, key: tuple[str, str]) -> int:
        """Return how many objects of a resource there are."""
        return len(self._shelf(key).objects)

    def put(self, key: tuple[str, str], value: Object) -> Stored:
        """Keep *value*, whose ``resourceVersion`` is set here. Cost: O(1)."""
        with self.lock:
            shelf = self._shelf(key)
            version = self._next()
            place = (value["metadata"].get("namespace", ""), value["metadata"]["name"])
            before = shelf.objects.get(place)
            stored = Stored(_versioned(value, version), version, before.created if before else version)
            shelf.objects[place] = stored
            self._record(key, shelf, Event(version, before, stored))
            return stored

    def remove(self, key: tuple[str, str], namespace: str, name: str, last: Object | None = None) -> Stored:
        """Take an object out, and return it as it was *last*."""
        with self.lock:
            shelf = self._shelf(key)
            before = shelf.objects.pop((namespace, name))
            version = self._next()
            gone = Stored(_versioned(last or before.object, version), version, before.created)
            self._record(key, shelf, Event(version, before, gone, deleted=True))
            return gone

    def at(self, key: tuple[str, str], version: int) -> list[Stored] | None:
        """Return the objects of a resource as they were at *version*, in order; None when the history does not reach back so far."""
        with self.lock:
            shelf = self._shelf(key)
            if version < shelf.compacted:
                return None
            objects = dict(shelf.objects)
            for event in reversed(shelf.events):
                if event.version <= version:
                    break
                place = (event.after.namespace, event.after.name)
                if event.before is None:
                    objects.pop(place, None)
                else:
                    objects[place] = event.before
            return [objects[place] for place in sorted(objects)]

    def since(self, key: tuple[str, str], version: int) -> list[Event] | None:
        """Return what happened after *version*; None when the history does not reach back so far. Cost: O(log n + events)."""
        with self.lock:
            shelf = self._shelf(key)
            if version < shelf.compacted:
                return None
            return shelf.events[bisect.bisect_right(shelf.events, version, key=lambda event: event.version) :]

    def compact(self) -> None:
        """Forget the whole history: every watch and continue token from before is too old."""
        with self.lock:
            version = self._next()
            for shelf in self._shelves.values():
                shelf.events.clear()
                shelf.compacted = version
            self.changed.notify_all()

    def keys(self) -> Iterator[tuple[str, str]]:
        """Yield every resource of which something is or was kept."""
        return iter(tuple(self._shelves))

    def _shelf(self, key: tuple[str, str]) -> _Shelf:
        found = self._shelves.get(key)
        return found if found is not None else self._shelves.setdefault(key, _Shelf())

    def _next(self) -> int:
        self.version += 1
        return self.version

    def _record(self, key: tuple[str, str], shelf: _Shelf, event: Event) -> None:
        shelf.events.append(event)
        if len(shelf.events) > self._history:
            half = len(shelf.events) // 2
            shelf.compacted = shelf.events[half - 1].version
            del shelf.events[:half]
        for listener in self.listeners:
            listener(key, event)
        self.changed.notify_all()


def _versioned(value: Object, version: int) -> Object:
    return {**value, "metadata": {**value["metadata"], "resourceVersion": str(version)}}
