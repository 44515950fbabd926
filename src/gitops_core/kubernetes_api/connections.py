"""A connection: one identity at one API server."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from pathlib import Path

import attrs
from urllib3 import BaseHTTPResponse

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.answers import Reading, read_answer
from gitops_core.kubernetes_api.channels import Channel
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint, read_file
from gitops_core.kubernetes_api.identities import Credentials, Impersonation
from gitops_core.kubernetes_api.requests import Request, Response
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.kubernetes_api.streams import Stream
from gitops_core.kubernetes_api.tickets import CalledTickets, FileTickets, FixedTickets, Tickets, bearer


class Connection:
    """
    One identity at one API server; safe between threads. Use a class method to make one.

    Attributes:
        server: Its address, without credentials.
        identity: Who asks, in words: for messages and as a key of caches.
        settings: Limits and habits.
    """

    def __init__(self, channel: Channel, identity: str, impersonation: Impersonation | None = None) -> None:
        self.server = channel.endpoint.server
        self.identity = identity
        self.settings = channel.settings
        self._channel = channel
        self._impersonation = impersonation
        self._headers = impersonation.headers() if impersonation else ()
        self._others: dict[Impersonation, Connection] = {}
        self._lock = threading.Lock()

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
        endpoint = Endpoint(server=server) if isinstance(server, str) else server
        if credentials.ca_file:
            ca_data = read_file(credentials.ca_file, "certificate authority").decode("ascii", "replace")
            endpoint = attrs.evolve(endpoint, ca_data=ca_data)
        return cls(Channel(endpoint, _tickets(credentials), settings), _name(credentials))

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
                found = self._others[identity] = Connection(self._channel, f"{self.identity} as {identity}", identity)
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
            answer = self._channel.send(request, self._headers, timeout)
            return read_answer(answer, self._reading(request, until))
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
            answer = self._channel.send(request, self._headers, timeout)
            reading = self._reading(request)
            if answer.status != HTTPStatus.OK:
                read_answer(answer, reading)
            return Stream(answer, reading)
        finally:
            self._tell(request, answer, began)

    def _reading(self, request: Request, until: float = float("inf")) -> Reading:
        return Reading(request, self.server, self.settings.max_response_bytes, until)

    def _tell(self, request: Request, answer: BaseHTTPResponse | None, began: float) -> None:
        if self.settings.on_request is not None:
            status = answer.status if answer is not None else 0
            self.settings.on_request(request.method, request.path, time.perf_counter() - began, status)

    def close(self) -> None:
        """Close the sockets that nobody uses. One that impersonates leaves them to the connection it came from."""
        if self._impersonation is None:
            self._channel.close()


def _tickets(credentials: Credentials) -> Tickets:
    certificate = _certificate(credentials)
    if credentials.token and credentials.token_file:
        raise ConfigError("credentials with both a token and a token file; give one of them")
    if credentials.token_file:
        return FileTickets(credentials.token_file, certificate)
    if callable(credentials.token):
        return CalledTickets(credentials.token, certificate)
    return FixedTickets(bearer(credentials.token, certificate))


def _certificate(credentials: Credentials) -> Certificate | None:
    if bool(credentials.certificate_file) != bool(credentials.key_file):
        raise ConfigError("a client certificate needs its key, and a key its certificate; give both files")
    if not credentials.certificate_file:
        return None
    return Certificate(
        read_file(credentials.certificate_file, "client certificate"), read_file(credentials.key_file, "client key")
    )


def _name(credentials: Credentials) -> str:
    """Tell identities apart without showing them."""
    if credentials.name:
        return credentials.name
    if credentials.certificate_file:
        return f"certificate {Path(credentials.certificate_file).name}"
    if credentials.token_file:
        return f"token file {credentials.token_file}"
    return "bearer token" if credentials.token else "anonymous"
