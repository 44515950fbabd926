"""Content addresses of files and trees that do not come out of a Git object store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from gitops_core.errors import UnsupportedContent
from gitops_core.model.revisions import File
from gitops_core.model.values import digest

LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/v1\n"
"""How the stand-in begins that Git LFS keeps in place of a large file. Source: the Git LFS specification."""


def blob_id(data: bytes) -> str:
    """Return the id Git gives to a blob of *data*, so that a file has the same digest from every source."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def sorted_files(files: Iterable[File]) -> Mapping[str, File]:
    """Return *files* by path, sorted by path, as a mapping that cannot be changed."""
    return MappingProxyType({file.path: file for file in sorted(files, key=lambda f: f.path)})


def tree_digest(files: Mapping[str, File]) -> str:
    """Return the SHA-256 over (path, mode, digest) of every file, in the order of *files*."""
    return digest([[file.path, file.mode, file.digest] for file in files.values()])


def refuse_lfs_pointer(path: str, data: bytes) -> None:
    """
    Do nothing, unless *data* is a Git LFS pointer and not the file it stands for.

    Raises:
        UnsupportedContent: It is. STALL.
    """
    if data.startswith(LFS_POINTER):
        raise UnsupportedContent(
            f"{path} is a Git LFS pointer, not the file itself; run `git lfs pull`, or take it out of Git LFS"
        )
