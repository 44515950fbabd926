"""Small Kubernetes objects for requests, and where they live."""

from __future__ import annotations

from typing import Any

LABELS = {"app": "web"}


def configmap(name: str, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    """Return a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {"key": "value"}}


def configmaps(ns: str, name: str = "") -> str:
    """Return the path of the ConfigMaps of a namespace, or of one."""
    return _path("/api/v1", ns, "configmaps", name)


def deployment(name: str, *, replicas: int | None = 1, image: str = "web:1", **metadata: Any) -> dict[str, Any]:
    """Return a Deployment with one container."""
    spec: dict[str, Any] = {
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "web", "image": image}]}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, **metadata}, "spec": spec}


def deployments(ns: str, name: str = "") -> str:
    """Return the path of the Deployments of a namespace, or of one."""
    return _path("/apis/apps/v1", ns, "deployments", name)


def service(name: str, ports: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return a Service."""
    spec = {"selector": LABELS, "ports": ports or [{"name": "http", "port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def services(ns: str, name: str = "") -> str:
    """Return the path of the Services of a namespace, or of one."""
    return _path("/api/v1", ns, "services", name)


def secret(name: str, **fields: Any) -> dict[str, Any]:
    """Return a Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, **fields}


def secrets(ns: str, name: str = "") -> str:
    """Return the path of the Secrets of a namespace, or of one."""
    return _path("/api/v1", ns, "secrets", name)


def namespaces(name: str = "") -> str:
    """Return the path of the namespaces, or of one."""
    return f"/api/v1/namespaces/{name}".rstrip("/")


def owned(body: dict[str, Any], manager: str, operation: str = "Apply") -> dict[str, Any]:
    """Return the fields that a manager owns, by ``metadata.managedFields``; no fields if it owns none."""
    entries = body["metadata"].get("managedFields", [])
    found = [entry["fieldsV1"] for entry in entries if entry["manager"] == manager and entry["operation"] == operation]
    assert len(found) <= 1, found
    return found[0] if found else {}


def managers(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Return manager and operation of every entry of ``metadata.managedFields``."""
    return [(entry["manager"], entry["operation"]) for entry in body["metadata"].get("managedFields", [])]


def _path(group: str, ns: str, plural: str, name: str) -> str:
    return f"{group}/namespaces/{ns}/{plural}/{name}".rstrip("/")
