"""Delete: preconditions, finalizers, propagation, whole collections."""

from __future__ import annotations

from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes import definitions, reading
from gitops_core.testing.kubernetes.calls import Call, invalid_options
from gitops_core.testing.kubernetes.leaving import is_finished, marked
from gitops_core.testing.kubernetes.statuses import ApiStatus, Cause, details_of, forbidden, not_found, success
from gitops_core.testing.kubernetes.store import Stored
from gitops_core.testing.kubernetes.writing import validate_delete

Object = dict[str, Any]
_KEPT: Final = frozenset({"default", "kube-public", "kube-system"})
_POLICIES: Final = ("Foreground", "Background", "Orphan")


@attrs.frozen
class Options:
    """How to delete: preconditions, and what becomes of dependents."""

    uid: str = ""
    version: str = ""
    policy: str = ""
    dry_run: bool = False


def options_of(call: Call) -> Options:
    """
    Return how the call wants to delete: parameters, or the ``DeleteOptions`` in the body.

    Raises:
        ApiStatus: 400 or 422.
    """
    body, _ = call.json() if call.request.body else ({}, [])
    preconditions = body.get("preconditions") or {}
    policy = body.get("propagationPolicy") or call.request.parameter("propagationPolicy")
    orphan = body.get("orphanDependents", call.request.parameter("orphanDependents") == "true")
    if policy and policy not in _POLICIES:
        told = ", ".join(f'"{name}"' for name in (*_POLICIES, "nil"))
        raise invalid_options(
            "DeleteOptions",
            [Cause("FieldValueNotSupported", f'Unsupported value: "{policy}": supported values: {told}', "propagationPolicy")],
        )
    dry_run = call.dry_run or bool(body.get("dryRun"))
    return Options(
        preconditions.get("uid") or "",
        preconditions.get("resourceVersion") or "",
        policy or ("Orphan" if orphan else ""),
        dry_run,
    )


def delete(call: Call) -> Stored | Object:
    """Delete the object of the call: the object when it waits for something, a ``Status`` when it is gone; ApiStatus when it cannot be."""
    options = options_of(call)
    with call.world.store.lock:
        found = call.world.find(call.kind, call.route.namespace, call.route.name)
        if found is None:
            raise not_found(call.kind, call.route.name)
        left = delete_one(call, found, options)
    return left or success(details_of(call.kind, call.route.name, uid=found.object["metadata"]["uid"]))


def delete_collection(call: Call) -> reading.Page:
    """Delete every object that the call selects, and return them as they were."""
    options = options_of(call)
    with call.world.store.lock:
        page = reading.page(call)
        for found in page.items:
            delete_one(call, found, options)
    return page


def delete_one(call: Call, found: Stored, options: Options) -> Stored | None:
    """Delete *found*, and return it as it waits for its finalizers; None when it is gone."""
    if call.kind.key == ("", "namespaces") and found.name in _KEPT:
        raise forbidden(call.kind, found.name, "this namespace may not be deleted")
    _check(call, found, options)
    validate_delete(call, found.object)
    made = _marked(call, found.object, options)
    if options.dry_run:
        return None if is_finished(made) else Stored(made, found.version, found.created)
    if is_finished(made):
        call.world.store.remove(call.kind.key, found.namespace, found.name)
        return None
    return found if made == found.object else call.world.store.put(call.kind.key, made)


def _check(call: Call, found: Stored, options: Options) -> None:
    meta = found.object["metadata"]
    if options.uid and options.uid != meta["uid"]:
        raise _unmet(
            call,
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta['uid']}). The object might have been deleted and then recreated",
        )
    if options.version and options.version != meta["resourceVersion"]:
        raise _unmet(
            call,
            f"the ResourceVersion in the precondition ({options.version}) does not match the ResourceVersion in record ({meta['resourceVersion']}). The object might have been modified",
        )


def _unmet(call: Call, why: str) -> ApiStatus:
    kind, name = call.kind, call.route.name
    details = {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.kind}
    return ApiStatus(409, "Conflict", f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}', details)


def _marked(call: Call, value: Object, options: Options) -> Object:
    stamp, fresh = call.world.stamp(), not value["metadata"].get("deletionTimestamp")
    if call.kind.key == definitions.KEY and fresh:
        made = marked(definitions.terminating(value, stamp), options.policy, stamp)
        return {**made, "metadata": {**made["metadata"], "generation": value["metadata"]["generation"]}}
    return marked(value, options.policy, stamp)
