"""Bodies and paths for the tests of the fake cluster."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
APPLY = {"content-type": "application/apply-patch+yaml"}
MERGE = {"content-type": "application/merge-patch+json"}
STRATEGIC = {"content-type": "application/strategic-merge-patch+json"}
JSON_PATCH = {"content-type": "application/json-patch+json"}
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
PARTIAL = {"accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
PARTIAL_LIST = {"accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.org/v1/namespaces/default/widgets"


def config_map(name: str, **more: Any) -> Object:
    return {"metadata": {"name": name}, "data": {"a": "1"}, **more}


def pod_spec(**more: Any) -> Object:
    return {"containers": [{"name": "c", "image": "i"}], **more}


def template(**more: Any) -> Object:
    return {"metadata": {"labels": {"a": "b"}}, "spec": pod_spec(**more)}


def workload(name: str, **more: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template(), **more}}


def widget(name: str, api_version: str = "example.org/v1", /, **spec: Any) -> Object:
    return {"apiVersion": api_version, "kind": "Widget", "metadata": {"name": name}, "spec": spec}


def definition(properties: Object | None = None, **more: Any) -> Object:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": properties or {}},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    }
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    versions = [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}, "scale": scale},
        },
        {"name": "v1beta1", "served": True, "storage": False, "schema": {"openAPIV3Schema": free}},
    ]
    spec = {"group": "example.org", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"}, "versions": versions}
    return {"metadata": {"name": "widgets.example.org"}, "spec": {**spec, **more}}
