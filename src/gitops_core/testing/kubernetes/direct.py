"""A connection to a :class:`FakeCluster` without a socket: requests in, answers or errors out, as over the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

import attrs

from gitops_core.errors import Transient
from gitops_core.kubernetes_api.channels import encode_body
from gitops_core.kubernetes_api.requests import Request, Response
from gitops_core.kubernetes_api.statuses import error_of, read_refusal
from gitops_core.testing.kubernetes.cluster import FakeCluster
from gitops_core.testing.kubernetes.http import ConnectionDropped, HttpRequest, HttpResponse

_ERROR: Final = 400


def _nothing(_request: Request) -> None:
    return None


@attrs.define
class DirectConnection:
    """
    What a store or a coordinator needs of a connection, on a cluster in this process. Takes no time of any clock.

    Attributes:
        cluster: Who answers.
        user: Who asks.
        before: Called with each request; what it raises is what the caller gets instead of an answer.
        after: The same, once the work is done: the answer is lost.
    """

    cluster: FakeCluster
    user: str = "admin"
    before: Callable[[Request], None] = _nothing
    after: Callable[[Request], None] = _nothing

    @property
    def server(self) -> str:
        """An address, for messages."""
        return "https://fake.example.org"

    def request(self, request: Request, timeout: float) -> Response:
        """
        Ask; *timeout* must be positive and is not used.

        Raises:
            GitOpsError: By the tables of the real connection.
        """
        if timeout <= 0:
            raise ValueError(f"timeout {timeout:g}: no time is left for a request")
        self.before(request)
        answer = self._answered(request)
        self.after(request)
        content = json.loads(answer.body) if answer.body else None
        if answer.status >= _ERROR:
            raise error_of(read_refusal(request, answer.status, dict(answer.headers), content))
        return Response(answer.status, dict(answer.headers), content, answer.body)

    def _answered(self, request: Request) -> HttpResponse:
        headers = {"accept": request.accept, "authorization": f"Bearer {self.cluster.token(self.user)}"}
        body = encode_body(request.body)
        if body is not None:
            headers["content-type"] = request.content_type
        asked = HttpRequest(request.method, unquote(request.path), request.query, headers, body or b"")
        try:
            answer = self.cluster.handle(asked)
        except ConnectionDropped as error:
            raise Transient(f"{request.method} {request.path}: the connection was cut; tried again") from error
        if not isinstance(answer, HttpResponse):
            raise TypeError("a watch needs a socket: use FakeCluster.connection()")
        return answer
