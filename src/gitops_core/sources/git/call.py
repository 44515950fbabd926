"""One operation on a remote: until when, how much, and what must not be told."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Final

from dulwich.errors import GitProtocolError

from gitops_core.errors import LimitExceeded, SourceUnavailable
from gitops_core.interfaces import Context

TICK: Final = 0.05
"""Seconds within which a blocked transfer notices that it should stop."""


class Call:
    """
    Counts what comes in and stops an operation in time.

    Args:
        ctx: With the deadline of this operation.
        limit: Bytes that may come in.
        patience: Seconds of silence to bear.
    """

    def __init__(self, ctx: Context, limit: int, patience: float) -> None:
        self.ctx = ctx
        self.limit = limit
        self.patience = patience
        self.received = 0
        self.secrets: tuple[str, ...] = ()

    def add(self, count: int) -> None:
        """
        Note that *count* bytes came in.

        Raises:
            LimitExceeded: More than allowed. STALL.
            Cancelled: WAIT.
            DeadlineExceeded: RETRY.
        """
        self.received += count
        if self.received > self.limit:
            raise LimitExceeded(f"the remote sent more than {self.limit:,} bytes; raise GitLimits.pack_bytes if that is right")
        self.ctx.check()

    def reading(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """
        Return *read* for dulwich's use, counted, with error packets heard.

        dulwich takes an error packet in an answer to ``fetch`` for the packet it waits for and reports only that the server
        hung up. No other packet begins so, and nobody sends a pack outside of packets any more.
        """

        def counted(size: int) -> bytes:
            piece = read(size)
            self.add(len(piece))
            if piece.startswith(b"ERR ") and len(piece) == size:
                raise GitProtocolError(piece[4:].decode("utf-8", "replace").strip())
            return piece

        return counted

    def wait_readable(self, fileno: int) -> None:
        """
        Return when *fileno* can be read.

        Raises:
            SourceUnavailable: Silence for longer than the patience. RETRY.
            Cancelled: WAIT.
            DeadlineExceeded: RETRY.
        """
        poll = select.poll()
        poll.register(fileno, select.POLLIN)
        for _ in range(round(self.patience / TICK) + 1):
            self.ctx.check()
            if poll.poll(TICK * 1000):
                return
        raise self.silence()

    def silence(self) -> SourceUnavailable:
        """Return the error for a remote that says nothing."""
        return SourceUnavailable(f"the remote fell silent for {self.patience:g} s; Transport.read_timeout bounds it")
