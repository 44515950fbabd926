"""Whether a configuration fits the schema before it is applied."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.elements import MissingKeys, element_of, spelled
from gitops_core.testing.kubernetes.server_side_apply.schemas import Node, Shape

_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "s": ("string", (str,)),
    "n": ("numeric (int or float)", (int, float)),
    "b": ("boolean", (bool,)),
}


def problems(applied: Mapping[str, Any], node: Node) -> list[str]:
    """
    Return what is wrong with a configuration, one line each, as the server words it; nothing when it fits.

    Wrong are fields that do not exist, values of another type, and items of a merged list without a key or twice.
    """
    return list(_problems(applied, node, ()))


def _problems(value: Any, node: Node, path: tuple[str, ...]) -> Iterator[str]:
    if value is None or node.shape is Shape.DEDUCED:
        return
    if node.shape is Shape.SCALAR:
        yield from _scalar(value, node, path)
    elif node.shape is Shape.MAP:
        if not isinstance(value, dict):
            yield f"{spelled(path)}: expected map, got {_named(value)}"
            return
        yield from _map(value, node, path)
    elif not isinstance(value, list):
        yield f"{spelled(path)}: expected list, got {_named(value)}"
    else:
        yield from _list(value, node, path)


def _scalar(value: Any, node: Node, path: tuple[str, ...]) -> Iterator[str]:
    name, types = _TYPES.get(node.type, ("", ()))
    if types and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
        got = {
            "s": f"&value.valueUnstructured{{Value:{_as_source(value)}}}",
            "n": type(value).__name__.replace("str", "string"),
        }.get(node.type, _named(value))
        yield f"{spelled(path)}: expected {name}, got {got}"


def _map(value: Mapping[str, Any], node: Node, path: tuple[str, ...]) -> Iterator[str]:
    fields = node.fields
    for name, item in value.items():
        child = fields.get(name) or node.element
        if child is None:
            yield f"{spelled((*path, 'f:' + name))}: field not declared in schema"
        elif type(item) is not str or child.type != "s":
            yield from _problems(item, child, (*path, "f:" + name))


def _list(value: list[Any], node: Node, path: tuple[str, ...]) -> Iterator[str]:
    seen: set[str] = set()
    for index, item in enumerate(value):
        element = f"i:{index}"
        if node.shape is not Shape.ATOMIC_LIST:
            try:
                element = element_of(item, node)
            except MissingKeys as problem:
                yield f"{spelled(path)}: element {index}: {problem}"
                continue
            if element in seen:
                yield f"{spelled(path)}: duplicate entries for key {spelled((element,))}"
            seen.add(element)
        if node.element is not None:
            yield from _problems(item, node.element, (*path, element))


def _named(value: Any) -> str:
    return "&{" + _spelled_value(value) + "}"


def _as_source(value: Any) -> str:
    """Return a value as the server prints it where it expects a text: as Go source."""
    if isinstance(value, dict):
        return (
            "map[string]interface {}{"
            + ", ".join(f"{json.dumps(name)}:{_as_source(value[name])}" for name in sorted(value))
            + "}"
        )
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(_as_source, value)) + "}"
    return json.dumps(value)


def _spelled_value(value: Any) -> str:
    """Return a value as the server prints it."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{name}:{_spelled_value(value[name])}" for name in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_spelled_value, value)) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
