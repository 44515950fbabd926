"""
Names that a tree may not hold, because a file system somewhere would read them as something else.

Source: Git's ``verify_path``, ``is_ntfs_dotgit`` and ``is_hfs_dotgit``.
"""

from __future__ import annotations

import re
from typing import Final

from gitops_core.errors import UnsafeTree

# What HFS+ ignores in a name: zero-width and direction marks. Source: Git's utf8.c, next_hfs_char.
_HFS_IGNORES: Final = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_ORDINARY: Final = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")


def checked_name(raw: bytes, directory: str) -> str:
    """
    Return the name of a tree entry as text.

    Args:
        raw: As the tree spells it.
        directory: Where it stands, for the message.

    Raises:
        UnsafeTree: It could reach outside of the tree, or into Git's own files, on some file system. STALL.

    Cost: one regular expression for the names that people use.
    """
    if _ORDINARY.fullmatch(raw):
        return raw.decode("ascii")
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused(raw, directory, "is not UTF-8") from None
    reason = _reason(name)
    if reason:
        raise _refused(raw, directory, reason)
    return name


def _reason(name: str) -> str:
    if "/" in name or "\\" in name or "\0" in name:
        return "holds a separator"
    plain = _HFS_IGNORES.sub("", name).split(":")[0].rstrip(". ").lower()
    if not plain:
        return "means this directory or the one above"
    # Without ":" and what follows (an NTFS stream), trailing dots and spaces (dropped by Windows), zero-width marks and case.
    if plain in (".git", "git~1"):
        return "means Git's own directory"
    return "names a drive" if _DRIVE.match(name) else ""


def _refused(raw: bytes, directory: str, reason: str) -> UnsafeTree:
    shown = ascii(raw.decode("utf-8", "backslashreplace"))
    return UnsafeTree(
        f"the entry {shown} in {directory or 'the root'!r} {reason}; no tool of Git's own would write it: rewrite the commit"
    )
