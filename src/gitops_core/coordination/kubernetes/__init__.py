"""Members of several machines, on Leases of a Kubernetes cluster."""

from gitops_core.coordination.kubernetes.coordinator import KubernetesLeases
from gitops_core.coordination.kubernetes.names import permissions

__all__ = ["KubernetesLeases", "permissions"]
