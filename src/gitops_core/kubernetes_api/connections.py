"""A connection: one identity at one API server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from urllib3 import BaseHTTPResponse

from gitops_core.errors import ConfigError, Transient
from gitops_core.kubernetes_api.answers import Reading, read_answer
from gitops_core.kubernetes_api.channels import Channel, encode_body
from gitops_core.kubernetes_api.endpoints import Endpoint
from gitops_core.kubernetes_api.identities import Credentials, Impersonation
from gitops_core.kubernetes_api.kubeconfig import kubeconfig_login
from gitops_core.kubernetes_api.logins import Login, explicit_login, in_cluster_login
from gitops_core.kubernetes_api.requests import Request, Response
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.kubernetes_api.streams import Stream

T = TypeVar("T")


class Connection:
    """
    One identity at one API server; safe between threads. Use a class method to make one.

    Attributes:
        server: Its address, without credentials.
        identity: Who asks, in words: for messages and as a key of caches.
        settings: Limits and habits.
    """

    def __init__(self, channel: Channel, identity: str, impersonation: Impersonation | None = None, owner: bool = True) -> None:
        self.server = channel.endpoint.server
        self.identity = identity
        self.settings = channel.settings
        self._channel = channel
        self._impersonation = impersonation
        self._owner = owner
        self._headers = impersonation.headers() if impersonation else ()
        self._others: dict[Impersonation, Connection] = {}
        self._lock = threading.Lock()
        self._kept: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"Connection({self.server!r}, {self.identity!r})"

    @classmethod
    def explicit(
        cls,
        server: str | Endpoint,
        *,
        credentials: Credentials = Credentials(),
        settings: ConnectionSettings = ConnectionSettings(),
    ) -> Connection:
        """
        Return a connection to *server*.

        Args:
            server: ``https://host:port``; or an :class:`Endpoint`, which can also say its proxy and the name in its certificate.
            credentials: Who we are.
            settings: Limits and habits.

        Raises:
            ConfigError: Something named is not there, or makes no sense. STALL.
        """
        return cls._open(explicit_login(server, credentials), settings)

    @classmethod
    def from_kubeconfig(
        cls,
        path: str | Path | None = None,
        *,
        context: str | None = None,
        settings: ConnectionSettings = ConnectionSettings(),
    ) -> Connection:
        """
        Return the connection that a kubeconfig describes.

        Args:
            path: The file; None for those in ``KUBECONFIG``, else ``~/.kube/config``.
            context: Its name; None for the current one.
            settings: Limits and habits.

        Raises:
            ConfigError: A file, context, cluster, user, certificate or plug-in is missing or makes no sense; or the server is not
                to be verified, and ``settings`` do not allow that. STALL.
        """
        return cls._open(kubeconfig_login(path, context, settings), settings)

    @classmethod
    def in_cluster(cls, *, settings: ConnectionSettings = ConnectionSettings()) -> Connection:
        """
        Return the connection of the Pod that this process runs in, with its service account.

        Raises:
            ConfigError: This is no Pod, or one without a service account. STALL.
        """
        return cls._open(in_cluster_login(), settings)

    @classmethod
    def _open(cls, login: Login, settings: ConnectionSettings) -> Connection:
        identity = f"{login.identity} as {login.impersonation}" if login.impersonation else login.identity
        return cls(Channel(login.endpoint, login.tickets, settings), identity, login.impersonation)

    def impersonating(self, identity: Impersonation) -> Connection:
        """
        Return the connection that asks as *identity*: always the same one, over the sockets of this one.

        Raises:
            ConfigError: This one impersonates already. STALL.
        """
        if self._impersonation is not None:
            raise ConfigError(f"{self.identity}: cannot put on a second identity; impersonate from the connection it came from")
        with self._lock:
            found = self._others.get(identity)
            if found is None:
                found = Connection(self._channel, f"{self.identity} as {identity}", identity, owner=False)
                self._others[identity] = found
            return found

    def kept(self, name: str, make: Callable[[], T]) -> T:
        """Return what *make* made when *name* was asked for first: what everybody who uses this very connection shares."""
        found: T = self._kept.get(name) or self._kept.setdefault(name, make())
        return found

    def request(self, request: Request, timeout: float) -> Response:
        """
        Ask, and return the answer.

        Args:
            request: What to ask.
            timeout: Seconds until the answer begins; it must be complete before twice as many.

        Returns:
            Response: Of a success, or 304 where the request allows it.

        Raises:
            GitOpsError: Anything else, by the tables of ``statuses`` and ``failures``.

        Cost: one request, tried once; twice after a 401 when there are fresh credentials.
        """
        until = time.monotonic() + 2 * timeout
        answer, began = None, time.perf_counter()
        try:
            body = encode_body(request.body)
            answer = self._channel.send(request, body, self._headers, timeout)
            return read_answer(answer, self._reading(request, until, len(body or b"")))
        finally:
            self._tell(request, answer, began)

    def stream(self, request: Request, timeout: float) -> Stream:
        """
        Begin a watch.

        Args:
            request: A list with ``watch=true``.
            timeout: Seconds until it stands, and of silence after which it counts as broken. Ask for bookmarks, or end it from the
                server's side with ``timeoutSeconds`` below it.

        Raises:
            GitOpsError: It cannot begin, by the tables of ``statuses`` and ``failures``.

        Cost: one request, and one of the server's connections while it is open.
        """
        answer, began = None, time.perf_counter()
        try:
            answer = self._channel.send(request, None, self._headers, timeout)
            reading = self._reading(request)
            if answer.status != HTTPStatus.OK:
                read_answer(answer, reading)
                raise Transient(f"{reading.action}: answered with HTTP {answer.status} instead of events; tried again")
            return Stream(answer, reading)
        finally:
            self._tell(request, answer, began)

    def _reading(self, request: Request, until: float = float("inf"), sent_bytes: int = 0) -> Reading:
        return Reading(request, self.server, self.settings.max_response_bytes, until, sent_bytes)

    def _tell(self, request: Request, answer: BaseHTTPResponse | None, began: float) -> None:
        if self.settings.on_request is not None:
            status = answer.status if answer is not None else 0
            self.settings.on_request(request.method, request.path, time.perf_counter() - began, status)

    def close(self) -> None:
        """Close the sockets that nobody uses. What :meth:`impersonating` returned leaves them to the connection it came from."""
        if self._owner:
            self._channel.close()
