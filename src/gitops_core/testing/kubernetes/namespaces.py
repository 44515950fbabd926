"""Namespaces: nothing is created where there is none, or in one that terminates; and what terminates is emptied and goes."""

from __future__ import annotations

from gitops_core.testing.kubernetes.calls import Call
from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import Cause, forbidden, not_found

_KEY = ("", "namespaces")


def check_namespace(call: Call, name: str) -> None:
    """
    Raise when nothing can be created in the namespace of the call.

    Raises:
        ApiStatus: 404 when there is no such namespace, 403 when it terminates.
    """
    kind, namespace = call.kind, call.route.namespace
    if not kind.namespaced:
        return
    found = call.world.store.get(_KEY, "", namespace)
    if found is None:
        raise not_found(_namespace_kind(call), namespace)
    if found.object["metadata"].get("deletionTimestamp"):
        cause = Cause("NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace")
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        raise forbidden(kind, name, why, [cause])


def _namespace_kind(call: Call) -> Kind:
    return next(kind for kind in call.world.kinds if kind.key == _KEY)
