"""A namespace of its own on a cluster, and applications that keep it: what the tests of the Kubernetes target are about."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from gitops_core import Application, Options, Owner, Plan, ReconcileResult, destroy, plan, reconcile
from gitops_core.engine.runtime import Runtime
from gitops_core.interfaces import StateStore
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.model.guards import Guard
from gitops_core.renderers.memory import MemoryRenderer
from gitops_core.sources.memory import MemorySource
from gitops_core.state.memory import MemoryStore
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.worlds import OPEN

OWNER = Owner("example.org", "tests")
_NUMBERS = itertools.count(1)


@attrs.define
class Requests:
    """Counts what a connection sends: ``{"GET": 3, "PATCH": 1}``."""

    counts: Counter[str] = attrs.field(factory=Counter)
    paths: list[tuple[str, str, int]] = attrs.field(factory=list)

    def note(self, method: str, path: str, _seconds: float, status: int) -> None:
        self.counts[method] += 1
        self.paths.append((method, path, status))

    def since(self) -> dict[str, int]:
        """Return the counts since the last call, and begin anew."""
        found, self.counts = dict(self.counts), Counter()
        self.paths.clear()
        return found


@attrs.define(kw_only=True)
class Shop:
    """One application on a cluster, with its declarations at hand."""

    cluster: Any
    namespace: str
    name: str = "shop"
    settings: KubernetesSettings = KubernetesSettings()
    options: Options = Options(wait=False, verify_timeout=2.0, handover=0.0)
    guard: Guard = OPEN
    store: StateStore = attrs.field(factory=MemoryStore)
    runtime: Runtime = attrs.field(factory=Runtime)
    user: str = "admin"
    bodies: tuple[Mapping[str, Any], ...] = ()
    requests: Requests = attrs.field(factory=Requests)
    _target: KubernetesTarget | None = None

    @property
    def target(self) -> KubernetesTarget:
        if self._target is None:
            with tempfile.TemporaryDirectory() as directory:
                kubeconfig = self.cluster.kubeconfig(Path(directory), self.user)
                connection = Connection.from_kubeconfig(kubeconfig, settings=ConnectionSettings(on_request=self.requests.note))
            self._target = KubernetesTarget(connection, attrs.evolve(self.settings, namespace=self.namespace))
        return self._target

    @property
    def app(self) -> Application:
        return Application(
            name=self.name, owner=OWNER, source=MemorySource({}), renderer=MemoryRenderer(self.bodies), target=self.target,
            options=self.options, guard=self.guard,
        )  # fmt: skip

    def declare(self, *bodies: Mapping[str, Any]) -> None:
        self.bodies = bodies

    def plan(self) -> Plan:
        return plan(self.app, store=self.store, runtime=self.runtime)

    def reconcile(self) -> ReconcileResult:
        return reconcile(self.app, store=self.store, runtime=self.runtime)

    def converge(self, *bodies: Mapping[str, Any]) -> ReconcileResult:
        """Declare, reconcile, and see that all of it is done."""
        self.declare(*bodies)
        result = self.reconcile()
        assert result.ok, [(str(o.key), o.status, o.reason) for o in result.outcomes if o.status != "done"] or result.failures
        self.requests.since()
        return result

    def destroy(self) -> ReconcileResult:
        return destroy(self.app, store=self.store, runtime=self.runtime)

    def another(self, name: str, **fields: Any) -> Shop:
        """Return another application in the same namespace and store, over a target of its own."""
        return attrs.evolve(self, name=name, bodies=(), requests=Requests(), target=None, **fields)

    # -- the cluster as somebody else sees it ------------------------------------------------------------------------------
    def path(self, plural: str, name: str = "", group: str = "") -> str:
        root = f"/apis/{group}" if "/" in group else f"/apis/{group}/v1" if group else "/api/v1"
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def get(self, plural: str, name: str, group: str = "") -> Any:
        """Return the live object, or None when it is not there."""
        answer = self.cluster.api().get(self.path(plural, name, group)).expect(200, 404)
        return answer.body if answer.status == 200 else None

    def edit(self, plural: str, name: str, patch: Mapping[str, Any], group: str = "", manager: str = "kubectl-edit") -> None:
        """Change an object by hand, with a merge patch."""
        answer = self.cluster.api().call(
            "PATCH", self.path(plural, name, group), patch, query={"fieldManager": manager},
            content_type="application/merge-patch+json",
        )  # fmt: skip
        answer.expect(200)

    def create(self, plural: str, body: Mapping[str, Any], group: str = "", manager: str = "kubectl-create") -> Any:
        """Create an object by hand."""
        return self.cluster.api().post(self.path(plural, group=group), body, query={"fieldManager": manager}).expect(201).body

    def apply_as(self, manager: str, plural: str, body: Mapping[str, Any], group: str = "", *, force: bool = False) -> Any:
        """Apply an object as another manager."""
        return (
            self.cluster.api()
            .call(
                "PATCH", self.path(plural, body["metadata"]["name"], group), body,
                query={"fieldManager": manager, "force": "true" if force else "false"}, content_type="application/apply-patch+yaml",
            )
            .expect(200, 201)
            .body
        )  # fmt: skip

    def delete(self, plural: str, name: str, group: str = "") -> None:
        """Delete an object by hand."""
        self.cluster.api().call("DELETE", self.path(plural, name, group)).expect(200, 202)


def new_namespace(cluster: Any) -> str:
    """Make a namespace that no other test uses."""
    name = f"shop-{next(_NUMBERS)}"
    cluster.api().post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).expect(201)
    return name


# -- manifests ---------------------------------------------------------------------------------------------------------------


def config(name: str, notes: Mapping[str, str] | None = None, **data: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} | ({"annotations": dict(notes)} if notes else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"colour": "green"}}


def deployment(name: str, image: str = "nginx:1.27", notes: Mapping[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    container = {
        "name": "web", "image": image, "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}}, "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    }  # fmt: skip
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container]}}
    metadata: dict[str, Any] = {"name": name} | ({"annotations": dict(notes)} if notes else {})
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }  # fmt: skip


def service(name: str, **spec: Any) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def secret(name: str, **values: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}
