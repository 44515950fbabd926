"""The five requests that a coordinator makes, on Leases; one method is one request, a list one for each page."""

from __future__ import annotations

from typing import Any, Final, Protocol
from urllib.parse import quote

import attrs

from gitops_core.coordination.kubernetes.failures import translated
from gitops_core.coordination.kubernetes.names import GROUP, Names
from gitops_core.errors import AlreadyExists, Conflict, Expired, NotFound
from gitops_core.interfaces import Context
from gitops_core.kubernetes_api.requests import Request, Response

Object = dict[str, Any]
PAGE: Final = 500


class Caller(Protocol):
    """What a coordinator needs of a connection."""

    @property
    def server(self) -> str: ...
    def request(self, request: Request, timeout: float) -> Response: ...


@attrs.frozen
class Calls:
    """
    The requests of one beat.

    Attributes:
        caller: The connection.
        names: Labels, selectors and the namespace.
        timeout: Seconds one request may take.
        ctx: Whose beat it is: a stop or its deadline ends it before the next request.

    Raises (every method):
        StateUnavailable: The API server cannot be reached, or refuses. RETRY; STALL where only a change helps.
        Denied: Not allowed to. STALL.
        Cancelled, DeadlineExceeded: It is time to stop.
    """

    caller: Caller = attrs.field(repr=False)
    names: Names
    timeout: float
    ctx: Context = attrs.field(repr=False)

    def get(self, name: str) -> Object | None:
        """Return the Lease, or None when there is none."""
        with translated(self._place(name)):
            try:
                return self._answer(Request("GET", self._path(name)))
            except NotFound:
                return None

    def create(self, body: Object) -> Object | None:
        """Create a Lease; return it, or None when there is one of this name."""
        with translated(self._place(body["metadata"]["name"])):
            try:
                return self._answer(Request("POST", self._path(), (self._manager,), body))
            except AlreadyExists:
                return None

    def replace(self, body: Object) -> Object | None:
        """Write *body* over the version that it names; return it, or None when that is not there any more."""
        name = body["metadata"]["name"]
        with translated(self._place(name)):
            try:
                return self._answer(Request("PUT", self._path(name), (self._manager,), body))
            except (Conflict, NotFound):
                return None

    def delete(self, name: str, preconditions: Object) -> bool:
        """Delete the Lease if *preconditions* hold; return False when they do not. An absent one is gone already."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
        with translated(self._place(name)):
            try:
                self._answer(Request("DELETE", self._path(name), body=options))
            except NotFound:
                return True
            except Conflict:
                return False
        return True

    def every(self) -> list[Object]:
        """Return every Lease of this owner; begins anew, once, when its place in the list expires (410)."""
        with translated(self._place(self.names.selector)):
            try:
                return self._pages()
            except Expired:
                return self._pages()

    def _pages(self) -> list[Object]:
        query = (("labelSelector", self.names.selector), ("limit", str(PAGE)))
        found: list[Object] = []
        token = ""
        while True:
            page = self._answer(Request("GET", self._path(), (*query, ("continue", token)) if token else query))
            found += page.get("items") or ()  # the server says null for none
            token = page.get("metadata", {}).get("continue") or ""
            if not token:
                return found

    def _answer(self, request: Request) -> Object:
        self.ctx.check()
        body: Object = self.caller.request(request, min(self.timeout, self.ctx.remaining())).body
        return body

    def _place(self, name: str) -> str:
        return f"leases {self.names.namespace}/{name} at {self.caller.server}"

    def _path(self, name: str = "") -> str:
        path = f"/apis/{GROUP}/v1/namespaces/{quote(self.names.namespace)}/leases"
        return f"{path}/{quote(name)}" if name else path

    @property
    def _manager(self) -> tuple[str, str]:
        return ("fieldManager", f"{self.names.owner.name}-coordination")
