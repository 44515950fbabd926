"""Path elements: how an item of a list is told apart, and how a path reads in a message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.field_sets import FieldSet, paths
from gitops_core.testing.kubernetes.server_side_apply.schemas import Node, Shape

_ESCAPED = re.compile("[<>&]")


class MissingKeys(ValueError):
    """An item of a keyed list has none of its keys, or is no map."""


def element_of(item: Any, node: Node) -> str:
    """
    Return the path element of an item of a list that is merged.

    Args:
        item: The item.
        node: The list: :attr:`Shape.SET` or :attr:`Shape.KEYED`. A key that the item does not have takes the key's default.

    Raises:
        MissingKeys: No key is there and none has a default.
    """
    if node.shape is Shape.SET:
        return value_element(item)
    if not isinstance(item, dict):
        raise MissingKeys("associative list with keys may not have non-map elements")
    values = [item.get(name, default) for name, default in node.keys]
    if None in values or any(isinstance(value, (dict, list)) for value in values):
        return _element_of_some(item, node)
    return _key_element(node.keys, *values)


def value_element(value: Any) -> str:
    """Return the element of a value in a set."""
    return "v:" + as_json(value)


@lru_cache(maxsize=65536, typed=True)
def _key_element(keys: tuple[tuple[str, Any], ...], *values: Any) -> str:
    pairs = {name: value for (name, _), value in zip(keys, values, strict=True)}
    return "k:" + as_json(dict(sorted(pairs.items())))


def _element_of_some(item: dict[str, Any], node: Node) -> str:
    pairs = {name: item.get(name, default) for name, default in node.keys if name in item or default is not None}
    if not pairs:
        names = "[" + " ".join(json.dumps(name) for name, _ in node.keys) + "]"
        raise MissingKeys(
            f"associative list with keys has an element that omits all key fields {names} (and doesn't have default values for any key fields)"
        )
    return "k:" + as_json(dict(sorted(pairs.items())))


def as_json(value: Any) -> str:
    """Return *value* as compact JSON, with ``<``, ``>`` and ``&`` escaped as Go does."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026") if _ESCAPED.search(text) else text


def spelled(path: Iterable[str]) -> str:
    """
    Return a path as the server spells it in conflicts: ``.spec.containers[name="web"].image``.

    Source: observed: ``Status.details.causes[].field`` of kube-apiserver 1.36.
    """
    return "".join(map(_spelled_element, path))


@lru_cache(maxsize=4096)
def _spelled_element(element: str) -> str:
    kind, _, rest = element.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        return "[" + ",".join(f"{name}={as_json(value)}" for name, value in json.loads(rest).items()) + "]"
    return f"[={rest}]" if kind == "v" else f"[{rest}]"


def spelled_members(fields: FieldSet) -> list[str]:
    """Return every member of *fields*, spelled, in canonical order."""
    return [spelled(path) for path in paths(fields)]
