"""Walk a directory tree that may be hostile: never outside its root, never into a circle, nothing but plain files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import attrs

from gitops_core.errors import LimitExceeded, RepositoryNotFound, SourceUnavailable, UnsafeTree
from gitops_core.interfaces import Context
from gitops_core.sources.selection import Selection

_OPEN_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)  # a symlink that took the file's place meanwhile
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that did so: do not wait for its other end
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

_MOST_DIRECTORIES: Final = 100_000  # a few symlinks side by side, each to the next level, make 2**n directories of n


@attrs.frozen
class Found:
    """
    One plain file.

    Attributes:
        path: Relative to the root, with ``/``; through a symlink: the path by which it was reached.
        place: Where it is on disk, with every symlink resolved.
        status: Of the file at *place*.
    """

    path: str
    place: str
    status: os.stat_result = attrs.field(repr=False)


@attrs.frozen
class _Directory:
    path: str
    place: str
    ancestors: frozenset[str]


def walk(ctx: Context, root: str, selection: Selection) -> Iterator[Found]:
    """
    Yield every file below *root* that *selection* selects, in no particular order.

    Raises:
        RepositoryNotFound: *root* is no directory. STALL.
        LimitExceeded: More directories than anybody has. STALL.
        SourceUnavailable: Something cannot be read. RETRY.
        UnsafeTree: A selected entry is special, not UTF-8, or a symlink out of *root*, to nothing, or in a circle. STALL.
    """
    top = _top(root)
    todo = [top]
    entered = 0
    while todo:
        ctx.check()
        entered += 1
        if entered > _MOST_DIRECTORIES:
            raise LimitExceeded(f"more than {_MOST_DIRECTORIES} directories in {root}; do symlinks multiply them? Ignore some")
        for step in _look_into(todo.pop(), top.place, selection):
            if isinstance(step, Found):
                yield step
            else:
                todo.append(step)


def open_regular(place: str, path: str) -> BinaryIO:
    """
    Open a plain file for reading, without following a symlink or waiting for a pipe.

    Raises:
        UnsafeTree: It is no plain file (any more). STALL.
        OSError: As ``os.open`` does.
    """
    try:
        descriptor = os.open(place, _OPEN_FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnsafeTree(f"{path} has become a symlink while it was read") from None
        if error.errno == errno.ENXIO:
            raise _special(path) from None
        raise
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _special(path)
        on_failure.pop_all()
    return os.fdopen(descriptor, "rb")


def unavailable(place: str, error: OSError) -> SourceUnavailable:
    """Return the error for a file or directory that the system will not let us read; it names the place and the reason."""
    return SourceUnavailable(f"{place} cannot be read: {error.strerror or error}; check its permissions and its disk")


def _top(root: str) -> _Directory:
    place = os.path.realpath(root)
    try:
        is_directory = stat.S_ISDIR(Path(place).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_directory = False
    except OSError as error:
        raise unavailable(place, error) from error
    if not is_directory:
        raise RepositoryNotFound(f"{root} is not a directory; create it, or mend the source's root")
    return _Directory("", place, frozenset({place}))


def _look_into(directory: _Directory, root: str, selection: Selection) -> Iterator[Found | _Directory]:
    try:
        with os.scandir(directory.place) as entries:
            listed = list(entries)
    except OSError as error:
        raise unavailable(directory.place, error) from error
    for entry in listed:
        path = f"{directory.path}/{entry.name}" if directory.path else entry.name
        if entry.name.lower() != ".git" and _may_count(entry, path, selection):
            step = _step(entry, path, directory, root)
            if not entry.is_symlink() or _counts(step, selection):
                yield step


def _may_count(entry: os.DirEntry[str], path: str, selection: Selection) -> bool:
    if entry.is_symlink():  # not yet known to what
        return selection.selects(path) or selection.enters(path)
    return selection.enters(path) if entry.is_dir() else selection.selects(path)


def _counts(step: Found | _Directory, selection: Selection) -> bool:
    return selection.selects(step.path) if isinstance(step, Found) else selection.enters(step.path)


def _step(entry: os.DirEntry[str], path: str, directory: _Directory, root: str) -> Found | _Directory:
    _refuse_unspeakable(path)
    try:
        place = _target(path, entry.path, root) if entry.is_symlink() else entry.path
        status = Path(place).stat() if entry.is_symlink() else entry.stat(follow_symlinks=False)
    except OSError as error:
        raise unavailable(entry.path, error) from error
    if stat.S_ISREG(status.st_mode):
        return Found(path, place, status)
    if not stat.S_ISDIR(status.st_mode):
        raise _special(path)
    if place in directory.ancestors:
        raise UnsafeTree(f"{path} is a symlink to a directory above it: a circle; remove it, or ignore it")
    return _Directory(path, place, directory.ancestors | {place})


def _target(path: str, link: str, root: str) -> str:
    place = Path(os.path.realpath(link))
    if not place.is_relative_to(root):
        raise UnsafeTree(f"{path} is a symlink out of the source; point it inside, or ignore it")
    if any(part.lower() == ".git" for part in place.relative_to(root).parts):
        raise UnsafeTree(f"{path} is a symlink into .git, which may hold credentials; point it elsewhere, or ignore it")
    if not place.exists() or place.is_symlink():
        raise UnsafeTree(f"{path} is a symlink to nothing; mend it, or ignore it")
    return str(place)


def _refuse_unspeakable(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UnsafeTree(f"the name {os.fsencode(path)!r} is not UTF-8; rename the file, or ignore it") from None


def _special(path: str) -> UnsafeTree:
    return UnsafeTree(f"{path} is a pipe, socket or device, not a file; remove it, or ignore it")
