"""Which defaults a kind has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gitops_core.testing.kubernetes.custom import defaulted_custom
from gitops_core.testing.kubernetes.defaults import others, pods, services, workloads
from gitops_core.testing.kubernetes.defaults.filling import Object, at, each, filled
from gitops_core.testing.kubernetes.definitions import KEY, new_definition
from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.world import World


def defaulted(kind: Kind, value: Object) -> Object:
    """Return *value* with the defaults of its kind, which belong to whoever writes it; kinds without any come back as they are. Pure."""
    if kind.custom is not None:
        return defaulted_custom(kind, value)
    change = _DEFAULTS.get(kind.key)
    return value if change is None else change(value)


def prepared(kind: Kind, value: Object, world: World, before: Object | None) -> Object:
    """
    Return *value* with what the server decides itself, and which belongs to nobody.

    Args:
        kind: The kind.
        value: The object, with its metadata complete.
        world: Gives out addresses and ports.
        before: The object as it was; None for a new one.
    """
    if kind.key == ("", "services"):
        return services.addressed(value, world, before)
    if before is not None:
        return workloads.counted_daemon_set(value, before) if kind.key == ("apps", "daemonsets") else value
    change = None if kind.custom is not None else _NEW.get(kind.key)
    return value if change is None else change(value)


def _pod_template(value: Object) -> Object:
    return at(value, "template", pods.pod_template)


def _endpoints(value: Object) -> Object:
    return each(value, "subsets", lambda subset: each(subset, "ports", lambda port: filled(port, protocol="TCP")))


_NEW: Final[dict[tuple[str, str], Callable[[Object], Object]]] = {
    ("", "namespaces"): others.new_namespace,
    ("", "persistentvolumeclaims"): others.new_claim,
    ("", "persistentvolumes"): others.new_volume,
    ("", "pods"): pods.new_pod,
    KEY: new_definition,
    ("batch", "jobs"): workloads.selected_job,
}
_DEFAULTS: Final[dict[tuple[str, str], Callable[[Object], Object]]] = {
    ("", "endpoints"): _endpoints,
    ("", "namespaces"): others.namespace,
    ("", "persistentvolumeclaims"): others.claim,
    ("", "persistentvolumes"): others.volume,
    ("", "pods"): pods.pod,
    ("", "podtemplates"): _pod_template,
    ("", "replicationcontrollers"): workloads.replication_controller,
    ("", "secrets"): others.secret,
    ("", "services"): services.service,
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): others.webhooks,
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): others.webhooks,
    ("apiextensions.k8s.io", "customresourcedefinitions"): others.definition,
    ("apps", "daemonsets"): workloads.daemon_set,
    ("apps", "deployments"): workloads.deployment,
    ("apps", "replicasets"): workloads.replica_set,
    ("apps", "statefulsets"): workloads.stateful_set,
    ("autoscaling", "horizontalpodautoscalers"): others.autoscaler,
    ("batch", "cronjobs"): workloads.cron_job,
    ("batch", "jobs"): workloads.job,
    ("discovery.k8s.io", "endpointslices"): others.endpoint_slice,
    ("networking.k8s.io", "networkpolicies"): others.network_policy,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): others.binding,
    ("rbac.authorization.k8s.io", "rolebindings"): others.binding,
    ("scheduling.k8s.io", "priorityclasses"): others.priority_class,
    ("storage.k8s.io", "csidrivers"): others.csi_driver,
    ("storage.k8s.io", "storageclasses"): others.storage_class,
}
