"""
Smart HTTP under our own rules.

dulwich's client leaves to its pool manager what matters most here, so this one sends every request itself: nothing is retried,
a redirect never leaves the origin and never carries a body, credentials go to one origin only, reads can be stopped.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

import urllib3
from dulwich.client import AbstractHttpGitClient
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from gitops_core.errors import AuthenticationFailed, ConfigError, GitOpsError, RepositoryNotFound, SourceUnavailable
from gitops_core.sources.git.addresses import Address
from gitops_core.sources.git.call import Call
from gitops_core.sources.git.credentials import Basic, Bearer
from gitops_core.sources.git.settings import Transport
from gitops_core.sources.git.sockets import PatientSocket

if TYPE_CHECKING:
    import socket

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_OK: Final = 200
_SERVER_ERRORS: Final = 500


def make_pool(transport: Transport, call: Call, context: ssl.SSLContext | None) -> urllib3.PoolManager:
    """
    Return a pool for one operation, whose sockets obey *call*.

    Args:
        transport: Timeouts and proxy.
        call: The operation.
        context: For TLS, if there is any.
    """
    settings: dict[str, Any] = {
        "num_pools": 2,
        "retries": False,
        "timeout": urllib3.Timeout(
            connect=max(0.001, min(transport.connect_timeout, call.ctx.remaining())), read=transport.read_timeout
        ),
        "ssl_context": context,
    }
    if transport.proxy is None:
        pool = urllib3.PoolManager(**settings)
    else:
        proxy = urlsplit(transport.proxy)
        plain = f"{proxy.scheme}://{proxy.netloc.rpartition('@')[2]}"
        headers = urllib3.make_headers(proxy_basic_auth=f"{proxy.username}:{proxy.password or ''}") if proxy.username else None
        pool = urllib3.ProxyManager(plain, proxy_headers=headers, **settings)
    pool.pool_classes_by_scheme = _patient_pools(call)
    return pool


def _patient_pools(call: Call) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return PatientSocket.adopt(super()._new_conn(), call)

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return PatientSocket.adopt(super()._new_conn(), call)

        def connect(self) -> None:
            super().connect()
            self.sock.call = call  # type: ignore[union-attr]  # why: it is a PatientTlsSocket; the context makes them

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


class HttpClient(AbstractHttpGitClient):
    """dulwich's half of smart HTTP over our half; for one operation."""

    def __init__(self, address: Address, pool: urllib3.PoolManager, login: Basic | Bearer | None, call: Call) -> None:
        super().__init__(address.url)
        self._fetch_capabilities.discard(b"packfile-uris")
        self._address = address
        self._pool = pool
        self._login = login
        self._call = call

    @staticmethod
    def _warn_filter_objects() -> None:
        """Say nothing: history comes with more than was asked for, that is all."""

    def _get_url(self, path: str | bytes) -> str:
        del path
        return self._base_url

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Callable[[int], bytes]]:
        del raise_for_status  # every status that is not 200 is an error here
        target, answer = url, self._send(url, headers, data)
        for _ in range(_MOST_REDIRECTS):
            if answer.status not in _REDIRECTS or data is not None:
                break
            target = urljoin(target, answer.headers.get("Location", ""))
            answer.close()
            answer = self._send(target, headers, None)
        if answer.status != _OK:
            answer.close()
            raise _refusal(self._address, answer, logged_in=self._login is not None)
        answer.content_type = answer.headers.get("Content-Type")
        answer.redirect_location = target if target != url else ""
        if data is None and not (answer.content_type or "").startswith("application/x-git-"):
            answer.close()
            raise RepositoryNotFound(f"{self._address.url} answers, but does not speak Git's smart HTTP; check the address")
        return answer, self._call.reading(answer.read)

    def _send(self, url: str, headers: dict[str, str] | None, data: bytes | Iterator[bytes] | None) -> Any:
        if _origin(url) != self._address.origin:
            raise SourceUnavailable(
                f"{self._address.url} sends us on to {_origin(url)}; nothing was sent there: use the new URL if you trust it"
            )
        sent = {"User-Agent": "git/gitops-core", "Pragma": "no-cache", **(headers or {})}
        if self._login is not None:
            sent["Authorization"] = self._login.header
        return self._pool.request(
            "GET" if data is None else "POST", url, headers=sent, body=data, redirect=False, preload_content=False
        )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{parts.port or {'https': 443, 'http': 80}.get(parts.scheme, 0)}"


def _refusal(address: Address, answer: Any, *, logged_in: bool) -> GitOpsError:
    status, after = answer.status, answer.headers.get("Retry-After", "")
    match status:
        case 401 | 403:
            cure = (
                "check that they may read it and have not expired" if logged_in else "pass credentials=Basic(...) or Bearer(...)"
            )
            who = "our credentials" if logged_in else "us without credentials"
            return AuthenticationFailed(f"{address.url} refused {who} (HTTP {status}); {cure}")
        case 404 | 410:
            hint = "" if logged_in else "; a private one looks the same without credentials"
            return RepositoryNotFound(f"there is no repository at {address.url} (HTTP {status}){hint}")
        case 407:
            return AuthenticationFailed("the proxy wants other credentials (HTTP 407); put them into Transport.proxy")
        case 429:
            pass
        case _ if status < _SERVER_ERRORS and status not in _REDIRECTS:
            return ConfigError(f"{address.url} does not accept our requests (HTTP {status}); check the address")
    wait = float(after) if after.isdigit() else None
    return SourceUnavailable(f"{address.url} answered HTTP {status}", retry_after=wait)
