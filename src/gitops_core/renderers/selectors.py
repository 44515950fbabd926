"""Which objects something is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import attrs

from gitops_core.model.pointers import get
from gitops_core.model.resources import Resource
from gitops_core.model.values import FrozenDict, canonical_json


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(sorted(set(value)))


def _pairs(value: Mapping[str, str]) -> FrozenDict:
    return FrozenDict(value)


@attrs.frozen(kw_only=True)
class Selector:
    """
    Chooses objects; what is left out chooses all.

    Every text is a glob as in a shell (``*``, ``?``, ``[ab]``), and upper and lower case differ. One text, or several of which
    one must fit; all attributes must fit.

    Attributes:
        kinds: ``"Deployment"``.
        names: ``"web-*"``.
        namespaces: ``"shop"``; the empty text for objects without one.
        groups: ``"apps"``; the empty text for Kubernetes' core and for objects without an ``apiVersion``.
        labels: Of ``metadata.labels``: all of these, ``{"tier": "front*"}``; ``*`` for any value.
        annotations: As *labels*.

    Cost: only *labels* and *annotations* need an object's body.
    """

    kinds: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    names: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    namespaces: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    groups: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    labels: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=_pairs, hash=False)
    annotations: Mapping[str, str] = attrs.field(factory=FrozenDict, converter=_pairs, hash=False)

    def matches(self, resource: Resource) -> bool:
        """Tell whether *resource* is chosen."""
        key = resource.key
        return (
            self.may_match(key.group, key.kind)
            and _fits(key.name, self.names)
            and _fits(key.namespace, self.namespaces)
            and _has(resource, "/metadata/labels", self.labels)
            and _has(resource, "/metadata/annotations", self.annotations)
        )

    def may_match(self, group: str, kind: str) -> bool:
        """Tell whether some object of this kind could be chosen."""
        return _fits(kind, self.kinds) and _fits(group, self.groups)

    def __str__(self) -> str:
        """``every object``, or ``kinds=Deployment names=web-*``."""
        words = (f"{name}={_written(value)}" for name, value in attrs.asdict(self, recurse=False).items() if value)
        return " ".join(words) or "every object"


def _fits(text: str, globs: tuple[str, ...]) -> bool:
    return not globs or any(fnmatchcase(text, glob) for glob in globs)


def _has(resource: Resource, pointer: str, wanted: Mapping[str, str]) -> bool:
    if not wanted:
        return True
    found: Any = get(resource.body, pointer)
    return isinstance(found, Mapping) and all(key in found and fnmatchcase(str(found[key]), glob) for key, glob in wanted.items())


def _written(value: tuple[str, ...] | Mapping[str, str]) -> str:
    return canonical_json(value) if isinstance(value, Mapping) else ",".join(text or '""' for text in value)
