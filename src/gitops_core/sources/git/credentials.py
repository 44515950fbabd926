"""Who we are to a server. None of it appears in a repr."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TypeAlias

import attrs

from gitops_core.errors import ConfigError


@attrs.frozen
class Basic:
    """A user and a password (or a token in the password's place, as forges want it)."""

    user: str
    password: str = attrs.field(repr=False)

    @property
    def header(self) -> str:
        """The value of the ``Authorization`` header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must appear nowhere."""
        return (self.password, self.header.removeprefix("Basic "))


@attrs.frozen
class Bearer:
    """A token sent as ``Authorization: Bearer``."""

    token: str = attrs.field(repr=False)

    @property
    def header(self) -> str:
        """The value of the ``Authorization`` header."""
        return f"Bearer {self.token}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must appear nowhere."""
        return (self.token,)


Credentials: TypeAlias = Basic | Bearer | Callable[[str], Basic | Bearer | None]
"""Fixed, or a function from an origin (``https://host:443``) to credentials, asked before every operation."""


def credentials_for(origin: str, credentials: Credentials | None) -> Basic | Bearer | None:
    """
    Return what to present at *origin*.

    Raises:
        ConfigError: The function returned something else, or a value holds a line break. STALL.
    """
    found = credentials(origin) if callable(credentials) else credentials
    if found is None:
        return None
    if not isinstance(found, Basic | Bearer):
        raise ConfigError(f"GitSource.credentials gave a {type(found).__name__} for {origin}; return Basic, Bearer or None")
    if any(c in found.header for c in "\r\n"):
        raise ConfigError(f"GitSource.credentials: what was given for {origin} holds a line break; strip it")
    return found
