"""What is special about writing objects of a kind: which part of an update counts, and what is reset. Pure."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.types import empty, type_of

Object = dict[str, Any]
_NOT_COUNTED: Final = frozenset({"metadata", "status", "kind", "apiVersion"})
_OWN_METADATA: Final = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def for_create(kind: Kind, value: Object) -> Object:
    """Return *value* as it begins: without a status that only a controller may write, and in the first generation."""
    if "status" not in kind.subresources:
        return value
    made = {name: item for name, item in value.items() if name != "status"}
    type_name = type_of(kind)
    return made if type_name is None else {**made, "status": empty(type_name, "status")}


def for_update(kind: Kind, before: Object, after: Object, subresource: str) -> Object:
    """Return *after* with what this subresource may not change as it was *before*, and with the metadata that is the server's own."""
    metadata = {name: item for name, item in after["metadata"].items() if name not in _OWN_METADATA}
    metadata |= {name: before["metadata"][name] for name in (*_OWN_METADATA, "name", "namespace") if name in before["metadata"]}
    if after["metadata"].get("uid"):
        metadata["uid"] = after["metadata"]["uid"]
    if subresource == "status":
        managed = {"managedFields": metadata["managedFields"]} if "managedFields" in metadata else {}
        kept = {name: item for name, item in before["metadata"].items() if name != "managedFields"}
        return _with_status({**before, "metadata": {**kept, **managed}}, after)
    made = {**after, "metadata": metadata}
    if kind.key == ("", "namespaces"):
        made = _finalized(before, made, subresource)
    return _with_status(made, before) if "status" in kind.subresources else made


def counted(kind: Kind, before: Object, after: Object) -> Object:
    """Return *after* in the next generation if it differs from *before* in what counts."""
    if not counts(kind) or not changes(kind, before, after):
        return after
    return {**after, "metadata": {**after["metadata"], "generation": before["metadata"].get("generation", 0) + 1}}


def counts(kind: Kind) -> bool:
    """Tell whether the kind has a generation; custom kinds have."""
    return kind.counts or kind.custom is not None


def changes(kind: Kind, before: Object, after: Object) -> bool:
    """Tell whether an update makes a new generation."""
    ignored = _NOT_COUNTED if kind.custom is None or "status" in kind.subresources else _NOT_COUNTED - {"status"}
    if kind.key == ("apps", "deployments") and before["metadata"].get("annotations") != after["metadata"].get("annotations"):
        return True
    return {n: i for n, i in before.items() if n not in ignored} != {n: i for n, i in after.items() if n not in ignored}


def _finalized(before: Object, after: Object, subresource: str) -> Object:
    """The finalizers in the specification of a namespace change by its subresource only, and nothing else does there."""
    if subresource == "finalize":
        return {**before, "spec": after.get("spec") or {}}
    return {**after, "spec": before.get("spec") or {}}


def _with_status(value: Object, owner: Object) -> Object:
    made = {name: item for name, item in value.items() if name != "status"}
    return {**made, "status": owner["status"]} if "status" in owner else made
