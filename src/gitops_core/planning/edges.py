"""What must be there before what: written down, given by structure, or found as a reference in a body."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from gitops_core.model.resources import ResourceKey, as_key
from gitops_core.model.secrets import Redactor, reveal
from gitops_core.model.values import Body
from gitops_core.planning.annotations import Annotations
from gitops_core.planning.normalize import ask
from gitops_core.planning.request import PlanRequest, Read, TargetRules

NAMESPACE: Final = ("", "Namespace")
CRD: Final = ("apiextensions.k8s.io", "CustomResourceDefinition")
_RBAC: Final = "rbac.authorization.k8s.io"
_HOOKS: Final = "admissionregistration.k8s.io"

_ORDER: Final = (
    ("scheduling.k8s.io", "PriorityClass"), NAMESPACE, ("networking.k8s.io", "NetworkPolicy"), ("", "ResourceQuota"), ("", "LimitRange"),
    ("policy", "PodDisruptionBudget"), ("", "ServiceAccount"), ("", "Secret"), ("", "ConfigMap"), ("storage.k8s.io", "StorageClass"),
    ("", "PersistentVolume"), ("", "PersistentVolumeClaim"), CRD, (_RBAC, "ClusterRole"), (_RBAC, "ClusterRoleBinding"),
    (_RBAC, "Role"), (_RBAC, "RoleBinding"), ("", "Service"), ("apps", "DaemonSet"), ("", "Pod"), ("", "ReplicationController"),
    ("apps", "ReplicaSet"), ("apps", "Deployment"), ("autoscaling", "HorizontalPodAutoscaler"), ("apps", "StatefulSet"),
    ("batch", "Job"), ("batch", "CronJob"), ("networking.k8s.io", "IngressClass"), ("networking.k8s.io", "Ingress"),
    ("apiregistration.k8s.io", "APIService"),
)  # fmt: skip
_LAST: Final = ((_HOOKS, "MutatingWebhookConfiguration"), (_HOOKS, "ValidatingWebhookConfiguration"))
_BANDS: Final = {kind: band for band, kind in enumerate(_ORDER)}
_UNKNOWN: Final = len(_ORDER)
_BANDS.update({kind: _UNKNOWN + 1 + i for i, kind in enumerate(_LAST)})


def band(key: ResourceKey) -> int:
    """
    Return how early objects of this kind come, small first: unknown kinds after known ones, admission webhooks last.

    Keyed by group and kind: a ``Service`` of another group is not the core one. A tie-break only; it never adds an edge.

    Source: Helm's install order.
    """
    return _BANDS.get((key.group, key.kind), _UNKNOWN)


def is_namespace(key: ResourceKey) -> bool:
    """Tell whether *key* is a core Namespace."""
    return (key.group, key.kind) == NAMESPACE


def namespace_of(key: ResourceKey) -> ResourceKey | None:
    """Return the key of the Namespace that *key* lives in, or None when it lives in none."""
    return ResourceKey(*NAMESPACE, "", key.namespace) if key.namespace else None


def defined_kind(body: Body) -> tuple[str, str] | None:
    """Return the (group, kind) that a CustomResourceDefinition defines, or None when it does not say."""
    spec = body.get("spec")
    names = spec.get("names") if isinstance(spec, Mapping) else None
    if isinstance(spec, Mapping) and isinstance(names, Mapping):
        found = (spec.get("group"), names.get("kind"))
        return (str(found[0]), str(found[1])) if all(isinstance(f, str) for f in found) else None
    return None


def defines_group_of(crd: ResourceKey, key: ResourceKey) -> bool:
    """Tell, from names alone, whether *crd* (named ``plural.group``) is of the group of *key*."""
    return (crd.group, crd.kind) == CRD and bool(key.group) and crd.name.partition(".")[2] == key.group


class Index:
    """Finds the objects that a written dependency may mean: what is declared, then what is live."""

    def __init__(self, request: PlanRequest) -> None:
        self._request = request

    @cached_property
    def declared(self) -> frozenset[ResourceKey]:
        """Every declared key."""
        return frozenset([resource.key for resource in self._request.desired])

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """The name of every declared Namespace."""
        return frozenset(key.name for key in self.declared if is_namespace(key))

    def find(self, named: ResourceKey, by: ResourceKey) -> tuple[ResourceKey, ...]:
        """
        Return what *named*, written in the declaration of *by*, means: exactly that; else, as a name may leave out one's
        own namespace and the group, every declared (else live) object that fits.
        """
        if self._request.declaration(named) or named in self._request.live:
            return (named,)
        for loose in self._loose:
            for namespace in dict.fromkeys((named.namespace, named.namespace or by.namespace)):
                fitting = tuple(k for k in loose.get((named.kind, namespace, named.name), ()) if named.group in ("", k.group))
                if fitting:
                    return fitting
        return ()

    @cached_property
    def _loose(self) -> tuple[dict[tuple[str, str, str], list[ResourceKey]], ...]:
        found = []
        for keys in (self.declared, self._request.live):
            loose = defaultdict(list)
            for key in sorted(keys):
                loose[key.kind, key.namespace, key.name].append(key)
            found.append(loose)
        return tuple(found)


def written_edges(by: ResourceKey, notes: Annotations, index: Index) -> tuple[tuple[ResourceKey, ...], tuple[ResourceKey, ...]]:
    """Return what *by* says it depends on: (found, named and neither declared nor live)."""
    found: set[ResourceKey] = set()
    missing = []
    for named in notes.depends_on:
        meant = index.find(named, by)
        found.update(meant)
        if not meant:
            missing.append(named)
    return tuple(sorted(found)), tuple(sorted(missing))


def plugin_edges(body: Body, rules: TargetRules) -> tuple[ResourceKey, ...]:
    """
    Return what the target says *body* needs.

    Raises:
        PluginError: It raised, or returned something that is no key.
    """
    needs = rules.depends_on
    if needs is None:
        return ()
    return ask("depends_on", lambda: tuple(sorted({as_key(k) for k in needs(reveal(body))})), Redactor.of(body))


# -- references ----------------------------------------------------------------------------------------------------------

_NAMED_OBJECT: Final[Mapping[str, tuple[str, str]]] = {
    "configMap": ("", "ConfigMap"), "configMapRef": ("", "ConfigMap"), "configMapKeyRef": ("", "ConfigMap"),
    "secret": ("", "Secret"), "secretRef": ("", "Secret"), "secretKeyRef": ("", "Secret"),
    "service": ("", "Service"),
}  # fmt: skip
"""Fields that hold ``{name: ...}`` of an object of this kind, in the same namespace unless they say another."""

_NAMED_BY: Final[Mapping[str, tuple[str, str]]] = {
    "secretName": ("", "Secret"), "serviceAccountName": ("", "ServiceAccount"), "serviceName": ("", "Service"),
    "claimName": ("", "PersistentVolumeClaim"),
}  # fmt: skip
_CLUSTER_NAMED_BY: Final[Mapping[str, tuple[str, str]]] = {
    "storageClassName": ("storage.k8s.io", "StorageClass"), "priorityClassName": ("scheduling.k8s.io", "PriorityClass"),
    "ingressClassName": ("networking.k8s.io", "IngressClass"), "runtimeClassName": ("node.k8s.io", "RuntimeClass"),
}  # fmt: skip
"""Fields that hold a name as plain text: of an object in the same namespace, or of one without a namespace."""

_TYPED: Final = frozenset({"roleRef", "scaleTargetRef"})
_PLAIN_NAMES: Final = frozenset({*_NAMED_BY, *_CLUSTER_NAMED_BY})
_STRUCTURED: Final = frozenset({*_NAMED_OBJECT, *_TYPED, "imagePullSecrets", "subjects"})
_REFERRING: Final = _PLAIN_NAMES | _STRUCTURED


def referred(read: Read) -> frozenset[ResourceKey]:
    """Return the :func:`references` of a declaration. Cost: next to nothing where no field can hold any."""
    if read.references is None:
        read.references = references(read.key, read.body) if read.outline.has_field_of(_REFERRING) else frozenset()
    return read.references


def references(key: ResourceKey, body: Body) -> frozenset[ResourceKey]:
    """Return the keys that *body* refers to by the field names of the Kubernetes API. They need not exist. Cost: O(nodes)."""
    found: list[ResourceKey] = []
    _collect(body, key.namespace, found)
    return frozenset(found)


def _collect(value: Any, namespace: str, found: list[ResourceKey]) -> None:
    """Walk every field of every declaration that changes; it builds nothing but what it finds."""
    if isinstance(value, dict):
        for field, item in value.items():
            if isinstance(item, str):
                if field in _PLAIN_NAMES:
                    found.append(_by_text(field, item, namespace))
            elif isinstance(item, dict | list):
                if field in _STRUCTURED:
                    found += _by_object(field, item, namespace) if isinstance(item, dict) else _by_list(field, item, namespace)
                _collect(item, namespace, found)
    else:
        for item in value:
            if isinstance(item, dict | list):
                _collect(item, namespace, found)


def _by_text(field: str, name: str, namespace: str) -> ResourceKey:
    if field in _NAMED_BY:
        return ResourceKey(*_NAMED_BY[field], namespace, name)
    return ResourceKey(*_CLUSTER_NAMED_BY[field], "", name)


def _by_object(field: str, item: Mapping[str, Any], namespace: str) -> Iterator[ResourceKey]:
    name = item.get("name")
    if not isinstance(name, str):
        return
    if field in _NAMED_OBJECT:
        yield ResourceKey(*_NAMED_OBJECT[field], str(item.get("namespace") or namespace), name)
    elif field in _TYPED:
        group = item.get("apiGroup") or str(item.get("apiVersion") or "").rpartition("/")[0]
        for place in (namespace, ""):
            yield ResourceKey(str(group), str(item.get("kind")), place, name)


def _by_list(field: str, items: list[Any], namespace: str) -> Iterator[ResourceKey]:
    for item in items:
        if isinstance(item, Mapping) and isinstance(name := item.get("name"), str):
            if field == "imagePullSecrets":
                yield ResourceKey("", "Secret", namespace, name)
            elif field == "subjects" and item.get("kind") == "ServiceAccount":
                yield ResourceKey("", "ServiceAccount", str(item.get("namespace") or namespace), name)
