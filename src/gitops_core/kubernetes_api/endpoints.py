"""Where an API server is, how it proves itself, and how we do."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from gitops_core.errors import ConfigError


@attrs.frozen
class Certificate:
    """A client certificate and its private key, both PEM; never shown."""

    chain: bytes = attrs.field(repr=False)
    key: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Endpoint:
    """
    One API server.

    Attributes:
        server: ``https://host:port``, perhaps with a path below which the API lies.
        ca_data: Certificates that vouch for the server (PEM text); without them the system's.
        tls_server_name: The name in its certificate, when that is not the host's.
        proxy: URL of the proxy on the way. Never shown: it may hold a password.
        insecure: Whoever answers is trusted.
    """

    server: str
    ca_data: str = attrs.field(default="", repr=False)
    tls_server_name: str = ""
    proxy: str = attrs.field(default="", repr=False)
    insecure: bool = False

    def __attrs_post_init__(self) -> None:
        parts = urlsplit(self.server)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"server {_safe(self.server)!r} is not an address; write https://host:port")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ConfigError(
                f"server {_safe(self.server)!r}: only scheme, host, port and path belong there; give credentials apart"
            )
        object.__setattr__(self, "server", self.server.rstrip("/"))

    @property
    def is_private(self) -> bool:
        """Return whether what we send can be read by nobody on the way: TLS, or this very machine."""
        parts = urlsplit(self.server)
        return parts.scheme == "https" or is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine; no name is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _safe(url: str) -> str:
    """Return *url* without what stands before the ``@``."""
    before, _, after = url.rpartition("@")
    return f"***@{after}" if before else url


def read_file(path: str | Path, what: str) -> bytes:
    """
    Return the content of the file at *path*.

    Args:
        path: Any; ``~`` is the home directory.
        what: What the file is for, in words.

    Raises:
        ConfigError: It cannot be read, or is empty. STALL.
    """
    try:
        content = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise ConfigError(f"{what} {path}: {error.strerror or error}; check the path and its permissions") from error
    if not content.strip():
        raise ConfigError(f"{what} {path}: empty; write it anew")
    return content
