"""One spelling for a declaration and for the live object, before they are compared: what the API would not keep is left out."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gitops_core.model.values import Body, FrozenDict, FrozenList

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
SERVER_OWNED: Final = frozenset(
    {
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
        "selfLink",
    }
)
"""Fields of ``metadata`` that only the API writes."""


def spell(body: Body) -> Body:
    """
    Return *body* as the API spells it: what ``Target.normalize`` of the Kubernetes target does to both sides.

    ``status`` goes, for it is written by another road; fields that are null go, for the API drops them; a Secret's
    ``stringData`` becomes ``data``; what ``kubectl apply`` remembers in an annotation goes, for it repeats the object.
    ``metadata.managedFields`` stays: the comparison needs it.

    Pure and idempotent. A body that needs nothing is returned as it is. Cost: about 10 us for a Deployment.
    """
    spelled: Body = _without_nulls(body)
    if "status" in spelled:
        spelled = {name: value for name, value in spelled.items() if name != "status"}
    if "stringData" in spelled and is_secret(spelled):
        spelled = _as_data(spelled)
    metadata = spelled.get("metadata")
    notes = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if isinstance(metadata, Mapping) and isinstance(notes, Mapping) and LAST_APPLIED in notes:
        spelled = {**spelled, "metadata": {**metadata, "annotations": {k: v for k, v in notes.items() if k != LAST_APPLIED}}}
    return spelled


def to_apply(body: Body) -> Body:
    """Return *body* as it may be sent: spelled, without the fields that only the API writes (an exported object has them)."""
    spelled = spell(body)
    metadata = spelled.get("metadata")
    if not isinstance(metadata, Mapping) or SERVER_OWNED.isdisjoint(metadata):
        return spelled
    return {**spelled, "metadata": {name: value for name, value in metadata.items() if name not in SERVER_OWNED}}


def is_secret(body: Body) -> bool:
    """Tell whether *body* is a Secret of the core group."""
    return body.get("kind") == "Secret" and body.get("apiVersion") == "v1"


def _as_data(body: Body) -> Body:
    texts = body["stringData"]
    if not isinstance(texts, Mapping) or not all(isinstance(text, str) for text in texts.values()):
        return body  # the API will say what is wrong with it
    data = {**(body.get("data") or {}), **{name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}}
    return {**{name: value for name, value in body.items() if name != "stringData"}, "data": data}


def _without_nulls(body: Body) -> Body:
    """Return *body* without the fields that are null; ``managedFields`` has none, and is half of a live object."""
    metadata = body.get("metadata")
    parts = {name: value for name, value in body.items() if value is not metadata}
    kept = {n: v for n, v in metadata.items() if n != "managedFields"} if isinstance(metadata, Mapping) else {}
    if not _has_null(parts) and not _has_null(kept):
        return body
    lean = {name: _lean(value) for name, value in body.items() if value is not None}
    if isinstance(metadata, Mapping) and "managedFields" in metadata:
        lean["metadata"]["managedFields"] = metadata["managedFields"]
    return lean


_CONTAINERS: Final = frozenset({dict, list, FrozenDict, FrozenList})


def _has_null(value: Any) -> bool:
    """Tell whether a field below *value* is null. Items of lists are no fields."""
    below: Iterable[Any] = value
    if isinstance(value, dict):
        below = value.values()
        if None in below:
            return True
    return any(map(_has_null, [item for item in below if type(item) in _CONTAINERS and item]))


def _lean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _lean(item) for name, item in value.items() if item is not None}
    return [_lean(item) for item in value] if isinstance(value, list) else value
