"""
Make the fields that another client has set ours, so that those we do not declare go away when we apply.

Without it a field that ``kubectl apply`` or ``helm`` once set stays for ever: server-side apply removes only what its own manager
has applied before.

Source: Kubernetes documentation, "Server-Side Apply", migration from client-side to server-side apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def taken_over(
    live: Mapping[str, Any], manager: str, others: Iterable[str], api_version: str
) -> tuple[list[dict[str, Any]], tuple[str, ...]] | None:
    """
    Return the managed fields of *live* with those of *others* in *manager*'s own entry, and the names of who was taken over.

    Args:
        live: The object as the API server has it.
        manager: Our field manager.
        others: Managers whose fields become ours, save for those of the status and of other subresources.
        api_version: Of our own entry, where there is none yet.

    Returns:
        tuple: None when there is nothing to take over.
    """
    wanted = frozenset(others)
    entries = list((live.get("metadata") or {}).get("managedFields") or ())
    theirs = [e for e in entries if e.get("manager") in wanted and not e.get("subresource")]
    if not theirs:
        return None
    rest = [e for e in entries if not any(e is other for other in theirs)]
    ours = next((e for e in rest if e.get("manager") == manager and e.get("operation") == "Apply"), None)
    merged = dict(ours or {"manager": manager, "operation": "Apply", "apiVersion": api_version, "fieldsType": "FieldsV1"})
    fields: Any = merged.get("fieldsV1") or {}
    for entry in theirs:
        fields = _union(fields, entry.get("fieldsV1") or {})
    merged["fieldsV1"] = fields
    names = tuple(sorted({str(e["manager"]) for e in theirs}))
    return [merged, *(e for e in rest if e is not ours)], names


def _union(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: _union(left[name], below) if name in left else below for name, below in right.items()}
    return {**left, **both}
