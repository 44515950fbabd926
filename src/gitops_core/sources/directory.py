"""Desired state in a directory on disk: a working tree, addressed by content as Git does."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import attrs

from gitops_core.errors import LimitExceeded, RevisionNotFound, RevisionVanished, SourceUnavailable
from gitops_core.interfaces import Context, Source
from gitops_core.model.revisions import EXECUTABLE, REGULAR, File, Notice, Revision, Tree
from gitops_core.model.values import digest
from gitops_core.sources.contents import blob_id, refuse_lfs_pointer, sorted_files, tree_digest
from gitops_core.sources.selection import DEFAULT_IGNORE, Selection
from gitops_core.sources.walking import Found, open_regular, unavailable, walk

_RACY_SECONDS: Final = 2.0  # the coarsest time stamps in use, FAT's
_OWNER_EXECUTES: Final = 0o100


@attrs.frozen
class _Stamp:
    """What changes when a file is written. Two writes within one tick of the file system's clock may share it."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Stamp:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def is_older_than(self, epoch_seconds: float) -> bool:
        return max(self.modified_ns, self.changed_ns) < epoch_seconds * 1e9


@attrs.frozen
class _Known:
    """A digest, and the stamp of the file it was taken of; *settled* when no later write can have that stamp."""

    stamp: _Stamp
    digest: str
    settled: bool


@attrs.frozen
class _Snapshot:
    digest: str
    files: Mapping[str, File]
    places: Mapping[str, str]
    notices: tuple[Notice, ...]


