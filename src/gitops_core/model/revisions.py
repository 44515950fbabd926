"""A revision of a source, and the immutable tree of files it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs

SYMLINK: Final = 0o120000
SUBMODULE: Final = 0o160000
EXECUTABLE: Final = 0o100755
REGULAR: Final = 0o100644


@attrs.frozen
class Revision:
    """
    What a source's reference named when it was resolved.

    Attributes:
        id: Content address: a commit id, or a digest.
        ref: What was asked for and what it meant: ``refs/heads/main``.
        source: The source without credentials.
        author: Who made it, if the source knows without fetching (else filled by ``fetch``).
        message: First line of the commit message.
        time: Seconds since the epoch; 0.0 when unknown.
    """

    id: str
    ref: str = ""
    source: str = ""
    author: str = ""
    message: str = ""
    time: float = 0.0


@attrs.frozen
class File:
    """
    One file of a tree.

    Attributes:
        path: Relative, with ``/``, from the root of the tree.
        digest: Content address of the bytes (a blob id): equal digests, equal bytes.
        mode: Git's file mode: 0o100644, 0o100755; symlinks are resolved by the source and never appear.
    """

    path: str
    digest: str
    mode: int = REGULAR


@attrs.frozen
class Notice:
    """Something the reader should know that stops nothing: a submodule, an ambiguous scalar, a skipped file."""

    code: str
    message: str
    path: str = ""
    line: int = 0


@attrs.frozen
class Tree:
    """
    An immutable, content-addressed set of files. Listing and reading are lazy and repeatable.

    Attributes:
        digest: Changes exactly when a path, a mode or a byte of a selected file changes. Equal digests, equal trees.
        revision: Where it came from, with author and message filled in where the source knows them.
        notices: What was left out and why (submodules, refused entries in report mode).

    ``history(path)`` names the last revision that touched *path*, for ``explain``; None when the source cannot tell.
    """

    digest: str
    revision: Revision
    _list: Callable[[], Mapping[str, File]] = attrs.field(alias="list_files", repr=False, eq=False)
    _read: Callable[[File], bytes] = attrs.field(alias="read_file", repr=False, eq=False)
    notices: tuple[Notice, ...] = ()
    _history: Callable[[str], Revision | None] = attrs.field(alias="history_of", repr=False, eq=False, default=lambda _path: None)

    @property
    def files(self) -> Mapping[str, File]:
        """Every selected file by path, sorted by path."""
        return self._list()

    def read(self, file: File) -> bytes:
        """
        Return the bytes of *file*.

        Raises:
            SourceError: The object is missing, corrupt, too large, or an LFS pointer; each has its own class.
        """
        return self._read(file)

    def history(self, path: str) -> Revision | None:
        """Return the last revision that changed *path*, or None when the source keeps no history. May be expensive."""
        return self._history(path)
