"""What a CustomResourceDefinition says about where its kind lives."""

from __future__ import annotations

from typing import Any

from gitops_core.model.pointers import get
from gitops_core.model.resources import Resource


def is_definition(resource: Resource) -> bool:
    """Tell whether *resource* defines a custom kind."""
    return resource.key.group == "apiextensions.k8s.io" and resource.key.kind == "CustomResourceDefinition"


def cluster_scoped_kind(definition: Resource) -> tuple[str, str] | None:
    """Return the (group, kind) that *definition* puts outside of every namespace, or None."""
    spec: Any = definition.body.get("spec")
    if get(spec, "/scope") != "Cluster":
        return None
    return str(get(spec, "/group")), str(get(spec, "/names/kind"))
