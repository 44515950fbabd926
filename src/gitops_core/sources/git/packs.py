"""Git's pack format, as far as we write it and look into it ourselves."""

from __future__ import annotations

import hashlib
import mmap
import struct
import zlib
from collections.abc import Callable, Iterable
from typing import IO, Final

from gitops_core.errors import CorruptObject, LimitExceeded

COMMIT: Final = 1
TREE: Final = 2
BLOB: Final = 3
TAG: Final = 4
_OFFSET_DELTA: Final = 6
_REF_DELTA: Final = 7
_HEADER: Final = struct.Struct(">4sLL")
_STEP: Final = 1024 * 1024


def write_pack(write: Callable[[bytes], object], count: int, objects: Iterable[tuple[int, bytes]]) -> None:
    """Write a pack of *count* whole *objects* (type, bytes)."""
    digest = hashlib.sha1(usedforsecurity=False)

    def put(data: bytes) -> None:
        digest.update(data)
        write(data)

    put(_HEADER.pack(b"PACK", 2, count))
    for kind, data in objects:
        put(_object_header(kind, len(data)) + zlib.compress(data, 1))
    write(digest.digest())


def _object_header(kind: int, size: int) -> bytes:
    header, byte = bytearray(), (kind << 4) | (size & 0x0F)
    size >>= 4
    while size:
        header.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    header.append(byte)
    return bytes(header)


def check_sizes(file: IO[bytes], limit: int) -> int:
    """
    Return how many objects are in a received pack.

    Walks through it without keeping anything, so that nothing in it unpacks to more than it should: a few kilobytes can
    unpack to gigabytes, and whoever indexes a pack holds each object in memory.

    Raises:
        LimitExceeded: An object is larger than *limit* bytes. STALL.
        CorruptObject: This is no pack, it is cut off, or an object is larger than it says. RETRY.

    Cost: unpacks everything once.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as data:
        if len(data) < _HEADER.size:
            raise CorruptObject("the pack that came is cut off; it is fetched again next time")
        magic, version, count = _HEADER.unpack_from(data)
        if magic != b"PACK" or version not in (2, 3):
            raise CorruptObject("what came is no pack; it is fetched again next time")
        position = _HEADER.size
        try:
            for _ in range(count):
                position = _check_object(data, position, limit)
        except (zlib.error, IndexError):
            raise CorruptObject("the pack that came is damaged; it is fetched again next time") from None
        return int(count)


def _check_object(data: memoryview, position: int, limit: int) -> int:
    byte = data[position]
    position += 1
    kind, size, shift = (byte >> 4) & 7, byte & 0x0F, 4
    while byte & 0x80:
        byte = data[position]
        position += 1
        size |= (byte & 0x7F) << shift
        shift += 7
    if kind == _REF_DELTA:
        position += 20
    elif kind == _OFFSET_DELTA:
        while data[position] & 0x80:
            position += 1
        position += 1
    if size > limit:
        raise _too_large(size, limit)
    start, position = _unpacked(data, position, size)
    if kind in (_OFFSET_DELTA, _REF_DELTA):
        _base, at = _number(start, 0)
        result, _at = _number(start, at)
        if result > limit:
            raise _too_large(result, limit)
    return position


def _left_over(stream: zlib._Decompress) -> int:
    """Return how many bytes *stream* was given and did not need; at its end both of them have what is left."""
    return len(stream.unused_data if stream.eof else stream.unconsumed_tail)


def _unpacked(data: memoryview, position: int, size: int) -> tuple[bytes, int]:
    """Return the first bytes of the object at *position* and where the next one begins."""
    stream, start, total = zlib.decompressobj(), b"", 0
    # zlib copies what it is given and does not need, so it gets no more than this object can take.
    window = min(_STEP, size + size // 1000 + 64)
    while not stream.eof:
        with data[position : position + window] as chunk:
            if len(chunk) == 0:
                raise IndexError("cut off")
            piece = stream.decompress(chunk, _STEP)
            position += len(chunk) - _left_over(stream)
        start, total = start or piece[:32], total + len(piece)
        if total > size:
            raise zlib.error("longer than it says")
    if total != size:
        raise zlib.error("shorter than it says")
    return start, position


def _number(data: bytes, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, position


def _too_large(size: int, limit: int) -> LimitExceeded:
    return LimitExceeded(f"an object in the pack unpacks to {size:,} bytes, more than {limit:,}; raise GitLimits.pack_bytes")
