"""Defaults of the remaining kinds. Pure."""

from __future__ import annotations

import base64
from typing import Any, Final

from gitops_core.testing.kubernetes.defaults.filling import Object, at, each, filled, held

_RBAC: Final = "rbac.authorization.k8s.io"


def namespace(value: Object) -> Object:
    """Return a Namespace with the label that names it."""
    metadata = value["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
    return {**value, "metadata": {**metadata, "labels": labels}}


def new_namespace(value: Object) -> Object:
    """Return a new Namespace with its finalizer and its phase."""
    return {**value, "spec": filled(value.get("spec"), finalizers=["kubernetes"]), "status": {"phase": "Active"}}


def secret(value: Object) -> Object:
    """Return a Secret with its type; ``stringData`` goes into ``data``."""
    made = filled(value, type="Opaque")
    text = made.pop("stringData", None)
    if text:
        data = {key: base64.b64encode(item.encode("utf-8", "replace")).decode() for key, item in text.items()}
        made["data"] = {**(made.get("data") or {}), **data}
    return made


def claim(value: Object) -> Object:
    """Return a PersistentVolumeClaim with its mode."""
    return {**value, "spec": filled(value.get("spec"), volumeMode="Filesystem")}


def new_claim(value: Object) -> Object:
    """Return a new PersistentVolumeClaim with its protection and its phase."""
    return {**_protected(value, "kubernetes.io/pvc-protection"), "status": {"phase": "Pending"}}


def volume(value: Object) -> Object:
    """Return a PersistentVolume with its policy and its mode."""
    spec = filled(value.get("spec"), persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")
    spec = at(spec, "hostPath", lambda path: filled(path, type=""))
    return {**value, "spec": at(spec, "claimRef", lambda ref: filled(ref, apiVersion="v1", kind="PersistentVolumeClaim"))}


def new_volume(value: Object) -> Object:
    """Return a new PersistentVolume with its protection and its phase."""
    return {**_protected(value, "kubernetes.io/pv-protection"), "status": {"phase": "Pending"}}


def _protected(value: Object, finalizer: str) -> Object:
    metadata = value["metadata"]
    finalizers = metadata.get("finalizers") or []
    return value if finalizer in finalizers else {**value, "metadata": {**metadata, "finalizers": [*finalizers, finalizer]}}


def storage_class(value: Object) -> Object:
    """Return a StorageClass with its policies."""
    return filled(value, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def csi_driver(value: Object) -> Object:
    """Return a CSIDriver with its defaults."""
    spec = filled(value.get("spec"), attachRequired=True, podInfoOnMount=False, requiresRepublish=False, storageCapacity=False)
    spec = filled(spec, fsGroupPolicy="ReadWriteOnceWithFSType", volumeLifecycleModes=["Persistent"], seLinuxMount=False)
    return {**value, "spec": spec}


def autoscaler(value: Object) -> Object:
    """Return a HorizontalPodAutoscaler with its minimum and its metric."""
    target = {"type": "Utilization", "averageUtilization": 80}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    spec = value.get("spec") or {}
    return {**value, "spec": {**filled(spec, minReplicas=1), "metrics": spec.get("metrics") or metrics}}


def network_policy(value: Object) -> Object:
    """Return a NetworkPolicy with its types and the protocols of its ports."""
    spec = value.get("spec") or {}
    for name in ("ingress", "egress"):
        spec = each(spec, name, lambda rule: each(rule, "ports", lambda port: filled(port, protocol="TCP")))
    types = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return {**value, "spec": filled(spec, policyTypes=types)}


def binding(value: Object) -> Object:
    """Return a RoleBinding or ClusterRoleBinding with the groups of its role and its subjects."""
    made = at(value, "roleRef", lambda ref: {**ref, "apiGroup": ref.get("apiGroup") or _RBAC})
    return each(made, "subjects", _subject)


def _subject(value: Object) -> Object:
    return {**value, "apiGroup": value.get("apiGroup") or _RBAC} if value.get("kind") in {"User", "Group"} else value


def priority_class(value: Object) -> Object:
    """Return a PriorityClass with its policy."""
    return filled(value, preemptionPolicy="PreemptLowerPriority")


def endpoint_slice(value: Object) -> Object:
    """Return an EndpointSlice with the names and protocols of its ports."""
    return each(value, "ports", lambda port: filled(port, name="", protocol="TCP"))


def webhooks(value: Object) -> Object:
    """Return a webhook configuration with the defaults of its webhooks."""
    extra: dict[str, Any] = {"reinvocationPolicy": "Never"} if value["kind"].startswith("Mutating") else {}

    def one(hook: Object) -> Object:
        made = filled(hook, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10, **extra)
        made = filled(made, namespaceSelector={}, objectSelector={})
        made = each(made, "rules", lambda rule: filled(rule, scope="*"))
        return at(made, "clientConfig.service", lambda service: filled(service, port=443))

    return each(value, "webhooks", one)


def definition(value: Object) -> Object:
    """Return a CustomResourceDefinition with the names that follow from its kind, and its conversion."""
    kind = held(value, "spec.names.kind") or ""
    made = at(value, "spec.names", lambda names: filled(names, singular=kind.lower(), listKind=f"{kind}List"))
    spec = filled(made.get("spec"), conversion={"strategy": "None"})
    spec = at(spec, "conversion", lambda conversion: filled(conversion, strategy="None"))
    return {**made, "spec": spec}
