"""One connection with what is known about its kinds: how a key becomes a path, and how objects are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import attrs

from gitops_core.errors import Expired, TargetError
from gitops_core.interfaces import Context
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.discovery import Discovery
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import Request, Response
from gitops_core.kubernetes_api.streams import Stream
from gitops_core.model.resources import ResourceKey
from gitops_core.targets.kubernetes.settings import KubernetesSettings

T = TypeVar("T")

_METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_JSON: Final = "application/json"
_GROUP: Final = 2


@attrs.frozen
class Access:
    """
    Where a target's requests go.

    Attributes:
        connection: To the API server.
        discovery: Of its kinds.
        settings: Of the target.
    """

    connection: Connection
    discovery: Discovery
    settings: KubernetesSettings

    def kind(self, ctx: Context, key: ResourceKey, api_version: str = "") -> KindInfo:
        """
        Return what is known about the kind of *key*, in the version of *api_version* or in the preferred one.

        Raises:
            UnknownKind: The server does not have it. WAIT.
            TargetError: It could not be found out.
        """
        return self.discovery.kind(key.group, key.kind, api_version.rpartition("/")[2], timeout=self._time(ctx))

    def namespace(self, info: KindInfo, key: ResourceKey) -> str:
        """Return the namespace that *key* lives in; empty for a kind that lives in none."""
        return (key.namespace or self.settings.namespace) if info.namespaced else ""

    def path(self, info: KindInfo, key: ResourceKey) -> str:
        """Return the path of the object under *key*."""
        return info.path(self.namespace(info, key), key.name)

    def send(self, ctx: Context, request: Request) -> Response:
        """Ask, within the time that *ctx* leaves; raises as :meth:`.Connection.request` does. Counted as ``requests``."""
        ctx.check()
        ctx.count("requests", 1)
        return self.connection.request(request, self._time(ctx))

    def get(self, ctx: Context, info: KindInfo, key: ResourceKey, *, metadata: bool = False) -> dict[str, Any]:
        """Return the object under *key*, or only its metadata."""
        request = Request("GET", self.path(info, key), accept=_METADATA if metadata else _JSON, sensitive=is_sensitive(key))
        return as_object(self.send(ctx, request).body, "GET")

    def pages(
        self, ctx: Context, info: KindInfo, namespace: str, *, selector: str = "", metadata: bool = True
    ) -> Iterator[Mapping[str, Any]]:
        """
        Yield the pages of a list; the last one's ``metadata.resourceVersion`` is where a watch goes on.

        Args:
            ctx: Of the call.
            info: The kind.
            namespace: One namespace; empty for all, and for kinds that live in none.
            selector: Of labels.
            metadata: Ask for metadata only.

        Raises:
            Expired: The list took longer than the server keeps its place: begin anew. RETRY.
        """
        place = ""
        while True:
            query = [("limit", str(self.settings.page))]
            query += [("labelSelector", selector)] if selector else []
            query += [("continue", place)] if place else []
            accept = _METADATA_LIST if metadata else _JSON
            request = Request("GET", info.path(namespace), tuple(query), accept=accept, sensitive=info.kind == "Secret")
            page = as_object(self.send(ctx, request).body, "LIST")
            yield page
            place = (page.get("metadata") or {}).get("continue") or ""
            if not place:
                return

    def listed(
        self, ctx: Context, info: KindInfo, namespace: str, take: Callable[[Iterator[Mapping[str, Any]]], T], **how: Any
    ) -> T:
        """
        Return what *take* makes of the items of a list, page by page; once more from the beginning where the server has forgotten
        its place in between.

        Args:
            ctx: Of the call.
            info: The kind.
            namespace: As for :meth:`pages`.
            take: Keeps what is needed of each item.
            how: ``selector`` and ``metadata`` of :meth:`pages`.
        """

        def items() -> Iterator[Mapping[str, Any]]:
            return (item for page in self.pages(ctx, info, namespace, **how) for item in page.get("items") or ())

        try:
            return take(items())
        except Expired:
            return take(items())

    def watch(self, ctx: Context, info: KindInfo, namespace: str, *, selector: str, revision: str) -> Stream:
        """Begin to watch metadata from *revision* on; counted as a request."""
        ctx.count("requests", 1)
        query = (
            ("watch", "true"), ("resourceVersion", revision), ("allowWatchBookmarks", "true"), ("labelSelector", selector),
            ("timeoutSeconds", str(int(self.settings.silence * 0.9))),
        )  # fmt: skip
        accept = f"{_METADATA},{_JSON}"
        return self.connection.stream(Request("GET", info.path(namespace), query, accept=accept), self.settings.silence)

    def _time(self, ctx: Context) -> float:
        return min(self.settings.limits.timeout, max(ctx.remaining(), 0.001))


def is_sensitive(key: ResourceKey) -> bool:
    """Tell whether objects like *key* may hold secrets, which must not get into errors."""
    return key.kind == "Secret"


def as_object(body: Any, asked: str) -> dict[str, Any]:
    """Return *body*; a JSON document that is no object is an error of whoever stands in for the API server."""
    if not isinstance(body, dict):
        raise TargetError(f"{asked}: the answer is {type(body).__name__}, not an object; is this a Kubernetes API server?")
    return body
