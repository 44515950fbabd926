"""The ``scale`` subresource: replicas of an object, seen as an object of its own. Source: autoscaling/v1 Scale."""

from __future__ import annotations

from typing import Any

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import invalid, invalid_value

Object = dict[str, Any]


def scale_of(kind: Kind, value: Object) -> Object:
    """Return the scale of an object."""
    meta = {
        name: value["metadata"][name]
        for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if name in value["metadata"]
    }
    spec_path, status_path, selector_path = _paths(kind)
    replicas = _at(value, spec_path)
    spec: Object = {} if not replicas else {"replicas": replicas}
    status: Object = {"replicas": _at(value, status_path) or 0}
    selector = _selector(_at(value, selector_path))
    if selector:
        status["selector"] = selector
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status}


def with_scale(kind: Kind, value: Object, scale: Object) -> Object:
    """
    Return *value* with the replicas that *scale* wants.

    Raises:
        ApiStatus: 422, the number is negative.
    """
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        cause = invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid(kind, value["metadata"]["name"], [cause])
    version = (scale.get("metadata") or {}).get("resourceVersion")
    meta = {**value["metadata"], "resourceVersion": version} if version else value["metadata"]
    return {**_put(value, _paths(kind)[0], replicas), "metadata": meta}


def _paths(kind: Kind) -> tuple[list[str], list[str], list[str]]:
    if kind.custom is None:
        return ["spec", "replicas"], ["status", "replicas"], ["spec", "selector"]
    scale = kind.custom["subresources"]["scale"]
    names = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
    spec, status, selector = (scale.get(name, "").strip(".").split(".") for name in names)
    return spec, status, selector


def _at(value: Any, path: list[str]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _put(value: Object, path: list[str], item: Any) -> Object:
    if len(path) == 1:
        return {**value, path[0]: item}
    return {**value, path[0]: _put(value.get(path[0]) or {}, path[1:], item)}


def _selector(value: Any) -> str:
    if isinstance(value, str):
        return value
    labels = (value or {}).get("matchLabels", value if value and "matchExpressions" not in value else {}) or {}
    terms = [f"{key}={labels[key]}" for key in sorted(labels)]
    for each in (value or {}).get("matchExpressions") or ():
        told = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "Exists": "{key}", "DoesNotExist": "!{key}"}
        terms.append(told[each["operator"]].format(key=each["key"], values=",".join(sorted(each.get("values") or ()))))
    return ",".join(terms)
