"""What was asked of the cluster: a log and counts, for tests that promise a number of requests."""

from __future__ import annotations

import threading
from collections import Counter, deque

import attrs


@attrs.frozen
class Request:
    """
    One request, answered.

    Attributes:
        number: From 1, since the last reset.
        at: Seconds on the cluster's monotonic clock.
        user: Who asked.
        verb: As in RBAC; ``get`` for discovery and other paths that are no resources.
        resource: ``deployments.apps``; ``deployments.apps/status`` for a subresource; empty for no resource.
        namespace: Namespace; empty for none or all.
        name: Name; empty for a collection.
        status: HTTP status; 0 when the connection was dropped.
        received: Bytes of the body that came.
        sent: Bytes of the body that went; of a watch, 0.
        path: Path, without the query.
    """

    number: int
    at: float
    user: str
    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    status: int = 200
    received: int = 0
    sent: int = 0
    path: str = attrs.field(default="", repr=False)


class RequestLog:
    """
    The log of a cluster. Safe between threads.

    Example::

        cluster.requests.reset()
        ...
        assert cluster.requests.count("patch") == 1
        assert cluster.requests.by_verb() == {"patch": 1, "list": 3}
    """

    def __init__(self, size: int) -> None:
        """Keep the last *size* requests; the counts are of all."""
        self._lock = threading.Lock()
        self._log: deque[Request] = deque(maxlen=size)
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._received = self._sent = self._number = 0

    def note(self, request: Request) -> None:
        """Add a request."""
        with self._lock:
            self._number += 1
            self._log.append(attrs.evolve(request, number=self._number))
            self._counts[request.verb, request.resource, request.user] += 1
            self._received += request.received
            self._sent += request.sent

    def reset(self) -> None:
        """Forget everything so far."""
        with self._lock:
            self._log.clear()
            self._counts.clear()
            self._received = self._sent = self._number = 0

    def count(self, verb: str = "", resource: str = "", user: str = "") -> int:
        """Return how many requests there were, of that verb, resource and user where given."""
        with self._lock:
            return sum(
                number
                for (each_verb, each_resource, each_user), number in self._counts.items()
                if verb in {"", each_verb} and resource in {"", each_resource} and user in {"", each_user}
            )

    def by_verb(self) -> dict[str, int]:
        """Return the counts by verb, sorted."""
        return self._by(0)

    def by_resource(self) -> dict[str, int]:
        """Return the counts by resource, sorted; the empty one is discovery and the like."""
        return self._by(1)

    def by_user(self) -> dict[str, int]:
        """Return the counts by user, sorted."""
        return self._by(2)

    @property
    def received(self) -> int:
        """Bytes of all bodies that came."""
        return self._received

    @property
    def sent(self) -> int:
        """Bytes of all bodies that went, but for watches."""
        return self._sent

    @property
    def log(self) -> tuple[Request, ...]:
        """The last requests, in order."""
        with self._lock:
            return tuple(self._log)

    def _by(self, place: int) -> dict[str, int]:
        with self._lock:
            found: Counter[str] = Counter()
            for key, number in self._counts.items():
                found[key[place]] += number
            return dict(sorted(found.items()))
