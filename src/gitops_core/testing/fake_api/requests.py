"""What was asked of the API: a log, counts by verb, and the limit of requests."""

from __future__ import annotations

from collections import Counter, deque

import attrs

from gitops_core.testing.fake_api.errors import ThrottledError
from gitops_core.testing.fake_api.settings import RateLimit, Verb


@attrs.frozen
class Request:
    """
    One request, answered.

    Attributes:
        number: From 1.
        at: Seconds on the API's monotonic clock.
        verb: What was asked.
        record: Id of the record or operation; empty for a list.
        status: As in HTTP; 200 when it went well, 202 when an operation was begun.
        who: Empty for the API's client, else the foreign writer.
    """

    number: int
    at: float
    verb: Verb
    record: str = ""
    status: int = 200
    who: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (f"{self.at:.1f}", self.who, self.verb.value, self.record, str(self.status))))


class Book:
    """Counts and the log. Not safe between threads: the service holds its lock."""

    def __init__(self, size: int) -> None:
        self.log: deque[Request] = deque(maxlen=size)
        self.calls: Counter[str] = Counter()
        self._recent: deque[float] = deque()
        self._count = 0

    def admit(self, limit: RateLimit | None, now: float) -> None:
        """
        Let a request in.

        Raises:
            ThrottledError: There were too many of late; ``retry_after`` is exact.
        """
        if limit is None:
            return
        while self._recent and self._recent[0] <= now - limit.seconds:
            self._recent.popleft()
        if len(self._recent) >= limit.requests:
            wait = self._recent[0] + limit.seconds - now
            raise ThrottledError(f"more than {limit.requests} requests in {limit.seconds:g} s; wait {wait:g} s", wait)
        self._recent.append(now)

    def note(self, request: Request) -> None:
        """Log a request; those of foreign writers are not counted."""
        self._count += 1
        self.log.append(attrs.evolve(request, number=self._count))
        if not request.who:
            self.calls[request.verb.value] += 1
