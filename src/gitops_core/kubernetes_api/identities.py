"""Who talks to the API server: credentials, and the identity that they may put on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import attrs

from gitops_core.errors import ConfigError


@attrs.frozen(kw_only=True)
class Credentials:
    """
    What proves who we are. Nothing of it is ever shown.

    Attributes:
        token: Bearer token, or a function that returns the current one; it is called for each request, and must be quick and safe
            between threads.
        token_file: File with the token; read again when it has been replaced.
        certificate_file: Client certificate (PEM).
        key_file: Its private key (PEM).
        ca_file: Certificates that vouch for the server (PEM); without it the system's.
        name: What messages and caches call us.
    """

    token: str | Callable[[], str] = attrs.field(default="", repr=False)
    token_file: str | Path = ""
    certificate_file: str | Path = ""
    key_file: str | Path = attrs.field(default="", repr=False)
    ca_file: str | Path = ""
    name: str = ""


@attrs.frozen
class Impersonation:
    """
    The identity that requests are made as. Needs the permission ``impersonate``.

    Attributes:
        user: Name; needed.
        groups: Groups; the server adds ``system:authenticated``.
        uid: Unique id, empty for none.
        extra: Further facts: (name, values), names in lower case.
    """

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __attrs_post_init__(self) -> None:
        if not self.user:
            raise ConfigError("impersonation without a user; name one, or use Impersonation.service_account")
        for value in (self.user, self.uid, *self.groups, *(value for _, values in self.extra for value in values)):
            if not value.isascii() or any(ord(character) < ord(" ") for character in value):
                raise ConfigError(f"impersonation of {value!r}: only printable ASCII can be sent in a header")

    @classmethod
    def service_account(cls, namespace: str, name: str) -> Impersonation:
        """
        Return the identity of a service account, with the groups that its token would have.

        Source: Kubernetes, "Authenticating", service account tokens.
        """
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return cls(f"system:serviceaccount:{namespace}:{name}", groups)

    @classmethod
    def of(cls, user: str, groups: Iterable[str] = (), extra: Mapping[str, Iterable[str]] | None = None) -> Impersonation:
        """Return the identity of *user*; *groups* and *extra* in any form and order."""
        facts = sorted((name.lower(), tuple(values)) for name, values in (extra or {}).items())
        return cls(user, tuple(dict.fromkeys(groups)), "", tuple(facts))

    def headers(self) -> tuple[tuple[str, str], ...]:
        """
        Return the request headers that ask for this identity.

        Source: Kubernetes, "User impersonation".
        """
        extra = (("Impersonate-Extra-" + quote(name, safe=""), value) for name, values in self.extra for value in values)
        uid = [("Impersonate-Uid", self.uid)] if self.uid else []
        groups = (("Impersonate-Group", group) for group in self.groups)
        return (("Impersonate-User", self.user), *groups, *uid, *extra)

    def __str__(self) -> str:
        return f"{self.user} ({', '.join(self.groups)})" if self.groups else self.user
