"""Asking an API server for its kinds: two requests, or one for each version of a group on an older server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import attrs

from gitops_core.errors import GitOpsError, Unobservable
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.discovery_documents import (
    AGGREGATED,
    GroupInfo,
    aggregated_groups,
    is_aggregated,
    listed_groups,
    listed_kinds,
)
from gitops_core.kubernetes_api.kind_tables import KindTable, make_table
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import Request

_ROOTS = ("/api", "/apis")
_UNREADABLE = (KeyError, TypeError, AttributeError)
"""What reading a document throws that is not built as documented."""


def fetch_table(connection: Connection, previous: KindTable | None, timeout: float) -> KindTable:
    """
    Return what the server has now.

    Args:
        connection: Whom to ask.
        previous: What it had; the same table comes back when nothing has changed.
        timeout: Seconds for each request.

    Raises:
        GitOpsError: It cannot be asked.
        Unobservable: It answers with something else. RETRY.

    Cost: two requests; without content when nothing has changed (the server's ETag tells).
    """
    known = previous.documents if previous is not None else {}
    documents = {root: _fetch(connection, root, known.get(root), timeout) for root in _ROOTS}
    aggregated = all(is_aggregated(document) for _, document in documents.values())
    if aggregated and previous is not None and all(documents[root] is known.get(root) for root in _ROOTS):
        return previous
    return read_table(documents, connection.server)


def read_table(documents: Mapping[str, tuple[str, Any]], server: str) -> KindTable:
    """
    Return the table that the two root documents tell.

    Raises:
        Unobservable: They are not built as documented. RETRY.

    Cost: O(size of the documents).
    """
    core, named = (documents[root][1] for root in _ROOTS)
    try:
        if is_aggregated(core) and is_aggregated(named):
            return make_table([*aggregated_groups(core), *aggregated_groups(named)], documents, complete=True)
        return make_table(listed_groups(core, named), {}, complete=False)
    except _UNREADABLE as error:
        raise Unobservable(f"{server}: its list of kinds is not built as documented; is this a Kubernetes API server?") from error


def _fetch(connection: Connection, path: str, known: tuple[str, Any] | None, timeout: float) -> tuple[str, Any]:
    condition = (("If-None-Match", known[0]),) if known is not None and known[0] else ()
    response = connection.request(Request("GET", path, accept=AGGREGATED, headers=condition), timeout)
    if known is not None and response.status == HTTPStatus.NOT_MODIFIED:
        return known
    return response.headers.get("ETag", ""), response.body


def fetch_group(connection: Connection, group: GroupInfo, timeout: float) -> tuple[GroupInfo, GitOpsError | None]:
    """
    Return *group* with its kinds, on a server that does not tell all at once.

    Returns:
        tuple: The group, and the error of a version that could not be read: it makes only this group broken.

    Cost: one request for each version of the group.
    """
    kinds: list[KindInfo] = []
    stale, problem = set(), None
    for version in group.versions:
        try:
            kinds += _group_kinds(connection, group, version, timeout)
        except GitOpsError as error:
            stale.add(version)
            problem = error
    return attrs.evolve(group, kinds=tuple(kinds), stale=frozenset(stale)), problem


def _group_kinds(connection: Connection, group: GroupInfo, version: str, timeout: float) -> Iterator[KindInfo]:
    path = f"/apis/{group.name}/{version}" if group.name else f"/api/{version}"
    document = connection.request(Request("GET", path), timeout).body
    try:
        yield from listed_kinds(group.name, version, document)
    except _UNREADABLE as error:
        raise Unobservable(f"{connection.server}{path}: its list of kinds is not built as documented") from error
