"""Answers that are no resources: version, health, discovery, and as much of OpenAPI as ``kubectl`` asks for."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.testing.kubernetes import discovery, openapi
from gitops_core.testing.kubernetes.encoding import encoded
from gitops_core.testing.kubernetes.http import HttpRequest, HttpResponse
from gitops_core.testing.kubernetes.statuses import no_such_resource, not_supported
from gitops_core.testing.kubernetes.world import World

Object = dict[str, Any]
_HEALTH: Final = frozenset({"healthz", "livez", "readyz"})
_GROUP_VERSION: Final = 3  # parts: apis, the group, the version
_AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def document(world: World, request: HttpRequest) -> HttpResponse | None:
    """
    Return the document at a path; None when there is none.

    Raises:
        ApiStatus: 404 or 501.
    """
    parts = [part for part in request.path.split("/") if part]
    first = parts[0] if parts else ""
    if first in _HEALTH:
        return HttpResponse(200, b"ok", content_type="text/plain; charset=utf-8")
    if first == "version":
        return HttpResponse(200, encoded(discovery.VERSION))
    if first in {"api", "apis"}:
        return _discovered(world, request, parts)
    if first == "openapi":
        return _openapi(world, request.headers.get("accept", ""), parts)
    return HttpResponse(200, encoded({"paths": ["/api", "/apis", "/healthz", "/openapi/v3", "/version"]})) if not parts else None


def _discovered(world: World, request: HttpRequest, parts: list[str]) -> HttpResponse | None:
    core = parts[0] == "api"
    if len(parts) == 1 and discovery.wants_aggregated(request.headers.get("accept", "")):
        return HttpResponse(200, encoded(discovery.aggregated(world.kinds, core)), content_type=_AGGREGATED)
    found: Object | None
    if len(parts) == 1:
        found = discovery.core_versions() if core else discovery.groups(world.kinds)
    elif core or len(parts) == _GROUP_VERSION:
        group, version = ("", parts[1]) if core else (parts[1], parts[2])
        found = discovery.resources(world.kinds, group, version)
    else:
        found = discovery.group(world.kinds, parts[1])
    if found is None and len(parts) == _GROUP_VERSION:
        raise no_such_resource()
    return None if found is None else HttpResponse(200, encoded(found))


def _openapi(world: World, accept: str, parts: list[str]) -> HttpResponse | None:
    if parts[1:] == ["v2"] and "protobuf" in accept:
        return HttpResponse(200, openapi.EMPTY_V2, content_type=openapi.V2_PROTOBUF)
    if parts[1:2] != ["v3"]:
        raise not_supported("/openapi/v2 but in protocol buffers, where it describes nothing")
    if not parts[2:]:
        return HttpResponse(200, encoded(openapi.index(world.kinds)), content_type="text/plain; charset=utf-8")
    found = openapi.group_version(world.kinds, parts[2:])
    return None if found is None else HttpResponse(200, encoded(found))
