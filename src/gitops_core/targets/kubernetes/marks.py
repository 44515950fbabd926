"""
How an object says whose it is: a label to select by, an annotation to be sure, and the name under which we manage its fields.

The label holds a hash, because an application's id may be longer than a label. The annotation holds the application's id and the
object's own key: an object that was copied with its annotations is not ours.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import attrs

from gitops_core.model.applications import Owner
from gitops_core.model.resources import ResourceKey

_LONGEST_MANAGER: Final = 128
"""Source: Kubernetes API conventions, ``fieldManager``."""


@attrs.frozen
class Marks:
    """
    The marks of one application.

    Attributes:
        owner: Prefix of label and annotation.
        application: ``Application.id``.
    """

    owner: Owner
    application: str

    @property
    def label(self) -> str:
        """Key of the label."""
        return self.owner.key("owned-by")

    @property
    def annotation(self) -> str:
        """Key of the annotation."""
        return self.owner.key("owner")

    @property
    def value(self) -> str:
        """Value of the label."""
        return _hashed(self.application)

    @property
    def selector(self) -> str:
        """Selects what bears this application's label."""
        return f"{self.label}={self.value}"

    @property
    def manager(self) -> str:
        """The field manager; as long as Kubernetes allows, and never that of another application."""
        if len(self.application) <= _LONGEST_MANAGER:
            return self.application
        return f"{self.application[: _LONGEST_MANAGER - 33]}-{_hashed(self.application)}"

    def on(self, key: ResourceKey) -> tuple[dict[str, str], dict[str, str]]:
        """Return the labels and the annotations that an object of ours under *key* bears."""
        return {self.label: self.value}, {self.annotation: f"{self.application} {key}"}

    def owner_of(self, metadata: Mapping[str, Any], kind: tuple[str, str]) -> str:
        """Return the application that an object of *kind* (group, kind) says it belongs to; "" for nobody, and for a copy."""
        application, _, text = str((metadata.get("annotations") or {}).get(self.annotation) or "").partition(" ")
        try:
            named = ResourceKey.parse(text)
        except ValueError:
            return ""
        is_it = (named.group, named.kind) == kind and named.name == metadata.get("name")
        return application if is_it and named.namespace in ("", metadata.get("namespace", "")) else ""

    def taken_over(self, owner: str, others: tuple[str, ...]) -> tuple[str, ...]:
        """
        Return the managers whose fields become ours with an object of *owner*: nobody's when it is ours already; *others* when it is
        nobody's; those of an application that hands it over.
        """
        if owner == self.application:
            return ()
        return (*others, self.of(owner).manager) if owner else others

    def of(self, application: str) -> Marks:
        """Return the marks of another application of the same owner."""
        return self if application in ("", self.application) else Marks(self.owner, application)

    def missing(self, metadata: Mapping[str, Any], key: ResourceKey) -> tuple[str, ...]:
        """Return the JSON pointers of the marks that an object of ours lacks."""
        labels, annotations = self.on(key)
        wanted = (("labels", labels), ("annotations", annotations))
        return tuple(
            f"/metadata/{place}/{name.replace('~', '~0').replace('/', '~1')}"
            for place, marks in wanted
            for name, value in marks.items()
            if (metadata.get(place) or {}).get(name) != value
        )


@functools.lru_cache(maxsize=65536)
def _hashed(application: str) -> str:
    return hashlib.sha256(application.encode()).hexdigest()[:32]
