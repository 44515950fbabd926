"""
The schemas of the built-in kinds, read from ``kinds.json``.

The file holds facts that a kube-apiserver 1.36 publishes (``tests/golden/server_side_apply/record_kinds.py`` writes it). A fact is one word:

- ``s`` text, ``n`` number, ``b`` boolean, ``u`` one of several scalars, ``?`` any JSON, ``*`` a map of anything;
- ``#Type`` a named type, ``atomic #Type`` one that is a single value; ``{}X`` a map of X, ``atomic{}X`` one that is a single value;
- ``[]X`` a list that is a single value, ``set[]X`` a set, ``[key,other=default]X`` a list with keys;
- before it ``!``: the server's empty object has the field; after it ``@strategy=key``: what strategic merge patch does.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.schemas import Node, Schema, Shape


class _Kinds:
    """Nodes by type, made when they are asked for: types that hold themselves are filled after they are known."""

    def __init__(self) -> None:
        text = resources.files(__package__ or "").joinpath("kinds.json").read_text(encoding="utf-8")
        data: dict[str, Any] = json.loads(text)
        self.kinds: dict[str, str] = data["kinds"]
        self._types: dict[str, dict[str, str]] = data["types"]
        self._made: dict[str, Node] = {}

    def of_type(self, name: str) -> Node:
        found = self._made.get(name)
        if found is None:
            fields: dict[str, Node] = {}
            found = self._made[name] = Node(Shape.MAP, fields=fields)
            fields |= {field: self._field(fact) for field, fact in self._types[name].items()}
        return found

    def _field(self, fact: str) -> Node:
        shape, _, patch = fact.removeprefix("!").partition("@")
        node = self._shape(shape)
        strategy, _, key = patch.partition("=")
        if not patch and not fact.startswith("!"):
            return node
        return _copied(node, merge_key=key, patch_strategy=strategy, present=fact.startswith("!"))

    def _shape(self, shape: str) -> Node:
        if shape.startswith("atomic"):
            return _copied(self._shape(shape.removeprefix("atomic").lstrip()), atomic=True)
        if shape.startswith("#"):
            return self.of_type(shape[1:])
        if shape.startswith("["):
            return self._list(shape)
        prefix, found, item = shape.partition("[]" if shape.startswith("set") else "{}")
        if found:
            return Node(Shape.SET if prefix else Shape.MAP, element=self._shape(item))
        return Node(Shape.DEDUCED if shape in {"*", "?"} else Shape.SCALAR, type=shape)

    def _list(self, shape: str) -> Node:
        names, _, item = shape[1:].partition("]")
        element = self._shape(item)
        if not names:
            return Node(Shape.ATOMIC_LIST, element=element)
        return Node(Shape.KEYED, element=element, keys=tuple(_key(name, element) for name in names.split(",")))


def _key(fact: str, item: Node) -> tuple[str, Any]:
    name, has_default, default = fact.partition("=")
    if not has_default:
        return name, None
    return name, int(default) if item.fields[name].type == "n" else default


def _copied(node: Node, **facts: Any) -> Node:
    """Return another node with the same (and not only equal) fields: the type may still be in the making."""
    own = {name: getattr(node, name) for name in ("shape", "type", "atomic", "fields", "element", "keys")}
    return Node(**{**own, **facts})


def _empty(node: Node) -> dict[str, Any]:
    """Return the object that the server compares a new one with: structures that are always there, and nulls."""
    return {
        name: _empty(child) if child.shape is Shape.MAP and child.fields and not child.atomic else None
        for name, child in node.fields.items()
        if child.present
    }


@cache
def _kinds() -> _Kinds:
    return _Kinds()


@cache
def builtin_schema(group: str, version: str, kind: str) -> Schema | None:
    """
    Return the schema of a built-in kind; None when there is no such kind.

    Args:
        group: Empty for the core group.
        version: Empty for the newest.
        kind: ``Deployment``.
    """
    known = _kinds()
    if not version:
        versions = [name.split("/")[1] for name in known.kinds if name.split("/")[::2] == [group, kind]]
        version = max(versions, default="")
    name = known.kinds.get(f"{group}/{version}/{kind}")
    if name is None:
        return None
    root = known.of_type(name)
    return Schema(root, status="status" in root.fields, empty=_empty(root))
