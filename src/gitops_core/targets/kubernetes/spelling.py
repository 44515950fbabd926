"""One spelling for a declaration and for the live object, before they are compared: what the API would not keep is left out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from gitops_core.model.values import Body

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


def _without_nulls(value: Any) -> Any:
    """Return *value* without the fields that are null, and *value* itself when it has none. Items of lists stay where they are."""
    if isinstance(value, dict):
        return _fields_without_nulls(value)
    if isinstance(value, list):
        items = [_without_nulls(item) if type(item) not in _SCALARS else item for item in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def _fields_without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for name, item in value.items():
        if item is None:
            changed[name] = None
        elif type(item) not in _SCALARS:
            lean = _without_nulls(item)
            if lean is not item:
                changed[name] = lean
    if not changed:
        return value
    return {name: changed.get(name, item) for name, item in value.items() if item is not None}


_SCALARS: Final = frozenset({str, int, bool, float, type(None)})
