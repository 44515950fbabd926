"""What is known of the lists of the Kubernetes API before anybody's entry in ``managedFields`` shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gitops_core.model.values import same

_BY_NAME: Final = frozenset({
    "containers", "initContainers", "ephemeralContainers", "volumes", "env", "imagePullSecrets", "secrets", "resourceClaims",
    "webhooks", "matchConditions", "resources",
})  # fmt: skip
_KEYS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    **dict.fromkeys(_BY_NAME, (("name",),)),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "volumeMounts": (("mountPath",),),
    "volumeDevices": (("devicePath",),),
    "hostAliases": (("ip",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "ownerReferences": (("uid",),),
    "conditions": (("type",),),
}
"""Source: ``x-kubernetes-list-map-keys`` of the built-in kinds in the published OpenAPI of Kubernetes 1.36."""

SETS: Final = frozenset({"finalizers"})
KEY_DEFAULTS: Final[Mapping[str, Any]] = {"protocol": "TCP"}
"""What the API fills in for a key that an item does not have."""

ORDERED: Final = frozenset({"initContainers"})
"""Keyed lists whose order the cluster obeys: one init container runs after the other."""


def known_keys(field: str, *lists: Sequence[Any]) -> tuple[str, ...]:
    """Return the keys of the items of *field*; empty when it is no list with keys, or when an item lacks its first key."""
    for keys in _KEYS.get(field, ()):
        if all(isinstance(item, dict) and keys[0] in item for items in lists for item in items):
            return keys
    return ()


def item_name(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """Return how ``fieldsV1`` names *item* of a list with *keys*: ``k:{"name":"web"}``; an absent key has its default."""
    parts = []
    for key in keys:
        value = item[key] if key in item else KEY_DEFAULTS.get(key)
        parts.append(f'"{key}":{_quoted(value) if type(value) is str else json.dumps(value, sort_keys=True)}')
    return f"k:{{{','.join(parts)}}}"


_quoted: Final = json.encoder.encode_basestring


def value_name(item: Any) -> str:
    """Return how ``fieldsV1`` names *item* of a set: ``v:"a"``."""
    return f"v:{json.dumps(item, ensure_ascii=False)}"


def places_of(items: Sequence[Any], keys: tuple[str, ...]) -> dict[str, int] | None:
    """Return the place of every item by its name; None when two are alike, or one cannot have keys."""
    found: dict[str, int] = {}
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            return None
        found[item_name(item, keys)] = index
    return found if len(found) == len(items) else None


def segment(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """Return how people write *item*: ``[name=web]``; a key that has its default is not written."""
    shown = [f"{k}={item[k]}" for k in keys if k in item and not (k in KEY_DEFAULTS and same(item[k], KEY_DEFAULTS[k]))]
    return f"[{','.join(shown)}]"


def order_matters(field: str, items: Sequence[Any]) -> bool:
    """Tell whether the order of a keyed list means something: init containers, and variables that refer to earlier ones."""
    if field in ORDERED:
        return True
    return field == "env" and any(isinstance(item, dict) and "$(" in str(item.get("value", "")) for item in items)
