"""
Memos: a few objects that hold many small values, each under a key of its own.

A value is written by a patch of its key, so writers never meet. Each process keeps a copy of what it has read; a miss costs nothing
until the copy is a minute old.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from typing import Final

import attrs

from gitops_core.errors import StateUnavailable
from gitops_core.interfaces import Clock
from gitops_core.state.kubernetes.failures import decoding
from gitops_core.state.kubernetes.names import digest
from gitops_core.state.kubernetes.objects import Object, Objects

BUCKETS: Final = 8
MEMO_AGE: Final = 30 * 86400.0
"""Seconds after which a memo goes, at the next write beside it."""

_COPY_AGE: Final = 60.0
_STAMP: Final = struct.Struct(">d")
_ATTEMPTS: Final = 3


@attrs.frozen
class _Memo:
    """One value: when it was stored, and the text that holds both."""

    stored_at: float
    text: str

    def value(self) -> bytes:
        return zlib.decompress(base64.b64decode(self.text)[_STAMP.size :])


@attrs.define
class _Copy:
    """What is known of one object, and since when."""

    memos: dict[str, _Memo]
    read_at: float


class Memos:
    """
    The memos of one store.

    Args:
        objects: Where they are.
        limit: Bytes of all of them, packed.
        clock: Says how old a copy is.
    """

    def __init__(self, objects: Objects, limit: int, clock: Clock) -> None:
        self._objects = objects
        self._limit = limit // BUCKETS
        self._clock = clock
        self._copies: dict[int, _Copy] = {}

    def get(self, space: str, key: str, not_before: float) -> bytes | None:
        """Return the value if it is young enough. Cost: 1 request a minute for each of 8 objects at most."""
        name, bucket = _place(space, key)
        memo = self._copy(bucket).get(name)
        if memo is None or memo.stored_at < not_before:
            return None
        with decoding(self._objects.place(self._objects.names.memos(bucket))):
            return memo.value()

    def put(self, place: tuple[str, str], value: bytes, now: float) -> None:
        """Remember *value* and drop the oldest beyond the limit; one that is larger than that is not kept. Cost: 1 request."""
        name, bucket = _place(*place)
        memo = _Memo(now, base64.b64encode(_STAMP.pack(now) + zlib.compress(value)).decode())
        before = self._copy(bucket)
        after = self._bounded({**before, name: memo}, now)
        changed: dict[str, str | None] = {gone: None for gone in before if gone not in after}
        if name in after:
            changed[name] = memo.text
        if changed:
            self._write(bucket, changed)
        self._copies[bucket] = _Copy(after, self._copies[bucket].read_at)

    def forget(self) -> None:
        """Forget what was read."""
        self._copies.clear()

    def _bounded(self, memos: Mapping[str, _Memo], now: float) -> dict[str, _Memo]:
        kept: dict[str, _Memo] = {}
        total = 0
        for name, memo in sorted(memos.items(), key=lambda item: item[1].stored_at, reverse=True):
            total += len(memo.text)
            if total > self._limit or memo.stored_at < now - MEMO_AGE:
                break
            kept[name] = memo
        return kept

    def _copy(self, bucket: int) -> dict[str, _Memo]:
        known = self._copies.get(bucket)
        if known is None or self._clock.monotonic() - known.read_at > _COPY_AGE:
            name = self._objects.names.memos(bucket)
            found = self._objects.get(name)
            with decoding(self._objects.place(name)):
                memos = {key: _parse(text) for key, text in ((found or {}).get("binaryData") or {}).items()}
            known = self._copies[bucket] = _Copy(memos, self._clock.monotonic())
        return known.memos

    def _write(self, bucket: int, changed: Mapping[str, str | None]) -> None:
        name = self._objects.names.memos(bucket)
        body: Object = {"binaryData": dict(changed)}
        meta = {"name": name, "labels": self._objects.names.labels("memos")}
        new = {"metadata": meta, "binaryData": {key: text for key, text in changed.items() if text is not None}}
        try:
            for _ in range(_ATTEMPTS):
                if self._objects.patch(name, body) is not None or self._objects.create(new) is not None:
                    return
        except StateUnavailable:
            self._copies.pop(bucket, None)  # others may have filled it: look before the next write
            raise
        raise StateUnavailable(f"state in {self._objects.place(name)}: it comes and goes; look who deletes it")


def _place(space: str, key: str) -> tuple[str, int]:
    name = digest(space, key)
    return name, int(name[:4], 16) % BUCKETS


def _parse(text: str) -> _Memo:
    (stored_at,) = _STAMP.unpack(base64.b64decode(text[:12])[: _STAMP.size])
    return _Memo(stored_at, text)
