"""Which commit touched a path last."""

from __future__ import annotations

from typing import Final

from dulwich.objects import parse_tree

from gitops_core.interfaces import Context
from gitops_core.sources.git.commits import Commit, parse_commit
from gitops_core.sources.git.repository import Repository

_DEPTHS: Final = (64, 1024, 0x7FFFFFFF)  # the last is what Git itself says for "all of it"


class _HistoryEnds(Exception):
    """The walk came to a commit whose parents are not here."""


def last_change(ctx: Context, repository: Repository, commit_id: str, path: str) -> tuple[str, Commit] | None:
    """
    Return the last commit, at or before *commit_id*, that changed or removed *path*; None when there never was such a path.

    History is fetched in steps, without the contents of files where the server can leave them out, and kept.

    Raises:
        SourceError: History cannot be had.

    Cost: a few trees per commit between here and there.
    """
    repository.history.path.parent.mkdir(parents=True, exist_ok=True)
    walk = _Walk(ctx, repository, path)
    for depth in (0, *_DEPTHS):
        if depth:
            repository.deepen(ctx, commit_id, depth)
        try:
            return walk.from_commit(commit_id)
        except _HistoryEnds:
            continue
    return None


class _Walk:
    def __init__(self, ctx: Context, repository: Repository, path: str) -> None:
        self._ctx = ctx
        self._store = repository.history
        self._parts = [part.encode() for part in path.split("/")]

    def from_commit(self, commit_id: str) -> tuple[str, Commit] | None:
        commit = self._commit(commit_id)
        wanted = self._find(commit)
        while True:
            self._ctx.check()
            # As `git log` does: as long as a parent has the same, it was not this commit.
            same = next(((i, parent) for i in commit.parents if self._find(parent := self._commit(i)) == wanted), None)
            if same is None:  # a root commit without the path says nothing about it
                return (commit_id, commit) if wanted or commit.parents else None
            commit_id, commit = same

    def _commit(self, commit_id: str) -> Commit:
        if not self._store.has(commit_id):
            raise _HistoryEnds
        return parse_commit(self._store.read(commit_id)[1])

    def _find(self, commit: Commit) -> tuple[int, bytes] | None:
        """Return (mode, id) at the path."""
        found = (0, commit.tree.encode())
        for part in self._parts:
            entries = parse_tree(self._store.read(found[1].decode())[1], 20) if found[0] in (0, 0o040000) else []
            below = next(((mode, bytes(held)) for name, mode, held in entries if name == part), None)
            if below is None:
                return None
            found = below
        return found
