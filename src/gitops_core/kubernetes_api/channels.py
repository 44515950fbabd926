"""The wire to one API server: requests out, raw answers in; credentials renewed, no retries."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

import attrs
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPHeaderDict, PoolManager, Retry, Timeout

from gitops_core.errors import ConfigError, DeadlineExceeded, Invalid
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint
from gitops_core.kubernetes_api.failures import FAILURES, failure_of
from gitops_core.kubernetes_api.places import permission_for
from gitops_core.kubernetes_api.pools import make_pool
from gitops_core.kubernetes_api.requests import Request
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.kubernetes_api.tickets import Ticket, Tickets

_NO_RETRIES = Retry(total=False, redirect=False)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False).encode


@attrs.frozen
class _Wire:
    """The pool for one client certificate. ``whole_urls``: a plain HTTP proxy wants the address of the server each time."""

    certificate: Certificate | None
    manager: PoolManager
    pool: HTTPConnectionPool
    whole_urls: bool


class Channel:
    """
    One API server and the credentials for it; safe between threads. Opened on the first request.

    Args:
        endpoint: Where.
        tickets: Credentials.
        settings: Limits.

    Raises:
        ConfigError: What it would need is refused: no verification, credentials in the clear. STALL.
    """

    def __init__(self, endpoint: Endpoint, tickets: Tickets, settings: ConnectionSettings) -> None:
        _refuse_insecure(endpoint, settings)
        self.endpoint = endpoint
        self.settings = settings
        self._tickets = tickets
        self._lock = threading.Lock()
        self._wire: _Wire | None = None
        self._prefix = urlsplit(endpoint.server).path

    def send(
        self, request: Request, body: bytes | None, headers: tuple[tuple[str, str], ...], timeout: float
    ) -> BaseHTTPResponse:
        """
        Send *request* and return the raw answer, whatever its code; its body is not read yet.

        Args:
            request: What to ask.
            body: Its body, encoded.
            headers: Further headers.
            timeout: Seconds until the answer begins.

        Raises:
            ConfigError: Credentials or certificates make no sense, or the server is not the one we expect. STALL.
            DeadlineExceeded: *timeout* is not positive. RETRY.
            Denied: The server refuses our certificate. STALL.
            Transient: There is no answer. RETRY.
        """
        if timeout <= 0:
            raise DeadlineExceeded("no time left for a request; raise Options.deadline, or the target's limits.timeout")
        until = time.monotonic() + timeout
        ticket = self._tickets.current()
        answer = self._exchange(request, body, self._headers(request, headers, ticket), (ticket.certificate, timeout))
        if answer.status != HTTPStatus.UNAUTHORIZED or (fresh := self._tickets.renew(ticket)) is None:
            return answer
        answer.drain_conn()  # a refused request was not carried out, so even a write may be sent again
        answer.release_conn()
        remaining = max(0.001, until - time.monotonic())
        return self._exchange(request, body, self._headers(request, headers, fresh), (fresh.certificate, remaining))

    def _headers(self, request: Request, extra: tuple[tuple[str, str], ...], ticket: Ticket) -> Mapping[str, str]:
        headers: Any = HTTPHeaderDict() if extra else {}
        headers["User-Agent"] = self.settings.user_agent
        headers["Accept"] = request.accept
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if ticket.authorization:
            if not (self.endpoint.is_private or self.settings.allow_insecure):
                raise ConfigError(f"{self.endpoint.server}: credentials would cross the network in the clear; use https://")
            headers["Authorization"] = ticket.authorization
        for name, value in (*extra, *request.headers):
            if extra:
                headers.add(name, value)  # several groups are several headers
            else:
                headers[name] = value
        return cast("Mapping[str, str]", headers)

    def _exchange(
        self, request: Request, body: bytes | None, headers: Mapping[str, str], way: tuple[Certificate | None, float]
    ) -> BaseHTTPResponse:
        certificate, timeout = way
        wire = self._wire
        if wire is None or wire.certificate is not certificate:
            wire = self._open(certificate)
        address = self._prefix + request.address
        limits: dict[str, Any] = {
            "body": body,
            "headers": headers,
            "retries": _NO_RETRIES,
            "redirect": False,
            "preload_content": False,
            "timeout": Timeout(total=timeout, connect=min(timeout, self.settings.connect_timeout), read=timeout),
        }
        try:
            if wire.whole_urls:
                return wire.manager.urlopen(request.method, self.endpoint.server + request.address, **limits)
            return wire.pool.urlopen(request.method, address, assert_same_host=False, **limits)
        except FAILURES as error:
            raise failure_of(error, self.endpoint.server, str(permission_for(request))) from error

    def _open(self, certificate: Certificate | None) -> _Wire:
        """Open the pool, anew when a plug-in handed out another certificate."""
        manager = make_pool(self.endpoint, certificate, self.settings)
        pool = manager.connection_from_url(self.endpoint.server)
        wire = _Wire(certificate, manager, pool, manager.proxy is not None and pool.scheme == "http")
        with self._lock:
            if self._wire is not None and self._wire.certificate is certificate:
                return self._wire  # another thread was faster
            old, self._wire = self._wire, wire
        if old is not None:
            old.manager.clear()
        return wire

    def close(self) -> None:
        """Close the connections that nobody uses; a later request opens new ones."""
        with self._lock:
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.manager.clear()


def _refuse_insecure(endpoint: Endpoint, settings: ConnectionSettings) -> None:
    if endpoint.insecure and not settings.allow_insecure:
        raise ConfigError(
            f"{endpoint.server}: insecure-skip-tls-verify would give our credentials to whoever answers; name the certificate "
            "authority, or permit it with ConnectionSettings(allow_insecure=True)"
        )


def encode_body(body: Any) -> bytes | None:
    """
    Return *body* as JSON bytes; None for no body.

    Raises:
        Invalid: It holds what JSON does not know. STALL. Values are not shown.
    """
    try:
        return _encode(body).encode() if body is not None else None
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(
            f"the object is not JSON ({type(error).__name__}); declare texts, numbers, lists and objects only"
        ) from None
