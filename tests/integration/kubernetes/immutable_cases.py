"""One object of every kind with immutable fields, changes that the API refuses because of them, and changes that it takes."""

from __future__ import annotations

from typing import Any, NamedTuple

Json = dict[str, Any]


class Case(NamedTuple):
    """An object, its collection, and merge patches of it."""

    path: str
    body: Json
    fixed: tuple[Json, ...] = ()
    free: tuple[Json, ...] = ()


CONTAINERS: Json = {"containers": [{"name": "c", "image": "i"}]}
ONCE: Json = {**CONTAINERS, "restartPolicy": "Never"}
TEMPLATE: Json = {"metadata": {"labels": {"a": "b"}}, "spec": CONTAINERS}
SELECTOR: Json = {"matchLabels": {"a": "b"}}
OTHER: Json = {"spec": {"selector": {"matchLabels": {"a": None, "c": "d"}}, "template": {"metadata": {"labels": {"c": "d"}}}}}
ON_NODES: Json = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}
OTHER_NODES: Json = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "b", "operator": "Exists"}]}]}
CLAIM: Json = {
    "metadata": {"name": "d"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
RBAC = "rbac.authorization.k8s.io"


def at(api: str, plural: str, *, namespaced: bool = True) -> str:
    root = f"/api/{api}" if "/" not in api else f"/apis/{api}"
    return f"{root}/namespaces/default/{plural}" if namespaced else f"{root}/{plural}"


def of(api: str, kind: str, spec: Json | None = None, **fields: Any) -> Json:
    body: Json = {"apiVersion": api, "kind": kind, "metadata": {"name": "fixed"}, **fields}
    return body if spec is None else {**body, "spec": spec}


def spec(**fields: Any) -> Json:
    return {"spec": fields}


def pod(**fields: Any) -> Json:
    return {"spec": {"template": {"spec": fields}}}


def workload(kind: str) -> Case:
    body = of("apps/v1", kind, {"selector": SELECTOR, "template": TEMPLATE})
    return Case(at("apps/v1", f"{kind.lower()}s"), body, (OTHER,), (pod(hostNetwork=True),))


def job(fixed: tuple[Json, ...], free: tuple[Json, ...], **fields: Any) -> Case:
    return Case(at("batch/v1", "jobs"), of("batch/v1", "Job", {"template": {"spec": ONCE}, **fields}), fixed, free)


def service(fixed: tuple[Json, ...], free: tuple[Json, ...], **fields: Any) -> Case:
    return Case(at("v1", "services"), of("v1", "Service", {"ports": [{"port": 80}], **fields}), fixed, free)


def volume(fixed: tuple[Json, ...], free: tuple[Json, ...], **fields: Any) -> Case:
    given = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}, **fields}
    return Case(at("v1", "persistentvolumes", namespaced=False), of("v1", "PersistentVolume", given), fixed, free)


def cluster(api: str, plural: str, body: Json, fixed: tuple[Json, ...], free: tuple[Json, ...] = ()) -> Case:
    return Case(at(api, plural, namespaced=False), body, fixed, free)


