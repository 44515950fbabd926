"""Which objects may be declared at all: by kind, namespace, name and file. No body is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from gitops_core.errors import ConfigError
from gitops_core.model.resources import Resource
from gitops_core.model.verdicts import Violation
from gitops_core.policies.declared import ResourcePolicy
from gitops_core.policies.selectors import Globs, Selector, as_globs

_POINTERS: Final = {"kind": "/kind", "namespace": "/metadata/namespace", "name": "/metadata/name", "path": ""}


@attrs.frozen(kw_only=True)
class _Access(ResourcePolicy):
    """
    Attributes as in :class:`~gitops_core.policies.selectors.Selector`, one pattern or several each, and:

    Attributes:
        where: Only about these objects; about all when left out.
        reason: Why, appended to every message.
    """

    kinds: Globs = attrs.field(default=Globs(), converter=as_globs)
    namespaces: Globs = attrs.field(default=Globs(), converter=as_globs)
    names: Globs = attrs.field(default=Globs(), converter=as_globs)
    paths: Globs = attrs.field(default=Globs(), converter=as_globs)
    where: Selector = Selector()
    reason: str = ""
    _selector: Selector = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        selector = Selector(kinds=self.kinds, namespaces=self.namespaces, names=self.names, paths=self.paths)
        if not selector:
            raise ConfigError(f"{self.name} selects nothing; say kinds, namespaces, names or paths")
        object.__setattr__(self, "_selector", selector)

    def _violation(self, resource: Resource, word: str, message: str) -> Violation:
        because = f" ({self.reason})" if self.reason else ""
        pointer = "/metadata" if word == "namespace" and not resource.key.namespace else _POINTERS[word]
        return Violation(resource.key, message + because, self.severity, pointer)


@attrs.frozen(kw_only=True)
class Allow(_Access):
    """
    Nothing but what fits may be declared.

    Example::

        Allow(kinds=("ConfigMap", "apps/Deployment"), namespaces="shop")
        Allow(namespaces="edge", where=Selector(paths="teams/edge/"))

    Each list that is given must have a pattern that fits; ``namespaces=("shop", "")`` lets objects without a namespace in.
    """

    def objections(self, resource: Resource) -> Iterator[Violation]:
        """Yield one violation, about the first list that does not fit."""
        key, path = resource.key, resource.origin.path
        word = self.where.selects(key, path) and self._selector.mismatch(key, path)
        if word:
            found = {"kind": key.kind, "namespace": key.namespace, "name": key.name, "path": path}[word]
            allowed = {"kind": self.kinds, "namespace": self.namespaces, "name": self.names, "path": self.paths}[word]
            cure = f"change it, remove the object, or add it to {self.name}'s {word}s"
            yield self._violation(resource, word, f'the {word} "{found}" is not allowed; allowed is {allowed}: {cure}')


@attrs.frozen(kw_only=True)
class Deny(_Access):
    """
    What fits must not be declared.

    Example::

        Deny(kinds="Secret", reason="use sealed secrets")
        Deny(namespaces="kube-*", severity="warn")

    An object is denied when every list that is given has a pattern that fits it.
    """

    def objections(self, resource: Resource) -> Iterator[Violation]:
        """Yield one violation, at the first list that is given."""
        key, path = resource.key, resource.origin.path
        if self.where.selects(key, path) and self._selector.selects(key, path):
            given = {"kind": self.kinds, "namespace": self.namespaces, "name": self.names, "path": self.paths}
            word = next(word for word, globs in given.items() if globs)
            yield self._violation(
                resource, word, f"objects of {self._selector} are denied: remove it, or change it so that it is none"
            )
