"""Which object or collection a request is about, and which verb that is. Pure."""

from __future__ import annotations

from typing import Final

import attrs

from gitops_core.testing.kubernetes.http import HttpRequest
from gitops_core.testing.kubernetes.kinds import Kind, KindTable
from gitops_core.testing.kubernetes.statuses import ApiStatus, no_such_resource, not_supported

_ON_OBJECT: Final = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ON_COLLECTION: Final = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_OTHER_SUBRESOURCES: Final = frozenset(
    [
        "approval",
        "attach",
        "binding",
        "ephemeralcontainers",
        "eviction",
        "exec",
        "finalize",
        "log",
        "portforward",
        "proxy",
        "resize",
        "token",
    ]
)


@attrs.frozen
class Route:
    """
    What a request is about.

    Attributes:
        kind: The kind.
        verb: As in RBAC: get, list, watch, create, update, patch, delete, deletecollection.
        namespace: Namespace; empty for none or all.
        name: Name; empty for a collection.
        subresource: Subresource; empty for the object itself.
    """

    kind: Kind
    verb: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def route(kinds: KindTable, request: HttpRequest) -> Route:
    """
    Return what *request* is about.

    Raises:
        ApiStatus: 404 for a kind that is not served, 405 for a verb it does not have, 501 for a subresource the fake does not have.
    """
    group, version, rest = _split(request.path)
    if rest[:1] == ["watch"]:
        raise not_supported("watches by path (/watch/); ask for ?watch=true")
    kind, namespace, name, subresource = _place(kinds, group, version, rest)
    _check_subresource(kind, subresource)
    found = Route(kind, _verb(request, bool(name)), namespace, name, subresource)
    if not subresource and found.verb not in kind.verbs:
        raise method_not_allowed()
    return found


def method_not_allowed() -> ApiStatus:
    """The resource is there and does not do that."""
    message = "the server does not allow this method on the requested resource"
    return ApiStatus(405, "MethodNotAllowed", message, {})


def _split(path: str) -> tuple[str, str, list[str]]:
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        return "", parts[1], parts[2:]
    return parts[1], parts[2], parts[3:]


def _place(kinds: KindTable, group: str, version: str, rest: list[str]) -> tuple[Kind, str, str, str]:
    in_namespace = rest[:1] == ["namespaces"] and len(rest) > len(("namespaces", "name")) and not _of_a_namespace(group, rest)
    namespace, parts = (rest[1], rest[2:]) if in_namespace else ("", rest)
    kind = kinds.find(group, version, parts[0]) if parts else None
    if kind is None or len(parts) > len(("plural", "name", "subresource")) or (in_namespace and not kind.namespaced):
        raise no_such_resource()
    name, subresource = [*parts[1:], "", ""][:2]
    if kind.namespaced and name and not in_namespace:
        raise no_such_resource()
    return kind, namespace, name, subresource


def _of_a_namespace(group: str, rest: list[str]) -> bool:
    return not group and rest[2:] in (["status"], ["finalize"])


def _check_subresource(kind: Kind, subresource: str) -> None:
    if not subresource or subresource in kind.subresources:
        return
    if kind.custom is None and (subresource in _OTHER_SUBRESOURCES):
        raise not_supported(f"the subresource {subresource} of {kind.resource}")
    raise no_such_resource()


def _verb(request: HttpRequest, is_object: bool) -> str:
    if request.method == "GET" and request.flag("watch"):
        return "watch"
    verb = (_ON_OBJECT if is_object else _ON_COLLECTION).get(request.method)
    if verb is None:
        raise method_not_allowed()
    return verb
