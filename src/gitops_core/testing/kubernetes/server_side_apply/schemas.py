"""What server-side apply has to know about fields: which maps and lists are merged, which are one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


@attrs.define(eq=False)
class Sharing:
    """
    Makes nodes once, by name, so that types that hold themselves can be described.

    Args:
        make: Returns the node of a name; may call :meth:`node` for other names, never for its own.
    """

    make: Callable[[str], Node]
    _nodes: dict[str, Node] = attrs.field(factory=dict, init=False)

    def node(self, name: str) -> Node:
        """Return the node of *name*, made at the first call."""
        found = self._nodes.get(name)
        if found is None:
            found = self._nodes[name] = self.make(name)
        return found
