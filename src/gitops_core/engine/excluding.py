"""One engine an application: wait for the other one, and notice a stop while waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from gitops_core.engine.passes import Pass
from gitops_core.errors import StateLocked

_SLICE: Final = 0.25  # seconds; a store's wait cannot be stopped, so it is asked for little at a time


@contextmanager
def alone(p: Pass) -> Iterator[None]:
    """
    Hold the application for the length of the body.

    Raises:
        StateLocked: Another engine still holds it after ``options.lock_timeout``, or at once where nobody waits. RETRY.
        Cancelled: The host asked us to stop while we waited. WAIT.
    """
    left = p.app.options.lock_timeout if p.runtime.waits else 0.0
    refused: list[StateLocked] = []
    with ExitStack() as held:

        def enter(seconds: float) -> bool:
            try:
                held.enter_context(p.store.exclusive(p.app.id, seconds))
            except StateLocked as error:
                refused[:] = [error]
                if not p.runtime.waits and error.retry_after is None:
                    error.retry_after = max(p.app.options.health_interval, p.app.options.backoff)
                return False
            return True

        p.ctx.check()
        while not p.ctx.clock.take(enter, max(0.0, min(_SLICE, left))):
            left -= _SLICE
            if left <= 0:
                raise refused[0]
            p.ctx.check()
        yield
