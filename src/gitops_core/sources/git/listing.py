"""
The selected files of a commit, and a digest of exactly them.

A tree is walked once. Every directory becomes a :class:`Node` that is kept by (tree id, path, selection), so after a commit that
touches one file only the directories above that file are read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

import attrs
from dulwich.objects import parse_tree

from gitops_core.errors import LimitExceeded, UnsafeTree
from gitops_core.interfaces import Context
from gitops_core.model.revisions import EXECUTABLE, REGULAR, File, Notice
from gitops_core.sources.git.names import checked_name
from gitops_core.sources.selection import Selection

DIRECTORY: Final = 0o040000
_DEEPEST: Final = 100
_FORMAT: Final = 0o170000
K = TypeVar("K")
V = TypeVar("V")


@attrs.frozen
class Entry:
    """One line of a tree object: a checked name, a mode, an id."""

    name: str
    mode: int
    id: str

    def order(self) -> str:
        """Return what entries of one tree are sorted by."""
        return f"{self.name}/" if self.mode == DIRECTORY else self.name


@attrs.frozen
class Link:
    """A symbolic link, not followed yet."""

    path: str
    id: str


@attrs.frozen
class Node:
    """
    One directory, as far as it is selected.

    Attributes:
        entries: Files and directories, in the order of their paths.
        links: All symbolic links in it and below.
        notices: All notices about it and below.
        size: Files and directories in it and below.
        digest: Of names, modes and contents.
    """

    entries: tuple[File | Node, ...]
    links: tuple[Link, ...]
    notices: tuple[Notice, ...]
    size: int
    digest: bytes

    @property
    def is_empty(self) -> bool:
        """Nothing selected is in it."""
        return not self.entries and not self.links

    def files(self) -> Iterator[File]:
        """Yield every file, sorted by path."""
        for entry in self.entries:
            if isinstance(entry, Node):
                yield from entry.files()
            else:
                yield entry


class Generations(Generic[K, V]):
    """
    A cache in two generations, so that it neither grows nor forgets what is in use.

    Args:
        most: Weight of one generation.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._weight = 0
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}

    def get(self, key: K) -> V | None:
        """Return what was put under *key*, if it is still here."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, *found)
        return None if found is None else found[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep *value*."""
        if self._weight > self._most:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[key] = (value, weight)
        self._weight += weight


class Forest:
    """
    What is known of the trees of a repository, for all its sources.

    Attributes:
        nodes: Directories by (tree id, path, selection).
        above: Tree objects by id that lie above a selected path; in a repository with a thousand applications, the same for all.
    """

    def __init__(self, most: int = 200_000) -> None:
        self.nodes: Generations[tuple[str, str, str], Node] = Generations(most)
        self.above: Generations[str, Mapping[str, Entry]] = Generations(most)


