"""Where fetched objects live on disk, and the lock that keeps processes apart."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gitops_core.interfaces import Context
from gitops_core.sources.git.addresses import Address
from gitops_core.sources.git.call import TICK

_UNREADABLE: Final = re.compile(r"[^A-Za-z0-9]+")


def default_cache_dir() -> Path:
    """Return ``gitops-core/git`` in the user's cache directory; ``XDG_CACHE_HOME`` is respected everywhere."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says to pass over relative paths.
    base = Path(chosen) if chosen.startswith("/") else Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return base / "gitops-core" / "git"


def place_of(address: Address) -> str:
    """Return the name under which the repository at *address* is kept: readable, and unique by a digest."""
    digest = hashlib.sha256(address.url.encode()).hexdigest()[:16]
    words = _UNREADABLE.sub("-", f"{address.host}-{address.path}").strip("-")
    return f"{words[-48:].strip('-')}-{digest}"


@contextlib.contextmanager
def locked(path: Path, ctx: Context) -> Iterator[None]:
    """
    Hold the lock file *path* against every other thread and process; the system lets go of it when a process dies.

    Raises:
        OSError: The file cannot be made.
        Cancelled: While waiting. WAIT.
        DeadlineExceeded: While waiting. RETRY.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                ctx.check()
                ctx.cancel.wait(TICK)
        yield
    finally:
        os.close(handle)
