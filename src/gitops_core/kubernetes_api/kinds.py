"""What an API server says about one kind."""

from __future__ import annotations

from urllib.parse import quote

import attrs

from gitops_core.errors import ConfigError


@attrs.frozen
class KindInfo:
    """
    One kind in one version.

    Attributes:
        group: API group; empty for the core one.
        version: ``v1``.
        kind: ``Deployment``.
        plural: ``deployments``.
        namespaced: Whether its objects live in namespaces.
        verbs: What the server can do with it: ``list``, ``patch`` ...
        subresources: ``status``, ``scale`` ...
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()
    subresources: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """Return ``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> tuple[str, str]:
        """Return (group, kind): what the kind is called whatever its version."""
        return self.group, self.kind

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """
        Return the path of one object, or of all of them.

        Args:
            namespace: Empty means all namespaces.
            name: Empty means all objects.
            subresource: Of the object: ``status``.

        Raises:
            ConfigError: A namespace for a kind that has none, one object without its namespace, or a name that is no path segment.
                STALL.
        """
        if namespace and not self.namespaced:
            raise ConfigError(f"{self.kind} lives in no namespace; take {namespace!r} out of the declaration")
        if name and self.namespaced and not namespace:
            raise ConfigError(f"{self.kind} {name!r} lives in a namespace; declare which")
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = ["namespaces", namespace, self.plural] if namespace else [self.plural]
        parts += [part for part in (name, subresource) if part]
        return "/".join([root, *map(_segment, parts)])


def _segment(part: str) -> str:
    if part in {".", ".."}:
        raise ConfigError(f"{part!r} is no name of an object; declare another")
    return quote(part, safe=":@!$&'()*+,;=~-._")
