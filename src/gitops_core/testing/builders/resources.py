"""
Manifests in one line, with the content that makes them sensible.

A name may have its namespace in front: ``deployment("shop/web")``. Every builder returns plain dictionaries that are yours to
change, and takes more top-level fields by keyword.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from gitops_core.model.resources import Live, Origin, Resource, key_of
from gitops_core.model.values import Body, freeze, thaw

IMAGE: Final = "registry.example.org/demo:1.0.0"
"""The image of a container that nobody named another one for."""


def manifest(kind: str, name: str, *, labels: Mapping[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """
    Return an object of any kind: ``manifest("example.org/v1/Widget", "shop/blue", spec={"size": 3})``.

    Args:
        kind: The kind, with ``apiVersion`` and a slash in front unless it has none: ``v1/Pod``, ``DnsRecord``.
        name: ``metadata.name``, with the namespace and a slash in front if it has one.
        labels: ``metadata.labels``, left out when None.
        fields: Further top-level fields. ``annotations`` go to the metadata, and ``metadata`` is added to it.

    Raises:
        ValueError: *kind* or *name* is empty.
    """
    version, _, bare = kind.rpartition("/")
    namespace, _, last = name.rpartition("/")
    if not bare or not last:
        raise ValueError(f"a manifest needs a kind and a name, not {kind!r} and {name!r}")
    metadata: dict[str, Any] = {"name": last}
    if namespace:
        metadata["namespace"] = namespace
    for word, texts in (("labels", labels), ("annotations", fields.pop("annotations", None))):
        if texts is not None:
            metadata[word] = dict(texts)
    metadata.update(fields.pop("metadata", {}))
    head = {"apiVersion": version} if version else {}
    return {**head, "kind": bare, "metadata": metadata, **fields}


def namespace(name: str, **fields: Any) -> dict[str, Any]:
    """Return a Namespace."""
    return manifest("v1/Namespace", name, **fields)


def config_map(name: str, data: Mapping[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a ConfigMap with *data*."""
    return manifest("v1/ConfigMap", name, data=dict(data or {}), **fields)


def secret(name: str, data: Mapping[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """Return an Opaque Secret; the values of *data* are given in clear and stand there in base64, as the API has it."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in (data or {}).items()}
    return manifest("v1/Secret", name, type="Opaque", data=encoded, **fields)


def deployment(name: str, *, image: str = IMAGE, replicas: int = 1, port: int = 8080, **fields: Any) -> dict[str, Any]:
    """
    Return a Deployment of one container.

    Args:
        name: Also the container's name and the label ``app`` that the selector looks for.
        image: Of the container.
        replicas: How many pods.
        port: The container listens on.
        fields: As for :func:`manifest`. ``spec`` is added to the spec.
    """
    app = {"app": _bare(name)}
    container = {"name": _bare(name), "image": image, "ports": [{"containerPort": port}]}
    template = {"metadata": {"labels": app}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": app}, "template": template, **fields.pop("spec", {})}
    return manifest("apps/v1/Deployment", name, **{"labels": app, **fields}, spec=spec)


def service(name: str, *, port: int = 80, target_port: int = 8080, **fields: Any) -> dict[str, Any]:
    """Return a Service for the pods of the :func:`deployment` of the same name. ``spec`` is added to the spec."""
    ports = [{"name": "http", "port": port, "targetPort": target_port}]
    spec = {"selector": {"app": _bare(name)}, "ports": ports, **fields.pop("spec", {})}
    return manifest("v1/Service", name, spec=spec, **fields)


def custom_resource_definition(name: str, kind: str, *, namespaced: bool = True, **fields: Any) -> dict[str, Any]:
    """
    Return a CustomResourceDefinition with one version, ``v1``, that takes any ``spec``.

    Args:
        name: Plural and group: ``widgets.example.org``.
        kind: Of the objects that it defines.
        namespaced: Whether they live in namespaces.
        fields: As for :func:`manifest`. ``spec`` is added to the spec.

    Raises:
        ValueError: *name* has no group.
    """
    plural, dot, group = name.partition(".")
    if not dot:
        raise ValueError(f"the name of a CustomResourceDefinition is plural.group, not {name!r}")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}}
    spec = {
        "group": group,
        "scope": "Namespaced" if namespaced else "Cluster",
        "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        **fields.pop("spec", {}),
    }
    return manifest("apiextensions.k8s.io/v1/CustomResourceDefinition", name, spec=spec, **fields)


def with_status(body: Body, **status: Any) -> dict[str, Any]:
    """Return a copy of *body* as a controller would leave it: with *status*, and with the generation that it is about."""
    copy: dict[str, Any] = thaw(body)
    generation = copy["metadata"].setdefault("generation", 1)
    return {**copy, "status": {"observedGeneration": generation, **copy.get("status", {}), **status}}


def ready(body: Body) -> dict[str, Any]:
    """Return a copy of *body* with the status of an object whose rollout is over: it has settled, and it is healthy."""
    copy: dict[str, Any] = thaw(body)
    kind = copy.get("kind")
    if kind == "CustomResourceDefinition":
        return with_status(copy, conditions=[{"type": word, "status": "True"} for word in ("NamesAccepted", "Established")])
    if kind == "Deployment":
        wanted = copy["spec"].get("replicas", 1)
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
        return with_status(copy, **counts, conditions=[{"type": "Available", "status": "True"}])
    return with_status(copy, conditions=[{"type": "Ready", "status": "True"}])


def live(body: Body, **facts: Any) -> Live:
    """Return *body* as a target has it; *facts* are those of :class:`Live` (``id``, ``version``, ``owner`` ...)."""
    return Live(key_of(body), freeze(body), **{"id": "id-1", "version": "1", **facts})


def declared(body: Body, at: str = "manifest.yaml:1", *, salt: bytes = b"") -> Resource:
    """Return *body* as a renderer yields it; *at* is its file and line."""
    path, _, line = at.partition(":")
    return Resource.of(body, Origin(path=path, line=int(line or 0)), salt=salt)


def yaml_text(*bodies: Body) -> str:
    """Return *bodies* as YAML documents: what stands in a repository."""
    import yaml  # why here: most tests hand over dictionaries

    text: str = yaml.safe_dump_all([thaw(body) for body in bodies], sort_keys=False, allow_unicode=True)
    return text


def _bare(name: str) -> str:
    return name.rpartition("/")[2]
