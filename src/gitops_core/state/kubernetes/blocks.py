"""Entering and leaving ``exclusive``: taking the lease, renewing it with every write, giving it back."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from gitops_core.errors import StateError, StateLocked
from gitops_core.interfaces import Clock
from gitops_core.state.kubernetes.heads import HISTORY, Change, Head, Heads
from gitops_core.state.kubernetes.leases import Block, Lease, Watchers, holder
from gitops_core.state.kubernetes.names import fresh
from gitops_core.state.kubernetes.passes import with_passes
from gitops_core.state.locks import ThreadLocks

_RENEWED_AFTER: Final = 3  # a third of the lease: two renewals may fail


class Blocks:
    """
    The stays inside of ``exclusive`` of one store.

    Args:
        heads: Where the leases are.
        seconds: How long a lease is valid unless it is renewed.
        clock: For waiting and for judging.
    """

    def __init__(self, heads: Heads, seconds: float, clock: Clock) -> None:
        self._heads = heads
        self._seconds = seconds
        self._clock = clock
        self._process = fresh()
        self._threads = ThreadLocks()
        self._watchers = Watchers(clock)
        self._open: dict[str, Block] = {}

    @contextmanager
    def hold(self, application: str, timeout: float) -> Iterator[None]:
        """
        Keep everybody else out of *application* while the block runs. Not reentrant.

        Raises:
            StateLocked: Still held after *timeout* seconds; names the holder. RETRY.
            StateUnavailable: The lease cannot be written. RETRY.

        Cost: 1 request to get in, where nobody else wrote since we last looked, and 1 to get out.
        """
        deadline = self._clock.monotonic() + timeout
        with self._threads.hold(application, timeout):
            lease = Lease(holder(), fresh(), self._process_now(), self._seconds)
            started = self._clock.monotonic()
            self._take(application, lease, deadline)
            self._open[application] = Block(lease, started)
            try:
                yield
            except BaseException as error:
                try:
                    self._leave(application)
                except StateError as second:  # the first one counts; the lease runs out by itself
                    error.add_note(f"and the lease could not be given back: {second}")
                raise
            self._leave(application)

    def of(self, application: str) -> Block | None:
        """Return the stay that is going on, or None."""
        return self._open.get(application)

    def lease_for(self, application: str, head: Head) -> Lease | None:
        """
        Return the lease to write with a change of *head*: ours, renewed, or whatever is there when we are not inside.

        Raises:
            StateLocked: We are inside, and our lease ran out, and somebody else took over. RETRY.
        """
        block = self._open.get(application)
        if block is None:
            return head.lock
        if head.lock is None or not _is(block, head.lock):
            who = head.lock.holder if head.lock else "nobody any more"
            raise StateLocked(
                f"{application}: our lease of {self._seconds:g} s ran out between two writes, and now {who} works on it; "
                "give StoreSettings.lease more seconds than the longest wait of a pass"
            )
        return head.lock.renewed()

    def wrote(self, application: str, head: Head) -> None:
        """Note that *head* was written with our lease."""
        block = self._open.get(application)
        if block is not None and head.lock is not None and _is(block, head.lock):
            block.lease, block.renewed_at = head.lock, self._clock.monotonic()

    def look(self, application: str, *parts: str) -> Head:
        """
        Return the head with *parts* for a reader.

        Cost: no request for the first reader in a block, whose lease has just proved that what we know is up to date; else 1,
        which renews the lease if it is due.
        """
        block = self._open.get(application)
        if block is None:
            return self._heads.read(application, *parts)
        if block.is_verified:
            block.is_verified = False
            return self._heads.recall(application, *parts)
        if self._clock.monotonic() - block.renewed_at >= self._seconds / _RENEWED_AFTER:
            head = self._heads.change(application, lambda head: Change(head.facts, self.lease_for(application, head)))
            self.wrote(application, head)
            return self._heads.recall(application, *parts)
        return self._heads.read(application, *parts)

    def _take(self, application: str, lease: Lease, deadline: float) -> None:
        name = self._heads.names.head(application)
        while True:
            pause = min(self._watchers.pause(name), deadline - self._clock.monotonic())
            if pause > 0:
                self._clock.wait(threading.Event(), pause)
            holds = self._try(application, lease)
            if holds is None:
                return
            if self._clock.monotonic() >= deadline:
                raise StateLocked(
                    f"{application}: {holds.holder} works on it; wait, or end that process: its lease runs out {holds.seconds:g} s "
                    "after its last write"
                )

    def _try(self, application: str, lease: Lease) -> Lease | None:
        """Take the lease; return the one that is in the way instead."""
        blocking: list[Lease] = []

        def decide(head: Head) -> Change | None:
            blocking.clear()
            if head.lock is not None and not self._is_free(head, head.lock):
                blocking.append(head.lock)
                return None
            return Change(head.facts, lease)

        head = self._heads.change(application, decide)
        if blocking:
            return blocking[0]
        self._watchers.forget(head.name)
        return None

    def _is_free(self, head: Head, lock: Lease) -> bool:
        """A lease of this very store that no block holds was left behind when its release failed."""
        return lock.process == self._process_now() or self._watchers.is_expired(head.name, lock)

    def _process_now(self) -> str:
        """Return what tells this store from others; a forked child is another."""
        return f"{self._process}-{os.getpid()}"

    def _leave(self, application: str) -> None:
        block = self._open.pop(application)
        head = self._heads.recall(application)
        if not head.facts.kept and not block.passes and _is(block, head.lock) and self._heads.remove(application, head):
            return  # nothing was ever stored: no trace stays of an application that was only looked at
        self._heads.change(application, lambda head: self._released(block, head), *([HISTORY] if block.passes else []))

    def _released(self, block: Block, head: Head) -> Change | None:
        is_ours = _is(block, head.lock)
        if not is_ours and not block.passes:
            return None
        lock = None if is_ours else head.lock
        if not block.passes:
            return Change(head.facts, lock)
        return attrs.evolve(with_passes(head, block.passes, self._heads.place(head)), lock=lock)


def _is(block: Block, lock: Lease | None) -> bool:
    return lock is not None and lock.token == block.lease.token
