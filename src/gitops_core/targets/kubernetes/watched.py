"""
What watches have shown: small facts by kind, so that a look at a kind that is watched costs no request.

A change of nothing but the status costs a hash here: it moves neither the version of the object nor the application's count.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from gitops_core.targets.kubernetes.live import Sight
from gitops_core.targets.kubernetes.marks import Marks

Place = tuple[str, str]
Kind = tuple[str, str]


@attrs.define
class _Stream:
    """
    What watches of one kind, in one namespace or in all of them (empty), have shown.

    Attributes:
        objects: What is there.
        gone: resourceVersion at which an object went.
        standing: The watches that stand now; with none of them nothing here can be relied on.
    """

    objects: dict[Place, Sight] = attrs.field(factory=dict)
    gone: dict[Place, str] = attrs.field(factory=dict)
    standing: set[int] = attrs.field(factory=set)


class Watched:
    """Facts of every watch over one connection, for all who share it. Safe between threads; no lock is held over I/O."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: dict[tuple[Kind, str], _Stream] = {}
        self._counts: Counter[str] = Counter()
        self._kinds: dict[str, frozenset[tuple[Kind, str]]] = {}
        self._lapses: Counter[str] = Counter()

    # -- what a watch tells -------------------------------------------------------------------------------------------------
    def reset(self, kind: Kind, namespace: str, objects: Mapping[Place, Sight], watch: int) -> None:
        """Begin anew with everything that the list before *watch* (a number of its own) has shown."""
        with self._lock:
            stream = self._streams.setdefault((kind, namespace), _Stream())
            for place in stream.objects.keys() | objects.keys():
                self._note(stream.objects.get(place), objects.get(place))
            stream.objects, stream.gone = dict(objects), {}
            stream.standing.add(watch)

    def put(self, kind: Kind, namespace: str, place: Place, sight: Sight) -> None:
        """Take in one object as it is now."""
        with self._lock:
            stream = self._streams.setdefault((kind, namespace), _Stream())
            self._note(stream.objects.get(place), sight)
            stream.objects[place] = sight
            stream.gone.pop(place, None)

    def drop(self, kind: Kind, namespace: str, place: Place, revision: str) -> None:
        """Take in that an object is gone, or does not bear our label any more, as of *revision*."""
        with self._lock:
            stream = self._streams.setdefault((kind, namespace), _Stream())
            self._note(stream.objects.pop(place, None), None)
            stream.gone[place] = revision

    def interrupted(self, kind: Kind, namespace: str, watch: int) -> None:
        """*watch* has ended or broken: unless another one stands, nothing can be relied on until it stands again."""
        with self._lock:
            stream = self._streams.get((kind, namespace))
            if stream is not None:
                stream.standing.discard(watch)

    def _note(self, before: Sight | None, after: Sight | None) -> None:
        """Count a change for every application it is about; a change of the status alone is none."""
        if before is not None and after is not None and (before.uid, before.version) == (after.uid, after.version):
            return
        for sight in (before, after):
            if sight is not None:
                self._counts[sight.owner] += 1

    # -- what a look asks ---------------------------------------------------------------------------------------------------
    def covers(self, kind: Kind) -> bool:
        """Tell whether some watch of *kind* stands."""
        return any(known == kind and bool(stream.standing) for (known, _), stream in list(self._streams.items()))

    def sights(self, kind: Kind, places: Iterable[Place], marks: Marks) -> dict[Place, Sight] | None:
        """Return what is known of *places* of *kind*; None when some of them are not being watched."""
        with self._lock:
            found = {}
            for place in places:
                stream = self._stream(kind, place[0])
                if stream is None:
                    return None
                sight = stream.objects.get(place)
                if sight is not None and sight.owner in ("", marks.application):
                    found[place] = sight
            return found

    def sight(self, kind: Kind, namespace: str, place: Place) -> Sight | None:
        """Return what the watch of *kind* in *namespace* has shown last of *place*; None when it is not there."""
        with self._lock:
            stream = self._streams.get((kind, namespace))
            return stream.objects.get(place) if stream is not None else None

    def _stream(self, kind: Kind, namespace: str) -> _Stream | None:
        for where in (namespace, ""):
            stream = self._streams.get((kind, where))
            if stream is not None and stream.standing:
                return stream
        return None

    def has_passed(self, kind: Kind, place: Place, revision: str) -> bool:
        """
        Tell whether the watch has shown something newer than *revision* of *place*.

        Source: KEP-5504, resource versions of one resource type compare as numbers.
        """
        with self._lock:
            stream = self._stream(kind, place[0])
            if stream is None:
                return False
            sight = stream.objects.get(place)
            return _number(sight.revision if sight is not None else stream.gone.get(place, "")) > _number(revision)

    # -- the token of a quiet pass ----------------------------------------------------------------------------------------------
    def relies_on(self, application: str, kinds: Iterable[tuple[Kind, str]]) -> None:
        """Remember that *application* has objects of these (kind, namespace) pairs."""
        with self._lock:
            self._kinds[application] = self._kinds.get(application, frozenset()).union(kinds)

    def token(self, application: str) -> str | None:
        """
        Return a text that changes when an object of *application* does; None when something of it is not being watched.

        What it relied on then is forgotten, and the looks that follow say it anew: it may have dropped the last object of a kind
        that nobody watches. No token from before is given again.
        """
        with self._lock:
            kinds = self._kinds.get(application)
            if kinds is None:
                return None
            if any(self._stream(kind, namespace) is None for kind, namespace in kinds):
                del self._kinds[application]
                self._lapses[application] += 1
                return None
            return f"{self._lapses[application]}.{self._counts[application]}.{self._counts['']}"


def _number(revision: str) -> int:
    return int(revision) if revision.isdecimal() else 0
