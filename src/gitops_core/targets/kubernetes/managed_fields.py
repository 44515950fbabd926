"""
Who wrote which field of a live object, and how its lists are meant: read from ``metadata.managedFields``.

Nothing is parsed ahead. A comparison walks down the entries together with the object, one step a level, and looks at what it needs.

Source: Kubernetes documentation, "Server-Side Apply", and the API reference of ``FieldsV1``: ``f:`` a field, ``k:`` a list item by
its keys, ``v:`` an item of a set, ``.`` the thing itself, ``{}`` the whole of what is there.
"""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import attrs

from gitops_core.model.values import Body, same
from gitops_core.targets.kubernetes.list_keys import KEY_DEFAULTS

OURS: Final = "ours"
"""Key that the target adds to its own entries before they are compared."""


@attrs.frozen
class Entry:
    """
    One manager's entry.

    Attributes:
        manager: Its name, as it gave it.
        operation: ``Apply`` or ``Update``.
        subresource: The road it took: empty for the object itself, ``scale`` for an autoscaler.
        version: The ``apiVersion`` whose field names it uses.
        ours: The target marked it as its own.
        fields: ``fieldsV1``.
    """

    manager: str
    operation: str
    subresource: str
    version: str
    ours: bool
    fields: Mapping[str, Any] = attrs.field(repr=False)


class ListKind(enum.Enum):
    """How the API merges a list."""

    KEYED = "keyed"
    SET = "set"
    ATOMIC = "atomic"
    UNKNOWN = "unknown"


def entries_of(body: Body) -> tuple[Entry, ...]:
    """Return the entries of a live *body*; those of its status are left out, for status is never compared."""
    metadata = body.get("metadata")
    rows = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    return tuple(
        Entry(
            row.get("manager", ""),
            row.get("operation", ""),
            row.get("subresource", ""),
            row.get("apiVersion", ""),
            row.get(OURS) is True,
            row["fieldsV1"],
        )
        for row in rows or ()
        if row.get("subresource") != "status" and row.get("fieldsV1")
    )


Node = Mapping[str, Any] | None


class Claims(NamedTuple):
    """
    What every entry owns at one place of the object and below.

    Attributes:
        entries: Of the object.
        nodes: For each entry its part of ``fieldsV1`` here: None when it owns nothing, empty when it owns the whole value.
    """

    entries: tuple[Entry, ...] = ()
    nodes: tuple[Node, ...] = ()

    @classmethod
    def of(cls, body: Body) -> Claims:
        """Return the claims on the whole of *body*. Cost: a microsecond an entry."""
        entries = entries_of(body)
        return cls(entries, tuple([entry.fields for entry in entries]))

    def field(self, name: str) -> Claims:
        """Return the claims on the field *name*. Cost: less than a microsecond an entry."""
        return self.named(f"f:{name}") if self.entries else self

    def item(self, item: Any, name: str = "") -> Claims:
        """Return the claims on *item* of a list; at once when ``fieldsV1`` calls it *name* and there is one way to write that."""
        if not self.entries:
            return self
        if name and name.isascii() and _ESCAPED.isdisjoint(name):
            return self.named(name)
        return Claims(self.entries, self._below([_item_node(n, item) if n else n for n in self.nodes]))

    def named(self, name: str) -> Claims:
        """Return the claims under *name* as it is written in ``fieldsV1``."""
        return Claims(self.entries, self._below([n.get(name) if n else n for n in self.nodes]))

    def _below(self, found: list[Node]) -> tuple[Node, ...]:
        """Let whoever owns the whole value own all that is in it, unless somebody's entry shows that it has parts."""
        if {} in self.nodes and not self.is_whole:
            return tuple([f if n else None for n, f in zip(self.nodes, found, strict=True)])
        return tuple(found)

    # -- who ----------------------------------------------------------------------------------------------------------------

    @property
    def has_ours(self) -> bool:
        """We own this place or something in it."""
        return any(n is not None and e.ours for e, n in zip(self.entries, self.nodes, strict=True))

    @property
    def others(self) -> tuple[str, ...]:
        """The managers who own this place or something in it, but for us; sorted."""
        return tuple(sorted({e.manager for e, n in zip(self.entries, self.nodes, strict=True) if n is not None and not e.ours}))

    @property
    def knows_us(self) -> bool:
        """Some entry of the object is ours: we have written it before."""
        return any(entry.ours for entry in self.entries)

    @property
    def are_ours_alone(self) -> bool:
        """Nobody but us owns any of the object."""
        return all(entry.ours for entry in self.entries)

    # -- how lists and maps are meant -----------------------------------------------------------------------------------------

    @property
    def is_whole(self) -> bool:
        """The value here is owned as a whole, by whoever owns it: an atomic list or map, or a scalar."""
        owned = [n for n in self.nodes if n is not None]
        return bool(owned) and not any(owned)

    def list_kind(self) -> tuple[ListKind, tuple[str, ...]]:
        """Return how the list here is merged, and by which keys, as far as the entries show it."""
        for node in self.nodes:
            for name in node or ():
                if name.startswith("k:"):
                    return ListKind.KEYED, keys_of(name)
                if name.startswith("v:"):
                    return ListKind.SET, ()
        return (ListKind.ATOMIC if self.is_whole else ListKind.UNKNOWN), ()

    def applied(self, version: str) -> tuple[Mapping[str, Any], ...]:
        """Return the ``fieldsV1`` of what we applied in *version*: what a declaration put there, in today's names of fields."""
        pairs = zip(self.entries, self.nodes, strict=True)
        return tuple([n for e, n in pairs if n and e.ours and e.operation == "Apply" and e.version == version])


_ESCAPED: Final = frozenset("\\<>&")
"""Characters that may be written in more than one way in JSON."""


def _item_node(node: Mapping[str, Any], item: Any) -> Node:
    for name, below in node.items():
        if _means(name, item):
            found: Node = below
            return found
    return None


def find_item(name: str, items: list[Any]) -> tuple[int, tuple[str, ...]] | None:
    """Return the place in *items* of what *name* (``k:{...}`` or ``v:...``) means, and its keys; None when it is not there."""
    for index, item in enumerate(items):
        if _means(name, item):
            return index, keys_of(name)
    return None


def _means(name: str, item: Any) -> bool:
    if name.startswith("v:"):
        return same(_value(name), item)
    if not (name.startswith("k:") and isinstance(item, dict)):
        return False
    for key, wanted in _keys(name):
        value = item[key] if key in item else KEY_DEFAULTS.get(key)
        if value != wanted or type(value) is not type(wanted):
            return False
    return True


@functools.lru_cache(maxsize=4096)
def _value(name: str) -> Any:
    """Return the JSON after ``k:`` or ``v:``; nobody changes it."""
    return json.loads(name[2:])


@functools.lru_cache(maxsize=4096)
def _keys(name: str) -> tuple[tuple[str, Any], ...]:
    """Return the keys after ``k:``. Objects made from one template share a handful of these."""
    return tuple(_value(name).items())


@functools.lru_cache(maxsize=4096)
def keys_of(name: str) -> tuple[str, ...]:
    """Return the keys that *name* has; none for an item of a set."""
    return tuple(key for key, _ in _keys(name)) if name.startswith("k:") else ()
