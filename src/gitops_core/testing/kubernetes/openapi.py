"""OpenAPI v3 documents: paths, their parameters and kinds; enough for ``kubectl`` to know what it may send."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from gitops_core.testing.kubernetes.kinds import Kind, KindTable

Object = dict[str, Any]
V2_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
EMPTY_V2: Final = b"\x0a\x032.0\x12\x15\x0a\x0aKubernetes\x12\x07v1.36.0"
"""An OpenAPI v2 document without paths and definitions: ``kubectl`` wants one for a ``List``, and leaves the checking to the server."""
_WRITE_PARAMETERS: Final = ("dryRun", "fieldManager", "fieldValidation", "force")


def index(kinds: KindTable) -> Object:
    """Return the answer to ``/openapi/v3``: one document for each group and version, with a hash that changes with it."""
    bases = sorted({kind.base_path.lstrip("/") for kind in kinds})
    return {"paths": {base: {"serverRelativeURL": f"/openapi/v3/{base}?hash={_hash(kinds, base)}"} for base in bases}}


def _hash(kinds: KindTable, base: str) -> str:
    document = json.dumps(group_version(kinds, base.split("/")), sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest().upper()


def group_version(kinds: KindTable, parts: list[str]) -> Object | None:
    """Return the document of one group and version; None when there is none."""
    base = "/" + "/".join(parts)
    found = [kind for kind in kinds if kind.base_path == base]
    if not found:
        return None
    paths = {path: operations for kind in found for path, operations in _paths(kind).items()}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.36.0"},
        "paths": paths,
        "components": {"schemas": _schemas(found)},
    }


def _paths(kind: Kind) -> dict[str, Object]:
    collection = kind.path("{namespace}")
    single = kind.path("{namespace}", "{name}")
    entry = {"x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind}}
    write = {"parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _WRITE_PARAMETERS], **entry}
    return {
        collection: {"get": {"x-kubernetes-action": "list", **entry}, "post": {"x-kubernetes-action": "post", **write}},
        single: {
            "get": {"x-kubernetes-action": "get", **entry},
            "put": {"x-kubernetes-action": "put", **write},
            "patch": {"x-kubernetes-action": "patch", **write},
            "delete": {"x-kubernetes-action": "delete", **write},
        },
    }


def _schemas(kinds: list[Kind]) -> Object:
    made = {}
    for kind in kinds:
        reverse = ".".join(reversed((kind.group or "core").split(".")))
        mark = [{"group": kind.group, "version": kind.version, "kind": kind.kind}]
        schema = (kind.custom or {}).get("schema", {}).get("openAPIV3Schema", {"type": "object"})
        made[f"{reverse}.{kind.version}.{kind.kind}"] = {**schema, "x-kubernetes-group-version-kind": mark}
    return made
