"""Who asks: bearer tokens, and impersonation. Pure. Source: Kubernetes documentation, Authenticating."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

import attrs

from gitops_core.testing.kubernetes.statuses import ApiStatus, bad_request

_PREFIX: Final = "token-of-"
PATH: Final = "/as/"
"""Requests below ``/as/NAME`` come from that user."""
MASTERS: Final = "system:masters"
AUTHENTICATED: Final = "system:authenticated"
ANONYMOUS: Final = "system:anonymous"


@attrs.frozen
class User:
    """
    Who asks.

    Attributes:
        name: Name; of a service account ``system:serviceaccount:NAMESPACE:NAME``.
        groups: Groups.
        by: Who impersonates, if anybody; not part of the identity.
    """

    name: str
    groups: tuple[str, ...] = ()
    by: User | None = None


def token(user: str) -> str:
    """Return the bearer token of a user of the fake cluster."""
    return f"{_PREFIX}{user}"


def by_path(path: str) -> tuple[str, str]:
    """Return the path without the part that says who asks, and the user; an empty one when it does not."""
    if not path.startswith(PATH):
        return path, ""
    user, slash, rest = path[len(PATH) :].partition("/")
    return slash + rest, user


def authenticated(headers: Mapping[str, str], users: Mapping[str, tuple[str, ...]]) -> User:
    """
    Return who sends a request with *headers*.

    Raises:
        ApiStatus: 401 for a token that is none; 400 for an impersonation without a name.
    """
    given = headers.get("authorization", "")
    if not given:
        user = User(ANONYMOUS, ("system:unauthenticated",))
    else:
        scheme, _, word = given.partition(" ")
        if scheme.lower() != "bearer" or not word.startswith(_PREFIX):
            raise ApiStatus(401, "Unauthorized", "Unauthorized")
        user = known(word[len(_PREFIX) :], users)
    return _impersonated(user, headers)


def known(name: str, users: Mapping[str, tuple[str, ...]]) -> User:
    """Return the user of that name with all groups."""
    given = users.get(name, (MASTERS,) if name == "admin" else ())
    return User(name, tuple(dict.fromkeys((*given, *_account_groups(name), AUTHENTICATED))))


def _account_groups(name: str) -> Iterator[str]:
    if name.startswith("system:serviceaccount:"):
        yield "system:serviceaccounts"
        yield f"system:serviceaccounts:{name.split(':')[2]}"


def _impersonated(user: User, headers: Mapping[str, str]) -> User:
    name = headers.get("impersonate-user", "")
    groups = tuple(unquote(group) for group in headers.get("impersonate-group", "").split("\n") if group)
    if not name:
        if groups:
            raise bad_request(f"requested {list(groups)} without impersonating a user name")
        return user
    given = (*(groups or _account_groups(name)), AUTHENTICATED)
    return User(name, tuple(dict.fromkeys(given)), user)
