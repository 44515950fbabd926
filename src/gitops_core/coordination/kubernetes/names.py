"""What the Leases of one installation are called and how they are found, and the permissions that they need."""

from __future__ import annotations

from typing import Any, Final

import attrs

from gitops_core.kubernetes_api.naming import digest, is_namespace, readable
from gitops_core.model.applications import Owner

GROUP: Final = "coordination.k8s.io"
_READABLE: Final = 30
_DIGEST: Final = 16


def _digest(*parts: str) -> str:
    return digest(parts, _DIGEST)


@attrs.frozen
class Names:
    """
    The names of one owner's Leases in one namespace. Both parts of the owner are in each: two installations never meet.

    Attributes:
        owner: Whose engines they are; its domain prefixes every label and annotation.
        namespace: Where the Leases are.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
    """

    owner: Owner
    namespace: str = attrs.field(validator=is_namespace)

    @property
    def roster(self) -> str:
        """The name of the Lease with the list of members."""
        return f"roster-{_digest(self.owner.domain, self.owner.name)}"

    def member(self, name: str) -> str:
        """Return the name of the Lease of the member *name*, whatever characters that has."""
        return f"member-{readable(name, _READABLE)}-{_digest(self.owner.domain, self.owner.name, name)}"

    @property
    def facts(self) -> str:
        """The annotation with what a Lease has no field for."""
        return self.owner.key("coordination-facts")

    def labels(self, part: str) -> dict[str, str]:
        """Return the labels of a Lease that is a *part*: ``roster`` or ``member``."""
        return {self.owner.key("coordination"): part, self.owner.key("coordination-owner"): self.owner.name}

    @property
    def selector(self) -> str:
        """The label selector for all Leases of this owner."""
        return f"{self.owner.key('coordination')},{self.owner.key('coordination-owner')}={self.owner.name}"


def permissions() -> list[dict[str, Any]]:
    """
    Return the rules of the Role that every member needs, in the namespace of the Leases.

    Example::

        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "gitops-members", "namespace": "gitops"}, "rules": permissions(),
        }
    """
    return [{"apiGroups": [GROUP], "resources": ["leases"], "verbs": ["get", "list", "create", "update", "delete"]}]