class Walker:
    """
    Walks one commit's tree.

    Args:
        ctx: Asked once per directory whether to go on.
        read: Gives the bytes of a tree or blob by id.
        selection: What counts.
        limit: Files and directories allowed.
        forest: What earlier walks found.
    """

    def __init__(self, ctx: Context, read: Callable[[str], bytes], selection: Selection, limit: int, forest: Forest) -> None:
        self.ctx = ctx
        self.read = read
        self.selection = selection
        self.limit = limit
        self._forest = forest
        self._fingerprint = selection.fingerprint
        self._parsed: dict[str, Mapping[str, Entry]] = {}
        self.size = 0

    def entries(self, tree_id: str, path: str) -> Mapping[str, Entry]:
        """
        Return the entries of a tree object by name.

        Raises:
            UnsafeTree: One has a name that could reach outside, or stands there twice. STALL.
        """
        known = self._parsed.get(tree_id)
        if known is None:
            self.ctx.check()
            raw = list(parse_tree(self.read(tree_id), 20))
            known = {name: Entry(name, m, i.decode("ascii")) for n, m, i in raw if (name := checked_name(n, path))}
            if len(known) != len(raw):
                raise UnsafeTree(
                    f"{path or 'the root'!r} holds one name twice; no tool of Git's own would write it: rewrite the commit"
                )
            self._parsed[tree_id] = known
        return known

    def _candidates(self, tree_id: str, path: str) -> Iterable[Entry]:
        """Return the entries that could count: all of them below a selected path, above it those that lead there."""
        prefix = f"{path}/" if path else ""
        if any(not root or path == root or prefix.startswith(f"{root}/") for root in self.selection.paths):
            return self.entries(tree_id, path).values()
        found = self._forest.above.get(tree_id)
        if found is None:
            found = self.entries(tree_id, path)
            self._forest.above.put(tree_id, found, len(found))
        leading = {root[len(prefix) :].split("/")[0] for root in self.selection.paths if root.startswith(prefix)}
        # In the order of paths, which is a tree's own: a directory sorts as if its name ended with a slash.
        return sorted((found[name] for name in leading if name in found), key=Entry.order)

    def node(self, tree_id: str, path: str = "", depth: int = 0) -> Node:
        """
        Return the directory *path*, whose tree object is *tree_id*.

        Raises:
            UnsafeTree: STALL.
            LimitExceeded: Too many files, or directories too deep. STALL.
        """
        key = (tree_id, path, self._fingerprint)
        found = self._forest.nodes.get(key)
        if found is None:
            if depth > _DEEPEST:
                raise LimitExceeded(f"directories are nested deeper than {_DEEPEST} levels at {path[:80]!r}...; flatten them")
            found = self._node(tree_id, path, depth)
            self._forest.nodes.put(key, found, len(found.entries) + 1)
        else:
            self.grow(found.size, path)
        return found

    def grow(self, by: int, path: str) -> None:
        """
        Count *by* more files and directories.

        Raises:
            LimitExceeded: There are too many now. STALL.
        """
        self.size += by
        if self.size > self.limit:
            raise LimitExceeded(
                f"more than {self.limit:,} files and directories are selected, the last one {path!r}; "
                "select fewer paths, ignore more, or raise GitLimits.files"
            )

    def _node(self, tree_id: str, path: str, depth: int) -> Node:
        before = self.size
        self.grow(1, path)
        kept: list[File | Node] = []
        links: list[Link] = []
        notices: list[Notice] = []
        digest = hashlib.sha256()
        for entry in self._candidates(tree_id, path):
            child = f"{path}/{entry.name}" if path else entry.name
            match entry.mode & _FORMAT:
                case 0o040000 if self.selection.enters(child):
                    node = self.node(entry.id, child, depth + 1)
                    links += node.links
                    notices += node.notices
                    if node.entries:
                        kept.append(node)
                        digest.update(b"d%s\0%s" % (entry.name.encode(), node.digest))
                case 0o100000 if self.selection.selects(child):
                    file = self.file(child, entry)
                    kept.append(file)
                    digest.update(b"%o%s\0%s" % (file.mode, entry.name.encode(), entry.id.encode()))
                case 0o120000 if self.selection.selects(child) or self.selection.enters(child):
                    links.append(Link(child, entry.id))
                case 0o160000 if self.selection.enters(child):
                    notices.append(submodule(child))
                case 0o040000 | 0o100000 | 0o120000 | 0o160000:
                    pass
                case _:
                    raise UnsafeTree(f"{child!r} has the file mode {entry.mode:o}, which Git does not know; rewrite the commit")
        return Node(tuple(kept), tuple(links), tuple(notices), self.size - before, digest.digest())

    def file(self, path: str, entry: Entry) -> File:
        """Return *entry* as the file *path*, counted."""
        self.grow(1, path)
        return File(path, entry.id, EXECUTABLE if entry.mode & 0o100 else REGULAR)


def submodule(path: str) -> Notice:
    """Return the notice about a submodule."""
    return Notice(
        "submodule",
        f"{path} is a submodule, which is not fetched; make its repository a source of its own, or copy its files here",
        path,
    )


@attrs.frozen
class Listing:
    """
    The files of a commit.

    Attributes:
        digest: Changes exactly when *files* would.
        notices: What was left out.
        files: By path, sorted.
    """

    digest: str
    notices: tuple[Notice, ...]
    files: Callable[[], Mapping[str, File]]