class DirectorySource(Source):
    """
    A working tree on disk.

    ``resolve`` looks at every selected file, but reads only those whose time stamps, size or inode changed since the last
    time; a file written less than two seconds before it was read is read again next time, because a second write could
    have left the same stamps (Git's "racy" problem). It needs the file system's clock to be no more than two seconds slow.

    A directory keeps no history: ``fetch`` and ``Tree.read`` return what was resolved or raise ``RevisionVanished``.
    Entries named ``.git`` are never part of it. Symlinks are followed within the root; safe between threads.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        path: str | Iterable[str] = "",
        ignore: str | Iterable[str] = DEFAULT_IGNORE,
        max_file_bytes: int = 16 * 2**20,
        max_files: int = 100_000,
    ) -> None:
        """
        Name a directory; nothing is read yet.

        Args:
            root: The directory. It may be a symlink that is pointed elsewhere between passes.
            path: Directories or files below it that count; all of it when left out. One that is not there holds no files, as
                in Git, and the tree has a notice about it.
            ignore: Lines in the language of ``.gitignore``.
            max_file_bytes: Largest file.
            max_files: Most files.

        Raises:
            ConfigError: A path or pattern makes no sense. STALL.
        """
        self._root = str(Path(root).absolute())
        self._selection = Selection(path, ignore)
        self._max_file_bytes = max_file_bytes
        self._max_files = max_files
        self._known: dict[str, _Known] = {}
        self._latest: _Snapshot | None = None

    @property
    def name(self) -> str:
        """``directory /srv/config``."""
        return f"directory {self._root}"

    @property
    def fingerprint(self) -> str:
        """Changes with the root, the selection and the limits."""
        options = [self._root, self._selection.fingerprint, self._max_file_bytes, self._max_files]
        return f"directory:1:{digest(options)}"

    def resolve(self, ctx: Context) -> Revision:
        """
        Return the state the directory is in.

        Raises:
            RepositoryNotFound: The root is not there. STALL.
            SourceUnavailable: A file cannot be read, or vanished while we looked. RETRY.
            UnsafeTree: A symlink leads out, nowhere or in a circle, a special file, a name that is not UTF-8. STALL.
            LimitExceeded: Too many files, or too large a one. STALL.

        Cost: one ``stat`` per file; one read per changed file.
        """
        return self._revision(self._scan(ctx))

    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        """
        Return the files of *revision*, if the directory still has them.

        Raises:
            RevisionVanished: It has changed since. RETRY.
        """
        ctx.check()
        snapshot = self._latest
        if snapshot is None or snapshot.digest != revision.id:
            snapshot = self._scan(ctx)
        if snapshot.digest != revision.id:
            raise RevisionVanished(f"{self._root} has changed since it was resolved; resolve again", revision=revision.id)
        kept = snapshot
        return Tree(kept.digest, self._revision(kept), lambda: kept.files, lambda file: self._read(kept, file), kept.notices)

    def _revision(self, snapshot: _Snapshot) -> Revision:
        return Revision(snapshot.digest, ref=self._root, source=self._root)

    def _scan(self, ctx: Context) -> _Snapshot:
        settled_before = ctx.clock.now() - _RACY_SECONDS
        before, known = self._known, {}
        files, places = [], {}
        for found in walk(ctx, self._root, self._selection):
            ctx.check()
            stamp = _Stamp.of(found.status)
            entry = before.get(found.place)
            if entry is None or not entry.settled or entry.stamp != stamp:
                entry = self._hash(found, settled_before)
                ctx.count("files_hashed", 1)
            known[found.place] = entry
            mode = EXECUTABLE if found.status.st_mode & _OWNER_EXECUTES else REGULAR
            files.append(File(found.path, entry.digest, mode))
            places[found.path] = found.place
            self._refuse_too_many(len(files))
        ordered = sorted_files(files)
        snapshot = _Snapshot(tree_digest(ordered), ordered, places, self._notices(ordered))
        self._known, self._latest = known, snapshot
        return snapshot

    def _hash(self, found: Found, settled_before: float) -> _Known:
        try:
            data, status = self._load(found.place, found.path)
        except FileNotFoundError:
            raise SourceUnavailable(f"{found.place} vanished while {self._root} was read; the next pass looks again") from None
        stamp = _Stamp.of(status)
        return _Known(stamp, blob_id(data), stamp.is_older_than(settled_before))

    def _read(self, snapshot: _Snapshot, file: File) -> bytes:
        if snapshot.files.get(file.path) != file:
            raise RevisionNotFound(f"{file.path} with digest {file.digest} is not in revision {snapshot.digest}")
        place = snapshot.places[file.path]
        try:
            data, _ = self._load(place, file.path)
        except FileNotFoundError:
            data = None
        if data is None or blob_id(data) != file.digest:
            self._known.pop(place, None)  # never believe that stamp again
            raise RevisionVanished(f"{place} has changed since it was resolved; resolve again", revision=snapshot.digest)
        refuse_lfs_pointer(file.path, data)
        return data

    def _load(self, place: str, path: str) -> tuple[bytes, os.stat_result]:
        """Return the bytes of a file and its status from before it was read, so that a write meanwhile shows next time."""
        try:
            with open_regular(place, path) as stream:
                status = os.fstat(stream.fileno())
                data = stream.read(min(status.st_size, self._max_file_bytes) + 1)
                if len(data) > status.st_size:  # it grows, or does not know its size
                    data += stream.read(self._max_file_bytes + 1 - len(data))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unavailable(place, error) from error
        if len(data) > self._max_file_bytes:
            raise LimitExceeded(f"{path} has more than {self._max_file_bytes} bytes; ignore it, or raise max_file_bytes")
        return data, status

    def _refuse_too_many(self, count: int) -> None:
        if count > self._max_files:
            raise LimitExceeded(
                f"more than {self._max_files} files in {self._root}; select a path, ignore some, or raise max_files"
            )

    def _notices(self, files: Mapping[str, File]) -> tuple[Notice, ...]:
        missing = [path for path in self._selection.paths if path and path not in files and not Path(self._root, path).exists()]
        text = "it is not in the source, so nothing is declared there; create it, or mend the source's `path`"
        return tuple(Notice("missing-path", text, path) for path in missing)
