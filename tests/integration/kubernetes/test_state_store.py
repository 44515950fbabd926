"""State in the cluster, on a cluster: the store contract, permissions, limits, several processes, and what it costs."""

from __future__ import annotations

import itertools

import pytest

from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.identities import Credentials
from gitops_core.kubernetes_api.requests import Request
from gitops_core.model.applications import Owner
from gitops_core.state.kubernetes import KubernetesStore
from gitops_core.testing.store_contract import PersistentStoreContract

OWNER = Owner("example.org", "engine")
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def connection(real_server):
    connection = Connection.explicit(
        real_server.url, credentials=Credentials(token=real_server.token("admin"), ca_file=real_server.ca_file)
    )
    yield connection
    connection.close()


def made_namespace(connection):
    name = f"state-{next(NUMBERS)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    connection.request(Request("POST", "/api/v1/namespaces", body=body), 10)
    return name


@pytest.mark.slow
class TestKubernetesStoreOnACluster(PersistentStoreContract):
    @pytest.fixture(autouse=True)
    def _namespace(self, connection):
        self.connection = connection
        self.namespace = made_namespace(connection)

    def make_store(self):
        return KubernetesStore(self.connection, OWNER, self.namespace)

    def reopen(self, store):
        return self.make_store()
