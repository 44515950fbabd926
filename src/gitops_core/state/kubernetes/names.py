"""What the objects of a store are called and how they are found: names, labels, and the permissions that they need."""

from __future__ import annotations

import secrets
from typing import Any, Final

import attrs

from gitops_core.kubernetes_api import naming
from gitops_core.kubernetes_api.naming import is_namespace
from gitops_core.model.applications import Owner

_READABLE: Final = 40
_DIGEST: Final = 24


def digest(*parts: str) -> str:
    """Return 24 hexadecimal digits (96 bits) that differ for every other sequence of *parts*, whatever characters they hold."""
    return naming.digest(parts, _DIGEST)


def fresh() -> str:
    """Return 16 hexadecimal digits that nobody had before."""
    return secrets.token_hex(8)


@attrs.frozen
class Names:
    """
    The names of one owner's state in one namespace.

    Two owners, or two installations of one, never meet: both parts of the owner are in every name and in every selector.

    Attributes:
        owner: Whose state it is; its domain prefixes every label and annotation.
        namespace: Where the objects are.

    Source: names are DNS subdomains, label values have at most 63 characters
    (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/).
    """

    owner: Owner
    namespace: str = attrs.field(validator=is_namespace)

    def head(self, application: str) -> str:
        """Return the name of *application*'s head."""
        return f"state-{naming.readable(application, _READABLE)}-{digest(self.owner.domain, self.owner.name, application)}"

    def segment(self, head: str) -> str:
        """Return a name for one more segment of *head*; never the same twice, because a name that is used again could be swept."""
        return f"{head}-{fresh()}"

    def salt(self) -> str:
        """Return the name of the Secret that holds the salt."""
        return f"state-salt-{digest(self.owner.domain, self.owner.name)}"

    def memos(self, bucket: int) -> str:
        """Return the name of one of the objects that hold memos."""
        return f"state-memos-{digest(self.owner.domain, self.owner.name)}-{bucket}"

    @property
    def facts(self) -> str:
        """The annotation that says what a head is at."""
        return self.owner.key("state-facts")

    @property
    def lock(self) -> str:
        """The annotation that says who works on an application."""
        return self.owner.key("state-lock")

    def labels(self, part: str, life: str = "") -> dict[str, str]:
        """Return the labels of an object that holds *part*: ``head``, ``inventory``, ``journal``, ``memos``, ``salt``."""
        found = {self.owner.key("state"): part, self.owner.key("state-owner"): self.owner.name}
        return {**found, self.owner.key("state-life"): life} if life else found

    def selector(self, part: str = "", life: str = "") -> str:
        """Return the label selector for all objects of *part*, or of one *life*, or of both."""
        return ",".join(f"{key}={value}" for key, value in self.labels(part, life).items() if value)

    def life(self, labels: dict[str, str]) -> str:
        """Return the life that an object with *labels* belongs to."""
        return labels.get(self.owner.key("state-life"), "")


def permissions() -> list[dict[str, Any]]:
    """
    Return the rules of the Role that a store needs, in its own namespace.

    Example::

        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "gitops-state", "namespace": "gitops-state"}, "rules": permissions(),
        }
    """
    verbs = ["get", "list", "create", "patch", "delete", "deletecollection"]
    return [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create"]},
    ]
