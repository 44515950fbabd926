"""
Strategic merge patch for the built-in kinds. Pure.

Lists merge by the key that the type of their items has (``containers`` by ``name``); the directives ``$patch``, ``$retainKeys``,
``$deleteFromPrimitiveList`` and ``$setElementOrder`` are understood. Source: Kubernetes documentation, "Update API Objects in Place
Using kubectl patch"; the design document "Strategic Merge Patch".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gitops_core.testing.kubernetes.statuses import bad_request
from gitops_core.testing.kubernetes.types import Field, fields

Object = dict[str, Any]
_DELETE_FROM: Final = "$deleteFromPrimitiveList/"
_ORDER: Final = "$setElementOrder/"
_ANY: Final = Field("*")


def strategic_merge(type_name: str, value: Object, patch: Object) -> Object:
    """
    Return *value*, an object of a built-in type, with *patch*; *value* is not changed.

    Raises:
        ApiStatus: 400, a directive that there is not, or an item without its merge key.
    """
    directive = patch.get("$patch")
    if directive in {"replace", "delete"}:
        return _plain(patch) if directive == "replace" else {}
    if directive not in {None, "merge"}:
        raise bad_request(f"Unknown patch type: {directive}")
    made = _retained(value, patch)
    known = fields(type_name)
    for name, item in patch.items():
        if name.startswith(_DELETE_FROM):
            _delete_from(made, name[len(_DELETE_FROM) :], item)
        elif not name.startswith("$"):
            _set(made, name, item, known.get(name, _ANY))
    for name, order in patch.items():
        if name.startswith(_ORDER):
            _sort(made, name[len(_ORDER) :], order, (known.get(name[len(_ORDER) :]) or _ANY).merge_key)
    return made


def _retained(value: Object, patch: Object) -> Object:
    keys = patch.get("$retainKeys")
    return dict(value) if keys is None else {name: item for name, item in value.items() if name in keys}


def _set(made: Object, name: str, item: Any, field: Field) -> None:
    if item is None:
        made.pop(name, None)
    elif isinstance(item, dict):
        made[name] = _merged_map(made.get(name), item, field.shape)
    elif isinstance(item, list) and field.merges:
        made[name] = _merged_list(made.get(name) or [], item, field)
    else:
        made[name] = item


def _merged_map(value: Any, patch: Object, shape: str) -> Any:
    before = value if isinstance(value, dict) else {}
    if shape.startswith("{") and patch.get("$patch") is None:
        made = dict(before)
        for name, item in patch.items():
            _set(made, name, item, Field(shape[1:]))
        return made
    return strategic_merge(shape[1:] if shape.startswith("@") else "", before, patch)


def _merged_list(value: list[Any], patch: list[Any], field: Field) -> list[Any]:
    if not field.merge_key:
        return [*value, *(item for item in patch if item not in value)]
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [_plain(item) for item in patch if item.get("$patch") != "replace"]
    made = list(value)
    for item in patch:
        _merge_item(made, item, field)
    return made


def _merge_item(made: list[Any], item: Object, field: Field) -> None:
    key = field.merge_key
    if key not in item:
        raise bad_request(f"map: {item} does not contain declared merge key: {key}")
    place = next((index for index, each in enumerate(made) if each.get(key) == item[key]), None)
    if item.get("$patch") == "delete":
        made[:] = [each for each in made if each.get(key) != item[key]]
    elif place is None:
        made.append(strategic_merge(field.shape[2:], {}, item))
    else:
        made[place] = strategic_merge(field.shape[2:], made[place], item)


def _delete_from(made: Object, name: str, items: Iterable[Any]) -> None:
    if name in made:
        made[name] = [each for each in made[name] if each not in items]


def _sort(made: Object, name: str, order: list[Any], key: str) -> None:
    """Items named in *order* come in that order; what only the server has keeps its place before its old successor."""
    items = made.get(name)
    if not items:
        return
    wanted = [each.get(key) if isinstance(each, dict) else each for each in order]
    marks = [each.get(key) if isinstance(each, dict) else each for each in items]
    named = iter(sorted((i for i, mark in enumerate(marks) if mark in wanted), key=lambda i: wanted.index(marks[i])))
    made[name] = [items[next(named)] if mark in wanted else items[i] for i, mark in enumerate(marks)]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if not name.startswith("$") and item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value
