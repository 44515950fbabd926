"""
Faults on the wire: the plan of :mod:`gitops_core.testing.faults` between the client and the API.

Operations are named ``kubernetes.get``, ``kubernetes.list``, ``kubernetes.patch`` and so on; the key is ``deployments.apps/web/site``
(resource, namespace, name), ``deployments.apps/web`` for a collection, the path for what is no resource.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from gitops_core.interfaces import Clock
from gitops_core.testing.faults.calls import Call, ClockTime
from gitops_core.testing.faults.dialects import Dialect
from gitops_core.testing.faults.plan import FaultPlan
from gitops_core.testing.kubernetes.api import Answer
from gitops_core.testing.kubernetes.http import ConnectionDropped, HttpRequest, HttpResponse, HttpStream
from gitops_core.testing.kubernetes.routing import target
from gitops_core.testing.kubernetes.statuses import ApiStatus
from gitops_core.testing.kubernetes.users import by_path


def _throttled(message: str, seconds: float) -> Exception:
    details = {"retryAfterSeconds": int(seconds)}
    return ApiStatus(429, "TooManyRequests", message, details, (("Retry-After", str(int(seconds))),))


_WIRE: Final = Dialect(ConnectionDropped, _throttled, ConnectionDropped, ConnectionDropped)


def internal_error(message: str = "injected: internal error") -> ApiStatus:
    """Return the error for ``Fail(error=internal_error())``: the server answers 500."""
    return ApiStatus(500, "InternalError", message, {})


def unavailable(message: str = "injected: the server is currently unable to handle the request") -> ApiStatus:
    """Return the error for ``Fail(error=unavailable())``: the server answers 503."""
    return ApiStatus(503, "ServiceUnavailable", message, {})


def answered(plan: FaultPlan, clock: Clock, request: HttpRequest, run: Callable[[], Answer]) -> Answer:
    """
    Answer *request* with the faults of *plan* in it.

    ``Fail`` and ``TimeOut`` close the connection, or answer with the :class:`ApiStatus` that they were given; ``DropReply`` does the
    work and closes it; ``Throttle`` answers 429 with ``Retry-After``; ``Delay`` waits on the clock; ``Corrupt`` cuts the body in the
    middle, of a watch after the first events.

    Raises:
        ConnectionDropped: The connection is to be closed.
    """
    operation, key = _named(request)
    call = Call(operation=operation, key=key, run=run, dialect=_WIRE, time=ClockTime(clock), garble=_cut)
    try:
        answer: Answer = plan.through(call)
    except ApiStatus as status:
        return status.response()
    return answer


def _named(request: HttpRequest) -> tuple[str, str]:
    path, _ = by_path(request.path)
    try:
        wish = target(attrs.evolve(request, path=path)).wish
    except (ApiStatus, IndexError):
        return "kubernetes.get", path
    if not wish.resource:
        return "kubernetes.get", path
    resource = f"{wish.resource}.{wish.group}" if wish.group else wish.resource
    return f"kubernetes.{wish.verb}", "/".join(filter(None, (resource, wish.namespace, wish.name)))


def _cut(answer: Any, _entropy: int) -> Answer:
    """Half of the body, and the end of the connection."""
    if isinstance(answer, HttpResponse):
        return attrs.evolve(answer, cut=len(answer.body) // 2)
    return CutStream(answer)


class CutStream:
    """
    A watch that breaks off in the middle of a line, after its first events.

    Attributes:
        status: Of the stream.
        headers: Of the stream.
        content_type: Of the stream.
    """

    def __init__(self, stream: HttpStream) -> None:
        """Break *stream*."""
        self.status, self.headers, self.content_type = stream.status, stream.headers, stream.content_type
        self._stream = stream
        self._broken = False

    @property
    def ended(self) -> bool:
        """False: a broken stream has no end; see ``pending``."""
        return False

    def pending(self) -> list[bytes]:
        """Return the first events, the last of them cut; then raise ConnectionDropped."""
        if self._broken:
            raise ConnectionDropped("injected: the watch was cut")
        lines = self._stream.pending()
        self._broken = bool(lines)
        return [*lines[:-1], lines[-1][: len(lines[-1]) // 2]] if lines else []

    def wait(self, seconds: float) -> None:
        """Wait for the first events."""
        self._stream.wait(seconds)

    def close(self) -> None:
        """End it."""
        self._stream.close()