WORKLOADS = {
    **{kind: workload(kind) for kind in ("Deployment", "ReplicaSet", "DaemonSet")},
    "StatefulSet": Case(
        at("apps/v1", "statefulsets"),
        of("apps/v1", "StatefulSet", {"selector": SELECTOR, "template": TEMPLATE, "serviceName": "s"}),
        (spec(serviceName="t"), spec(podManagementPolicy="Parallel"), spec(volumeClaimTemplates=[CLAIM]), OTHER),
        (
            spec(replicas=3), pod(hostNetwork=True), spec(updateStrategy={"type": "OnDelete", "rollingUpdate": None}),
            spec(persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete"}), spec(minReadySeconds=3),
            spec(ordinals={"start": 2}), spec(revisionHistoryLimit=3),
        ),
    ),
    "ControllerRevision": Case(
        at("apps/v1", "controllerrevisions"), of("apps/v1", "ControllerRevision", data={"a": 1}, revision=1), ({"data": {"a": 2}},)
    ),
    "Job": job(
        (spec(completions=3), spec(completionMode="Indexed"), pod(hostNetwork=True), spec(managedBy="x.io/y"),
         spec(template={"metadata": {"annotations": {"a": "b"}}})),
        (spec(parallelism=2), spec(backoffLimit=2), spec(suspend=True), spec(activeDeadlineSeconds=9), spec(ttlSecondsAfterFinished=9)),
        completions=2, parallelism=1,
    ),
    "indexed Job": job(
        (spec(completions=3), spec(completionMode="NonIndexed"), spec(backoffLimitPerIndex=2),
         spec(successPolicy={"rules": [{"succeededCount": 1}]})),
        (spec(completions=3, parallelism=3),),
        completions=2, parallelism=2, completionMode="Indexed",
    ),
    "suspended Job": job(
        (pod(hostNetwork=True),),
        (pod(nodeSelector={"a": "b"}), pod(tolerations=[{"operator": "Exists"}]), pod(schedulingGates=[{"name": "a"}]),
         pod(affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": ON_NODES}}),
         spec(template={"metadata": {"annotations": {"a": "b"}}}), spec(template={"metadata": {"labels": {"a": "b"}}}),
         pod(containers=[{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}])),
        suspend=True,
    ),
    "Pod": Case(
        at("v1", "pods"),
        of("v1", "Pod", {**CONTAINERS, "initContainers": [{"name": "n", "image": "i"}], "schedulingGates": [{"name": "g"}, {"name": "h"}]}),
        (
            spec(containers=[{"name": "c", "image": "i", "env": [{"name": "a"}]}]), spec(hostNetwork=True), spec(serviceAccountName="x"),
            spec(restartPolicy="Never"), spec(terminationGracePeriodSeconds=3),
            spec(schedulingGates=[{"name": "g"}, {"name": "h"}, {"name": "i"}]),
            spec(containers=[{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]),
        ),
        (
            spec(containers=[{"name": "c", "image": "j"}]), spec(initContainers=[{"name": "n", "image": "k"}]),
            spec(activeDeadlineSeconds=5), {"metadata": {"labels": {"a": "b"}}}, spec(schedulingGates=[{"name": "g"}]),
        ),
    ),
}  # fmt: skip

NETWORK = {
    "Service": service(
        (spec(clusterIP="10.0.0.77", clusterIPs=["10.0.0.77"]), spec(clusterIP="None", clusterIPs=["None"]), spec(clusterIP="None")),
        (spec(type="NodePort"), spec(selector={"a": "b"}), spec(type="ExternalName", externalName="x.y"),
         spec(type="LoadBalancer", loadBalancerClass="x.y/z"), spec(ipFamilyPolicy="PreferDualStack")),
    ),
    "headless Service": service((), (spec(sessionAffinity="ClientIP"),), clusterIP="None"),
    "balanced Service": service(
        (spec(loadBalancerClass="x.y/w"),),
        (spec(type="ClusterIP", loadBalancerClass=None), spec(allocateLoadBalancerNodePorts=False)),
        type="LoadBalancer", loadBalancerClass="x.y/z",
    ),
    "IngressClass": cluster(
        "networking.k8s.io/v1", "ingressclasses", of("networking.k8s.io/v1", "IngressClass", {"controller": "a.b/c"}),
        (spec(controller="a.b/d"),), (spec(parameters={"kind": "K", "name": "n", "scope": "Cluster"}),),
    ),
    "ServiceCIDR": cluster(
        "networking.k8s.io/v1", "servicecidrs", of("networking.k8s.io/v1", "ServiceCIDR", {"cidrs": ["10.9.0.0/24"]}),
        (spec(cidrs=["10.8.0.0/24"]),),
    ),
    "IPAddress": cluster(
        "networking.k8s.io/v1", "ipaddresses",
        of("networking.k8s.io/v1", "IPAddress", {"parentRef": {"resource": "services", "name": "a", "namespace": "default"}},
           metadata={"name": "10.9.0.9"}),
        (spec(parentRef={"name": "b"}),),
    ),
    "EndpointSlice": Case(
        at("discovery.k8s.io/v1", "endpointslices"), of("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[]),
        ({"addressType": "IPv6"},),
    ),
}  # fmt: skip

STORAGE = {
    "PersistentVolumeClaim": Case(
        at("v1", "persistentvolumeclaims"),
        of("v1", "PersistentVolumeClaim",
           {"accessModes": ["ReadWriteOnce"], "storageClassName": "s", "resources": {"requests": {"storage": "2Gi"}}}),
        (spec(resources={"requests": {"storage": "1Gi"}}), spec(resources={"requests": {"storage": "3Gi"}}), spec(storageClassName="t"),
         spec(accessModes=["ReadWriteMany"]), spec(volumeMode="Block"), spec(selector=SELECTOR)),
        (spec(volumeName="v"), {"metadata": {"labels": {"a": "b"}}}),
    ),
    "PersistentVolume": volume(
        (spec(hostPath={"path": "/y"}), spec(volumeMode="Block")),
        (spec(capacity={"storage": "3Gi"}), spec(accessModes=["ReadWriteMany"]), spec(persistentVolumeReclaimPolicy="Recycle"),
         spec(storageClassName="t"), spec(nodeAffinity={"required": ON_NODES}), spec(mountOptions=["a"])),
        hostPath={"path": "/x"},
    ),
    "PersistentVolume of a driver": volume(
        (spec(csi={"driver": "e"}), spec(csi={"volumeHandle": "e"}), spec(nodeAffinity={"required": OTHER_NODES})),
        (spec(csi={"controllerExpandSecretRef": {"name": "a", "namespace": "b"}}),),
        csi={"driver": "d", "volumeHandle": "h"}, nodeAffinity={"required": ON_NODES},
    ),
    "StorageClass": cluster(
        "storage.k8s.io/v1", "storageclasses", of("storage.k8s.io/v1", "StorageClass", provisioner="p", parameters={"a": "b"}),
        ({"provisioner": "q"}, {"parameters": {"a": "c"}}, {"reclaimPolicy": "Retain"}, {"volumeBindingMode": "WaitForFirstConsumer"}),
        ({"allowVolumeExpansion": True}, {"mountOptions": ["x"]}),
    ),
    "CSIDriver": cluster(
        "storage.k8s.io/v1", "csidrivers", of("storage.k8s.io/v1", "CSIDriver", {}),
        (spec(attachRequired=False), spec(volumeLifecycleModes=["Ephemeral"])),
        (spec(podInfoOnMount=True), spec(storageCapacity=True), spec(fsGroupPolicy="File"), spec(requiresRepublish=True)),
    ),
    "VolumeAttributesClass": cluster(
        "storage.k8s.io/v1", "volumeattributesclasses",
        of("storage.k8s.io/v1", "VolumeAttributesClass", driverName="p", parameters={"a": "b"}),
        ({"driverName": "q"}, {"parameters": {"a": "c"}}),
    ),
    "VolumeAttachment": cluster(
        "storage.k8s.io/v1", "volumeattachments",
        of("storage.k8s.io/v1", "VolumeAttachment", {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "p"}}),
        (spec(attacher="b"), spec(nodeName="m")),
    ),
    "CSIStorageCapacity": Case(
        at("storage.k8s.io/v1", "csistoragecapacities"),
        of("storage.k8s.io/v1", "CSIStorageCapacity", storageClassName="a", capacity="1Gi"),
        ({"storageClassName": "b"}, {"nodeTopology": SELECTOR}), ({"capacity": "2Gi"},),
    ),
}  # fmt: skip

THE_REST = {
    "Secret": Case(
        at("v1", "secrets"), of("v1", "Secret", type="Opaque", data={"a": "eA=="}),
        ({"type": "x/y"},), ({"data": {"a": "eQ=="}}, {"immutable": True}),
    ),
    "immutable Secret": Case(
        at("v1", "secrets"), of("v1", "Secret", type="Opaque", data={"a": "eA=="}, immutable=True),
        ({"data": {"a": "eQ=="}}, {"data": {"b": "eQ=="}}, {"immutable": False}), ({"metadata": {"labels": {"a": "b"}}},),
    ),
    "immutable ConfigMap": Case(
        at("v1", "configmaps"), of("v1", "ConfigMap", data={"a": "x"}, immutable=True),
        ({"data": {"a": "y"}}, {"binaryData": {"b": "eQ=="}}, {"immutable": False}), ({"metadata": {"labels": {"a": "b"}}},),
    ),
    "ResourceQuota": Case(
        at("v1", "resourcequotas"), of("v1", "ResourceQuota", {"hard": {"pods": "5"}, "scopes": ["Terminating"]}),
        (spec(scopes=["NotTerminating"]),), (spec(hard={"pods": "6"}),),
    ),
    "RoleBinding": Case(
        at(f"{RBAC}/v1", "rolebindings"),
        of(f"{RBAC}/v1", "RoleBinding", roleRef={"apiGroup": RBAC, "kind": "Role", "name": "r"}, subjects=[]),
        ({"roleRef": {"name": "s"}}, {"roleRef": {"kind": "ClusterRole"}}), ({"subjects": [{"kind": "User", "name": "u"}]},),
    ),
    "ClusterRoleBinding": cluster(
        f"{RBAC}/v1", "clusterrolebindings",
        of(f"{RBAC}/v1", "ClusterRoleBinding", roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "r"}, subjects=[]),
        ({"roleRef": {"name": "s"}},),
    ),
    "PriorityClass": cluster(
        "scheduling.k8s.io/v1", "priorityclasses", of("scheduling.k8s.io/v1", "PriorityClass", value=5),
        ({"value": 6}, {"preemptionPolicy": "Never"}), ({"globalDefault": True}, {"description": "x"}),
    ),
    "RuntimeClass": cluster(
        "node.k8s.io/v1", "runtimeclasses", of("node.k8s.io/v1", "RuntimeClass", handler="h"),
        ({"handler": "i"},), ({"overhead": {"podFixed": {"cpu": "1"}}},),
    ),
    "ResourceClaim": Case(
        at("resource.k8s.io/v1", "resourceclaims"),
        of("resource.k8s.io/v1", "ResourceClaim", {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "d"}}]}}),
        (spec(devices={"requests": [{"name": "r", "exactly": {"deviceClassName": "e"}}]}),),
    ),
    "ResourceClaimTemplate": Case(
        at("resource.k8s.io/v1", "resourceclaimtemplates"),
        of("resource.k8s.io/v1", "ResourceClaimTemplate",
           {"spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "d"}}]}}}),
        (spec(metadata={"labels": {"a": "b"}}),),
    ),
    "CustomResourceDefinition": cluster(
        "apiextensions.k8s.io/v1", "customresourcedefinitions",
        of("apiextensions.k8s.io/v1", "CustomResourceDefinition", {
            "group": "fixed.example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        }, metadata={"name": "widgets.fixed.example.com"}),
        (spec(scope="Cluster"), spec(group="other.example.com"), spec(names={"plural": "gadgets"}),
         spec(names={"kind": "Gadget", "listKind": "GadgetList"})),
        (spec(names={"shortNames": ["w"]}), spec(names={"singular": "gadget"})),
    ),
}  # fmt: skip

CASES = {**WORKLOADS, **NETWORK, **STORAGE, **THE_REST}
