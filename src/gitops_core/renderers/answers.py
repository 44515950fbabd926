"""
What transforms made of objects, so that nobody decodes an unchanged one: in memory, and in ``ctx.memo`` for the next process.

An answer is a key, a digest and which transforms applied; never a body. Digests of secrets are salted, and the salt is part
of the key under which the answers are kept.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from gitops_core.interfaces import Context, Memo
from gitops_core.model.resources import Resource, ResourceKey
from gitops_core.renderers.chains import Facts, Made
from gitops_core.renderers.remembering import Remembered

_SPACE: Final = "transforms"
_VERSION: Final = 1  # raised when equal inputs give another answer, or rows look different
_LEVEL: Final = 1  # of zlib: digests do not compress, names do at any level
_IN_MEMORY: Final = 65_536  # answers, of about half a kilobyte each
_PLACES: Final = 4_096  # applications times settings
_WORTH_SAVING: Final = 20  # a new process makes less than a twentieth of the answers anew; writing all would cost more

_Question = tuple[str, ResourceKey, str]


class Answers:
    """
    The answers of one chain of transforms, for any number of applications. Safe between threads.

    Args:
        fingerprints: Of the transforms; with an empty one among them nothing is remembered.
    """

    def __init__(self, fingerprints: tuple[str, ...]) -> None:
        self._fingerprints = fingerprints
        self._made: Remembered[_Question, Made] = Remembered(_IN_MEMORY)
        self._unsaved: Remembered[str, int] = Remembered(_PLACES)

    def open(self, ctx: Context, facts: tuple[Facts, ...]) -> Book:
        """Return the answers for one render; those of an earlier process are read once."""
        if not all(self._fingerprints):
            return Book(ctx, "", Remembered(0), Remembered(0))
        salt = hmac.new(ctx.salt, b"transforms", hashlib.sha256).hexdigest()
        place = hashlib.sha256(json.dumps([_VERSION, self._fingerprints, facts, salt, ctx.application]).encode()).hexdigest()
        if self._unsaved.get(place) is None:
            for key, digest, made in _load(ctx.memo, place):
                self._made.put((place, key, digest), made)
            self._unsaved.put(place, 0)
        return Book(ctx, place, self._made, self._unsaved)


class Book:
    """The answers for one render."""

    def __init__(self, ctx: Context, place: str, made: Remembered[_Question, Made], unsaved: Remembered[str, int]) -> None:
        self._ctx = ctx
        self._place = place
        self._made = made
        self._unsaved = unsaved
        self._new = 0

    def get(self, resource: Resource) -> Made | None:
        """Return what became of *resource* the last time, without its body, or None."""
        return self._made.get((self._place, resource.key, resource.digest))

    def put(self, resource: Resource, made: Made) -> Made:
        """Remember that *resource* became *made*; returns *made*."""
        self._ctx.count("resources_transformed", 1)
        self._made.put((self._place, resource.key, resource.digest), made.lean())
        self._new += 1
        return made

    def save(self, found: Sequence[Resource]) -> None:
        """Write the answers about *found* for the next process, if enough of them are new."""
        unsaved = (self._unsaved.get(self._place) or 0) + self._new
        if self._place and unsaved * _WORTH_SAVING > len(found):
            rows = [_row(resource, made) for resource in found if (made := self.get(resource)) is not None]
            data = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
            self._ctx.memo.put(_SPACE, self._place, zlib.compress(data, _LEVEL))
            unsaved = 0
        self._unsaved.put(self._place, unsaved)


def _row(resource: Resource, made: Made) -> list[object]:
    return [*resource.key, resource.digest, *made.key, made.digest, made.applied]


def _load(memo: Memo, place: str) -> Iterator[tuple[ResourceKey, str, Made]]:
    data = memo.get(_SPACE, place)
    if data is None:
        return
    try:
        rows = json.loads(zlib.decompress(data))
        for row in rows:
            yield ResourceKey(*row[:4]), row[4], Made(ResourceKey(*row[5:9]), row[9], tuple(row[10]))
    except (zlib.error, ValueError, TypeError, LookupError):
        return  # written by something else: a miss, and soon overwritten
