"""The cluster as a test holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Self

import attrs

from gitops_core.interfaces import Clock
from gitops_core.testing.faults.plan import FaultPlan
from gitops_core.testing.kubernetes import api, faults, users
from gitops_core.testing.kubernetes.admission import Admission
from gitops_core.testing.kubernetes.api import Answer, Asked
from gitops_core.testing.kubernetes.controllers import Controllers
from gitops_core.testing.kubernetes.http import HttpRequest, HttpResponse
from gitops_core.testing.kubernetes.requests import Request, RequestLog
from gitops_core.testing.kubernetes.scripts import Script
from gitops_core.testing.kubernetes.server import Server
from gitops_core.testing.kubernetes.settings import DEFAULT_NAMESPACES, ClusterSettings
from gitops_core.testing.kubernetes.world import World

if TYPE_CHECKING:
    from gitops_core.kubernetes_api.connections import Connection

Object = dict[str, Any]


class FakeCluster:
    """
    A Kubernetes API server in this process. Safe between threads.

    ``handle`` answers requests without a socket. Inside of a ``with`` block it also listens on loopback, for clients and ``kubectl``::

        with FakeCluster() as cluster:
            connection = cluster.connection("alice")
            ...
            assert cluster.requests.count("patch", "deployments.apps") == 1

    Attributes:
        requests: What was asked.

    Args:
        settings: How it behaves.
    """

    def __init__(self, settings: ClusterSettings | None = None) -> None:
        self._world = World(settings or ClusterSettings())
        self._controllers = Controllers(self._world)
        self._plan: FaultPlan | None = None
        self.requests = RequestLog(self._world.settings.log_size)
        self._server: Server | None = None
        for name in DEFAULT_NAMESPACES:
            self._must("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        self.requests.reset()

    # -- with sockets -----------------------------------------------------------------------------------------------------
    def __enter__(self) -> Self:
        """Listen on a free port of the loopback interface."""
        self._server = Server(self.handle)
        self._server.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close every connection and stop listening; the objects stay."""
        self.close()

    def close(self) -> None:
        """Stop listening. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            with self._world.store.changed:
                self._world.store.changed.notify_all()

    @property
    def url(self) -> str:
        """
        The address: ``http://127.0.0.1:PORT``.

        Raises:
            RuntimeError: It does not listen: outside of the ``with`` block.
        """
        if self._server is None:
            raise RuntimeError("the fake cluster does not listen; enter it: with FakeCluster() as cluster:")
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def failures(self) -> tuple[Exception, ...]:
        """What functions of the test, or a defect of ours, raised while a client asked over a socket; it was answered 500."""
        return () if self._server is None else tuple(self._server.failures)

    def token(self, user: str = "admin") -> str:
        """Return the bearer token of a user; every name has one, ``system:serviceaccount:NAMESPACE:NAME`` too."""
        return users.token(user)

    def kubeconfig(self, directory: Path, user: str = "admin") -> Path:
        """Write a kubeconfig for *user* into *directory* and return its path; who reads it meanwhile sees it whole."""
        name = "fake"
        # kubectl sends no token over plain HTTP: the path says who asks.
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": f"{self.url}{users.PATH}{user}"}}],
            "users": [{"name": user, "user": {"token": self.token(user)}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": user, "namespace": "default"}}],
            "current-context": name,
        }
        path = directory / f"kubeconfig-{user.replace(':', '-')}.json"
        with NamedTemporaryFile("w", dir=directory, delete=False) as file:
            json.dump(content, file, indent=2)
        return Path(file.name).replace(path)

    def connection(self, user: str = "admin") -> Connection:
        """Return a connection of *user*, with the limits of production; close it."""
        from gitops_core.kubernetes_api.connections import Connection
        from gitops_core.kubernetes_api.identities import Credentials

        return Connection.explicit(self.url, credentials=Credentials(token=self.token(user), name=user))

    # -- without ----------------------------------------------------------------------------------------------------------
    def handle(self, request: HttpRequest) -> Answer:
        """Answer one request: a response, or a stream for a watch. Cost: tens of microseconds for one object."""
        plan = self._plan
        if plan is None:
            return self._answered(request)
        return faults.answered(plan, self.clock, request, lambda: self._answered(request))

    def _answered(self, request: HttpRequest) -> Answer:
        self._controllers.settle()
        learned: list[Asked] = [Asked()]
        made = api.answer(self._world, request, learned.append)
        self._note(request, learned[-1], made)
        return made

    def request(
        self, method: str, target: str, body: Any = None, *, user: str = "admin", headers: Mapping[str, str] = {}
    ) -> tuple[int, Any]:
        """Ask as *user* without a socket, and return the status and the JSON value of the answer; a watch is refused with TypeError."""
        asked = HttpRequest.of(method, target, body, {"authorization": f"Bearer {self.token(user)}", **headers})
        made = self.handle(asked)
        if not isinstance(made, HttpResponse):
            raise TypeError("a watch has no single answer; use handle()")
        return made.status, json.loads(made.body) if made.content_type.startswith("application/json") else made.body.decode()

    # -- the world --------------------------------------------------------------------------------------------------------
    @property
    def clock(self) -> Clock:
        """All time of the cluster."""
        return self._world.settings.clock

    def admit(self, admission: Admission) -> None:
        """Let *admission* look at every write from now on."""
        self._world.admissions.append(admission)

    def inject(self, plan: FaultPlan | None) -> None:
        """Let *plan* strike requests from now on, or nothing any more; see :mod:`gitops_core.testing.kubernetes.faults`."""
        self._plan = plan

    def script(self, script: Script) -> None:
        """Let *script* look after the objects of its kinds from now on."""
        self._controllers.script(script)

    def settle(self) -> None:
        """Let the controllers do what is due; every request and every look of a watch does it, too."""
        self._controllers.settle()

    def compact(self) -> None:
        """Forget the history: watches and continue tokens from before are answered 410."""
        self._world.store.compact()

    def _must(self, method: str, target: str, body: Any) -> Any:
        status, value = self.request(method, target, body)
        if status not in {200, 201}:
            raise RuntimeError(f"{method} {target}: {value}")
        return value

    def _note(self, request: HttpRequest, asked: Asked, made: Answer) -> None:
        wish, at = asked.wish, self._world.settings.clock.monotonic()
        resource = f"{wish.resource}.{wish.group}" if wish.group else wish.resource
        resource = f"{resource}/{wish.subresource}" if wish.subresource else resource
        noted = Request(0, at, asked.user, wish.verb, resource, wish.namespace, wish.name, made.status, path=request.path)
        sent = len(made.body) if isinstance(made, HttpResponse) else 0
        self.requests.note(attrs.evolve(noted, received=len(request.body), sent=sent))
