"""
What a renderer remembers between passes: per file its lean resources, per tree the files, never a body for long.

In memory an object costs some 700 bytes; in a store one row of a compressed JSON index. Neither holds a body or a secret:
digests of secrets are salted, and the salt is part of the key under which they are kept.
"""

from __future__ import annotations

import hashlib
import json
import threading
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from gitops_core.interfaces import Memo
from gitops_core.model.resources import Origin, Resource, ResourceKey
from gitops_core.model.revisions import File, Notice, Tree
from gitops_core.model.values import FrozenDict

_SPACE: Final = "manifests"
_LEVEL: Final = 1  # of zlib: digests do not compress, names do at any level
_LAST: Final = 2  # renders of an application
_FULL_AFTER: Final = 256  # changed files beyond which a new full index is cheaper than a growing difference


class Binding:
    """Where the files of a render are read, and who counts it: replaced as a whole when another tree holds the same files."""

    __slots__ = ("bodies", "count", "salt", "tree")

    def __init__(self, tree: Tree, salt: bytes, count: Callable[[str, int], None], bodies: Bodies) -> None:
        self.tree = tree
        self.salt = salt
        self.count = count
        self.bodies = bodies


class Entry:
    """One file of a tree: lean resources, and how to decode them again."""

    __slots__ = ("binding", "digest", "notices", "path", "resources")

    def __init__(self, path: str, digest: str, notices: tuple[Notice, ...], binding: Binding) -> None:
        self.path = path
        self.digest = digest
        self.notices = notices
        self.binding = binding
        self.resources: tuple[Resource, ...] = ()

    def fill(self, found: Iterable[tuple[ResourceKey, str, Origin]]) -> Entry:
        """Give this file its resources, in the order of the file."""
        self.resources = tuple(Resource(*facts, _Lazy(self, index)) for index, facts in enumerate(found))
        return self


class _Lazy:
    """Loads the body of one lean resource."""

    __slots__ = ("entry", "index")

    def __init__(self, entry: Entry, index: int) -> None:
        self.entry = entry
        self.index = index

    def __call__(self) -> FrozenDict:
        binding = self.entry.binding
        return binding.bodies.of(binding, File(self.entry.path, self.entry.digest))[self.index]


class Bodies:
    """The bodies of the few files that were decoded last, so that no file is decoded once for each object in it."""

    def __init__(self, decode: Callable[[Binding, File], tuple[FrozenDict, ...]], size: int = 8) -> None:
        self._decode = decode
        self._size = size
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[str, str], tuple[FrozenDict, ...]] = OrderedDict()

    def of(self, binding: Binding, file: File) -> tuple[FrozenDict, ...]:
        """Return the bodies in *file*, in its order; decodes it when it is not among the last few."""
        key = (file.path, file.digest)
        with self._lock:
            found = self._found.get(key)
        if found is None:
            found = self._decode(binding, file)  # outside of the lock: this reads
        with self._lock:
            self._found[key] = found
            self._found.move_to_end(key)
            while len(self._found) > self._size:
                self._found.popitem(last=False)
        return found


@attrs.frozen
class Render:
    """
    One tree, rendered.

    Attributes:
        digest: Of the tree.
        files: Path to entry; None for a file that a skip pattern leaves out.
        base: Digest of the tree whose full index is in the store; empty when none is.
        changed: Paths that differ from *base*.
        is_complete: Nothing was wrong. Otherwise *files* may still save work, and nobody may take it for a render.
    """

    digest: str
    files: Mapping[str, Entry | None]
    base: str = ""
    changed: frozenset[str] = frozenset()
    is_complete: bool = False


class Renders:
    """
    The renders in memory: the last two of every application, up to a number of files in all.

    So what is kept grows with the applications that are at work, not with the commits they have seen. Two, because a rollback or a
    second look at the commit before is common, and one from longer ago is in the store's index. A render keeps its tree, and with it
    the context of the pass that fetched it: some kilobytes beside its files.

    Args:
        files: Kept in all; a render without files counts as one. The newest render stays, however large it is.
    """

    def __init__(self, files: int = 50_000) -> None:
        self._limit = files
        self._lock = threading.Lock()
        self._renders: OrderedDict[tuple[str, ...], Render] = OrderedDict()
        self._last: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {}  # of an application: newest first
        self._holders: Counter[tuple[str, ...]] = Counter()
        self._total = 0

    def get(self, space: tuple[str, ...], digest: str) -> Render | None:
        """Return the render of the tree *digest*."""
        with self._lock:
            found = self._renders.get((*space, digest))
            if found is not None:
                self._renders.move_to_end((*space, digest))
            return found

    def latest(self, space: tuple[str, ...], application: str) -> Render | None:
        """Return what *application* rendered last."""
        with self._lock:
            return self._renders.get(self._last.get((*space, application), ((),))[0])

    def put(self, space: tuple[str, ...], application: str, render: Render) -> None:
        """Remember *render* as the last of *application*; the oldest make room, but the newest always stays."""
        who, key = (*space, application), (*space, render.digest)
        with self._lock:
            self._drop(key)
            self._renders[key] = render
            self._total += _weight(render)
            self._hold(who, (key, *(known for known in self._last.get(who, ()) if known != key))[:_LAST])
            while self._total > self._limit and len(self._renders) > 1:
                self._drop(next(iter(self._renders)))
            if len(self._last) > 2 * len(self._renders):
                for gone in [who for who, held in self._last.items() if held[0] not in self._renders]:
                    self._hold(gone, ())

    def _hold(self, who: tuple[str, ...], keys: tuple[tuple[str, ...], ...]) -> None:
        """Let *keys* be what *who* rendered last, and drop what nobody did any more."""
        before = self._last.pop(who, ())
        if keys:
            self._last[who] = keys
        self._holders.update(keys)
        for key in before:
            self._holders[key] -= 1
            if not self._holders[key]:
                del self._holders[key]
                self._drop(key)

    def _drop(self, key: tuple[str, ...]) -> None:
        known = self._renders.pop(key, None)
        if known is not None:
            self._total -= _weight(known)


