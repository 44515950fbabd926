"""An engine whose state lives in the cluster, as an embedder types it."""

from __future__ import annotations

from gitops_core import Owner, StateStore
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.state.kubernetes import KubernetesStore, StoreSettings, permissions


def store_of(connection: Connection) -> StateStore:
    return KubernetesStore(connection, Owner("example.org", "engine"), "gitops-state", settings=StoreSettings(lease=300.0))


def swept(store: KubernetesStore) -> int:
    return store.sweep()


def rules() -> list[str]:
    return [verb for rule in permissions() for verb in rule["verbs"]]
