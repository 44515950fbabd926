"""
Who works on an application: one holder at a time, among threads and among processes.

Threads wait on a ``threading.Lock`` and wake at once. Processes wait on a lock of the operating system, which the kernel takes
back when its holder dies, whatever killed it.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

from gitops_core.errors import ConfigError, StateLocked
from gitops_core.state.failures import translated

try:
    import fcntl
except ImportError:  # pragma: no cover  # why: only on platforms without it
    fcntl = None  # type: ignore[assignment]  # why: "there is none" is what the code below asks for

_FIRST_POLL: Final = 0.002
_LONGEST_POLL: Final = 0.05


class ThreadLocks:
    """One lock for each name, for the threads of this process."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._holders: dict[str, str] = {}

    @contextmanager
    def hold(self, name: str, timeout: float) -> Iterator[None]:
        """
        Keep other threads out of *name* while the block runs. Not reentrant.

        Raises:
            StateLocked: Another thread still holds it after *timeout* seconds. RETRY.
        """
        lock = self._locks.setdefault(name, threading.Lock())  # atomic: two first callers get one lock
        if not lock.acquire(timeout=min(max(timeout, 0.0), threading.TIMEOUT_MAX)):
            holder = self._holders.get(name, "unknown")
            raise StateLocked(f"{name}: thread {holder!r} of this process works on it; waited {timeout:g} s")
        self._holders[name] = threading.current_thread().name
        try:
            yield
        finally:
            self._holders.pop(name, None)
            lock.release()


class ProcessLocks:
    """
    One lock for each name, for every thread of every process that names the same directory.

    Lock files stay behind, empty of meaning, when their lock is released: removing one would let two holders in.

    Args:
        directory: Where the lock files are; made when first needed, for this user only.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._threads = ThreadLocks()

    @contextmanager
    def hold(self, name: str, timeout: float) -> Iterator[None]:
        """
        Keep everybody else out of *name* while the block runs. Not reentrant.

        Raises:
            StateLocked: Still held after *timeout* seconds; names the process that holds it. RETRY.
            StateUnavailable: The lock file cannot be written. RETRY.
        """
        deadline = time.monotonic() + timeout
        with self._threads.hold(name, timeout):
            path = self._directory / _file_name(name)
            with translated(path):
                make_private(self._directory)
                handle = _acquire(path, deadline)
            if handle is None:
                raise StateLocked(f"{name}: {_holder(path)} works on it; waited {timeout:g} s")
            try:
                with translated(path):
                    _sign(handle, name)
                yield
            finally:
                _release(handle)

    def after_fork(self) -> None:
        """Start anew in a forked child: the threads that hold these locks are not in it."""
        self._threads = ThreadLocks()


def make_private(directory: Path) -> None:
    """Make *directory* and what is missing above it, for this user only."""
    for missing in reversed([d for d in (directory, *directory.parents) if not d.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def _file_name(name: str) -> str:
    """Return a file name for any *name*: readable, never too long, never the same for two names."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)[:80]}-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:16]}.lock"


def _acquire(path: Path, deadline: float) -> FileIO | None:
    pause = _FIRST_POLL
    while (handle := _try(path)) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_POLL)
    return handle


def _try(path: Path) -> FileIO | None:
    if fcntl is None:  # pragma: no cover  # why: only on platforms without it
        raise ConfigError("this platform has no fcntl, so SqliteStore cannot keep other processes out; use a server's store")
    handle = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle.fileno()), path.stat()):  # else somebody removed the file that we locked
            _held.add(handle)
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass  # held by another, or removed in between: not ours yet
    except BaseException:
        handle.close()
        raise
    handle.close()
    return None


def _release(handle: FileIO) -> None:
    if handle in _held:  # not so in a child that was forked inside of the block: the lock is its parent's
        _held.discard(handle)
        fcntl.flock(handle, fcntl.LOCK_UN)  # a copy of the descriptor in some child must not keep it
        handle.close()


def _sign(handle: FileIO, name: str) -> None:
    """Say who holds it, for the message that others get."""
    handle.truncate(0)
    handle.seek(0)
    handle.write(f"{os.getpid()}\n{name}\n".encode(errors="replace"))


def _holder(path: Path) -> str:
    pid = path.read_text(errors="replace").partition("\n")[0] if path.exists() else ""
    return f"process {pid}" if pid.isdecimal() else "another process"


_held: Final[set[FileIO]] = set()


def _forget_held() -> None:
    while _held:
        _held.pop().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_held)