def _weight(render: Render) -> int:
    return max(1, len(render.files))


# -- the index in the store --------------------------------------------------------------------------------------------------


class Store:
    """The indexes in ``ctx.memo``: one in full now and then, small differences to it in between, and which one was the last."""

    def __init__(self, memo: Memo, space: tuple[str, ...], application: str) -> None:
        self._memo = memo
        self._space = space
        self._latest = self._key("latest", application)

    def load(self, digest: str, binding: Binding) -> Render | None:
        """Return the files of the tree *digest*, or of the last tree of this application, or None."""
        found = self._load(digest, binding)
        if found is None and (latest := self._memo.get(_SPACE, self._latest)) is not None:
            found = self._load(latest.decode(errors="replace"), binding)
        return found

    def save(self, render: Render) -> None:
        """Remember *render* as the last one."""
        self._memo.put(_SPACE, self._key("tree", render.digest), pack(render))
        self._memo.put(_SPACE, self._latest, render.digest.encode())

    def _load(self, digest: str, binding: Binding) -> Render | None:
        index = self._index(digest, binding)
        if index is None:
            return None
        base, files = index
        below = self._index(base, binding) if base else ("", {})
        if below is None:
            return None
        every = {path: entry for path, entry in (below[1] | files).items() if entry is not None}
        return Render(digest, every, base or digest, frozenset(files) if base else frozenset(), is_complete=True)

    def _index(self, digest: str, binding: Binding) -> tuple[str, dict[str, Entry | None]] | None:
        data = self._memo.get(_SPACE, self._key("tree", digest))
        try:
            return unpack(data, binding) if data is not None else None
        except ValueError:
            return None  # written by something else: a miss, and soon overwritten

    def _key(self, *parts: str) -> str:
        return hashlib.sha256("\0".join((*self._space, *parts)).encode()).hexdigest()


def pack(render: Render) -> bytes:
    """Return *render* as bytes for the store: all of it, or the difference to its base."""
    paths = render.changed if render.base != render.digest else render.files.keys()
    rows = [_row(path, render.files.get(path)) for path in sorted(paths)]
    document = {"base": "" if render.base == render.digest else render.base, "files": rows}
    return zlib.compress(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(), _LEVEL)


def _row(path: str, entry: Entry | None) -> list[Any]:
    if entry is None:
        return [path]
    objects = [[*r.key, r.digest, r.origin.document, r.origin.line, r.origin.column] for r in entry.resources]
    return [path, entry.digest, objects, [[n.code, n.message, n.line] for n in entry.notices]]


def unpack(data: bytes, binding: Binding) -> tuple[str, dict[str, Entry | None]]:
    """
    Return the base of a stored index and its files; a path with None is gone, or skipped.

    Raises:
        ValueError: Not what :func:`pack` wrote. The caller treats it as a miss.
    """
    try:
        document = json.loads(zlib.decompress(data))
        return str(document["base"]), {row[0]: _entry(row, binding) for row in document["files"]}
    except (zlib.error, KeyError, IndexError, TypeError) as error:
        raise ValueError("not an index of a render") from error


def _entry(row: list[Any], binding: Binding) -> Entry | None:
    if len(row) == 1:
        return None
    path, digest, objects, notices = row
    source = binding.tree.revision.source
    entry = Entry(path, digest, tuple(Notice(code, message, path, line) for code, message, line in notices), binding)
    return entry.fill(
        (ResourceKey(group, kind, namespace, name), body, Origin(source, "", path, document, line, column))
        for group, kind, namespace, name, body, document, line, column in objects
    )


def based_on(previous: Render | None, digest: str, changed: frozenset[str]) -> tuple[str, frozenset[str]]:
    """Return base and changed paths for a new tree: the base of *previous* while the difference stays small, else itself."""
    if previous is None or not previous.base or not previous.files:
        return digest, frozenset()
    total = previous.changed | changed
    return (digest, frozenset()) if len(total) > max(_FULL_AFTER, len(previous.files) // 20) else (previous.base, total)
