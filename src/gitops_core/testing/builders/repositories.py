"""
Real Git repositories, written without a work tree: every commit, tag, merge and force-push is one line.

::

    repo = MemoryRepository()
    repo.commit({"shop/web.yaml": deployment("shop/web")})
    app = application(source=repo.source(path="shop"))

:class:`MemoryRepository` lives in memory and is the source of an application through :meth:`MemoryRepository.source`;
:class:`GitRepository` is a bare repository on disk, for ``GitSource`` and :func:`gitops_core.testing.git_server.serve_http`.
Commits are a minute apart from a fixed date, so the same calls give the same ids in every run (but for what a new key signs).
"""

from __future__ import annotations

import abc
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast

import attrs
from dulwich.diff_tree import tree_changes
from dulwich.graph import find_merge_base
from dulwich.object_store import MemoryObjectStore, commit_tree_changes
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree
from dulwich.refs import Ref
from dulwich.repo import BaseRepo, MemoryRepo, Repo

from gitops_core.model.revisions import EXECUTABLE, REGULAR, SUBMODULE, SYMLINK
from gitops_core.testing.builders.resources import yaml_text
from gitops_core.testing.builders.signing import Signer

if TYPE_CHECKING:
    from gitops_core.testing.builders.sources import MemoryGitSource

AUTHOR: Final = "Ada Example <ada@example.org>"
_EPOCH: Final = 1_700_000_000
_PACK_FROM: Final = 100  # from so many blobs in one commit on, a pack is faster to write than loose files


@attrs.frozen
class Entry:
    """
    A tree entry that is not a plain file.

    Attributes:
        content: The bytes of a blob, or the commit id of a submodule.
        mode: Git's file mode.
    """

    content: bytes
    mode: int = REGULAR

    @classmethod
    def executable(cls, text: str) -> Self:
        """Return a file with the executable bit."""
        return cls(text.encode(), EXECUTABLE)

    @classmethod
    def symlink(cls, target: str) -> Self:
        """Return a symbolic link to *target*."""
        return cls(target.encode(), SYMLINK)

    @classmethod
    def submodule(cls, commit: str = "1" * 40) -> Self:
        """Return a submodule pinned to *commit*."""
        return cls(commit.encode(), SUBMODULE)


Content = str | bytes | Entry | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
"""Text, bytes, a special entry, one manifest or several (written as YAML), or None for "remove it"."""

_Change = tuple[bytes, int | None, ObjectID | None]


