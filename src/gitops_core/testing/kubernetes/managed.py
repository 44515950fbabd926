"""Who manages which fields: between the operations and the functions of server-side apply."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.testing.kubernetes.calls import Call
from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.server_side_apply import (
    ApplyConflicts,
    InvalidApply,
    MissingKeys,
    Schema,
    Writer,
    apply_patch,
    schema_of,
    track_update,
)
from gitops_core.testing.kubernetes.statuses import ApiStatus, Cause

Object = dict[str, Any]


def tracked(call: Call, before: Object | None, after: Object) -> Object:
    """Return *after* with the fields that changed in the name of the call's manager."""
    if call.route.subresource or "status" not in call.kind.subresources:
        return _tracked(call, before, after)
    made = _tracked(call, _less(before), _less(after) or after)
    return {**made, "status": after["status"]} if "status" in after else made


def _tracked(call: Call, before: Object | None, after: Object) -> Object:
    try:
        return track_update(before, after, writer=_writer(call), schema=schema(call.kind))
    except MissingKeys:
        return after  # the server keeps no track of an object that validation refuses next


def applied(call: Call, live: Object | None, patch: Object) -> Object:
    """
    Return *live* with *patch* applied by the call's manager.

    Raises:
        ApiStatus: 409 with the fields of other managers, 500 when it does not fit the schema, as the server has it.
    """
    try:
        return apply_patch(
            live, _taken(call, patch), writer=_writer(call), schema=schema(call.kind), force=call.request.flag("force")
        )
    except ApplyConflicts as conflicts:
        raise _conflict(conflicts) from None
    except InvalidApply as error:
        meta = patch.get("metadata") or {}
        what = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {call.kind.api_version}, Kind={call.kind.kind}"
        raise ApiStatus(500, "", f"failed to create typed patch object ({what}): {error}") from None


def schema(kind: Kind) -> Schema:
    """Return what server-side apply knows about *kind*; kept once it was made. Cost: O(1) but for the first time."""
    found = _SCHEMAS.get(id(kind))
    if found is None or found[0] is not kind:
        custom = None if kind.custom is None else (kind.custom.get("schema") or {}).get("openAPIV3Schema") or {}
        found = _SCHEMAS[id(kind)] = (kind, schema_of(kind.group, kind.kind, custom))
    return found[1]


_SCHEMAS: Final[dict[int, tuple[Kind, Schema]]] = {}


def _writer(call: Call) -> Writer:
    return Writer(call.manager, call.kind.api_version, call.world.stamp(), call.route.subresource)


def _less(value: Object | None) -> Object | None:
    return value if value is None else {name: item for name, item in value.items() if name != "status"}


def _taken(call: Call, patch: Object) -> Object:
    """What the object itself, or its subresource, takes of a configuration."""
    if call.route.subresource == "status":
        metadata = {name: patch["metadata"][name] for name in ("name", "namespace") if name in (patch.get("metadata") or {})}
        return {
            name: item
            for name, item in {**patch, "metadata": metadata}.items()
            if name in {"apiVersion", "kind", "metadata", "status"}
        }
    return _less(patch) or patch if "status" in call.kind.subresources else patch


def _conflict(conflicts: ApplyConflicts) -> ApiStatus:
    causes = [Cause("FieldManagerConflict", f"conflict with {each.owner}", each.field) for each in conflicts.conflicts]
    return ApiStatus(409, "Conflict", str(conflicts), {"causes": [cause.document() for cause in causes]})
