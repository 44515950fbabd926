"""Which fields of built-in kinds cannot change, and how the server says so. Pure. Source: answers of a 1.36 server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from gitops_core.testing.kubernetes.defaults.filling import held
from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import Cause, forbidden_field, invalid_value

Object = dict[str, Any]
_STATEFUL_SET_MAY: Final = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_FIXED: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "secrets"): ("type",),
    ("apps", "daemonsets"): ("spec.selector",),
    ("apps", "deployments"): ("spec.selector",),
    ("apps", "replicasets"): ("spec.selector",),
    ("batch", "jobs"): ("spec.completions", "spec.selector", "spec.template", "spec.completionMode", "spec.podFailurePolicy"),
    ("scheduling.k8s.io", "priorityclasses"): ("preemptionPolicy",),
    ("storage.k8s.io", "storageclasses"): ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
}
_POD_MAY: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def immutable_problems(kind: Kind, before: Object, after: Object) -> Iterator[Cause]:
    """Yield what an update changes and may not. Cost: O(size) of the fields that are compared."""
    if kind.custom is not None:
        return
    for path in _FIXED.get(kind.key, ()):
        if held(before, path) != held(after, path):
            yield invalid_value(path, held(after, path), "field is immutable")
    check = _CHECKS.get(kind.key)
    if check is not None:
        yield from check(before, after)


def _marked(before: Object, after: Object) -> Iterator[Cause]:
    """ConfigMaps and Secrets that are marked as immutable."""
    if not before.get("immutable"):
        return
    if not after.get("immutable"):
        yield forbidden_field("immutable", "field is immutable when `immutable` is set")
    for name in ("data", "binaryData"):
        if before.get(name) != after.get(name):
            yield forbidden_field(name, "field is immutable when `immutable` is set")


def _service(before: Object, after: Object) -> Iterator[Cause]:
    was, wanted = held(before, "spec.clusterIP"), held(after, "spec.clusterIP")
    if was and wanted != was and "ExternalName" not in {held(before, "spec.type"), held(after, "spec.type")}:
        yield invalid_value("spec.clusterIPs[0]", held(after, "spec.clusterIPs"), "may not change once set")


def _stateful_set(before: Object, after: Object) -> Iterator[Cause]:
    if _less(before.get("spec"), _STATEFUL_SET_MAY) != _less(after.get("spec"), _STATEFUL_SET_MAY):
        names = [f"'{name}'" for name in _STATEFUL_SET_MAY]
        told = f"{', '.join(names[:-1])} and {names[-1]}"
        yield forbidden_field("spec", f"updates to statefulset spec for fields other than {told} are forbidden")


def _binding(before: Object, after: Object) -> Iterator[Cause]:
    if before.get("roleRef") != after.get("roleRef"):
        ref = after.get("roleRef") or {}
        told = {"APIGroup": ref.get("apiGroup", ""), "Kind": ref.get("kind", ""), "Name": ref.get("name", "")}
        yield invalid_value("roleRef", told, "cannot change roleRef")


def _claim(before: Object, after: Object) -> Iterator[Cause]:
    bound = held(before, "status.phase") == "Bound"
    may = ("resources", "volumeAttributesClassName", "volumeName") if bound else ("volumeName",)
    if _less(before.get("spec"), may) != _less(after.get("spec"), may):
        why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        yield forbidden_field("spec", why)


def _volume(before: Object, after: Object) -> Iterator[Cause]:
    may = (
        "capacity",
        "accessModes",
        "claimRef",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "mountOptions",
        "nodeAffinity",
    )
    if _less(before.get("spec"), may) != _less(after.get("spec"), may):
        yield forbidden_field("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")


def _pod(before: Object, after: Object) -> Iterator[Cause]:
    if _frozen_pod(before) != _frozen_pod(after):
        yield forbidden_field("spec", _POD_MAY)


def _frozen_pod(value: Object) -> Object:
    spec = _less(value.get("spec"), ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"))
    for name in ("containers", "initContainers"):
        spec[name] = [_less(container, ("image",)) for container in spec.get(name) or ()]
    return spec


def _priority_class(before: Object, after: Object) -> Iterator[Cause]:
    if before.get("value") != after.get("value"):
        yield Cause("FieldValueForbidden", "Forbidden: may not be changed in an update.", "value")


def _definition(before: Object, after: Object) -> Iterator[Cause]:
    for path in ("spec.group", "spec.names.plural", "spec.scope", "spec.names.kind"):
        if held(before, path) != held(after, path):
            yield invalid_value(path, held(after, path), "field is immutable")


def _less(value: Object | None, names: tuple[str, ...]) -> Object:
    return {name: item for name, item in (value or {}).items() if name not in names}


_CHECKS: Final[dict[tuple[str, str], Callable[[Object, Object], Iterator[Cause]]]] = {
    ("", "configmaps"): _marked,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _volume,
    ("", "pods"): _pod,
    ("", "secrets"): _marked,
    ("", "services"): _service,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
    ("apps", "statefulsets"): _stateful_set,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _binding,
    ("rbac.authorization.k8s.io", "rolebindings"): _binding,
    ("scheduling.k8s.io", "priorityclasses"): _priority_class,
}
