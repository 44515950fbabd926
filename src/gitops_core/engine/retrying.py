"""Retries: the one place, driven by the disposition of the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

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

    def call(self, ctx: Context, call: Call, run: Callable[[], T], bucket: Bucket | None = None) -> tuple[T, int]:
        """
        Return what *run* returns and how many attempts it took.

        Waits are capped exponential with full jitter, never shorter than the error's ``retry_after``; a ``Throttled``
        error pauses the whole *bucket*. The first error is raised as it is when no other try is due.

        Raises:
            GitOpsError: The last error; STALL and WAIT at once, RETRY after ``options.attempts`` attempts, or when the wait
                would be longer than *patience*: then its ``retry_after`` says how long.

        Source: full jitter as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
        """
        attempts = 0

        def attempt() -> T:
            nonlocal attempts
            ctx.check()
            attempts += 1
            try:
                return run()
            except Exception:
                with translated(call):
                    raise

        def seconds(state: tenacity.RetryCallState) -> float:
            error = _error(state)
            ceiling = min(self.options.backoff_cap, self.options.backoff * 2.0 ** (state.attempt_number - 1))
            wait = max(error.retry_after or 0.0, ctx.random.uniform(0.0, ceiling))
            if bucket is not None and isinstance(error, Throttled):
                bucket.pause(ctx.clock.monotonic() + wait)
            return wait

        try:
            return attempt(), attempts
        except GitOpsError as error:
            if not self._again(error, attempts):
                raise
            first: GitOpsError | None = error

        def again() -> T:
            # Nearly every call succeeds at once, so tenacity is set up only after a failure; it gets that failure first,
            # because its waits and stops count it.
            nonlocal first
            if first is not None:
                error, first = first, None
                raise error
            return attempt()

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: self._again(error, attempts)),
            stop=lambda state: self._is_too_long(state, ctx),
            wait=seconds,
            before_sleep=lambda state: self.on_retry(call, _error(state), state.upcoming_sleep),
            sleep=ctx.sleep,
            reraise=True,
        )
        return retrying(again), attempts

    def _is_too_long(self, state: tenacity.RetryCallState, ctx: Context) -> bool:
        if state.upcoming_sleep > self.patience:
            _error(state).retry_after = state.upcoming_sleep
            return True
        return ctx.remaining() <= state.upcoming_sleep

    def _again(self, error: BaseException, attempts: int) -> bool:
        if not isinstance(error, GitOpsError) or error.disposition is not Disposition.RETRY:
            return False
        if isinstance(error, (DeadlineExceeded, *_ANSWERS)):
            return False
        most = min(self.options.attempts, _PLUGIN_ATTEMPTS) if isinstance(error, PluginError) else self.options.attempts
        return attempts < most


def _error(state: tenacity.RetryCallState) -> GitOpsError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, GitOpsError):
        raise TypeError(f"only errors of ours are retried, not {error!r}")
    return error
