"""How an object leaves: marked first, gone when nothing holds it any more. Pure. Source: Kubernetes documentation, Finalizers."""

from __future__ import annotations

from typing import Any, Final

Object = dict[str, Any]
FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
_EXTRA: Final = {"Foreground": FOREGROUND, "Orphan": ORPHAN}


def marked(value: Object, policy: str, stamp: str) -> Object:
    """
    Return *value* on its way out: with the finalizer that the propagation needs, and the time unless it is on its way already.

    Args:
        value: The object.
        policy: ``Foreground``, ``Background``, ``Orphan``, or empty to leave it to the object's finalizers.
        stamp: The time.
    """
    made = _with_finalizers(value["metadata"], policy)
    if made.get("deletionTimestamp"):
        return value if made == value["metadata"] else {**value, "metadata": made}
    made["deletionTimestamp"] = stamp
    if value["kind"] == "Namespace" and value["apiVersion"] == "v1":
        return {**value, "metadata": made, "status": {**(value.get("status") or {}), "phase": "Terminating"}}
    made["deletionGracePeriodSeconds"] = 0
    if made.get("generation"):
        made["generation"] += 1
    return {**value, "metadata": made}


def is_finished(value: Object) -> bool:
    """Tell whether an object that is being deleted has nothing left to wait for."""
    metadata = value["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    return not (value["kind"] == "Namespace" and value["apiVersion"] == "v1" and (value.get("spec") or {}).get("finalizers"))


def released(value: Object, finalizer: str) -> Object:
    """Return *value* without one of its finalizers."""
    left = [name for name in value["metadata"].get("finalizers") or () if name != finalizer]
    metadata = {name: item for name, item in value["metadata"].items() if name != "finalizers"}
    return {**value, "metadata": {**metadata, "finalizers": left} if left else metadata}


def _with_finalizers(metadata: Object, policy: str) -> Object:
    names = list(metadata.get("finalizers") or ())
    if policy:
        names = [name for name in names if name not in {FOREGROUND, ORPHAN}]
        names += [_EXTRA[policy]] if policy in _EXTRA else []
    made = {name: item for name, item in metadata.items() if name != "finalizers"}
    return {**made, "finalizers": names} if names else made
