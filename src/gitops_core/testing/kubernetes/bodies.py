"""From the body of a request to an object of the right kind: kind and version checked, unknown fields found, nulls and empties gone."""

from __future__ import annotations

from typing import Any

from gitops_core.testing.kubernetes.calls import Call
from gitops_core.testing.kubernetes.custom import read_custom
from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import ApiStatus, bad_request, unsupported_value
from gitops_core.testing.kubernetes.types import Found, TypeMismatch, read, type_of

Object = dict[str, Any]


def object_of(call: Call) -> Object:
    """
    Return the object in the body of a create or an update.

    Raises:
        ApiStatus: 400 for what is no object of the kind, or has unknown fields where that is strict; 413, 415.
    """
    value, duplicates = call.json()
    kind = call.kind
    if not isinstance(value, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get version/kind")
    if kind.custom is not None and not value.get("kind"):
        shown = call.request.body.decode("utf-8", "replace").strip()
        told = f"Object 'Kind' is missing in '{shown}' ({shown[:22]} ...)"
        raise bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): {told}")
    value = {"kind": kind.kind, "apiVersion": kind.api_version, **value}
    if (value["kind"], value["apiVersion"]) != (kind.kind, kind.api_version):
        raise _other_kind(kind, value)
    found = Found()
    made = _read(kind, value, found)
    report(call, found, duplicates)
    return made


def normalized(call: Call, value: Object) -> Object:
    """
    Return *value*, the outcome of a patch, as the server keeps it.

    Raises:
        ApiStatus: 422 for wrong types and, where that is strict, unknown fields.
    """
    found = Found()
    try:
        made = read_object(call.kind, value, found)
    except TypeMismatch as error:
        raise _unpatchable(call.kind, str(error)) from None
    if found.unknown and call.field_validation == "Strict":
        told = ", ".join(f'unknown field "{path}"' for path in found.unknown)
        raise _unpatchable(call.kind, f"strict decoding error: {told}")
    report(call, found, [])
    return made


def read_object(kind: Kind, value: Object, found: Found) -> Object:
    """Return *value* as a server keeps an object of *kind*, and note what is strange in *found*; TypeMismatch for a wrong type."""
    made = _read_fields(kind, value, found)
    if (value.get("metadata") or {}).get("managedFields") == []:  # an empty list resets who manages what, no list does not
        made = {**made, "metadata": {**made["metadata"], "managedFields": []}}
    return made


def _read_fields(kind: Kind, value: Object, found: Found) -> Object:
    type_name = type_of(kind)
    if type_name is None:
        return read_custom(kind, value, found)
    body = {name: item for name, item in value.items() if name not in {"kind", "apiVersion"}}
    return {"kind": kind.kind, "apiVersion": kind.api_version, **_ordered(read(type_name, body, found))}


def report(call: Call, found: Found, duplicates: list[str]) -> None:
    """Warn of unknown and duplicate fields, or raise ApiStatus: 400, as the request wants it."""
    call.problems.extend(
        unsupported_value(path, given, [each for each in allowed if each]) for path, given, allowed in found.unsupported
    )
    told = [f'unknown field "{path}"' for path in found.unknown] + [f'duplicate field "{path}"' for path in duplicates]
    if not told or call.field_validation == "Ignore":
        return
    if call.field_validation == "Strict":
        raise bad_request(f"{_in_version(call.kind)}: strict decoding error: {', '.join(told)}")
    call.warnings.extend(told)


def _read(kind: Kind, value: Object, found: Found) -> Object:
    try:
        return read_object(kind, value, found)
    except TypeMismatch as error:
        raise bad_request(f"{_in_version(kind)}: {error}") from None


def _in_version(kind: Kind) -> str:
    return f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'


def _ordered(value: Object) -> Object:
    return {"metadata": value["metadata"], **value}


def _other_kind(kind: Kind, value: Object) -> ApiStatus:
    if kind.custom is not None and value["kind"] == kind.kind:
        return bad_request(
            f"the API version in the data ({value['apiVersion']}) does not match the expected API version ({kind.api_version})"
        )
    version = str(value["apiVersion"]).rpartition("/")[2]
    why = f'no kind "{value["kind"]}" is registered for version "{value["apiVersion"]}"'
    return bad_request(f'{value["kind"]} in version "{version}" cannot be handled as a {kind.kind}: {why}')


def _unpatchable(kind: Kind, why: str) -> ApiStatus:
    message = f'{kind.qualified} "" is invalid: patch: Invalid value: {why}'
    causes = [{"reason": "FieldValueInvalid", "message": f"Invalid value: {why}", "field": "patch"}]
    return ApiStatus(422, "Invalid", message, {"group": kind.group, "kind": kind.kind, "causes": causes})
