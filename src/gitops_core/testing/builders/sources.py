"""A repository in memory as the source of an application."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import attrs
from dulwich.objects import Commit, ObjectID, Tag

from gitops_core.errors import EmptyRepository, RevisionNotFound, RevisionVanished
from gitops_core.interfaces import Context, Source
from gitops_core.model.revisions import File, Revision, Tree
from gitops_core.model.values import digest
from gitops_core.sources.git.commits import parse_commit
from gitops_core.sources.git.links import list_tree
from gitops_core.sources.git.listing import Forest, Walker
from gitops_core.sources.git.references import PEELED, Kind, Reference
from gitops_core.sources.git.settings import GitLimits
from gitops_core.sources.selection import DEFAULT_IGNORE, Selection

if TYPE_CHECKING:
    from gitops_core.testing.builders.repositories import MemoryRepository

_URL: Final = "memory://repository"
_serial: Final = itertools.count(1)


class MemoryGitSource(Source):
    """
    Reads a :class:`MemoryRepository` by the rules of ``GitSource``: references, selection, links, submodules, safe names.

    :meth:`MemoryRepository.source` makes one. Nothing is copied, fetched or cached: a commit to the repository is there at once.
    What it lacks is what a transport adds: credentials, time-outs, limits on the size of a file, Git LFS.

    Raises:
        ConfigError: The reference or a path makes no sense. STALL.
    """

    def __init__(self, repository: MemoryRepository, ref: str = "HEAD", path: str | Sequence[str] = "") -> None:
        self._repository = repository
        self._repo = repository.dulwich
        self._reference = Reference.parse(ref)
        self._selection = Selection((path,) if isinstance(path, str) else tuple(path), DEFAULT_IGNORE)
        self._serial = next(_serial)

    @property
    def name(self) -> str:
        """``git memory://repository``."""
        return f"git {_URL}"

    @property
    def fingerprint(self) -> str:
        """Another one for each source of a process."""
        return digest(["memory-git/1", self._serial])

    def resolve(self, ctx: Context) -> Revision:
        """
        Return the commit that the reference names now.

        Raises:
            RevisionNotFound: There is no such reference. STALL.
            EmptyRepository: There is no commit yet. WAIT.
        """
        ctx.check()
        refs = self._refs()
        found = self._reference.choose(refs)
        if found is not None:
            return Revision(found[1], found[0], _URL)
        if not refs:
            raise EmptyRepository(f"{_URL} has no commit yet; MemoryRepository.commit makes one")
        near = self._reference.nearest(refs)
        hint = f"did you mean {' or '.join(near)}?" if near else "nothing is like it"
        raise RevisionNotFound(f"{_URL} has no {self._reference}; {hint}")

    def fetch(self, ctx: Context, revision: Revision) -> Tree:
        """
        Return the tree of exactly *revision*.

        Raises:
            RevisionVanished: It was forgotten. RETRY.
            RevisionNotFound: There is no such commit. STALL.
            UnsafeTree: STALL.
        """
        ctx.check()
        commit = parse_commit(self._commit(revision.id).as_raw_string())
        walker = Walker(ctx, self._read, self._selection, GitLimits().files, Forest())
        listing = list_tree(walker, commit.tree)
        full = attrs.evolve(revision, author=commit.author, message=commit.message, time=commit.time)
        return Tree(
            digest=listing.digest,
            revision=full,
            list_files=listing.files,
            read_file=self._content,
            notices=listing.notices,
            history_of=partial(self._last_change, full),
        )

    def _refs(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for ref, held in self._repo.refs.as_dict().items():
            found[ref.decode()] = held.decode()
            shaped = self._repo[held]
            while isinstance(shaped, Tag):
                shaped = self._repo[shaped.object[1]]
                found[ref.decode() + PEELED] = shaped.id.decode()
        return found

    def _commit(self, commit_id: str) -> Commit:
        if commit_id in self._repository.forgotten and self._reference.kind is not Kind.COMMIT:
            raise RevisionVanished(f"{_URL} no longer has {commit_id}; resolve again", revision=commit_id)
        try:
            found = self._repo[ObjectID(commit_id.encode())]
        except KeyError:
            raise RevisionNotFound(f"{_URL} has no commit {commit_id!r}", revision=commit_id) from None
        if not isinstance(found, Commit):
            raise RevisionNotFound(f"{commit_id} is no commit; only commits can be reconciled: tag a commit", revision=commit_id)
        return found

    def _read(self, object_id: str) -> bytes:
        return self._repo.object_store.get_raw(ObjectID(object_id.encode()))[1]

    def _content(self, file: File) -> bytes:
        try:
            return self._read(file.digest)
        except KeyError:
            raise RevisionNotFound(f"{_URL} has no file {file.path} with digest {file.digest}") from None

    def _last_change(self, revision: Revision, path: str) -> Revision | None:
        include = [ObjectID(revision.id.encode())]
        for entry in self._repo.get_walker(include=include, paths=[path.encode()], max_entries=1):
            commit = parse_commit(entry.commit.as_raw_string())
            found = entry.commit.id.decode()
            return Revision(found, revision.ref, _URL, commit.author, commit.message, commit.time)
        return None
