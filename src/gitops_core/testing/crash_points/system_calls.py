"""System calls and SQL statements, led through a gate."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, Final
from unittest import mock

from gitops_core.state import locks
from gitops_core.testing.crash_points.gate import Gate, ProcessDeath
from gitops_core.testing.crash_points.points import Call, Seam

_READS: Final = ("stat", "scandir")
_CHANGES: Final = (
    "mkdir", "rmdir", "rename", "replace", "link", "symlink", "unlink", "remove", "write", "chmod", "fchmod", "fsync",
    "setxattr", "removexattr", "truncate",
)  # fmt: skip
_READING_SQL: Final = frozenset({"SELECT", "WITH", "BEGIN"})
_RANDOM: Final = re.compile("[0-9a-f]{16,}")
_MAKES: Final = os.O_CREAT | os.O_TRUNC | getattr(os, "O_TMPFILE", 0)


@contextmanager
def system_through(gate: Gate) -> Iterator[None]:
    """
    Lead this thread's calls of :mod:`os` that touch files, locks on files, and every SQL statement through *gate*.

    Connections that are open already are not seen: close a store before the block.
    """
    with ExitStack() as replaced:
        for name in (*_READS, *_CHANGES):
            if hasattr(os, name):  # not every system has every call
                replaced.enter_context(mock.patch.object(os, name, _gated(gate, name, changes=name in _CHANGES)))
        replaced.enter_context(mock.patch.object(os, "open", _gated_open(gate)))
        replaced.enter_context(mock.patch.object(locks, "FileIO", _gated_file(gate)))
        replaced.enter_context(mock.patch.object(fcntl, "flock", _gated_flock(gate)))
        replaced.enter_context(mock.patch.object(sqlite3, "connect", _gated_connect(gate)))
        try:
            yield
        finally:
            gate.forget_files()


# -- files ------------------------------------------------------------------------------------------------------------


def _gated(gate: Gate, name: str, *, changes: bool) -> Callable[..., Any]:
    real: Callable[..., Any] = getattr(os, name)

    def gated(*args: Any, **kwargs: Any) -> Any:
        def half() -> None:
            real(args[0], bytes(args[1])[: len(args[1]) // 2])

        halves = name == "write" and len(args[1]) > 1
        call = Call(Seam.FILE, name, _path(args), changes)
        answer = _handed_over(gate, call, lambda: real(*args, **kwargs), half if halves else None)
        if name == "write":
            gate.written(args[0])
        elif name == "fsync":
            gate.forced(args[0])
        return answer

    return gated


def _handed_over(gate: Gate, call: Call, run: Callable[[], Any], half: Callable[[], object] | None = None) -> Any:
    """Return what *run* returns; what it has opened is closed again when the process dies before it gets it."""
    answers: list[Any] = []

    def keep() -> Any:
        answers.append(run())
        return answers[0]

    try:
        return gate.through(call, keep, half)
    except ProcessDeath:
        for answer in answers:
            if call.name == "open":
                os.close(answer)
            elif hasattr(answer, "close"):
                answer.close()
        raise


def _gated_open(gate: Gate) -> Callable[..., Any]:
    real = os.open

    def gated(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        makes = bool(flags & _MAKES & ~os.O_DIRECTORY)
        opened: int = _handed_over(
            gate, Call(Seam.FILE, "open", _path((path,)), makes), lambda: real(path, flags, *args, **kwargs)
        )
        return opened

    return gated


def _gated_flock(gate: Gate) -> Callable[..., Any]:
    real = fcntl.flock

    def gated(file: Any, operation: int) -> None:
        if operation == fcntl.LOCK_UN:
            real(file, operation)
        else:
            gate.through(Call(Seam.FILE, "lock"), lambda: real(file, operation))

    return gated


def _gated_file(gate: Gate) -> type[FileIO]:
    """Return the class of lock files; what is written in them is only for people."""

    class GatedFile(FileIO):
        def truncate(self, size: int | None = None) -> int:
            return gate.through(
                Call(Seam.FILE, "truncate", "lock file", changes=True), lambda: super(GatedFile, self).truncate(size)
            )

        def write(self, data: Any) -> int:
            def put(some: bytes) -> int:
                return super(GatedFile, self).write(some)

            call = Call(Seam.FILE, "write", "lock file", changes=True)
            return gate.through(call, lambda: put(data), lambda: put(data[: len(data) // 2]))

    return GatedFile


def _path(args: tuple[Any, ...]) -> str:
    """Return the last part of the path that a call is about; descriptors and random names are others in every run."""
    named = args and isinstance(args[0], str | bytes | os.PathLike)
    return _RANDOM.sub("*", Path(os.fsdecode(args[0])).name) if named else ""


# -- SQL --------------------------------------------------------------------------------------------------------------


def _gated_connect(gate: Gate) -> Callable[..., sqlite3.Connection]:
    real: Callable[..., sqlite3.Connection] = sqlite3.connect

    class GatedConnection(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            if sql == "ROLLBACK":
                return super().execute(sql, parameters)
            return gate.through(_statement(sql), lambda: super(GatedConnection, self).execute(sql, parameters))

        def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
            listed = list(rows)

            def put(some: Any) -> sqlite3.Cursor:
                return super(GatedConnection, self).executemany(sql, some)

            half = (lambda: put(listed[: len(listed) // 2])) if len(listed) > 1 else None
            return gate.through(_statement(sql), lambda: put(listed), half)

        def __del__(self) -> None:
            self.close()  # the process that had it is dead, in the story; without this CPython 3.13 complains in a later test

    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        return real(*args, **{"factory": GatedConnection, **kwargs})

    return connect


def _statement(sql: str) -> Call:
    words = sql.split()
    word = words[0].upper()
    reads = word in _READING_SQL or (word == "PRAGMA" and "=" not in sql)
    return Call(Seam.SQL, word, " ".join(words[1:5]), changes=not reads)
