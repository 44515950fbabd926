"""A tree of files kept equal to Git."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
import time
from collections.abc import Iterable, Iterator
from typing import Final

from gitops_core.errors import AlreadyExists, Conflict, Denied, Invalid, NotFound, TargetError, Transient
from gitops_core.interfaces import Context, Query, Target, TargetChange
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.plans import FieldDiff
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.model.values import Body, same
from gitops_core.targets.directory.bodies import decode, encode, normalize, residue
from gitops_core.targets.directory.diffs import whole_diff
from gitops_core.targets.directory.files import Blocked, Walk
from gitops_core.targets.directory.paths import Parts, folded, is_file, key_for, path_of

_RACY: Final = 2_000_000_000  # nanoseconds: the coarsest clock of a file system (FAT); Git uses the same idea
_MAX_BYTES: Final = 64 * 1024 * 1024


class DirectoryTarget(Target):
    """
    Files below one directory, kept equal to what is declared.

    Two kinds of declarations go well together in one repository of manifests::

        kind: File                              # a plain file: <root>/nginx/site.conf
        metadata: {name: nginx/site.conf}       # or spec.path
        spec:
          content: |                            # text, or base64: for bytes
            server { listen 80; }
          mode: "0644"                          # the default; "0755" for a script
        ---
        apiVersion: apps/v1                     # any other object: <root>/shop/Deployment.apps/web.yaml
        kind: Deployment                        # for programs that read manifests from a directory
        metadata: {name: web, namespace: shop}

    A ``File`` (no ``apiVersion``, or ``files/v1``) is written as it is. Any other object is written as YAML, in the order
    of its own keys, at ``[namespace/]Kind[.group]/name.yaml``; a core ``Secret`` gets mode 0600. Both are wholly ours: a
    field or line that somebody adds is drift. Comments and layout of a manifest file are not compared.

    Everything else below the root is left alone. A file that is there already is never overwritten unseen: it is a candidate
    for adoption. Symbolic links are not followed and not replaced. Files are replaced in one step and forced to the disk.
    Directories that we made are removed when empty (where the file system has user extended attributes; else they stay).
    An interrupted write is completed or taken back by the next pass; a leftover ``.reconcile-*.tmp`` of a dead process
    goes with the next write in its directory. Needs a POSIX system.

    Args:
        root: The directory; made on the first write. A symbolic link is resolved once, here.
        durable: Force every change to the disk (fsync). Without it a power cut may lose or empty a file.
        max_bytes: A live file that is larger is reported as unreadable instead of being read.

    Cost: a pass with nothing changed costs one ``lstat`` a file; a write 5-10 system calls, two of them fsync.
    """

    def __init__(self, root: str | os.PathLike[str], *, durable: bool = True, max_bytes: int = _MAX_BYTES) -> None:
        self._root = os.path.realpath(root)
        self._durable = durable
        self._max_bytes = max_bytes
        self._swept: set[tuple[int, int]] = set()  # since the last look; adding and clearing are atomic
        self._now = time.time_ns  # why not ctx.clock: it is compared with the kernel's own time stamps

    @property
    def name(self) -> str:
        return f"DirectoryTarget({self._root!r})"

    def __repr__(self) -> str:
        return self.name

    # -- what is there ----------------------------------------------------------------------------------------------------
    def observe(self, ctx: Context, query: Query) -> Iterator[Live | Unreadable]:
        """Yield the asked objects in the order of their paths; only files whose version is not the known one are read."""
        ctx.check()
        self._swept.clear()
        places: list[tuple[Parts, ResourceKey]] = []
        for key in query.keys:
            try:
                places.append((path_of(key), key))
            except Invalid as error:
                yield Unreadable(key, error)
        places.sort()
        rivals = _Rivals([parts for parts, _ in places])
        with self._walk() as walk:
            for parts, key in places:
                ctx.check()
                found = self._look(walk, parts, key, query.versions.get(key, ""), rivals)
                if found is not None:
                    yield found

    def _look(self, walk: Walk, parts: Parts, key: ResourceKey, version: str, rivals: _Rivals) -> Live | Unreadable | None:
        try:
            with self._translated(key, parts):
                facts = walk.stat(parts[-1]) if walk.enter(parts[:-1]) else None
                if facts is None:
                    return Live(key, residue(key), _id(parts)) if walk.is_residue() else None
                if rivals.clash(parts, facts):
                    return Unreadable(
                        key, Denied("another declared object is kept in the same file; rename one of them", key=key)
                    )
                if version and version == self._version(facts):
                    return Live(key, functools.partial(self._read_again, parts, key), _id(parts), version)
                content, facts = walk.read(parts[-1], self._max_bytes)
                return Live(key, decode(key, content), _id(parts), self._version(facts))
        except NotFound:
            return None  # removed between two calls
        except TargetError as error:
            return Unreadable(key, error)

    def _read_again(self, parts: Parts, key: ResourceKey) -> Body:
        with self._translated(key, parts), self._walk() as walk:
            if not walk.enter(parts[:-1]):
                raise NotFound("its directory was removed a moment ago", key=key)
            return decode(key, walk.read(parts[-1], self._max_bytes)[0])

    def _version(self, facts: os.stat_result) -> str:
        """
        Return a text that changes with the file, or nothing for a file that changed so recently that a further change
        could carry the same time stamp. The change time counts, because unlike the modification time nobody can set it.
        """
        if self._now() - facts.st_ctime_ns < _RACY:
            return ""
        mode = stat.S_IMODE(facts.st_mode)
        return f"{facts.st_dev:x}.{facts.st_ino:x}.{facts.st_size:x}.{facts.st_mtime_ns:x}.{facts.st_ctime_ns:x}.{mode:o}"

    # -- changes ----------------------------------------------------------------------------------------------------------
    def create(self, ctx: Context, change: TargetChange) -> Live:
        """Write a file that is not there yet; AlreadyExists leaves what is there as it is."""
        ctx.check()
        key, parts = change.key, path_of(change.key)
        content = encode(key, change.desired)
        with self._translated(key, parts), self._walk() as walk:
            walk.enter(parts[:-1], make=True)
            walk.sweep()
            walk.write_new(parts[-1], content)
        return Live(key, functools.partial(decode, key, content), _id(parts))

    def update(self, ctx: Context, change: TargetChange) -> Live:
        """Replace the whole file in one step."""
        ctx.check()
        key, parts = change.key, path_of(change.key)
        content = encode(key, change.desired)
        with self._translated(key, parts), self._walk() as walk:
            there = walk.enter(parts[:-1])
            if not there and walk.is_residue():
                there = walk.enter(parts[:-1], make=True)
            if not there or (walk.stat(parts[-1]) is None and not walk.is_residue() and not _was_residue(change)):
                raise NotFound("the file is not there any more; observe again and create it", key=key)
            walk.write_over(parts[-1], content)
        return Live(key, functools.partial(decode, key, content), _id(parts))

    def delete(self, ctx: Context, change: TargetChange) -> None:
        """Remove the file, if it is still the one that was observed, and the directories of ours that it leaves empty."""
        ctx.check()
        key, parts = change.key, path_of(change.key)
        if change.live is None or change.live.id != _id(parts):
            raise Invalid("a delete must name the object's id: set TargetChange.live to what was observed", key=key)
        with self._translated(key, parts), self._walk() as walk:
            if not walk.enter(parts[:-1]) or walk.stat(parts[-1]) is None:
                if walk.is_residue():
                    walk.prune()
            else:
                self._expect(walk, parts, key, change.live)
                walk.remove(parts[-1])

    def _expect(self, walk: Walk, parts: Parts, key: ResourceKey, live: Live) -> None:
        content, facts = walk.read(parts[-1], self._max_bytes)
        moved = self._version(facts) != live.version if live.version else not same(decode(key, content), live.body)
        if moved:
            raise Conflict("the file was changed since it was observed; observe again", key=key)

    def preview(self, ctx: Context, change: TargetChange) -> Body:
        """Check content, mode and path of *change* without writing; return the object as it would be."""
        ctx.check()
        key, parts = change.key, path_of(change.key)
        content = encode(key, change.desired)
        with self._translated(key, parts), self._walk() as walk:
            if walk.enter(parts[:-1]):
                walk.stat(parts[-1])
        return decode(key, content)

    # -- pure -------------------------------------------------------------------------------------------------------------
    def scope(self, key: ResourceKey) -> str:  # noqa: ARG002  # why: one world for every key
        return f"directory:{self._root}"

    def key(self, body: Body) -> ResourceKey:
        return key_for(body)

    def normalize(self, body: Body) -> Body:
        return normalize(body)

    def diff(self, desired: Body, live: Body) -> Iterable[FieldDiff] | None:
        """Let the engine compare a file; compare a manifest as a whole, so that a field added by hand is seen."""
        return None if is_file(key_for(desired)) else whole_diff(desired, live)

    def health(self, live: Live) -> Health:  # noqa: ARG002  # why: a file that is there is well, whatever kind is written in it
        return Health(settled=True, status=HealthStatus.HEALTHY, reason="Written")

    # -- errors -----------------------------------------------------------------------------------------------------------
    def _walk(self) -> Walk:
        return Walk(self._root, self._durable, self._swept)

    @contextlib.contextmanager
    def _translated(self, key: ResourceKey, parts: Parts) -> Iterator[None]:
        path = f"{self._root}/{_id(parts)}"
        try:
            yield
        except Blocked as error:
            raise Denied(f"{error}; remove it by hand or declare another path", key=key) from None
        except OSError as error:
            raise _translate(error, path, key) from error


_FULL: Final = "free some space on that file system; nothing was changed"
_FORBIDDEN: Final = "let this user write there, or mount it read-write"
_IN_THE_WAY: Final = "remove what is in the way by hand, or declare another path"

_TABLE: Final[dict[int, tuple[type[TargetError], str]]] = {
    errno.EEXIST: (AlreadyExists, "observe it and decide about adoption"),
    errno.ENOENT: (NotFound, "it or its directory was removed a moment ago; observe again"),
    errno.ENAMETOOLONG: (Invalid, "declare a shorter name"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), (Transient, _FULL)),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), (Denied, _FORBIDDEN)),
    **dict.fromkeys((errno.EISDIR, errno.ENOTDIR, errno.ELOOP), (Denied, _IN_THE_WAY)),
}


def _translate(error: OSError, path: str, key: ResourceKey) -> TargetError:
    """Return what *error* means here; what the table does not have (an I/O error, too many open files) may pass."""
    kind, cure = _TABLE.get(error.errno or 0, (Transient, "look at the file system and the system log"))
    return kind(f"{path}: {error.strerror or error}; {cure}", key=key)


def _was_residue(change: TargetChange) -> bool:
    """Tell whether there was no file to begin with: one beside it, written since, makes its directory look used."""
    return change.live is not None and same(change.live.body, residue(change.key))


def _id(parts: Parts) -> str:
    return "/".join(parts)


class _Rivals:
    """Finds declared paths that are one file on this file system: spelled alike, or told apart only by case."""

    def __init__(self, paths: list[Parts]) -> None:
        seen: set[Parts] = set()
        self._doubtful = {path for path in map(folded, paths) if path in seen or seen.add(path)}  # type: ignore[func-returns-value]  # why: set.add as "first time"
        self._files: set[tuple[int, int]] = set()

    def clash(self, parts: Parts, facts: os.stat_result) -> bool:
        """Tell whether the file at *parts* is one that another path led to before."""
        if not self._doubtful or folded(parts) not in self._doubtful:
            return False
        identity = (facts.st_dev, facts.st_ino)
        if identity in self._files:
            return True
        self._files.add(identity)
        return False
