"""Which object or collection a request is about, and which verb that is. Pure."""

from __future__ import annotations

import re
from typing import Final

import attrs

from gitops_core.testing.kubernetes.http import HttpRequest
from gitops_core.testing.kubernetes.kinds import Kind, KindTable
from gitops_core.testing.kubernetes.rbac import Wish
from gitops_core.testing.kubernetes.statuses import ApiStatus, no_such_resource, not_supported

_NAMED: Final = re.compile(r"(?:^|,)metadata\.name==?([^,=]+)")
_ON_OBJECT: Final = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_ON_COLLECTION: Final = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_COLLECTIVE: Final = frozenset({"create", "deletecollection", "list", "watch"})
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


@attrs.frozen
class Target:
    """
    What a path names, whether or not it is served.

    Attributes:
        version: Version.
        wish: Verb, group, resource, subresource, namespace and name, as authorisation sees them.
        single: Whether the path names one object.
        extra: Whether the path goes on after that.
    """

    version: str
    wish: Wish
    single: bool = True
    extra: bool = False


def target(request: HttpRequest) -> Target:
    """Return what the path of *request* names, and which verb that is. Cost: O(length)."""
    group, version, rest = _split(request.path)
    if rest[:1] == ["watch"]:
        raise not_supported("watches by path (/watch/); ask for ?watch=true")
    in_namespace = rest[:1] == ["namespaces"] and len(rest) > len(("namespaces", "name")) and not _of_a_namespace(group, rest)
    namespace, parts = (rest[1], rest[2:]) if in_namespace else ("", rest)
    plural, name, subresource = [*parts, "", "", ""][:3]
    if not name and request.method == "GET":
        name_in_selector = _NAMED.search(request.parameter("fieldSelector"))
        chosen = name_in_selector[1] if name_in_selector else ""
    else:
        chosen = name
    if (group, plural) == ("", "namespaces"):
        namespace = name
    verb = _verb(request, bool(name))
    return Target(
        version,
        Wish(verb, group, plural, subresource, namespace, chosen),
        bool(name),
        len(parts) > len(("plural", "name", "subresource")),
    )


def route(kinds: KindTable, found: Target) -> Route:
    """
    Return the kind and the object behind a target.

    Args:
        kinds: What is served.
        found: The target.

    Raises:
        ApiStatus: 404 for a kind that is not served, 405 for a verb it does not have, 501 for a subresource the fake does not have.
    """
    wish = found.wish
    kind = kinds.find(wish.group, found.version, wish.resource)
    namespace = wish.namespace if kind is not None and kind.namespaced else ""
    is_misplaced = kind is not None and (bool(wish.namespace) and not kind.namespaced and wish.resource != "namespaces")
    if kind is None or found.extra or is_misplaced or (kind.namespaced and found.single and not namespace):
        raise no_such_resource()
    _check_subresource(kind, wish.subresource)
    is_served = wish.subresource or (wish.verb in kind.verbs and (found.single or wish.verb in _COLLECTIVE))
    if not is_served or (wish.verb == "create" and kind.namespaced and not namespace):
        raise method_not_allowed()
    return Route(kind, wish.verb, namespace, wish.name if found.single else "", wish.subresource)


def method_not_allowed() -> ApiStatus:
    """The resource is there and does not do that."""
    message = "the server does not allow this method on the requested resource"
    return ApiStatus(405, "MethodNotAllowed", message, {})


def _split(path: str) -> tuple[str, str, list[str]]:
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        return "", parts[1], parts[2:]
    return parts[1], parts[2], parts[3:]


def _of_a_namespace(group: str, rest: list[str]) -> bool:
    return not group and rest[2:] in (["status"], ["finalize"])


def _check_subresource(kind: Kind, subresource: str) -> None:
    if not subresource or subresource in kind.subresources:
        return
    if kind.custom is None and (subresource in _OTHER_SUBRESOURCES):
        raise not_supported(f"the subresource {subresource} of {kind.resource}")
    raise no_such_resource()


def _verb(request: HttpRequest, is_object: bool) -> str:
    if request.method in {"GET", "HEAD"}:
        return "watch" if request.flag("watch") else "get" if is_object else "list"
    return (_ON_OBJECT if is_object else _ON_COLLECTION).get(request.method, request.method.lower())
