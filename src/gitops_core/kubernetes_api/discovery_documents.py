"""The documents by which an API server tells its kinds, read into values; aggregated ones and those of older servers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from gitops_core.kubernetes_api.kinds import KindInfo

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)
"""What to accept: one document about everything (Kubernetes 1.27 and later), else what the server has."""


@attrs.frozen
class GroupInfo:
    """
    One API group.

    Attributes:
        name: Empty for the core group.
        versions: The server's preference first.
        kinds: Of all versions that could be read, in that order.
        stale: Versions whose own server does not answer: their kinds are unknown, or those of a better day.
    """

    name: str
    versions: tuple[str, ...]
    kinds: tuple[KindInfo, ...] = ()
    stale: frozenset[str] = frozenset()


def is_aggregated(document: Any) -> bool:
    """Return whether *document* tells everything at once."""
    return isinstance(document, Mapping) and document.get("kind") == "APIGroupDiscoveryList"


def aggregated_groups(document: Mapping[str, Any]) -> Iterator[GroupInfo]:
    """
    Yield the groups of an ``APIGroupDiscoveryList``.

    Cost: O(size of the document).
    Source: Kubernetes, "The Kubernetes API", aggregated discovery.
    """
    for item in _objects(document.get("items")):
        name = (item.get("metadata") or {}).get("name", "")
        versions = list(_objects(item.get("versions")))
        yield GroupInfo(
            name,
            tuple(version["version"] for version in versions),
            tuple(kind for version in versions for kind in _aggregated_kinds(name, version)),
            frozenset(version["version"] for version in versions if version.get("freshness") == "Stale"),
        )


def _aggregated_kinds(group: str, version: Mapping[str, Any]) -> Iterator[KindInfo]:
    for resource in _objects(version.get("resources")):
        kind = (resource.get("responseKind") or {}).get("kind", "")
        if kind:  # a parent that exists only for its subresources has none
            yield KindInfo(
                group,
                version["version"],
                kind,
                resource["resource"],
                resource.get("scope") == "Namespaced",
                frozenset(resource.get("verbs") or ()),
                frozenset(sub["subresource"] for sub in _objects(resource.get("subresources"))),
            )


def listed_groups(core: Any, named: Any) -> Iterator[GroupInfo]:
    """Yield the groups of an ``APIVersions`` and an ``APIGroupList``, the preferred version first; their kinds are not in there."""
    if isinstance(core, Mapping):
        yield GroupInfo("", tuple(core.get("versions") or ()))
    for group in _objects(named.get("groups") if isinstance(named, Mapping) else None):
        preferred = (group.get("preferredVersion") or {}).get("version")
        versions = [version["version"] for version in _objects(group.get("versions"))]
        yield GroupInfo(group["name"], tuple(sorted(versions, key=lambda version: version != preferred)))


def listed_kinds(group: str, version: str, document: Any) -> Iterator[KindInfo]:
    """Yield the kinds of an ``APIResourceList``."""
    resources = list(_objects(document.get("resources") if isinstance(document, Mapping) else None))
    subresources: dict[str, set[str]] = {}
    for resource in resources:
        parent, _, subresource = resource["name"].partition("/")
        subresources.setdefault(parent, set()).update([subresource] if subresource else [])
    for resource in resources:
        name = resource["name"]
        if "/" not in name:
            verbs, below = frozenset(resource.get("verbs") or ()), frozenset(subresources[name])
            yield KindInfo(group, version, resource["kind"], name, bool(resource.get("namespaced")), verbs, below)


def _objects(values: Any) -> Iterable[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []
