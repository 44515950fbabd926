"""kubectl's move from client-side to server-side apply: what its annotation says it applied, it may take without force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gitops_core.testing.kubernetes.server_side_apply.comparing import compare
from gitops_core.testing.kubernetes.server_side_apply.elements import as_json
from gitops_core.testing.kubernetes.server_side_apply.entries import Writer
from gitops_core.testing.kubernetes.server_side_apply.field_sets import FieldSet, difference, union
from gitops_core.testing.kubernetes.server_side_apply.owned import fields_of
from gitops_core.testing.kubernetes.server_side_apply.schemas import Schema

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
KUBECTL = "kubectl"


def takeable(live: Mapping[str, Any], writer: Writer, schema: Schema) -> FieldSet:
    """
    Return the fields that *writer* may take from others without force.

    These are the fields of the last applied configuration that are still live as they were applied, in the version of the request,
    for kubectl's own field manager; for everybody else, and when the annotation is missing or no configuration, none.

    Source: Kubernetes documentation, "Server-Side Apply", "Migration between client-side and server-side apply".
    """
    last = _configuration(live) if writer.manager == KUBECTL else None
    if last is None or last.get("apiVersion") != writer.api_version:
        return {}
    differences = compare(last, live, schema.root)
    return difference(fields_of(last, schema.root), union(differences.changed, differences.removed))


def annotated(body: dict[str, Any], applied: Mapping[str, Any], writer: Writer) -> dict[str, Any]:
    """Return *body* with the annotation renewed when kubectl applied and the annotation is there."""
    if writer.manager != KUBECTL or ANNOTATION not in (body.get("metadata", {}).get("annotations") or {}):
        return body
    text = as_json(_sorted(applied))
    metadata = body["metadata"]
    annotations = {**metadata["annotations"], ANNOTATION: text + "\n"}
    return {**body, "metadata": {**metadata, "annotations": annotations}}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _configuration(live: Mapping[str, Any]) -> Mapping[str, Any] | None:
    text = (live.get("metadata", {}).get("annotations") or {}).get(ANNOTATION)
    if not text:
        return None
    try:
        last = json.loads(text)
    except ValueError:
        return None  # somebody else wrote it; the server then knows nothing either
    return last if isinstance(last, dict) else None
