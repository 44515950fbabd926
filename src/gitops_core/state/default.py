"""The store that is used when an embedder names none: one for each file, shared by the whole process."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gitops_core.state.sqlite import SqliteStore


def default_store(path: str | os.PathLike[str] | None = None) -> SqliteStore:
    """
    Return this process's store for *path* (:func:`~gitops_core.state.sqlite.default_path` when left out).

    The same object for every caller, closed when the interpreter ends. A forked child may go on using it: it opens a connection
    of its own.

    Raises:
        ConfigError: This user has no home directory. STALL.
    """
    from gitops_core.state.sqlite import SqliteStore, default_path  # why here: sqlite3 is loaded by those who need it

    fresh = SqliteStore(path if path is not None else default_path())  # opens nothing
    return _STORES.setdefault(str(fresh.path), fresh)  # atomic: two first callers get one store


_STORES: Final[dict[str, SqliteStore]] = {}


@atexit.register
def _close_all() -> None:
    for store in _STORES.values():
        store.close()
