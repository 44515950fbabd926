"""The few requests that a store makes, on ConfigMaps and one Secret; one method is one request, a list one for each page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote

import attrs

from gitops_core.errors import AlreadyExists, Conflict, NotFound
from gitops_core.kubernetes_api.requests import JSON, MERGE, Request, Response
from gitops_core.state.kubernetes.failures import translated
from gitops_core.state.kubernetes.names import Names

Object = dict[str, Any]
_META: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_META_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_CONFIG_MAPS: Final = "configmaps"
META_PAGE: Final = 1000
HEADS_PAGE: Final = 100
WHOLE_PAGE: Final = 20


class Caller(Protocol):
    """What a store needs of a connection."""

    @property
    def server(self) -> str: ...
    def request(self, request: Request, timeout: float) -> Response: ...


@attrs.frozen
class Objects:
    """
    The objects of one namespace.

    Attributes:
        caller: The connection.
        names: Labels, selectors and the namespace.
        timeout: Seconds one request may take.

    Raises (every method):
        StateUnavailable: The API server cannot be reached, or refuses. RETRY; STALL where only a permission helps.
    """

    caller: Caller = attrs.field(repr=False)
    names: Names
    timeout: float

    def place(self, name: str, resource: str = _CONFIG_MAPS) -> str:
        """Return how messages call an object."""
        return f"{resource} {self.names.namespace}/{name} at {self.caller.server}"

    def get(self, name: str, *, resource: str = _CONFIG_MAPS) -> Object | None:
        """Return the object, or None when there is none."""
        return self._found(name, Request("GET", self._path(resource, name), accept=JSON))

    def metadata(self, name: str) -> Object | None:
        """Return the object's metadata only, or None when there is none."""
        return self._found(name, Request("GET", self._path(_CONFIG_MAPS, name), accept=f"{_META}, {JSON}"))

    def create(self, body: Object, *, resource: str = _CONFIG_MAPS) -> Object | None:
        """Create an object; return it, perhaps without its content, or None when there is one of this name."""
        accept = f"{_META}, {JSON}"
        request = Request("POST", self._path(resource), (self._manager,), self._named(body, resource), accept=accept)
        with translated(self.place(body["metadata"]["name"], resource)):
            try:
                return self._answer(request)
            except AlreadyExists:
                return None

    def patch(self, name: str, body: Object) -> Object | None:
        """
        Change what *body* names, if the object still is at ``body["metadata"]["resourceVersion"]`` where that is given.

        Return it, perhaps without its content, or None when it is not there or not at that version any more.
        """
        accept = f"{_META}, {JSON}"
        request = Request("PATCH", self._path(_CONFIG_MAPS, name), (self._manager,), body, MERGE, accept)
        with translated(self.place(name)):
            try:
                return self._answer(request)
            except (Conflict, NotFound):
                return None

    def delete(self, name: str, version: str = "") -> bool:
        """Delete the object, if it still is at *version*; return False when it is not. An absent one is gone already."""
        body = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            **({"preconditions": {"resourceVersion": version}} if version else {}),
        }
        with translated(self.place(name)):
            try:
                self._answer(Request("DELETE", self._path(_CONFIG_MAPS, name), body=body))
            except NotFound:
                return True
            except Conflict:
                return False
        return True

    def delete_all(self, selector: str) -> None:
        """Delete every object that *selector* finds."""
        with translated(self.place(selector)):
            self._answer(Request("DELETE", self._path(_CONFIG_MAPS), (("labelSelector", selector),)))

    def list(self, selector: str, page: int = WHOLE_PAGE) -> Iterator[Object]:
        """Yield every object that *selector* finds, *page* with each request."""
        return self._pages(selector, JSON, page)

    def list_metadata(self, selector: str) -> Iterator[Object]:
        """Yield the metadata of every object that *selector* finds."""
        return self._pages(selector, f"{_META_LIST}, {JSON}", META_PAGE)

    def _pages(self, selector: str, accept: str, size: int) -> Iterator[Object]:
        query = (("labelSelector", selector), ("limit", str(size)))
        token = ""
        while True:
            more = (*query, ("continue", token)) if token else query
            with translated(self.place(selector)):
                page = self._answer(Request("GET", self._path(_CONFIG_MAPS), more, accept=accept))
            yield from page.get("items") or ()  # the server says null for none
            token = page.get("metadata", {}).get("continue")
            if not token:
                return

    def _found(self, name: str, request: Request) -> Object | None:
        with translated(self.place(name)):
            try:
                return self._answer(request)
            except NotFound:
                return None

    def _answer(self, request: Request) -> Object:
        body: Object = self.caller.request(request, self.timeout).body
        return body

    def _named(self, body: Object, resource: str) -> Mapping[str, Any]:
        kind = "ConfigMap" if resource == _CONFIG_MAPS else "Secret"
        return {"apiVersion": "v1", "kind": kind, **body}

    def _path(self, resource: str, name: str = "") -> str:
        path = f"/api/v1/namespaces/{quote(self.names.namespace)}/{resource}"
        return f"{path}/{quote(name)}" if name else path

    @property
    def _manager(self) -> tuple[str, str]:
        return ("fieldManager", f"{self.names.owner.name}-state")
