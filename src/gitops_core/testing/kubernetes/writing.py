"""Create and update: every way to write an object ends here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes import admission, bodies, managed, metadata, strategies
from gitops_core.testing.kubernetes.authorizing import check_grant
from gitops_core.testing.kubernetes.calls import Call
from gitops_core.testing.kubernetes.defaults import defaulted, prepared
from gitops_core.testing.kubernetes.definitions import KEY, refuse_unsupported
from gitops_core.testing.kubernetes.encoding import encoded
from gitops_core.testing.kubernetes.leaving import is_finished
from gitops_core.testing.kubernetes.namespaces import check_namespace
from gitops_core.testing.kubernetes.server_side_apply import settle
from gitops_core.testing.kubernetes.statuses import (
    ApiStatus,
    Cause,
    already_exists,
    bad_request,
    conflict,
    details_of,
    invalid,
    modified,
    not_found,
)
from gitops_core.testing.kubernetes.store import Stored
from gitops_core.testing.kubernetes.validation import created_problems, updated_problems

Object = dict[str, Any]
_MOST_STORED: Final = 1_572_864  # bytes that etcd takes in one request
_SERVERS: Final = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "selfLink",
)


def create(call: Call) -> Stored:
    """Create the object in the body; ApiStatus when it cannot be."""
    return create_object(call, bodies.object_of(call))


def create_object(call: Call, value: Object, track: bool = True) -> Stored:
    """
    Create *value*, which is of the call's kind and read.

    Args:
        call: In whose name.
        value: The object.
        track: Whether its fields become the manager's; server-side apply has done that itself.
    """
    kind, world = call.kind, call.world
    with world.store.lock:
        _check_definition(call, value)
        made = _new(call, value)
        check_namespace(call, made["metadata"].get("name", ""))
        made = defaulted(kind, made)
        if track:
            made = managed.tracked(call, None, made)
        made = prepared(kind, _admitted(call, "CREATE", made, None), world, None)
        _refuse(call, made, [*metadata.problems(kind, made["metadata"]), *created_problems(kind, made), *call.problems])
        check_grant(call, made)
        _validate(call, "CREATE", made, None)
        _check_size(call, made)
        if world.find(kind, made["metadata"].get("namespace", ""), made["metadata"]["name"]):
            raise already_exists(kind, made["metadata"]["name"])
        return Stored(made, 0, 0) if call.dry_run else world.store.put(kind.key, made)


def update(call: Call, change: Callable[[Object], Object], track: bool = True) -> Stored:
    """
    Write what *change* makes of the object as it is.

    Raises:
        ApiStatus: 404, 409 for another version, 422, and whatever *change* raises.
    """
    kind, world, route = call.kind, call.world, call.route
    with world.store.lock:
        before = world.find(kind, route.namespace, route.name)
        if before is None:
            raise not_found(kind, route.name)
        asked = change(before.object)
        _check_definition(call, asked)
        _check_identity(call, asked, before)
        made = strategies.for_update(kind, before.object, asked, route.subresource)
        made = defaulted(kind, made)
        if track:
            made = managed.tracked(call, before.object, made)
        made = prepared(kind, _admitted(call, "UPDATE", made, before.object), world, before.object)
        made = strategies.counted(kind, before.object, made)
        causes = [*metadata.problems(kind, made["metadata"]), *metadata.changed(made["metadata"], before.object["metadata"])]
        _refuse(call, made, [*causes, *updated_problems(kind, before.object, made, route.subresource), *call.problems])
        check_grant(call, made)
        _validate(call, "UPDATE", made, before.object)
        _check_size(call, made)
        return _stored(call, before, made)


def _stored(call: Call, before: Stored, made: Object) -> Stored:
    version = before.object["metadata"]["resourceVersion"]
    made = settle(before.object, {**made, "metadata": {**made["metadata"], "resourceVersion": version}})
    if call.dry_run:
        return Stored(made, before.version, before.created)
    if is_finished(made):
        return call.world.store.remove(call.kind.key, before.namespace, before.name, made)
    if made == before.object:
        return before
    return call.world.store.put(call.kind.key, made)


def _new(call: Call, value: Object) -> Object:
    kind, route, given = call.kind, call.route, value["metadata"]
    if given.get("resourceVersion"):
        raise ApiStatus(500, "", "resourceVersion should not be set on objects to be created")
    _check_namespace_name(call, given)
    meta = {name: item for name, item in given.items() if name not in _SERVERS}
    if route.name:
        meta["name"] = route.name
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = call.world.new_name(meta["generateName"])
    made = strategies.for_create(kind, value)
    if kind.namespaced:
        meta["namespace"] = route.namespace
    else:
        meta.pop("namespace", None)
    meta |= {"uid": call.world.new_uid(), "creationTimestamp": call.world.stamp()}
    if strategies.counts(kind):
        meta["generation"] = 1
    return {**made, "metadata": meta}


def _check_definition(call: Call, value: Object) -> None:
    """Refuse definitions that the fake cannot serve, and new objects of a kind whose definition is being deleted."""
    kind = call.kind
    if kind.key == KEY:
        refuse_unsupported(value, call.world.settings.skip_rules)
    elif kind.custom is not None and call.route.verb == "create":
        definition = call.world.store.get(KEY, "", kind.resource)
        if definition is not None and definition.object["metadata"].get("deletionTimestamp"):
            message = "create not allowed while custom resource definition is terminating"
            raise ApiStatus(405, "MethodNotAllowed", message, details_of(kind, value["metadata"].get("name", "")))


def _check_namespace_name(call: Call, meta: Object) -> None:
    if call.kind.namespaced and meta.get("namespace", call.route.namespace) != call.route.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def _check_identity(call: Call, asked: Object, before: Stored) -> None:
    kind, route, meta = call.kind, call.route, asked["metadata"]
    if meta.get("name", route.name) != route.name:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({route.name})")
    _check_namespace_name(call, meta)
    if not (meta.get("resourceVersion") or "0").isdigit():
        raise ApiStatus(500, "", f'strconv.ParseUint: parsing "{meta["resourceVersion"]}": invalid syntax')
    if meta.get("resourceVersion", "") not in {"", str(before.object["metadata"]["resourceVersion"])}:
        raise modified(kind, route.name)
    if kind.custom is not None and route.verb == "update" and not meta.get("resourceVersion"):
        why = "Invalid value: 0x0: must be specified for an update"
        raise invalid(kind, route.name, [Cause("FieldValueInvalid", why, "metadata.resourceVersion")])
    uid = before.object["metadata"]["uid"]
    if route.verb == "update" and meta.get("uid", uid) != uid:
        key = f"/registry/{kind.plural}/{route.namespace}/{route.name}"
        why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {uid}"
        raise conflict(
            kind, route.name, f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
        )


def _refuse(call: Call, made: Object, causes: list[Cause]) -> None:
    if causes:
        raise invalid(call.kind, made["metadata"].get("name", ""), causes)


def _request(call: Call, operation: str, made: Object | None, before: Object | None) -> admission.AdmissionRequest:
    kind, route = call.kind, call.route
    name = route.name or (made or {}).get("metadata", {}).get("name", "")
    about = admission.AdmissionRequest(
        operation, kind.group, kind.version, kind.kind, route.namespace, name, route.subresource, made, before
    )
    return attrs.evolve(about, user=call.user.name, dry_run=call.dry_run)


def _admitted(call: Call, operation: str, made: Object, before: Object | None) -> Object:
    if not call.world.admissions:
        return made
    return admission.mutated(call.world.admissions, _request(call, operation, made, before)).object or made


def _validate(call: Call, operation: str, made: Object, before: Object | None) -> None:
    if call.world.admissions:
        admission.validate(call.world.admissions, _request(call, operation, made, before))


def validate_delete(call: Call, before: Object) -> None:
    """Ask the validating functions whether *before* may be deleted; ApiStatus when not."""
    if call.world.admissions:
        admission.validate(call.world.admissions, _request(call, "DELETE", None, before))


def _check_size(call: Call, made: Object) -> None:
    size = len(call.request.body)
    if size > _MOST_STORED // 2 and len(encoded(made)) > _MOST_STORED:
        raise ApiStatus(500, "", "etcdserver: request is too large")