class Repository(abc.ABC):
    """What both kinds of repositories can do. Not safe between threads that write."""

    def __init__(self) -> None:
        with self._open() as repo:
            heads = repo.refs.as_dict(Ref(b"refs/heads")).values()
            self._clock = max((_commit(repo, head).commit_time for head in heads), default=_EPOCH)

    @abc.abstractmethod
    def _open(self) -> AbstractContextManager[BaseRepo]: ...

    def commit(
        self,
        files: Mapping[str, Content],
        message: str = "Change",
        *,
        branch: str = "main",
        author: str = AUTHOR,
        signer: Signer | None = None,
    ) -> str:
        """
        Put *files* on top of *branch* (made when it is not there) and return the commit's id.

        Args:
            files: Content by path; a manifest or several become YAML, None removes the path.
            message: Of the commit.
            branch: Short name.
            author: ``Name <address>``.
            signer: Signs the commit, such as an :class:`~gitops_core.testing.builders.signing.SshKey`.
        """
        with self._open() as repo:
            parent = repo.refs.as_dict().get(_head(branch))
            base = _commit(repo, parent).tree if parent else _add(repo, Tree())
            made = self._shaped(commit_tree_changes(repo.object_store, base, _written(repo, files)), message, author)
            made.parents = [parent] if parent else []
            return self._put(repo, branch, made, signer)

    def merge(self, branch: str, *, into: str = "main", message: str = "", signer: Signer | None = None) -> str:
        """
        Merge *branch* with a commit of two parents, which is made on top of *into* even where Git would only move a ref.

        Raises:
            KeyError: One of the branches is not there.
            ValueError: Both branches changed the same paths, differently; the message names them.
        """
        with self._open() as repo:
            ours, theirs = (_commit(repo, repo.refs[_head(name)]) for name in (into, branch))
            changes = _merged(repo, ours, theirs)
            text = message or f"Merge branch '{branch}'"
            made = self._shaped(commit_tree_changes(repo.object_store, ours.tree, changes), text, AUTHOR)
            made.parents = [ours.id, theirs.id]
            return self._put(repo, into, made, signer)

    def force_push(self, files: Mapping[str, Content], message: str = "Change", *, onto: str, branch: str = "main") -> str:
        """Put *branch* back to commit *onto*, with one new commit of *files* on top of it, and return its id."""
        self.branch(branch, onto)
        return self.commit(files, message, branch=branch)

    def branch(self, name: str, at: str) -> None:
        """Point branch *name* at commit *at*, wherever it pointed before (a force-push, when it was elsewhere)."""
        self.set_ref(f"refs/heads/{name}", at)

    def tag(self, name: str, at: str, *, message: str = "", signer: Signer | None = None) -> str:
        """Tag commit *at*, with an annotated tag when there is a *message* or a *signer*; return the id the tag ref holds."""
        with self._open() as repo:
            held = ObjectID(at.encode())
            if message or signer:
                tag = Tag()
                tag.name, tag.object = name.encode(), (type(repo[held]), held)
                tag.message = _line(message or name) if signer else message.encode()
                tag.tagger, tag.tag_time, tag.tag_timezone = AUTHOR.encode(), self._tick(), 0
                if signer is not None:
                    tag.signature = signer.sign(tag.as_raw_string()) + b"\n"
                held = _add(repo, tag)
            repo.refs[Ref(b"refs/tags/" + name.encode())] = held
            return held.decode()

    def set_ref(self, ref: str, at: str) -> None:
        """Point the full ref name *ref* at object *at*."""
        with self._open() as repo:
            repo.refs[Ref(ref.encode())] = ObjectID(at.encode())

    def delete(self, ref: str) -> None:
        """Remove the full ref name *ref*."""
        with self._open() as repo:
            del repo.refs[Ref(ref.encode())]

    def head(self, branch: str = "main") -> str:
        """Return the commit *branch* points at; KeyError when there is no such branch."""
        with self._open() as repo:
            return repo.refs[_head(branch)].decode()

    def log(self, branch: str = "main") -> list[str]:
        """Return the ids of the commits of *branch*, newest first, along the first parents."""
        with self._open() as repo:
            commits = [_commit(repo, repo.refs[_head(branch)])]
            while commits[-1].parents:
                commits.append(_commit(repo, commits[-1].parents[0]))
            return [commit.id.decode() for commit in commits]

    def add(self, shaped: Blob | Tree | Commit | Tag) -> str:
        """Store any dulwich object, valid or not, and return its id: the way to build trees no tool would write."""
        with self._open() as repo:
            return _add(repo, shaped).decode()

    def _shaped(self, tree: ObjectID, message: str, author: str) -> Commit:
        made = Commit()
        made.tree = tree
        made.author = made.committer = author.encode()
        made.author_time = made.commit_time = self._tick()
        made.author_timezone = made.commit_timezone = 0
        made.encoding = b"UTF-8"
        made.message = message.encode()
        return made

    def _put(self, repo: BaseRepo, branch: str, made: Commit, signer: Signer | None) -> str:
        if signer is not None:
            made.message = _line(made.message.decode())
            made.gpgsig = signer.sign(made.as_raw_string())
        repo.refs[_head(branch)] = _add(repo, made)
        return made.id.decode()

    def _tick(self) -> int:
        self._clock += 60
        return self._clock


class GitRepository(Repository):
    """
    A bare repository on disk.

    Attributes:
        path: Its directory.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        super().__init__()

    @classmethod
    def create(cls, path: str | os.PathLike[str], *, branch: str = "main") -> Self:
        """Make an empty bare repository at *path*, whose HEAD is *branch*, and return it."""
        Path(path).mkdir(parents=True, exist_ok=True)
        Repo.init_bare(str(path), default_branch=branch.encode()).close()
        return cls(path)

    @property
    def url(self) -> str:
        """The ``file://`` URL."""
        return self.path.resolve().as_uri()

    def remove(self) -> None:
        """Delete the whole repository from disk."""
        shutil.rmtree(self.path)

    def _open(self) -> Repo:
        return Repo(str(self.path))


