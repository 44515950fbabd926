"""Conversations with a program or a socket, for the transports that are no HTTP."""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final

from gitops_core.sources.git.call import Call

_LAST_WORDS: Final = 2000
_GRACE: Final = 2.0  # seconds a program gets to end by itself once its input is closed


class _Raw(io.RawIOBase):
    """Reads a file descriptor in ticks."""

    def __init__(self, fileno: int, call: Call) -> None:
        self._fileno = fileno
        self._call = call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._call.wait_readable(self._fileno)
        piece = os.read(self._fileno, len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


class Reader(io.BufferedReader):
    """A buffered reader of *fileno* that obeys *call*."""

    def __init__(self, fileno: int, call: Call) -> None:
        super().__init__(_Raw(fileno, call))
        self._fileno = fileno

    def can_read(self) -> bool:
        """Tell whether reading would give something now."""
        poll = select.poll()
        poll.register(self._fileno, select.POLLIN)
        return bool(poll.poll(0))


class Conversation:
    """
    A running program whose output we read and whose input we write.

    It is the leader of a process group of its own, which ends with it: a proxy command must not outlive us.
    """

    def __init__(self, command: Sequence[str | bytes], environment: Mapping[str, str], call: Call) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # why: closed in close(); a pipe could fill and block it
        try:
            self._program = subprocess.Popen(  # noqa: S603  # why: an argument list, no shell; hosts that look like options are refused
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=dict(environment),
                start_new_session=True,
            )
        except BaseException:
            self._errors.close()
            raise
        if self._program.stdin is None or self._program.stdout is None:
            raise RuntimeError("a program without pipes")
        self._input, self._output = self._program.stdin, self._program.stdout
        reader = Reader(self._output.fileno(), call)
        self.read = call.reading(reader.read)
        self.can_read = reader.can_read
        self.exit_code: int | None = None
        self.last_words = ""

    # dulwich reads it to word its own error; ours is better
    stderr = None

    def write(self, data: bytes) -> None:
        """Send all of *data*."""
        view = memoryview(data)
        while view:
            view = view[self._input.write(view) :]

    def close(self) -> None:
        """End the program, kindly at first, and keep what it said last; may be called twice."""
        if self._errors.closed:
            return
        with contextlib.suppress(OSError):
            self._input.close()
        self._output.close()
        try:
            self.exit_code = self._program.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._kill()
            self.exit_code = self._program.wait()
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _LAST_WORDS))
        self.last_words = self._errors.read().decode("utf-8", "replace").strip()
        self._errors.close()

    def kill(self) -> None:
        """End the program at once."""
        self._kill()
        self.close()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._program.pid, signal.SIGKILL)
