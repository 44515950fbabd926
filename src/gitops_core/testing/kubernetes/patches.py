"""Applying a patch to an object: JSON Patch, JSON Merge Patch, and strategic merge patch. Pure. Sources: RFC 6902, RFC 7396."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import ApiStatus, bad_request, no_such_resource
from gitops_core.testing.kubernetes.strategic import strategic_merge
from gitops_core.testing.kubernetes.types import type_of

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
_MOST_OPERATIONS: Final = 10_000


def patched(kind: Kind, media_type: str, value: dict[str, Any], patch: Any) -> Any:
    """
    Return *value* with *patch*; *value* is not changed.

    Raises:
        ApiStatus: 415 for a media type the kind does not take, 400 or 422 for a patch that does not fit.
    """
    if media_type == JSON_PATCH:
        return _operations(value, patch)
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}")
    if media_type == MERGE_PATCH:
        return merged(value, patch)
    type_name = type_of(kind)
    if media_type == STRATEGIC_MERGE_PATCH and type_name is not None:
        return strategic_merge(type_name, value, patch)
    raise unsupported_media_type()


def unsupported_media_type() -> ApiStatus:
    """The kind takes no such patch; strategic merge patches are for built-in kinds."""
    return ApiStatus(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def merged(value: Any, patch: Any) -> Any:
    """Return *value* with the JSON Merge Patch *patch*."""
    if not isinstance(patch, dict):
        return patch
    made = dict(value) if isinstance(value, dict) else {}
    for name, item in patch.items():
        if item is None:
            made.pop(name, None)
        else:
            made[name] = merged(made.get(name), item)
    return made


def _operations(value: Any, patch: Any) -> Any:
    if not isinstance(patch, list):
        raise bad_request("error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp")
    if len(patch) > _MOST_OPERATIONS:
        message = f"The allowed maximum operations in a JSON patch is {_MOST_OPERATIONS}, got {len(patch)}"
        raise ApiStatus(413, "RequestEntityTooLarge", message)
    if not all(isinstance(operation, dict) for operation in patch):
        raise bad_request("error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp")
    for operation in patch:
        value = _operate(value, operation)
    return value


def _operate(value: Any, operation: Any) -> Any:
    try:
        run = _OPERATIONS[operation["op"]]
        return run(value, operation)
    except (KeyError, IndexError, TypeError, ValueError):
        raise _rejected() from None


def _rejected() -> ApiStatus:
    error = no_such_resource()
    return ApiStatus(422, "Invalid", "the server rejected our request due to an error in our request", error.details)


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise ValueError(pointer)
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _changed(value: Any, steps: list[str], change: Callable[[Any, str], Any]) -> Any:
    if len(steps) == 1:
        return change(value, steps[0])
    if isinstance(value, dict):
        return {**value, steps[0]: _changed(value[steps[0]], steps[1:], change)}
    index = _index(value, steps[0])
    return [*value[:index], _changed(value[index], steps[1:], change), *value[index + 1 :]]


def _index(value: list[Any], step: str, room: int = 0) -> int:
    index = len(value) if step == "-" and room else int(step)
    if not 0 <= index < len(value) + room:
        raise IndexError(step)
    return index


def _looked_up(value: Any, steps: list[str]) -> Any:
    for step in steps:
        value = value[step] if isinstance(value, dict) else value[_index(value, step)]
    return value


def _add(value: Any, operation: Any) -> Any:
    new = operation["value"]

    def change(owner: Any, step: str) -> Any:
        if isinstance(owner, dict):
            return {**owner, step: new}
        index = _index(owner, step, room=1)
        return [*owner[:index], new, *owner[index:]]

    steps = _steps(operation["path"])
    return _changed(value, steps, change) if steps else new


def _remove(value: Any, operation: Any) -> Any:
    def change(owner: Any, step: str) -> Any:
        if isinstance(owner, dict):
            owner[step]  # why: what is not there cannot be removed
            return {name: item for name, item in owner.items() if name != step}
        index = _index(owner, step)
        return [*owner[:index], *owner[index + 1 :]]

    return _changed(value, _steps(operation["path"]), change)


def _replace(value: Any, operation: Any) -> Any:
    """RFC 6902 wants the member to be there; the API server replaces what is not in an object, too."""
    steps = _steps(operation["path"])
    if not steps:
        return operation["value"]

    def change(owner: Any, step: str) -> Any:
        if isinstance(owner, dict):
            return {**owner, step: operation["value"]}
        index = _index(owner, step)
        return [*owner[:index], operation["value"], *owner[index + 1 :]]

    return _changed(value, steps, change)


def _test(value: Any, operation: Any) -> Any:
    if _looked_up(value, _steps(operation["path"])) != operation["value"]:
        raise ValueError("test failed")
    return value


def _copy(value: Any, operation: Any) -> Any:
    return _add(value, {**operation, "value": _looked_up(value, _steps(operation["from"]))})


def _move(value: Any, operation: Any) -> Any:
    moved = _looked_up(value, _steps(operation["from"]))
    return _add(_remove(value, {"path": operation["from"]}), {**operation, "value": moved})


_OPERATIONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "add": _add,
    "copy": _copy,
    "move": _move,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
}
