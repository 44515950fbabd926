"""
Repositories on this machine, read directly.

dulwich's own client for paths walks the whole closure of a commit; a Merkle tree does not need that: what the receiver has, it
has with everything below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final

from dulwich.object_store import peel_sha
from dulwich.objects import S_ISGITLINK, ObjectID, parse_tree
from dulwich.repo import Repo

from gitops_core.errors import RevisionVanished
from gitops_core.sources.git import packs
from gitops_core.sources.git.addresses import Address
from gitops_core.sources.git.call import Call
from gitops_core.sources.git.commits import parse_commit
from gitops_core.sources.git.references import PEELED
from gitops_core.sources.git.remotes import Boundary, Order

_DIRECTORY: Final = 0o040000


class LocalRemote:
    """A repository at a path, bare or with a work tree."""

    def __init__(self, address: Address) -> None:
        self._path = address.path

    def list_refs(self, call: Call, prefixes: tuple[str, ...]) -> dict[str, str]:
        """Return the refs that begin with one of *prefixes*, annotated tags also peeled."""
        found: dict[str, str] = {}
        with closing(Repo(self._path)) as repo:
            for ref, held in repo.refs.as_dict().items():
                call.ctx.check()
                name = ref.decode("utf-8", "surrogateescape")
                if not name.startswith(prefixes):
                    continue
                found[name] = held.decode()
                if name.startswith("refs/tags/") and repo.object_store.get_raw(held)[0] == packs.TAG:
                    found[name + PEELED] = peel_sha(repo.object_store, held)[1].id.decode()
        return found

    def send(self, call: Call, order: Order, write: Callable[[bytes], object]) -> Boundary:
        """Write a pack of what *order* lacks, and return where its history ends."""
        with closing(Repo(self._path)) as repo:
            copy = _Copy(repo, call, order)
            wanted = list(copy.missing())
            packs.write_pack(write, len(wanted), map(copy.read, wanted))
            return Boundary(frozenset(copy.boundary), (order.shallow & copy.seen) - copy.boundary)


class _Copy:
    def __init__(self, repo: Repo, call: Call, order: Order) -> None:
        self._store = repo.object_store
        self._call = call
        self._order = order
        self.boundary: set[str] = set()
        self.seen: set[str] = set()

    def read(self, object_id: str) -> tuple[int, bytes]:
        kind, data = self._store.get_raw(ObjectID(object_id.encode()))
        self._call.add(len(data))
        return kind, data

    def missing(self) -> Iterator[str]:
        """Yield every object to send once: commits from the tip down to the depth, with their trees."""
        if ObjectID(self._order.want.encode()) not in self._store:
            raise RevisionVanished(f"the remote no longer has {self._order.want}")
        level, depth = [self._order.want], 1
        while level:
            parents: list[str] = []
            for commit in level:
                yield from self._commit(commit, parents, last=depth == self._order.depth)
            level, depth = parents, depth + 1

    def _commit(self, object_id: str, parents: list[str], *, last: bool) -> Iterator[str]:
        if object_id in self.seen:
            return
        self.seen.add(object_id)
        kind, data = self.read(object_id)
        if kind == packs.COMMIT:
            commit = parse_commit(data)
            tree, above = commit.tree, commit.parents
            if last and above:
                self.boundary.add(object_id)
            elif not last:
                # A repository that is shallow itself ends somewhere.
                parents.extend(parent for parent in above if ObjectID(parent.encode()) in self._store)
            if not self._order.has(object_id):
                yield object_id
                yield from self._tree(tree)
        elif not self._order.has(object_id):
            yield object_id

    def _tree(self, tree: str) -> Iterator[str]:
        todo = [tree]
        while todo:
            object_id = todo.pop()
            if object_id in self.seen or self._order.has(object_id):
                continue
            self.seen.add(object_id)
            yield object_id
            for _name, mode, child in parse_tree(self.read(object_id)[1], 20):
                below = child.decode()
                if mode == _DIRECTORY:
                    todo.append(below)
                elif self._order.blobs and not S_ISGITLINK(mode) and below not in self.seen and not self._order.has(below):
                    self.seen.add(below)
                    yield below
