"""
The kinds that a fresh cluster serves, and what the server needs to know of a kind.

Source: the discovery documents of a Kubernetes 1.36 server. Left out are ``autoscaling/v1`` and ``events.k8s.io/v1``, whose objects
are those of another version, and ``componentstatuses``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import attrs

_ALL: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_VERBS: Final = {"*": _ALL, "n": tuple(verb for verb in _ALL if verb != "deletecollection"), "c": ("create",)}


@attrs.frozen
class Kind:
    """
    One kind in one version, as the server serves it.

    Attributes:
        group: API group; empty for the core.
        version: Version.
        kind: As in manifests.
        plural: As in paths.
        singular: As in ``kubectl get deployment``.
        short_names: As in ``kubectl get deploy``.
        namespaced: Whether objects live in namespaces.
        verbs: What can be done.
        subresources: ``status``, ``scale``.
        categories: As in ``kubectl get all``.
        counts: Whether ``metadata.generation`` counts the changes of the specification.
        custom: The definition's version entry, for kinds that a CustomResourceDefinition made; None for built-in ones.
        storage: The version in which objects are kept.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str = ""
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = _ALL
    subresources: frozenset[str] = frozenset()
    categories: tuple[str, ...] = ()
    counts: bool = False
    custom: Any = attrs.field(default=None, repr=False, eq=False)
    storage: str = ""
    api_version: str = attrs.field(init=False)
    resource: str = attrs.field(init=False)
    qualified: str = attrs.field(init=False)
    key: tuple[str, str] = attrs.field(init=False)

    @api_version.default
    def _api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @resource.default
    def _resource(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @qualified.default
    def _qualified(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @key.default
    def _key(self) -> tuple[str, str]:
        return (self.group, self.plural)

    @property
    def list_kind(self) -> str:
        """The kind of a list of them."""
        return str((self.custom or {}).get("listKind") or f"{self.kind}List")

    @property
    def base_path(self) -> str:
        """The path under which its version is served: ``/api/v1`` or ``/apis/apps/v1``."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of a collection, an object or a subresource."""
        parts = [self.base_path]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        return "/".join([*parts, self.plural, *filter(None, (name, subresource))])


class KindTable:
    """Every kind that is served: the built-in ones, and those of established CustomResourceDefinitions. Not safe between threads."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds: dict[tuple[str, str, str], Kind] = {(kind.group, kind.version, kind.plural): kind for kind in kinds}

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """Return the kind behind a path; None when there is none."""
        return self._kinds.get((group, version, plural))

    def serves(self, group: str, version: str) -> bool:
        """Tell whether there is anything in that version of that group."""
        return any(kind.group == group and kind.version == version for kind in self)

    def named(self, group: str, kind: str, version: str = "") -> Kind | None:
        """Return the kind by its name in manifests, in *version* or the first that is served."""
        found = (each for each in self if (each.group, each.kind) == (group, kind) and version in {"", each.version})
        return next(found, None)

    def stored(self) -> Iterator[Kind]:
        """Yield each resource once, in the version in which it is kept, but for those that are not kept at all."""
        seen = set()
        for kind in self:
            if kind.key not in seen and "list" in kind.verbs:
                seen.add(kind.key)
                yield kind

    def add(self, kinds: Iterable[Kind]) -> None:
        """Serve further kinds."""
        self._kinds.update({(kind.group, kind.version, kind.plural): kind for kind in kinds})

    def remove(self, group: str, plural: str) -> None:
        """Serve a resource no longer, in any version."""
        for found in [key for key, kind in self._kinds.items() if kind.key == (group, plural)]:
            del self._kinds[found]


def builtin_kinds() -> tuple[Kind, ...]:
    """Return the kinds of a fresh cluster. Cost: microseconds; parsed once."""
    return _BUILTIN


def _parsed(line: str) -> Kind:
    api_version, plural, kind, flags, verbs, subresources, short, categories = line.split()
    group, _, version = api_version.rpartition("/")
    return Kind(
        group,
        version,
        kind,
        plural,
        kind.lower(),
        _words(short),
        "N" in flags,
        _VERBS[verbs],
        frozenset(_words(subresources)),
        _words(categories),
        "g" in flags,
        storage=version,
    )


def _words(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))


# version, plural, kind, scope (Namespaced or Cluster; g: generation), verbs, subresources, short names, categories
_TABLE: Final = """
v1 bindings Binding N c - - -
v1 configmaps ConfigMap N * - cm -
v1 endpoints Endpoints N * - ep -
v1 events Event N * - ev -
v1 limitranges LimitRange N * - limits -
v1 namespaces Namespace C n finalize,status ns -
v1 nodes Node C * status no -
v1 persistentvolumeclaims PersistentVolumeClaim N * status pvc -
v1 persistentvolumes PersistentVolume C * status pv -
v1 pods Pod Ng * status po all
v1 podtemplates PodTemplate Ng * - - -
v1 replicationcontrollers ReplicationController Ng * scale,status rc all
v1 resourcequotas ResourceQuota N * status quota -
v1 secrets Secret N * - - -
v1 serviceaccounts ServiceAccount N * - sa -
v1 services Service N * status svc all
apiregistration.k8s.io/v1 apiservices APIService C * status - api-extensions
apps/v1 controllerrevisions ControllerRevision N * - - -
apps/v1 daemonsets DaemonSet Ng * status ds all
apps/v1 deployments Deployment Ng * scale,status deploy all
apps/v1 replicasets ReplicaSet Ng * scale,status rs all
apps/v1 statefulsets StatefulSet Ng * scale,status sts all
authentication.k8s.io/v1 selfsubjectreviews SelfSubjectReview C c - - -
authentication.k8s.io/v1 tokenreviews TokenReview C c - - -
authorization.k8s.io/v1 localsubjectaccessreviews LocalSubjectAccessReview N c - - -
authorization.k8s.io/v1 selfsubjectaccessreviews SelfSubjectAccessReview C c - - -
authorization.k8s.io/v1 selfsubjectrulesreviews SelfSubjectRulesReview C c - - -
authorization.k8s.io/v1 subjectaccessreviews SubjectAccessReview C c - - -
autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler N * status hpa all
batch/v1 cronjobs CronJob Ng * status cj all
batch/v1 jobs Job Ng * status - all
certificates.k8s.io/v1 certificatesigningrequests CertificateSigningRequest C * status csr -
networking.k8s.io/v1 ingressclasses IngressClass Cg * - - -
networking.k8s.io/v1 ingresses Ingress Ng * status ing -
networking.k8s.io/v1 ipaddresses IPAddress C * - ip -
networking.k8s.io/v1 networkpolicies NetworkPolicy Ng * - netpol -
networking.k8s.io/v1 servicecidrs ServiceCIDR C * status - -
policy/v1 poddisruptionbudgets PodDisruptionBudget Ng * status pdb -
rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding C * - - -
rbac.authorization.k8s.io/v1 clusterroles ClusterRole C * - - -
rbac.authorization.k8s.io/v1 rolebindings RoleBinding N * - - -
rbac.authorization.k8s.io/v1 roles Role N * - - -
storage.k8s.io/v1 csidrivers CSIDriver C * - - -
storage.k8s.io/v1 csinodes CSINode C * - - -
storage.k8s.io/v1 csistoragecapacities CSIStorageCapacity N * - - -
storage.k8s.io/v1 storageclasses StorageClass C * - sc -
storage.k8s.io/v1 volumeattachments VolumeAttachment C * status - -
storage.k8s.io/v1 volumeattributesclasses VolumeAttributesClass C * - vac -
admissionregistration.k8s.io/v1 mutatingadmissionpolicies MutatingAdmissionPolicy Cg * - - api-extensions
admissionregistration.k8s.io/v1 mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding Cg * - - api-extensions
admissionregistration.k8s.io/v1 mutatingwebhookconfigurations MutatingWebhookConfiguration Cg * - - api-extensions
admissionregistration.k8s.io/v1 validatingadmissionpolicies ValidatingAdmissionPolicy Cg * status - api-extensions
admissionregistration.k8s.io/v1 validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding Cg * - - api-extensions
admissionregistration.k8s.io/v1 validatingwebhookconfigurations ValidatingWebhookConfiguration Cg * - - api-extensions
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition Cg * status crd,crds api-extensions
scheduling.k8s.io/v1 priorityclasses PriorityClass Cg * - pc -
coordination.k8s.io/v1 leases Lease N * - - -
node.k8s.io/v1 runtimeclasses RuntimeClass C * - - -
discovery.k8s.io/v1 endpointslices EndpointSlice Ng * - - -
resource.k8s.io/v1 deviceclasses DeviceClass Cg * - - -
resource.k8s.io/v1 resourceclaims ResourceClaim N * status - -
resource.k8s.io/v1 resourceclaimtemplates ResourceClaimTemplate N * - - -
resource.k8s.io/v1 resourceslices ResourceSlice Cg * - - -
flowcontrol.apiserver.k8s.io/v1 flowschemas FlowSchema Cg * status - -
flowcontrol.apiserver.k8s.io/v1 prioritylevelconfigurations PriorityLevelConfiguration Cg * status - -
"""

_BUILTIN: Final = tuple(_parsed(line) for line in _TABLE.strip().splitlines())
