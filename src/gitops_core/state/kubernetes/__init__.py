"""
State in the cluster itself, for engines that share nothing but an API server.

``store`` is what you import; ``names`` says what our objects are called; ``heads`` keeps the one object of an application that every
write goes through; ``layers`` and ``payloads`` say what an inventory looks like in pieces; ``inventories``, ``records``, ``memos``,
``leases``, ``crossing``, ``glances`` and ``sweeping`` are the parts of the store; ``objects`` and ``failures`` talk to the API server.
"""

from gitops_core.state.kubernetes.names import permissions
from gitops_core.state.kubernetes.store import KubernetesStore, StoreSettings

__all__ = ["KubernetesStore", "StoreSettings", "permissions"]
