"""
Which permissions a pass needs: as few as do.

Roles, not ClusterRoles, for everything that lives in a namespace: a list over all namespaces that is denied is read namespace by
namespace. Source: Kubernetes documentation, "Using RBAC Authorization".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from gitops_core.kubernetes_api.kinds import KindInfo

_API: Final = "rbac.authorization.k8s.io"
_READS: Final = ("get", "list", "watch")
_WRITES: Final = ("create", "patch")
_GRANTING: Final[Mapping[str, str]] = {
    "Role": "escalate",
    "ClusterRole": "escalate",
    "RoleBinding": "bind",
    "ClusterRoleBinding": "bind",
}
"""Whoever makes a role needs everything it grants, or this verb; whoever binds one, too."""


@attrs.frozen
class Need:
    """
    One object that a pass looks after.

    Attributes:
        info: Its kind.
        namespace: Where it lives; empty for none.
        declared: It is written; else it is only deleted.
        overwritten: Its strategy is to overwrite the whole object.
        deleted: It may be pruned, or is made anew when it changes.
    """

    info: KindInfo
    namespace: str
    declared: bool = True
    overwritten: bool = False
    deleted: bool = True


def roles(needs: Iterable[Need], *, name: str) -> list[dict[str, Any]]:
    """
    Return the Roles, and the ClusterRole where something lives in no namespace, that allow exactly *needs*; sorted.

    Args:
        needs: What a pass looks after.
        name: Of each of the roles.
    """
    verbs: dict[str, dict[tuple[str, str], set[str]]] = defaultdict(lambda: defaultdict(set))
    for need in needs:
        verbs[need.namespace][need.info.group, need.info.plural].update(_verbs(need))
    return [_role(namespace, name, verbs[namespace]) for namespace in sorted(verbs)]


def _verbs(need: Need) -> set[str]:
    found = {*_READS, *(_WRITES if need.declared else ())}
    found |= {verb for verb, needed in (("update", need.overwritten), ("delete", need.deleted)) if needed}
    granting = _GRANTING.get(need.info.kind) if need.info.group == _API and need.declared else None
    return found | {granting} if granting else found


def _role(namespace: str, name: str, verbs: Mapping[tuple[str, str], set[str]]) -> dict[str, Any]:
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, plural), allowed in sorted(verbs.items()):
        alike[group, tuple(sorted(allowed))].append(plural)
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    rules = [
        {"apiGroups": [group], "resources": plurals, "verbs": list(allowed)}
        for (group, allowed), plurals in sorted(alike.items())
    ]
    return {"apiVersion": f"{_API}/v1", "kind": "Role" if namespace else "ClusterRole", "metadata": metadata, "rules": rules}


def binding(role: Mapping[str, Any], subject: Mapping[str, str]) -> dict[str, Any]:
    """Return the binding of *role* to *subject* (``{"kind": "ServiceAccount", "name": ..., "namespace": ...}``)."""
    owner = {"apiGroup": _API} if subject.get("kind") in ("User", "Group") else {}
    return {
        "apiVersion": f"{_API}/v1",
        "kind": f"{role['kind']}Binding",
        "metadata": dict(role["metadata"]),
        "roleRef": {"apiGroup": _API, "kind": role["kind"], "name": role["metadata"]["name"]},
        "subjects": [{**owner, **subject}],
    }
