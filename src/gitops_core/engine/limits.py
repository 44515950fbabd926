"""One bucket a target: so many calls at once, so many a second, and a pause for all when the API asks for one."""

from __future__ import annotations

import threading
from typing import Final

from gitops_core.engine.keeping import kept
from gitops_core.errors import Throttled
from gitops_core.interfaces import Context, Limits, Target

_TICK: Final = 0.25  # seconds; the longest time after a cancel until a waiting call notices


class Bucket:
    """The limits of one target, shared by every pass of every application that uses it."""

    def __init__(self, limits: Limits) -> None:
        self._rate = limits.rate
        self._slots = threading.Semaphore(max(1, limits.concurrency))
        self._lock = threading.Lock()
        self._next_call = 0.0
        self._paused_until = 0.0

    def pause(self, until: float) -> None:
        """Let no call begin before *until* (monotonic seconds)."""
        with self._lock:
            self._paused_until = max(self._paused_until, until)

    def slot(self, ctx: Context, patience: float = float("inf")) -> Slot:
        """
        Return a context manager that holds one of the target's slots: for the length of a call.

        Args:
            ctx: Of who calls.
            patience: The longest pause, in seconds, that is worth standing by for.

        Entering raises:
            Cancelled, DeadlineExceeded: There was no slot in time.
            Throttled: The next call may begin only after more than *patience*; ``retry_after`` says when.
        """
        return Slot(self, ctx, patience)

    def enter(self, ctx: Context, patience: float = float("inf")) -> None:
        """Take a slot, and wait until a call may begin; raises like :meth:`slot`."""
        while not (self._slots.acquire(blocking=False) or ctx.clock.take(self._acquire, _TICK)):
            ctx.check()
        try:
            self._wait_for_turn(ctx, patience)
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Give the slot back."""
        self._slots.release()

    def _acquire(self, seconds: float) -> bool:
        return self._slots.acquire(timeout=seconds)

    def _wait_for_turn(self, ctx: Context, patience: float) -> None:
        while (wait := self._reserve(ctx.clock.monotonic())) > 0:
            if wait > patience:
                raise Throttled(f"the target takes the next call in {wait:.1f} s", retry_after=wait)
            ctx.sleep(wait)
        ctx.check()

    def _reserve(self, now: float) -> float:
        """Return 0 and book a call, or the seconds until asking again makes sense."""
        with self._lock:
            if now < self._paused_until:
                return self._paused_until - now
            if self._rate is None:
                return 0.0
            if now < self._next_call:
                return self._next_call - now
            self._next_call = now + 1.0 / self._rate
            return 0.0


class Slot:
    """One of a bucket's slots, held while the body runs; a class, because it runs around every call of a target."""

    __slots__ = ("_bucket", "_ctx", "_patience")

    def __init__(self, bucket: Bucket, ctx: Context, patience: float) -> None:
        self._bucket = bucket
        self._ctx = ctx
        self._patience = patience

    def __enter__(self) -> None:
        self._bucket.enter(self._ctx, self._patience)

    def __exit__(self, *_error: object) -> None:
        self._bucket.leave()


def bucket_of(target: Target) -> Bucket:
    """Return the one bucket of *target*."""
    bucket: Bucket = kept(target, "bucket", lambda: Bucket(target.limits))
    return bucket
