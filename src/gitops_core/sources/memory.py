"""Desired state in memory: a repository for tests and for programs that make their files themselves."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from gitops_core.errors import ConfigError, EmptyRepository, RevisionNotFound, RevisionVanished
from gitops_core.interfaces import Context, Source
from gitops_core.model.revisions import File, Revision, Tree
from gitops_core.model.values import digest
from gitops_core.sources.contents import blob_id, sorted_files, tree_digest
from gitops_core.sources.selection import clean_path

_serial: Final = itertools.count(1)


@attrs.frozen
class _Commit:
    revision: Revision
    files: Mapping[str, File]
    tree: str
    changed: frozenset[str]
    parent: _Commit | None

    def ancestry(self) -> Iterator[_Commit]:
        """Yield this commit, its parent, and so on."""
        commit: _Commit | None = self
        while commit is not None:
            yield commit
            commit = commit.parent


class MemorySource(Source):
    r"""
    Files in memory, with commits and history. Safe between threads.

    Example::

        source = MemorySource({"site.yaml": "kind: ConfigMap\nmetadata: {name: site}\n"})
        source.commit({"site.yaml": "...", "old.yaml": None}, author="Ada", message="Mend the site")

    Every revision can be fetched until :meth:`forget` removes it. Nothing is ignored; there are no symlinks and no modes.
    """

    def __init__(self, files: Mapping[str, str | bytes] | None = None) -> None:
        """
        Begin with one commit of *files*, which may be empty; without *files* there is no commit yet.

        Raises:
            ConfigError: A path is absolute, has a ``..``, or is a file and a directory at once. STALL.
        """
        self._serial = next(_serial)
        self._lock = threading.Lock()
        self._commits: dict[str, _Commit] = {}
        self._blobs: dict[str, bytes] = {}
        self._forgotten: set[str] = set()
        if files is not None:
            self.commit(files, message="Begin")

    @property
    def fingerprint(self) -> str:
        """Another one for each source of a process."""
        return f"memory:1:{self._serial}"

    def commit(
        self, changes: Mapping[str, str | bytes | None], *, author: str = "", message: str = "", time: float = 0.0
    ) -> Revision:
        """
        Put *changes* on top of the newest revision and return the revision that results.

        Args:
            changes: Content by path, text as UTF-8; None removes the file.
            author: Who, for ``explain``.
            message: Why; its first line is kept.
            time: Seconds since the epoch.

        Raises:
            ConfigError: A path is no file's path, or a file to be removed is not there; nothing is committed. STALL.
        """
        given = {_file_path(path): content for path, content in changes.items()}
        blobs = {path: _as_bytes(content) for path, content in given.items() if content is not None}
        with self._lock:
            parent = self._newest()
            files = dict(parent.files) if parent else {}
            for path, content in given.items():
                if content is None and files.pop(path, None) is None:
                    raise ConfigError(f"{path!r} cannot be removed: there is no such file")
            files.update({path: File(path, blob_id(data)) for path, data in blobs.items()})
            _refuse_file_and_directory(files)
            commit = self._record(sorted_files(files.values()), frozenset(given), parent, (author, message, time))
            self._blobs.update({blob_id(data): data for data in blobs.values()})
            return commit.revision

    def forget(self, revision_id: str) -> None:
        """
        Lose a revision, as a force-push does: fetching it is a ``RevisionVanished``, and one that was the newest is so no more.

        Raises:
            ConfigError: There is no such revision. STALL.
        """
        with self._lock:
            if revision_id not in self._commits:
                raise ConfigError(f"there is no revision {revision_id!r} to forget")
            del self._commits[revision_id]
            self._forgotten.add(revision_id)

    def resolve(self, ctx: Context) -> Revision:
        """
        Return the newest revision.

        Raises:
            EmptyRepository: No commit yet, or all are forgotten. WAIT.
        """
        ctx.check()
        with self._lock:
            newest = self._newest()
        if newest is None:
            raise EmptyRepository("there is no commit yet; MemorySource.commit makes one")
        return newest.revision

    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        """
        Return the files of *revision*.

        Raises:
            RevisionVanished: It was forgotten. RETRY.
            RevisionNotFound: This source never had it. STALL.
        """
        ctx.check()
        with self._lock:
            commit = self._commits.get(revision.id)
            forgotten = revision.id in self._forgotten
        if forgotten:
            raise RevisionVanished(f"revision {revision.id} is gone; resolve again", revision=revision.id)
        if commit is None:
            raise RevisionNotFound(f"there is no revision {revision.id!r}; resolve one first", revision=revision.id)
        return Tree(
            commit.tree,
            commit.revision,
            list_files=lambda: commit.files,
            read_file=lambda file: self._read(commit, file),
            history_of=lambda path: _last_change(commit, path),
        )

    def _newest(self) -> _Commit | None:
        return next(reversed(self._commits.values()), None)

    def _record(
        self, files: Mapping[str, File], changed: frozenset[str], parent: _Commit | None, facts: tuple[str, str, float]
    ) -> _Commit:
        author, message, time = facts
        tree = tree_digest(files)
        address = [parent.revision.id if parent else "", tree, author, message, time]
        revision = Revision(digest(address), "memory", "memory:", author, message.partition("\n")[0], time)
        self._forgotten.discard(revision.id)  # made once more, like a commit that is pushed again
        commit = self._commits[revision.id] = _Commit(revision, files, tree, changed, parent)
        return commit

    def _read(self, commit: _Commit, file: File) -> bytes:
        if commit.files.get(file.path) != file:
            raise RevisionNotFound(f"{file.path} with digest {file.digest} is not in revision {commit.revision.id}")
        with self._lock:
            return self._blobs[file.digest]


def _file_path(path: str) -> str:
    cleaned = clean_path(path)
    if not cleaned:
        raise ConfigError(f"{path!r} is not the path of a file")
    return cleaned


def _as_bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else bytes(content)


def _refuse_file_and_directory(files: Mapping[str, File]) -> None:
    for path in files:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in files:
                raise ConfigError(f"{parent!r} is a file, so {path!r} cannot be below it; remove one of them")
            parent = parent.rpartition("/")[0]


def _last_change(commit: _Commit, path: str) -> Revision | None:
    return next((c.revision for c in commit.ancestry() if path in c.changed), None)
