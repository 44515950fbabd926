"""The credentials of the moment, and how fresh ones are had."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import attrs

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.endpoints import Certificate, read_file


@attrs.frozen
class Ticket:
    """
    What one request shows.

    Attributes:
        authorization: Value of the header; empty for none. Never shown.
        certificate: For TLS.
    """

    authorization: str = attrs.field(default="", repr=False)
    certificate: Certificate | None = None


class Tickets(Protocol):
    """Where tickets come from; safe between threads. ``renew`` answers a refusal: a fresh ticket, or None when there is none."""

    def current(self) -> Ticket: ...

    def renew(self, refused: Ticket) -> Ticket | None: ...


def bearer(token: str, certificate: Certificate | None = None) -> Ticket:
    """
    Return the ticket with *token*.

    Raises:
        ConfigError: It holds what cannot stand in a header. STALL. The token is not shown.
    """
    if not token:
        return Ticket("", certificate)
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise ConfigError("the bearer token is blank, or holds characters that cannot be sent; give the token alone")
    return Ticket(f"Bearer {token}", certificate)


def basic(user: str, password: str) -> Ticket:
    """Return the ticket with user and password (RFC 7617). API servers dropped it in 1.19; proxies before them may not have."""
    return Ticket("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


class FixedTickets:
    """One ticket for ever."""

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket

    def current(self) -> Ticket:
        """Return it."""
        return self._ticket

    def renew(self, refused: Ticket) -> Ticket | None:
        """Return None: there is no other."""
        del refused
        return None


class CalledTickets:
    """Ask a function of the embedder's for the token of each request."""

    def __init__(self, token: Callable[[], str], certificate: Certificate | None = None) -> None:
        self._token = token
        self._certificate = certificate

    def current(self) -> Ticket:
        """Return a ticket with what the function says now."""
        return bearer(self._token(), self._certificate)

    def renew(self, refused: Ticket) -> Ticket | None:
        """Ask again; a different token is a fresh one."""
        fresh = self.current()
        return fresh if fresh != refused else None


class FileTickets:
    """
    A token in a file that others replace, as Kubernetes does with those of service accounts.

    Cost: one ``stat`` a request; the file is read again when it is another one.
    """

    def __init__(self, path: str | Path, certificate: Certificate | None = None) -> None:
        self._path = Path(path).expanduser()
        self._certificate = certificate
        self._read: tuple[tuple[int, int, int], Ticket] | None = None
        self.current()

    def current(self) -> Ticket:
        """
        Return a ticket with the token that is in the file now.

        Raises:
            ConfigError: There is no file, or nothing in it. STALL.
        """
        mark = self._mark()
        read = self._read
        if read is None or read[0] != mark:
            read = mark, self._load()
            self._read = read  # one assignment: two threads at once read the same
        return read[1]

    def _mark(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise ConfigError(
                f"token file {self._path}: {error.strerror or error}; check the path and its permissions"
            ) from error
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _load(self) -> Ticket:
        return bearer(read_file(self._path, "token file").decode("ascii", "replace"), self._certificate)

    def renew(self, refused: Ticket) -> Ticket | None:
        """Read the file whatever its time says; a different token is a fresh one."""
        fresh = self._load()
        return fresh if fresh != refused else None
