"""Discovery: which groups, versions and kinds there are, in the classic and the aggregated form. Pure."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.testing.kubernetes.kinds import Kind, KindTable

Object = dict[str, Any]
VERSION: Final = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0+fake",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "fake/python",
}
_SUBRESOURCE_VERBS: Final = ("get", "patch", "update")


def core_versions() -> Object:
    """Return the answer to ``/api``."""
    clients = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": clients}


def groups(kinds: KindTable) -> Object:
    """Return the answer to ``/apis``."""
    listed = [_group(name, versions) for name, versions in _versions(kinds).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def group(kinds: KindTable, name: str) -> Object | None:
    """Return the answer to ``/apis/GROUP``; None when there is no such group."""
    versions = _versions(kinds).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if name and versions else None


def resources(kinds: KindTable, name: str, version: str) -> Object | None:
    """Return the answer to ``/apis/GROUP/VERSION`` or ``/api/v1``; None when it is not served."""
    found = [kind for kind in kinds if (kind.group, kind.version) == (name, version)]
    if not found:
        return None
    listed = [each for kind in sorted(found, key=lambda kind: kind.plural) for each in _resources(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": found[0].api_version, "resources": listed}


def aggregated(kinds: KindTable, core: bool) -> Object:
    """Return the aggregated answer to ``/api`` (*core*) or ``/apis``."""
    items = [
        {
            "metadata": {"name": name} if name else {},
            "versions": [_aggregated_version(kinds, name, version) for version in versions],
        }
        for name, versions in _versions(kinds).items()
        if bool(name) != core
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def wants_aggregated(accept: str) -> bool:
    """Tell whether an ``Accept`` header prefers the aggregated form."""
    first = accept.partition(",")[0].replace(" ", "")
    return "as=APIGroupDiscoveryList" in first and "v=v2" in first.split(";")


def _versions(kinds: KindTable) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind in kinds:
        versions = found.setdefault(kind.group, [])
        if kind.version not in versions:
            versions.append(kind.version)
    return {name: sorted(versions, key=version_rank) for name, versions in found.items()}


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Return the place of a version among others, best first: v2, v1, v1beta2, v1alpha1, then others by name."""
    digits = version.removeprefix("v")
    number = ""
    while digits and digits[0].isdigit():
        number, digits = number + digits[0], digits[1:]
    for rank, level in enumerate(("", "beta", "alpha")):
        rest = digits.removeprefix(level) if level else digits
        if version.startswith("v") and number and (not digits if not level else digits.startswith(level) and rest.isdigit()):
            return rank, -int(number), -int(rest or 0), ""
    return 3, 0, 0, version


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resources(kind: Kind) -> list[Object]:
    entry: Object = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    return [entry, *(_subresource(kind, name) for name in sorted(kind.subresources))]


def _subresource(kind: Kind, name: str) -> Object:
    entry: Object = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
    if name == "scale":
        entry |= {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    else:
        entry |= {"kind": kind.kind}
    return {**entry, "verbs": _subresource_verbs(name)}


def _subresource_verbs(name: str) -> list[str]:
    return ["update"] if name == "finalize" else list(_SUBRESOURCE_VERBS)


def _aggregated_version(kinds: KindTable, name: str, version: str) -> Object:
    found = sorted((kind for kind in kinds if (kind.group, kind.version) == (name, version)), key=lambda kind: kind.plural)
    return {"version": version, "resources": [_aggregated(kind) for kind in found], "freshness": "Current"}


def _aggregated(kind: Kind) -> Object:
    entry: Object = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = [
            {"subresource": name, "responseKind": _response_kind(kind, name), "verbs": _subresource_verbs(name)}
            for name in sorted(kind.subresources)
        ]
    return entry


def _response_kind(kind: Kind, name: str) -> Object:
    if name == "scale":
        return {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}
