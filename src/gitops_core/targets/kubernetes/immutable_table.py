"""
The fields of the built-in kinds that a Kubernetes API refuses to change.

Source: the answers of kube-apiserver 1.36 to one change of each field; ``tests/integration/kubernetes`` asks it again, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from gitops_core.model.pointers import Patterns, as_patterns, get, leaves
from gitops_core.model.values import Body
from gitops_core.targets.kubernetes.quantities import parse_quantity

Condition = Callable[[str, Body, Body], bool]


def _never(_pointer: str, _desired: Body, _live: Body) -> bool:
    return False


@attrs.frozen
class Row:
    """
    The fields of one kind.

    Attributes:
        fixed: Cannot be changed.
        free: Can be changed although a part of what is fixed.
        unless: Tells of a fixed pointer, the declaration and the live object whether it can be changed all the same.
    """

    fixed: Patterns = attrs.field(converter=as_patterns)
    free: Patterns = attrs.field(default=Patterns(), converter=as_patterns)
    unless: Condition = _never


# -- conditions --------------------------------------------------------------------------------------------------------------


def _is_open_job(pointer: str, desired: Body, live: Body) -> bool:
    """A suspended Job may be scheduled otherwise; an indexed one may be resized when as many pods run as are to complete."""
    if pointer == "/spec/completions":
        wanted = get(desired, "/spec/parallelism", get(live, "/spec/parallelism"))
        return bool(get(live, "/spec/completionMode") == "Indexed" and wanted == get(desired, pointer))
    if get(live, "/spec/suspend") is not True or get(live, "/status/startTime"):
        return False
    return all(_SCHEDULING.covers(leaf) for leaf, _ in leaves(get(desired, pointer), pointer))


_SCHEDULING: Final = as_patterns([
    *(f"/spec/template/metadata/{name}" for name in ("labels", "annotations")),
    *(f"/spec/template/spec/{name}" for name in ("nodeSelector", "tolerations", "schedulingGates", "affinity/nodeAffinity")),
    *(f"/spec/template/spec/{name}/*/resources" for name in ("containers", "initContainers")),
])  # fmt: skip


def _is_open_service(pointer: str, desired: Body, live: Body) -> bool:
    """Addresses stay for as long as the Service has some; the class of a balancer, for as long as it has a balancer."""
    if pointer.startswith("/spec/loadBalancerClass"):
        return get(live, "/spec/loadBalancerClass") is None or get(desired, "/spec/type") != "LoadBalancer"
    if get(desired, "/spec/type") == "ExternalName" or not get(live, "/spec/clusterIP"):
        return True
    if pointer.startswith("/spec/ipFamilies"):  # the second family comes and goes
        return _first(get(desired, "/spec/ipFamilies")) in {None, _first(get(live, "/spec/ipFamilies"))}
    wanted = get(desired, "/spec/clusterIP") or _first(get(desired, "/spec/clusterIPs"))
    return not wanted or wanted == get(live, "/spec/clusterIP")


def _first(items: Any) -> Any:
    return items[0] if isinstance(items, list) and items else None


def _is_growing_claim(pointer: str, desired: Body, live: Body) -> bool:
    """A claim that is bound may ask for more, never for less; one that is not bound is not known to."""
    if pointer != "/spec/resources/requests/storage":
        return pointer == "/spec/volumeName" and not get(live, pointer)
    wanted, there = parse_quantity(get(desired, pointer)), parse_quantity(get(live, pointer))
    return get(live, "/status/phase", "Bound") == "Bound" and wanted is not None and there is not None and wanted > there


def _is_first_affinity(pointer: str, _desired: Body, live: Body) -> bool:
    """A volume gets a node affinity once, and may name the secret for growing later."""
    if pointer.startswith("/spec/nodeAffinity"):
        return not get(live, "/spec/nodeAffinity")
    return pointer.startswith("/spec/csi/controllerExpandSecretRef")


def _is_not_immutable(pointer: str, _desired: Body, live: Body) -> bool:
    return pointer != "/type" and live.get("immutable") is not True


def _adds_a_toleration(pointer: str, desired: Body, live: Body) -> bool:
    """A Pod may tolerate more, not less; and gates may open, not close."""
    if pointer == "/spec/tolerations":
        wanted = get(desired, pointer) or []
        return all(item in wanted for item in get(live, pointer) or [])
    there = get(live, "/spec/schedulingGates") or []
    return pointer.startswith("/spec/schedulingGates") and all(
        item in there for item in get(desired, "/spec/schedulingGates") or []
    )


# -- the table ---------------------------------------------------------------------------------------------------------------

_VOLUME_SOURCES: Final = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker", "gcePersistentDisk",
    "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO",
    "storageos", "vsphereVolume",
)  # fmt: skip


def _spec(*fields: str) -> tuple[str, ...]:
    return tuple(f"/spec/{field}" for field in fields)


_SELECTOR: Final = Row(_spec("selector"))
_ROLE_REF: Final = Row(("/roleRef",))
_SPEC: Final = Row(("/spec",))
_STORAGE: Final = "storage.k8s.io"

ROWS: Final[Mapping[tuple[str, str], Row]] = {
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "ReplicaSet"): _SELECTOR,
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "StatefulSet"): Row(
        ("/spec",),
        _spec("replicas", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds", "ordinals",
              "revisionHistoryLimit"),
    ),
    ("apps", "ControllerRevision"): Row(("/data", "/revision")),
    ("batch", "Job"): Row(
        _spec("selector", "template", "completions", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "successPolicy",
              "managedBy"),
        unless=_is_open_job,
    ),
    ("", "Service"): Row(_spec("clusterIP", "clusterIPs", "ipFamilies", "loadBalancerClass"), unless=_is_open_service),
    ("", "PersistentVolumeClaim"): Row(("/spec",), _spec("volumeAttributesClassName"), _is_growing_claim),
    ("", "PersistentVolume"): Row(_spec(*_VOLUME_SOURCES, "volumeMode", "nodeAffinity"), unless=_is_first_affinity),
    ("", "Secret"): Row(("/type", "/data", "/stringData", "/immutable"), unless=_is_not_immutable),
    ("", "ConfigMap"): Row(("/data", "/binaryData", "/immutable"), unless=_is_not_immutable),
    ("", "Pod"): Row(
        ("/spec",), _spec("containers/*/image", "initContainers/*/image", "activeDeadlineSeconds"), _adds_a_toleration
    ),
    ("", "ResourceQuota"): Row(_spec("scopes")),
    ("rbac.authorization.k8s.io", "RoleBinding"): _ROLE_REF,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _ROLE_REF,
    (_STORAGE, "StorageClass"): Row(("/provisioner", "/parameters", "/reclaimPolicy", "/volumeBindingMode")),
    (_STORAGE, "CSIDriver"): Row(_spec("attachRequired", "volumeLifecycleModes")),
    (_STORAGE, "VolumeAttributesClass"): Row(("/driverName", "/parameters")),
    (_STORAGE, "VolumeAttachment"): _SPEC,
    (_STORAGE, "CSIStorageCapacity"): Row(("/storageClassName", "/nodeTopology")),
    ("scheduling.k8s.io", "PriorityClass"): Row(("/value", "/preemptionPolicy")),
    ("networking.k8s.io", "IngressClass"): Row(_spec("controller")),
    ("networking.k8s.io", "ServiceCIDR"): Row(_spec("cidrs")),
    ("networking.k8s.io", "IPAddress"): Row(_spec("parentRef")),
    ("node.k8s.io", "RuntimeClass"): Row(("/handler",)),
    ("discovery.k8s.io", "EndpointSlice"): Row(("/addressType",)),
    ("resource.k8s.io", "ResourceClaim"): _SPEC,
    ("resource.k8s.io", "ResourceClaimTemplate"): _SPEC,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Row(_spec("group", "scope", "names/plural", "names/kind")),
}  # fmt: skip

ALIASES: Final[Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]] = {
    ("", "PersistentVolume"): {
        "spec.persistentvolumesource": _spec(*_VOLUME_SOURCES),
        "volumeMode": _spec("volumeMode"),
        "nodeAffinity": _spec("nodeAffinity"),
    },
    ("", "PersistentVolumeClaim"): {"volumeMode": _spec("volumeMode")},
    ("", "Service"): {"spec.clusterIPs[0]": _spec("clusterIP", "clusterIPs")},
    (_STORAGE, "CSIDriver"): {"spec.attachedRequired": _spec("attachRequired")},
}
"""Fields that the API calls otherwise in a refusal than in the object, or that stand for several."""
