"""What server-side apply has to know about fields: which maps and lists are merged, which are one value."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs


class Shape(Enum):
    """
    How a value is merged.

    Source: Kubernetes documentation, "Server-Side Apply", "Merge strategy": ``x-kubernetes-list-type`` and ``x-kubernetes-map-type``.
    """

    SCALAR = "scalar"
    MAP = "map"
    KEYED = "keyed list"
    SET = "set"
    ATOMIC_LIST = "atomic list"
    DEDUCED = "deduced from the value: maps are merged, lists are one value"


_ANY: frozenset[builtins.type] = frozenset({str, int, float, bool})
_ACCEPTS: dict[str, frozenset[builtins.type]] = {
    "s": frozenset({str}),
    "n": frozenset({int, float}),
    "b": frozenset({bool}),
    "u": _ANY,
    "": _ANY,
}


@attrs.define(eq=False)
class Node:
    """
    What the schema says about one value. Part of a :class:`Schema`; never changed once it is made.

    Attributes:
        shape: How it is merged.
        type: A scalar's type: ``s`` text, ``n`` number, ``b`` boolean, ``u`` several, ``?`` anything.
        atomic: A map that is one value.
        fields: The named fields of a map; a name that is missing is an entry of type *element*, or unknown when there is none.
        element: What a list or a map with free keys holds.
        keys: The keys that tell the items of a keyed list apart, each with the value it has when an item does not say; None for none.
        merge_key: What strategic merge patch takes as key of a list; not used here.
        patch_strategy: What strategic merge patch does: ``merge``, ``retainKeys`` or both; not used here.
        present: The server's own empty object has the field already.
        accepts: The types of a scalar's value; empty for everything else.
    """

    shape: Shape
    type: str = ""
    atomic: bool = False
    fields: Mapping[str, Node] = attrs.field(factory=dict, repr=False)
    element: Node | None = attrs.field(default=None, repr=False)
    keys: tuple[tuple[str, Any], ...] = ()
    merge_key: str = ""
    patch_strategy: str = ""
    present: bool = False
    accepts: frozenset[builtins.type] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.accepts = _ACCEPTS[self.type] if self.shape is Shape.SCALAR else frozenset()

    def child(self, name: str) -> Node | None:
        """Return what the schema says about the field *name* of a map; None when it does not know it."""
        found = self.fields.get(name)
        return self.element if found is None else found


DEDUCED = Node(Shape.DEDUCED)
DEDUCED.element = DEDUCED


@attrs.frozen
class Schema:
    """
    What is known about one kind.

    Attributes:
        root: The object itself.
        status: The kind has a status subresource: a write to the object itself never owns ``status``.
        custom: A custom resource: its server has no typed form of it, so a new object has no field until somebody writes it.
        empty: The object that the server compares a new one with.
    """

    root: Node = attrs.field(repr=False)
    status: bool = False
    custom: bool = False
    empty: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
