"""Symbolic links, followed inside the tree or refused."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import attrs

from gitops_core.errors import UnsafeTree
from gitops_core.model.revisions import SUBMODULE, SYMLINK, File, Notice
from gitops_core.sources.git.listing import DIRECTORY, Entry, Listing, Walker, submodule

_MOST_HOPS: Final = 40  # as Linux has it: MAXSYMLINKS
_LONGEST: Final = 4096  # PATH_MAX


def list_tree(walker: Walker, root: str) -> Listing:
    """
    List the selected files below the root tree *root*, links followed.

    Raises:
        UnsafeTree: A link leads outside, nowhere or round in a circle, or a name is unsafe. STALL.
        LimitExceeded: Too many files. STALL.

    Cost: the first time all selected directories are read; then those that changed.
    """
    node = walker.node(root)
    follower = _Follower(walker, root)
    linked = [file for link in node.links for file in follower.follow(link.path, link.id, _parent(link.path), frozenset())]
    digest = hashlib.sha256(node.digest)
    for file in sorted(linked, key=lambda f: f.path):
        digest.update(f"\0{file.path}\0{file.mode:o}\0{file.digest}".encode())

    @cache
    def files() -> Mapping[str, File]:
        found = list(node.files())
        if linked:
            found = sorted([*found, *linked], key=lambda f: f.path)
        return MappingProxyType({file.path: file for file in found})

    return Listing(digest.hexdigest(), (*node.notices, *follower.notices), files)


@attrs.frozen
class _Place:
    """Where a path really leads: its parts without links, and what is there."""

    parts: tuple[str, ...]
    entry: Entry


class _Follower:
    def __init__(self, walker: Walker, root: str) -> None:
        self._walker = walker
        self._root = Entry("", DIRECTORY, root)
        self.notices: list[Notice] = []

    def follow(self, shown: str, blob: str, directory: str, active: frozenset[tuple[str, ...]]) -> Iterator[File]:
        """
        Yield the files that a link stands for.

        Args:
            shown: Path under which the link is seen.
            blob: Its text.
            directory: Where it really stands.
            active: Directories that are being expanded through links now.
        """
        place = self._locate(shown, directory, self._target(shown, blob))
        selection = self._walker.selection
        if place.entry.mode == SUBMODULE:
            self.notices.append(submodule(shown))
        elif place.entry.mode != DIRECTORY:
            if selection.selects(shown):
                yield self._walker.file(shown, place.entry)
        elif selection.enters(shown):
            stands = tuple(directory.split("/")) if directory else ()
            if place.parts in active or stands[: len(place.parts)] == place.parts:
                raise UnsafeTree(f"the link {shown!r} leads round in a circle; remove it or ignore it")
            yield from self._expand(shown, place, active | {place.parts})

    def _expand(self, shown: str, place: _Place, active: frozenset[tuple[str, ...]]) -> Iterator[File]:
        selection, directory = self._walker.selection, "/".join(place.parts)
        self._walker.grow(1, shown)
        for entry in self._walker.entries(place.entry.id, directory).values():
            child = f"{shown}/{entry.name}"
            if entry.mode == DIRECTORY:
                if selection.enters(child):
                    yield from self._expand(child, _Place((*place.parts, entry.name), entry), active)
            elif entry.mode == SYMLINK:
                if selection.selects(child) or selection.enters(child):
                    yield from self.follow(child, entry.id, directory, active)
            elif entry.mode == SUBMODULE:
                self.notices.append(submodule(child))
            elif selection.selects(child):
                yield self._walker.file(child, entry)

    def _target(self, shown: str, blob: str) -> str:
        raw = self._walker.read(blob)
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise UnsafeTree(f"the link {shown!r} has a target that is not UTF-8; remove it or ignore it") from None
        if not text or len(raw) > _LONGEST or "\0" in text:
            raise UnsafeTree(f"the link {shown!r} has no target that could be a path; remove it or ignore it")
        if text.startswith("/") or "\\" in text or ":" in text.split("/")[0]:
            raise UnsafeTree(
                f"the link {shown!r} leads to the absolute path {text[:80]!r}; make it relative, inside the repository"
            )
        return text

    def _locate(self, shown: str, directory: str, target: str) -> _Place:
        todo, hops = deque([*(directory.split("/") if directory else ()), *target.split("/")]), 1
        parts: list[str] = []
        trail = [self._root]
        while todo:
            part = todo.popleft()
            if part in ("", "."):
                continue
            if part == "..":
                if not parts:
                    raise UnsafeTree(
                        f"the link {shown!r} leads out of the repository to {target[:80]!r}; nothing outside is ever read"
                    )
                parts.pop()
                trail.pop()
                continue
            entry = self._entry(trail[-1], part, "/".join(parts))
            if entry is None:
                raise UnsafeTree(
                    f"the link {shown!r} leads to {target[:80]!r}, which does not exist; mend it, remove it or ignore it"
                )
            if entry.mode == SYMLINK:
                hops += 1
                if hops > _MOST_HOPS:
                    raise UnsafeTree(f"the link {shown!r} leads round in a circle; remove it or ignore it")
                todo.extendleft(reversed(self._target("/".join([*parts, part]), entry.id).split("/")))
                continue
            parts.append(part)
            trail.append(entry)
        return _Place(tuple(parts), trail[-1])

    def _entry(self, directory: Entry, name: str, path: str) -> Entry | None:
        if directory.mode != DIRECTORY:
            return None
        return self._walker.entries(directory.id, path).get(name)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
