"""The table from what can go wrong on the way to an API server to our errors."""

from __future__ import annotations

import ssl

from urllib3 import exceptions as urllib3_errors

from gitops_core.errors import ConfigError, Denied, GitOpsError, Transient

_CLIENT_CERTIFICATE = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "TLSV1_ALERT_UNKNOWN_CA",
    "TLSV1_ALERT_ACCESS_DENIED",
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "SSLV3_ALERT_CERTIFICATE_REVOKED",
}
"""Alerts (RFC 8446, 6.2) by which a server refuses the certificate of its client, as OpenSSL names them."""

FAILURES = (urllib3_errors.HTTPError, OSError)
"""What a call over urllib3 raises when it has no answer."""


def failure_of(error: Exception, server: str, action: str) -> GitOpsError:
    """
    Return our error for *error*.

    Args:
        error: One of :data:`FAILURES`.
        server: The address, without credentials.
        action: What was tried: ``patch deployments.apps web in shop``.
    """
    tls = next((link for link in _chain(error) if isinstance(link, ssl.SSLError)), None)
    if tls is not None:
        return _tls_failure(tls, server, action)
    what = next((words for kind, words in _WORDS if isinstance(error, kind)), "the connection failed")
    return Transient(f"{action}: {what} ({server}); tried again; if it stays, check the address, the network and the server")


def _tls_failure(error: ssl.SSLError, server: str, action: str) -> GitOpsError:
    if isinstance(error, ssl.SSLCertVerificationError):
        cure = "give the certificate authority (ca_file), or the name in the certificate (tls-server-name)"
        return ConfigError(f"{action}: {server} is not who we expect: {error.verify_message}; {cure}")
    reason = getattr(error, "reason", None) or type(error).__name__  # only those of OpenSSL itself have one
    if reason in _CLIENT_CERTIFICATE:
        return Denied(f"{action}: {server} does not accept our client certificate ({reason}); renew it")
    return Transient(f"{action}: TLS with {server} failed ({reason}); tried again; if it stays, check that it speaks TLS")


def _chain(error: BaseException | None) -> list[BaseException]:
    """Return *error* and what is wrapped in it: urllib3 puts the original in ``args``, in ``reason`` or behind ``__cause__``."""
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        link = queue.pop(0)
        if isinstance(link, BaseException) and not any(link is seen for seen in found):
            found.append(link)
            queue += [*link.args, getattr(link, "original_error", None), link.__cause__]
    return found


_WORDS: tuple[tuple[type[BaseException], str], ...] = (  # the most specific first
    (urllib3_errors.NameResolutionError, "the name of the server cannot be resolved"),
    (urllib3_errors.NewConnectionError, "the server cannot be reached"),
    (urllib3_errors.ConnectTimeoutError, "the server could not be reached in time"),
    (urllib3_errors.ReadTimeoutError, "no answer in time; whether it was done is unknown"),
    (urllib3_errors.ProxyError, "the proxy cannot be reached, or refuses"),
    (urllib3_errors.IncompleteRead, "the answer ended too early"),
    (urllib3_errors.InvalidChunkLength, "the answer ended too early"),
    (urllib3_errors.ProtocolError, "the connection was cut; whether it was done is unknown"),
    (urllib3_errors.DecodeError, "the answer could not be unpacked"),
    (TimeoutError, "no answer in time; whether it was done is unknown"),
)
