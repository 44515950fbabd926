"""Retries: the one place, driven by the disposition of the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

import attrs
import tenacity

from gitops_core.engine.calls import Call, translated
from gitops_core.engine.limits import Bucket
from gitops_core.errors import (
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    Disposition,
    GitOpsError,
    NotFound,
    Partial,
    PluginError,
    Throttled,
)
from gitops_core.interfaces import Context
from gitops_core.model.applications import Options

T = TypeVar("T")
_ANSWERS: Final = (NotFound, AlreadyExists, Conflict, Partial)  # the same call would get them again: a fresh look is due
_PLUGIN_ATTEMPTS: Final = 3  # a plug-in that throws something of its own is more likely wrong than unlucky


@attrs.frozen
class Retry:
    """
    Runs calls until they succeed, or until another try makes no sense.

    Attributes:
        options: ``attempts``, ``backoff``, ``backoff_cap``.
        on_retry: Told about each error that is going to be retried, with the seconds until then.
        patience: The longest wait, in seconds, that is worth standing by for; after a longer one another pass tries again.
    """

    options: Options
    on_retry: Callable[[Call, GitOpsError, float], None]
    patience: float = float("inf")

    def call(
        self, ctx: Context, call: Call | Callable[[], Call], run: Callable[[], T], bucket: Bucket | None = None
    ) -> tuple[T, int]:
        """
        Return what *run* returns and how many attempts it took.

        Waits are capped exponential with full jitter, never shorter than the error's ``retry_after``; a ``Throttled``
        error pauses the whole *bucket*. The first error is raised as it is when no other try is due.

        Args:
            ctx: Of who calls.
            call: What *run* does; or a function that returns it, which is asked only after a failure.
            run: One attempt.
            bucket: Of the target that is called.

        Raises:
            GitOpsError: The last error; STALL and WAIT at once, RETRY after ``options.attempts`` attempts, or when the wait
                would be longer than *patience*: then its ``retry_after`` says how long.

        Source: full jitter as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
        """
        ctx.check()
        try:
            try:
                return run(), 1
            except Exception:  # nearly every call succeeds at once, so what a failure needs is made only now
                tries = _Tries(self, ctx, call if isinstance(call, Call) else call(), run, bucket)
                with translated(tries.call):
                    raise
        except GitOpsError as error:
            if not self.is_due(error, 1):
                raise
            first = error
        return tries.go_on(first), tries.attempts

    def is_due(self, error: BaseException, attempts: int) -> bool:
        """Tell whether another try makes sense after *attempts* of them, of which the last ended with *error*."""
        if not isinstance(error, GitOpsError) or error.disposition is not Disposition.RETRY:
            return False
        if isinstance(error, (DeadlineExceeded, *_ANSWERS)):
            return False
        most = min(self.options.attempts, _PLUGIN_ATTEMPTS) if isinstance(error, PluginError) else self.options.attempts
        return attempts < most


@attrs.define
class _Tries(Generic[T]):
    """A call whose first attempt failed."""

    retry: Retry
    ctx: Context
    call: Call
    run: Callable[[], T]
    bucket: Bucket | None
    attempts: int = 1
    first: GitOpsError | None = None

    def go_on(self, first: GitOpsError) -> T:
        """Return what a later attempt returns; *first* counts for waits and stops."""
        self.first = first
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: self.retry.is_due(error, self.attempts)),
            stop=self._is_too_long,
            wait=self._seconds,
            before_sleep=lambda state: self.retry.on_retry(self.call, _error(state), state.upcoming_sleep),
            sleep=self.ctx.sleep,
            reraise=True,
        )
        return retrying(self._attempt)

    def _attempt(self) -> T:
        if self.first is not None:
            error, self.first = self.first, None
            raise error
        self.ctx.check()
        self.attempts += 1
        with translated(self.call):
            return self.run()

    def _seconds(self, state: tenacity.RetryCallState) -> float:
        error, options = _error(state), self.retry.options
        ceiling = min(options.backoff_cap, options.backoff * 2.0 ** (state.attempt_number - 1))
        wait = max(error.retry_after or 0.0, self.ctx.random.uniform(0.0, ceiling))
        if self.bucket is not None and isinstance(error, Throttled):
            self.bucket.pause(self.ctx.clock.monotonic() + wait)
        return wait

    def _is_too_long(self, state: tenacity.RetryCallState) -> bool:
        if state.upcoming_sleep > self.retry.patience:
            _error(state).retry_after = state.upcoming_sleep
            return True
        return self.ctx.remaining() <= state.upcoming_sleep


def _error(state: tenacity.RetryCallState) -> GitOpsError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, GitOpsError):
        raise TypeError(f"only errors of ours are retried, not {error!r}")
    return error
