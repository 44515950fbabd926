"""
The selected files of a commit, and a digest of exactly them.

A tree is walked once. Every directory becomes a :class:`Node`, and the next walk of the same selection goes beside the last ones: a
directory that has the tree id it had before is taken as it is, so after a commit that touches one file only the directories above
that file are read again.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

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
_ROOTS: Final = 2  # kept of each selection: two branches side by side, or a rollback
_COMMITS: Final = 4  # whose trees above the selected paths are kept


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
        tree: Id of the tree object.
        below: The directories in it that were entered, by name, empty ones included.
    """

    entries: tuple[File | Node, ...]
    links: tuple[Link, ...]
    notices: tuple[Notice, ...]
    size: int
    digest: bytes
    tree: str
    below: Mapping[str, Node] = attrs.field(repr=False, eq=False)

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


class Forest:
    """
    What is known of the trees of a repository, for all its sources; what is kept does not grow with the commits that were seen.

    Kept are the last two walks of each selection, which share every directory that is equal in both, and the tree objects above the
    selected paths of the last four commits, which are the same for a thousand applications in one repository. May be used from any
    thread.

    Args:
        most: Files and directories in all walks, some 250 bytes each; the walk that was not asked for longest makes room. The last
            walk stays, however large it is.
    """

    def __init__(self, most: int = 400_000) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._walks: OrderedDict[str, tuple[Node, ...]] = OrderedDict()
        self._weight = 0
        self._above: OrderedDict[str, dict[str, Mapping[str, Entry]]] = OrderedDict()

    def walks(self, selection: str) -> tuple[Node, ...]:
        """Return the roots of the last walks of the selection with that fingerprint, newest first."""
        with self._lock:
            found = self._walks.get(selection, ())
            if found:
                self._walks.move_to_end(selection)
            return found

    def keep(self, selection: str, root: Node) -> None:
        """Keep *root* as the last walk of the selection with that fingerprint."""
        with self._lock:
            before = self._walks.pop(selection, ())
            kept = (root, *(known for known in before if known.tree != root.tree))[:_ROOTS]
            self._walks[selection] = kept
            self._weight += _weight(kept) - _weight(before)
            while self._weight > self._most and len(self._walks) > 1:
                self._weight -= _weight(self._walks.popitem(last=False)[1])

    def above(self, root: str, tree: str) -> Mapping[str, Entry] | None:
        """Return the entries of *tree*, which lies above a selected path in the commit with the root tree *root*, if they are known."""
        with self._lock:
            found = next((held[tree] for held in reversed(self._above.values()) if tree in held), None)
        if found is not None:
            self.keep_above(root, tree, found)
        return found

    def keep_above(self, root: str, tree: str, entries: Mapping[str, Entry]) -> None:
        """Keep the *entries* of *tree*."""
        with self._lock:
            self._above.setdefault(root, {})[tree] = entries
            self._above.move_to_end(root)
            if len(self._above) > _COMMITS:
                self._above.popitem(last=False)


def _weight(walks: Iterable[Node]) -> int:
    return sum(root.size for root in walks)


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
        self._root = ""
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
        found = self._forest.above(self._root, tree_id)
        if found is None:
            found = self.entries(tree_id, path)
            self._forest.keep_above(self._root, tree_id, found)
        leading = {root[len(prefix) :].split("/")[0] for root in self.selection.paths if root.startswith(prefix)}
        # In the order of paths, which is a tree's own: a directory sorts as if its name ended with a slash.
        return sorted((found[name] for name in leading if name in found), key=Entry.order)

    def node(self, root: str) -> Node:
        """
        Return the whole tree, whose tree object is *root*.

        Raises:
            UnsafeTree: STALL.
            LimitExceeded: Too many files, or directories too deep. STALL.
        """
        self._root = root
        found = self._node(root, "", 0, self._forest.walks(self._fingerprint))
        self._forest.keep(self._fingerprint, found)
        return found

    def _node(self, tree_id: str, path: str, depth: int, before: Sequence[Node]) -> Node:
        """Return the directory *path*: one of *before*, which were there in earlier walks, when it is unchanged."""
        for known in before:
            if known.tree == tree_id:
                self.grow(known.size, path)
                return known
        if depth > _DEEPEST:
            raise LimitExceeded(f"directories are nested deeper than {_DEEPEST} levels at {path[:80]!r}...; flatten them")
        return self._read(tree_id, path, depth, before)

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

    def _read(self, tree_id: str, path: str, depth: int, before: Sequence[Node]) -> Node:
        start = self.size
        self.grow(1, path)
        kept: list[File | Node] = []
        links: list[Link] = []
        notices: list[Notice] = []
        below: dict[str, Node] = {}
        digest = hashlib.sha256()
        for entry in self._candidates(tree_id, path):
            child = f"{path}/{entry.name}" if path else entry.name
            match entry.mode & _FORMAT:
                case 0o040000 if self.selection.enters(child):
                    there = [known.below[entry.name] for known in before if entry.name in known.below]
                    node = below[entry.name] = self._node(entry.id, child, depth + 1, there)
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
        return Node(tuple(kept), tuple(links), tuple(notices), self.size - start, digest.digest(), tree_id, below)

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
