"""Where a repository is: URLs taken apart once, without credentials."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import attrs

from gitops_core.errors import ConfigError

_SCP: Final = re.compile(r"(?:(?P<user>[^@/:\s]+)@)?(?P<host>\[[^\]]+\]|[^/:\s]{2,}):(?!//)(?P<path>.+)", re.DOTALL)
_PORTS: Final = {"https": 443, "http": 80, "ssh": 22, "git": 9418}


@attrs.frozen
class Address:
    """
    A repository's place.

    Attributes:
        scheme: ``https``, ``http``, ``ssh``, ``git`` or ``file``.
        url: As given, for people and for keys; it never holds a password.
        host: Empty for ``file``.
        port: 0 for ``file`` and where ssh decides.
        user: For ssh.
        path: On the host.
    """

    scheme: str
    url: str
    host: str = ""
    port: int = 0
    user: str = ""
    path: str = ""

    @property
    def origin(self) -> str:
        """``scheme://host:port``, what credentials are bound to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def is_same_repository(self, other: Address) -> bool:
        """Tell whether *other* most likely means the same repository: the same host and path, whatever leads there."""
        return (self.host.lower(), _bare(self.path)) == (other.host.lower(), _bare(other.path))

    @property
    def is_loopback(self) -> bool:
        """This machine, by name or number."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")


def parse_address(url: str | os.PathLike[str]) -> Address:
    """
    Take *url* apart: ``https://``, ``http://``, ``ssh://``, ``user@host:path``, ``git://``, ``file://`` or a local path.

    Raises:
        ConfigError: Another scheme, a password in the URL, a host or user that a command could take for an option. STALL.
    """
    if isinstance(url, os.PathLike):
        return _local(os.fspath(url))
    if "://" in url:
        return _from_url(url)
    found = _SCP.fullmatch(url)
    if found is None or os.path.exists(url):  # noqa: PTH110  # why: the text may be no path at all
        return _local(url)
    return _safe(Address("ssh", url, found["host"].strip("[]"), 0, found["user"] or "", found["path"]))


def _bare(path: str) -> str:
    return path.strip("/").removesuffix(".git")


def _local(path: str) -> Address:
    if not path or "\0" in path:
        raise ConfigError("GitSource.url is empty; give a URL, or the path of a local repository")
    absolute = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111  # why: text in, text out
    return Address("file", absolute, path=absolute)


def _from_url(url: str) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError("GitSource.url cannot be read: its host or port makes no sense") from None
    scheme = parts.scheme.lower().removeprefix("git+")
    if scheme == "file":
        path = url2pathname(parts.path)
        return Address("file", path, path=path)
    if scheme not in _PORTS:
        raise ConfigError(f"GitSource.url: scheme {scheme!r} is not spoken; use https, ssh, file or a local path")
    if parts.password is not None or (parts.username and scheme != "ssh"):
        raise ConfigError("GitSource.url holds credentials; take them out and pass credentials=Basic(...) or Bearer(...)")
    if parts.query or parts.fragment:
        raise ConfigError("GitSource.url has a query or a fragment; a repository's URL is only scheme, host and path")
    if not parts.hostname or parts.path in ("", "/"):
        raise ConfigError("GitSource.url names no host or no repository")
    path = unquote(parts.path) if scheme in ("ssh", "git") else parts.path
    default = 0 if scheme == "ssh" else _PORTS[scheme]
    return _safe(Address(scheme, url.rstrip("/"), parts.hostname, port or default, unquote(parts.username or ""), path))


def _safe(address: Address) -> Address:
    for name, text in (("host", address.host), ("user", address.user), ("path", address.path)):
        if text.startswith("-") or any(ord(c) < ord(" ") for c in text):
            raise ConfigError(
                f"GitSource.url: the {name} begins with '-' or holds a control character; a command could misread it"
            )
    return address