class MemoryRepository(Repository):
    """
    A repository in memory: the same objects with the same ids as on disk, and nothing to clean up.

    Args:
        files: Of a first commit; without them there is no commit yet.
        branch: What HEAD names.
    """

    def __init__(self, files: Mapping[str, Content] | None = None, *, branch: str = "main") -> None:
        self._repo = MemoryRepo()
        self._forgotten: set[str] = set()
        self._repo.refs.set_symbolic_ref(Ref(b"HEAD"), _head(branch))
        super().__init__()
        if files is not None:
            self.commit(files, "Begin", branch=branch)

    def source(self, ref: str = "HEAD", path: str | Sequence[str] = "") -> MemoryGitSource:
        """
        Return a source of this repository that reads it as ``GitSource(url, ref, path)`` would read it from disk.

        Args:
            ref: What to follow: a branch, a tag, ``semver=^1.2``, a commit id, ``HEAD``.
            path: One path or several, relative to the root.
        """
        from gitops_core.testing.builders.sources import MemoryGitSource  # why here: it needs this module

        return MemoryGitSource(self, ref, path)

    def forget(self, commit: str) -> None:
        """Lose a commit that no ref names any more, as a server does that collects its garbage; KeyError when it is not there."""
        del cast(MemoryObjectStore, self._repo.object_store)[ObjectID(commit.encode())]
        self._forgotten.add(commit)

    @property
    def forgotten(self) -> frozenset[str]:
        """The commits that were lost by :meth:`forget`."""
        return frozenset(self._forgotten)

    @property
    def dulwich(self) -> MemoryRepo:
        """The repository itself, for everything that dulwich can do."""
        return self._repo

    def _open(self) -> AbstractContextManager[BaseRepo]:
        return nullcontext(self._repo)


def _head(branch: str) -> Ref:
    return Ref(b"refs/heads/" + branch.encode())


def _line(message: str) -> bytes:
    """Return *message* with a newline at its end, without which Git does not find the end of what was signed."""
    return message.rstrip("\n").encode() + b"\n"


def _add(repo: BaseRepo, shaped: Blob | Tree | Commit | Tag) -> ObjectID:
    repo.object_store.add_object(shaped)
    return shaped.id


def _commit(repo: BaseRepo, commit_id: ObjectID) -> Commit:
    found = repo[commit_id]
    if not isinstance(found, Commit):
        raise TypeError(f"{commit_id.decode()} is a {type(found).__name__}, not a commit")
    return found


def _written(repo: BaseRepo, files: Mapping[str, Content]) -> list[_Change]:
    """Store the blobs of *files* and return what changes in the tree."""
    blobs: list[tuple[Blob, None]] = []
    changes: list[_Change] = []
    for path, content in sorted(files.items()):
        entry = _entry(content)
        if entry is None:
            changes.append((path.encode(), None, None))
        elif entry.mode == SUBMODULE:
            changes.append((path.encode(), SUBMODULE, ObjectID(entry.content)))
        else:
            blobs.append((Blob.from_string(entry.content), None))
            changes.append((path.encode(), entry.mode, blobs[-1][0].id))
    if len(blobs) >= _PACK_FROM:
        repo.object_store.add_objects(blobs)
    else:
        for blob, _ in blobs:
            _add(repo, blob)
    return changes


def _entry(content: Content) -> Entry | None:
    match content:
        case None | Entry():
            return content
        case str():
            return Entry(content.encode())
        case bytes():
            return Entry(content)
        case Mapping():
            return Entry(yaml_text(content).encode())
        case _:
            return Entry(yaml_text(*content).encode())


def _merged(repo: BaseRepo, ours: Commit, theirs: Commit) -> list[_Change]:
    """Return what *theirs* changed since the two parted, as changes of *ours*."""
    base = find_merge_base(repo, [ours.id, theirs.id])
    begin = _commit(repo, base[0]).tree if base else None
    mine, wanted = (_changed(repo, begin, commit.tree) for commit in (ours, theirs))
    both = sorted(path.decode() for path in mine.keys() & wanted.keys() if mine[path] != wanted[path])
    if both:
        raise ValueError(f"both branches changed {', '.join(both)}; commit what it shall be to one of them first")
    return [(path, *entry) for path, entry in wanted.items()]


def _changed(repo: BaseRepo, begin: ObjectID | None, end: ObjectID) -> dict[bytes, tuple[int | None, ObjectID | None]]:
    found: dict[bytes, tuple[int | None, ObjectID | None]] = {}
    for change in tree_changes(repo.object_store, begin, end):
        if change.old is not None and change.old.path is not None:
            found[change.old.path] = (None, None)
        if change.new is not None and change.new.path is not None:
            found[change.new.path] = (change.new.mode, change.new.sha)
    return found
