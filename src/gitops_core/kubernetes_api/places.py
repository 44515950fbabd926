"""What a request is about, read from its own method and path."""

from __future__ import annotations

from urllib.parse import unquote

from gitops_core.errors import Permission
from gitops_core.kubernetes_api.requests import Request

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OF_ALL = {"get": "list", "delete": "deletecollection"}


def permission_for(request: Request) -> Permission:
    """
    Return what *request* needs to be allowed, as RBAC writes it.

    A path that belongs to no kind (``/version``) is the resource itself.

    Source: Kubernetes, "Authorization", request attributes and verbs.
    """
    verb = _VERBS.get(request.method, request.method.lower())
    root, *segments = [unquote(segment) for segment in request.path.strip("/").split("/")]
    group = segments.pop(0) if root == "apis" and segments else ""
    if root not in {"api", "apis"} or not segments[1:]:  # a version alone is no kind
        return Permission(verb, "", request.path)
    namespace, resource, name = _object(segments[1:])
    return Permission(_verb(verb, name, request), group, resource, namespace, name)


def _object(segments: list[str]) -> tuple[str, str, str]:
    namespace = ""
    if segments[0] == "namespaces" and segments[2:] and segments[2] not in {"status", "finalize"}:
        namespace, segments = segments[1], segments[2:]
    resource, name, *subresource = [*segments, ""][: max(2, len(segments))]
    return namespace, "/".join([resource, *subresource]), name


def _verb(verb: str, name: str, request: Request) -> str:
    if name:
        return verb
    if verb == "get" and dict(request.query).get("watch") in {"1", "true"}:
        return "watch"
    return _OF_ALL.get(verb, verb)


def is_sensitive(request: Request) -> bool:
    """Return whether the answer may quote secret values: for Secrets always."""
    permission = permission_for(request)
    return request.sensitive or (permission.group == "" and permission.resource.partition("/")[0] == "secrets")
