"""What the Leases of one installation are called and how they are found, and the permissions that they need."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import attrs

from gitops_core.errors import ConfigError
from gitops_core.model.applications import Owner

GROUP: Final = "coordination.k8s.io"
_READABLE: Final = 30
_DIGEST: Final = 16
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def _digest(*parts: str) -> str:
    spelled = b"".join(b"%d:%b" % (len(raw), raw) for raw in (part.encode(errors="surrogatepass") for part in parts))
    return hashlib.sha256(spelled).hexdigest()[:_DIGEST]


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
    namespace: str = attrs.field()

    @namespace.validator
    def _is_a_name(self, _attribute: attrs.Attribute[str], value: str) -> None:
        if not _LABEL.fullmatch(value):
            raise ConfigError(f"namespace {value!r} is no namespace's name; use at most 63 of a-z, 0-9 and '-'")

    @property
    def roster(self) -> str:
        """The name of the Lease with the list of members."""
        return f"roster-{_digest(self.owner.domain, self.owner.name)}"

    def member(self, name: str) -> str:
        """Return the name of the Lease of the member *name*, whatever characters that has."""
        readable = re.sub(r"[^a-z0-9]+", "-", name.lower())[-_READABLE:].strip("-") or "x"
        return f"member-{readable}-{_digest(self.owner.domain, self.owner.name, name)}"

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
