"""Which objects a policy is about: by kind, namespace, name and file, without a look into any body."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import attrs

from gitops_core.model.resources import ResourceKey

_GLOB: Final = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_REGEX: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@attrs.frozen
class Globs:
    """
    Patterns of which one must fit the whole text: ``*`` and ``?`` stop at ``/``, ``**`` does not; case counts.

    A pattern that ends in ``/`` fits everything below it.
    """

    patterns: tuple[str, ...] = attrs.field(converter=_texts, default=())
    _regex: re.Pattern[str] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        text = "|".join(_translate(pattern) for pattern in self.patterns) if self.patterns else "(?!)"
        object.__setattr__(self, "_regex", re.compile(text, re.DOTALL))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __str__(self) -> str:
        return ", ".join(pattern or '""' for pattern in self.patterns)

    def fits(self, text: str) -> bool:
        """Tell whether one of the patterns fits all of *text*."""
        return self._regex.fullmatch(text) is not None


def _translate(pattern: str) -> str:
    pattern += "**" if pattern.endswith("/") else ""
    return "".join(_REGEX.get(part, re.escape(part)) for part in _GLOB.findall(pattern))


def as_globs(value: Globs | str | Iterable[str]) -> Globs:
    """Return *value*, or the :class:`Globs` of the one or more patterns in it (an attrs converter)."""
    return value if isinstance(value, Globs) else Globs(value)


@attrs.frozen(kw_only=True)
class Selector:
    """
    Objects that fit one pattern of every list that is given; all objects when none is.

    Attributes:
        kinds: ``Secret`` for every group, ``apps/Deployment`` for one.
        namespaces: ``""`` is for objects without one.
        names: Of the objects.
        paths: Of the files they are declared in: ``teams/*/prod/``, ``**/secret*.yaml``.
    """

    kinds: Globs = attrs.field(default=Globs(), converter=as_globs)
    namespaces: Globs = attrs.field(default=Globs(), converter=as_globs)
    names: Globs = attrs.field(default=Globs(), converter=as_globs)
    paths: Globs = attrs.field(default=Globs(), converter=as_globs)

    def __bool__(self) -> bool:
        return bool(self.kinds or self.namespaces or self.names or self.paths)

    def __str__(self) -> str:
        given = {"kinds": self.kinds, "namespaces": self.namespaces, "names": self.names, "paths": self.paths}
        return "; ".join(f"{word} {globs}" for word, globs in given.items() if globs)

    def selects(self, key: ResourceKey, path: str) -> bool:
        """Tell whether the object *key*, declared in *path*, is meant."""
        return not self.mismatch(key, path)

    def mismatch(self, key: ResourceKey, path: str) -> str:
        """Return the first list no pattern of which fits: ``kind``, ``namespace``, ``name`` or ``path``; empty when all do."""
        if self.kinds and not (self.kinds.fits(key.kind) or self.kinds.fits(f"{key.group}/{key.kind}")):
            return "kind"
        if self.namespaces and not self.namespaces.fits(key.namespace):
            return "namespace"
        if self.names and not self.names.fits(key.name):
            return "name"
        return "path" if self.paths and not self.paths.fits(path) else ""
