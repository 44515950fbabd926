"""
System calls on a tree of files: never through a symbolic link, and safe to stop between any two of them.

Every step goes from a directory's descriptor to the next name with ``O_NOFOLLOW``; no path is ever resolved twice.
A directory of ours carries an extended attribute: ``made`` when it is in use, ``open`` from before its first file is in it
and from before its last one is removed. So an interrupted write leaves a directory that is empty and open, which
:meth:`Walk.is_residue` recognises; a directory that somebody else made is never marked and never removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from typing import Final, Self

import attrs

from gitops_core.targets.directory.bodies import Content
from gitops_core.targets.directory.paths import TEMPORARY, Parts

MARK: Final = "user.reconciled"
"""The extended attribute of directories that we made. Without support for it they are left in place."""

_MADE: Final = b"made"
_OPEN: Final = b"open"
_STEP: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_MARKS: Final = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENODATA, errno.EPERM, errno.EACCES, errno.ENOSYS})
_NO_UNNAMED: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS})


class Blocked(Exception):
    """Something that is not ours to follow or replace is in the way; ``path`` is where, ``what`` says what it is."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} is {what}")
        self.path = path
        self.what = what


@attrs.frozen
class _Level:
    name: str
    fd: int


class Walk:
    """
    A walk through the tree below *root*, which keeps the descriptors of the directories it is in.

    Going from one file to its neighbour costs nothing, so visit files in the order of their paths.

    Args:
        root: The real path of the root.
        durable: Force every change to the disk before going on.
        swept: Directories (device, inode) that need no sweeping any more; grows.
    """

    def __init__(self, root: str, durable: bool, swept: set[tuple[int, int]]) -> None:
        self._root = root
        self._durable = durable
        self._swept = swept
        self._levels: list[_Level] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._leave(0)

    # -- where we are -----------------------------------------------------------------------------------------------------
    @property
    def fd(self) -> int:
        """Descriptor of the directory we are in."""
        return self._levels[-1].fd

    def enter(self, directory: Parts, *, make: bool = False) -> bool:
        """
        Go to *directory* (relative to the root); return whether it is there, else stay in its deepest ancestor that is.

        Raises:
            Blocked: A name on the way is a symbolic link, or no directory.
            OSError: The system refused.
        """
        if not self._levels and not self._open_root(make=make):
            return False
        common = 0
        while common < min(len(directory), len(self._levels) - 1) and self._levels[common + 1].name == directory[common]:
            common += 1
        self._leave(common + 1)
        return all(self._down(name, make=make) for name in directory[common:])

    def _open_root(self, *, make: bool) -> bool:
        try:
            fd = os.open(self._root, _STEP)
        except FileNotFoundError:
            if not make:
                return False
            os.makedirs(self._root, exist_ok=True)  # noqa: PTH103  # why: the rest of this file is os calls, too
            fd = os.open(self._root, _STEP)
        except NotADirectoryError:
            raise Blocked(self._root, "no directory") from None
        self._levels.append(_Level("", fd))
        return True

    def _down(self, name: str, *, make: bool) -> bool:
        try:
            fd = os.open(name, _STEP, dir_fd=self.fd)
        except FileNotFoundError:
            if not make:
                return False
            self._make(name)
            fd = os.open(name, _STEP, dir_fd=self.fd)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise Blocked(self.path(name), "a symbolic link or no directory") from None
            raise
        self._levels.append(_Level(name, fd))
        return True

    def path(self, name: str = "") -> str:
        """Return the path of *name* in this directory, for messages."""
        return "/".join((self._root, *(level.name for level in self._levels[1:]), *((name,) if name else ())))

    def _leave(self, depth: int) -> None:
        while len(self._levels) > depth:
            os.close(self._levels.pop().fd)

    # -- looking ----------------------------------------------------------------------------------------------------------
    def stat(self, name: str) -> os.stat_result | None:
        """
        Return the facts of the plain file *name*, or None when nothing is there.

        Raises:
            Blocked: It is a symbolic link, a directory or something else.
        """
        try:
            found = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise Blocked(self.path(name), "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no plain file")
        return found

    def read(self, name: str, limit: int) -> tuple[Content, os.stat_result]:
        """
        Return the plain file *name*.

        Raises:
            Blocked: It is no plain file, or has more than *limit* bytes.
        """
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.fd)
        with os.fdopen(fd, "rb") as file:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise Blocked(self.path(name), "no plain file")
            data = file.read(min(found.st_size, limit) + 1)  # not limit + 1: a read allocates what it asks for
            if found.st_size < len(data) <= limit:  # the file is growing
                data += file.read(limit + 1 - len(data))
        if len(data) > limit:
            raise Blocked(self.path(name), f"larger than max_bytes ({limit})")
        return Content(data, stat.S_IMODE(found.st_mode)), found

    def is_residue(self) -> bool:
        """Tell whether the directory we are in is what a cut-off write of ours left behind."""
        return len(self._levels) > 1 and self._mark(self.fd) == _OPEN and next(self._names(), None) is None

    def _names(self) -> Iterator[str]:
        with os.scandir(self.fd) as entries:
            yield from (entry.name for entry in entries if not TEMPORARY.fullmatch(entry.name))

    # -- changing ---------------------------------------------------------------------------------------------------------
    def write_new(self, name: str, content: Content) -> None:
        """
        Put *content* at *name*, all of it at once.

        Raises:
            FileExistsError: Something is there.
        """
        fd = self._unnamed()
        if fd is None:
            if self._exists(name):
                raise FileExistsError(errno.EEXIST, "it is there", name)
            self.write_over(name, content)
            return
        try:
            self._fill(fd, content)
            os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=self.fd, follow_symlinks=True)
        finally:
            os.close(fd)
        self._made()

    def write_over(self, name: str, content: Content) -> None:
        """Put *content* at *name* in place of what is there, all of it at once."""
        self.sweep()
        with _temporary() as temporary:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self.fd)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # tells sweep() in other processes that its writer lives
                self._fill(fd, content)
                os.rename(temporary, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
            except BaseException:
                with contextlib.suppress(OSError):  # the error that brought us here matters more; sweep() tries again
                    os.unlink(temporary, dir_fd=self.fd)
                raise
            finally:
                os.close(fd)
        self._made()

    def remove(self, name: str) -> None:
        """Remove the file *name*, and then the directories of ours that are empty; a no-op where nothing is there."""
        self.sweep()
        self._announce(name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)
        self._sync()
        self.prune()

    def prune(self) -> None:
        """Leave and remove directories of ours, from where we are upwards, as long as they are empty."""
        while len(self._levels) > 1 and self._mark(self.fd):
            self.sweep()
            name = self._levels[-1].name
            self._leave(len(self._levels) - 1)
            try:
                os.rmdir(name, dir_fd=self.fd)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    return
                raise
            self._sync()

    def sweep(self) -> None:
        """Remove what dead writers left in this directory, once. A living one holds a lock on its temporary file."""
        facts = os.fstat(self.fd)
        if (facts.st_dev, facts.st_ino) in self._swept:
            return
        with os.scandir(self.fd) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries if TEMPORARY.fullmatch(entry.name)]
        for name, is_directory in found:
            if name not in _IN_USE:
                with contextlib.suppress(OSError):  # another process is at it, or has just removed it
                    self._remove_unlocked(name, os.rmdir if is_directory else os.unlink)
        self._swept.add((facts.st_dev, facts.st_ino))

    def _remove_unlocked(self, name: str, remove: Callable[..., None]) -> None:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(name, dir_fd=self.fd)
        finally:
            os.close(fd)

    # -- steps ------------------------------------------------------------------------------------------------------------
    def _unnamed(self) -> int | None:
        """Return a file without a name, which vanishes with us; None where the system has none."""
        flag = getattr(os, "O_TMPFILE", 0)
        if not flag:
            return None
        try:
            return os.open(".", flag | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=self.fd)
        except OSError as error:
            if error.errno in _NO_UNNAMED:
                return None
            raise

    def _exists(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _fill(self, fd: int, content: Content) -> None:
        rest = memoryview(content.data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fchmod(fd, content.mode)
        if self._durable:
            os.fsync(fd)

    def _sync(self) -> None:
        if self._durable:
            os.fsync(self.fd)

    def _make(self, name: str) -> None:
        """
        Make the directory *name*, marked from the moment it has that name.

        One maker at a time in a directory, in all processes: a rename replaces an empty directory without a word, and the one
        who had made that would write into a directory that is gone.
        """
        self.sweep()
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        try:
            if not self._exists(name):
                self._make_alone(name)
        finally:
            fcntl.flock(self.fd, fcntl.LOCK_UN)

    def _make_alone(self, name: str) -> None:
        with _temporary() as temporary:
            os.mkdir(temporary, 0o755, dir_fd=self.fd)
            try:
                self._mark_and_rename(temporary, name)
            except OSError as error:
                with contextlib.suppress(OSError):  # as in write_over
                    os.rmdir(temporary, dir_fd=self.fd)
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # else somebody else made it, and put something in
                    raise
        self._sync()

    def _mark_and_rename(self, temporary: str, name: str) -> None:
        fd = os.open(temporary, _STEP, dir_fd=self.fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as in write_over
            self._set_mark(fd, _OPEN)
            os.rename(temporary, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        finally:
            os.close(fd)

    def _made(self) -> None:
        """The directories we are in have something in them now."""
        self._sync()
        for level in self._levels[1:]:
            if self._mark(level.fd) == _OPEN:
                self._set_mark(level.fd, _MADE)

    def _announce(self, name: str) -> None:
        """Mark the directories that will be empty without *name*."""
        for depth in range(len(self._levels) - 1, 0, -1):
            level = self._levels[depth]
            with os.scandir(level.fd) as entries:
                lonely = all(entry.name == name for entry in entries)
            if not lonely or not self._mark(level.fd):
                return
            self._set_mark(level.fd, _OPEN)
            name = level.name

    @staticmethod
    def _mark(fd: int) -> bytes:
        try:
            return os.getxattr(fd, MARK)
        except AttributeError:  # not Linux
            return b""
        except OSError as error:
            if error.errno in _NO_MARKS:
                return b""
            raise

    @staticmethod
    def _set_mark(fd: int, mark: bytes) -> None:
        try:
            os.setxattr(fd, MARK, mark)
        except AttributeError:  # not Linux
            return
        except OSError as error:
            if error.errno not in _NO_MARKS:
                raise


_IN_USE: Final[set[str]] = set()
"""Names of this process's unfinished files; adding and discarding are atomic."""


@contextlib.contextmanager
def _temporary() -> Iterator[str]:
    name = f".reconcile-{secrets.token_hex(8)}.tmp"
    _IN_USE.add(name)
    try:
        yield name
    finally:
        _IN_USE.discard(name)
