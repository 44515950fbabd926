"""What belongs into ``metadata``: common labels and annotations, and a default namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

import attrs

from gitops_core.errors import ConfigError, RenderError
from gitops_core.model.resources import Resource
from gitops_core.model.scopes import CLUSTER_SCOPED
from gitops_core.model.values import Body, FrozenDict
from gitops_core.renderers.chains import Facts, Transform, signed
from gitops_core.renderers.remembering import Remembered
from gitops_core.renderers.scopes import cluster_scoped_kind, is_definition
from gitops_core.renderers.selectors import Selector

_DEFINITIONS: Final = 4_096  # more custom kinds than any cluster has


def _text_pairs(value: Mapping[str, str]) -> FrozenDict:
    pairs: Mapping[Any, Any] = value
    for name, text in pairs.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise ConfigError(f"labels and annotations are texts; {name!r} is {type(text).__name__}: quote it")
    return FrozenDict(value)


@attrs.frozen
class _Metadata(Transform):
    values: Mapping[str, str] = attrs.field(converter=_text_pairs)
    selector: Selector = Selector()
    field: ClassVar[str]

    @property
    def fingerprint(self) -> str:
        """The class and a digest of its options."""
        return signed(self, self.values, attrs.astuple(self.selector, recurse=False))

    def apply(self, resource: Resource, facts: Facts) -> Body | None:  # noqa: ARG002  # why: it needs no overview
        """Return *resource* with the values set; None for an object without ``metadata``, which has no place for them."""
        metadata = resource.body.get("metadata") if self.selector.matches(resource) else None
        if not isinstance(metadata, Mapping):
            return None
        present = metadata.get(self.field) or {}
        if not isinstance(present, Mapping):
            raise RenderError(f"/metadata/{self.field} is {type(present).__name__}, not an object")
        return {**resource.body, "metadata": {**metadata, self.field: {**present, **self.values}}}


@attrs.frozen
class CommonLabels(_Metadata):
    """
    Sets labels in ``metadata.labels``; a label that is there already is replaced.

    Never touches a selector or a Pod template: selectors are immutable, and a new label on a template restarts every Pod.

    Args:
        values: Label to value, both texts.
        selector: Objects it is about; all by default.

    Raises:
        ConfigError: A label or value that is no text. STALL.
    """

    field: ClassVar[str] = "labels"


@attrs.frozen
class CommonAnnotations(_Metadata):
    """
    Sets annotations in ``metadata.annotations``; one that is there already is replaced.

    Args:
        values: Annotation to value, both texts.
        selector: Objects it is about; all by default.

    Raises:
        ConfigError: An annotation or value that is no text. STALL.
    """

    field: ClassVar[str] = "annotations"


def _kinds(value: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    pairs = frozenset(value)
    for pair in pairs:
        if [type(part) for part in pair] != [str, str]:
            raise ConfigError(f"cluster_scoped takes (group, kind) pairs, not {pair!r}")
    return pairs


@attrs.frozen
class DefaultNamespace(Transform):
    """
    Puts objects without a namespace into one.

    Never touches objects without an ``apiVersion``, nor cluster-scoped ones: Kubernetes' own kinds, those that a
    CustomResourceDefinition *in the same render* makes cluster-scoped, and those of *cluster_scoped*.
    References to objects (the subjects of a RoleBinding) stay as they are.

    Args:
        namespace: Its name.
        cluster_scoped: (group, kind) of further kinds outside of every namespace: those whose definition comes from elsewhere.
        override: Move objects that name another namespace, too.
    """

    namespace: str = attrs.field(validator=attrs.validators.matches_re(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"))
    cluster_scoped: frozenset[tuple[str, str]] = attrs.field(default=frozenset(), converter=_kinds)
    override: bool = attrs.field(default=False, kw_only=True)
    _scopes: Remembered[str, tuple[tuple[str, str] | None]] = attrs.field(
        init=False, repr=False, eq=False, factory=lambda: Remembered(_DEFINITIONS)
    )

    @property
    def fingerprint(self) -> str:
        """The class and a digest of its options."""
        return signed(self, self.namespace, sorted(self.cluster_scoped), self.override)

    def survey(self, resources: Sequence[Resource]) -> Facts:
        """Return the cluster-scoped kinds that *resources* define, as ``group/kind``; each definition is decoded once."""
        found = (self._scope(resource) for resource in resources if is_definition(resource))
        return tuple(sorted({"/".join(kind) for kind in found if kind is not None}))

    def _scope(self, definition: Resource) -> tuple[str, str] | None:
        known = self._scopes.get(definition.digest)
        if known is None:
            known = (cluster_scoped_kind(definition),)
            self._scopes.put(definition.digest, known)
        return known[0]

    def apply(self, resource: Resource, facts: Facts) -> Body | None:
        """Return *resource* in the namespace, or None when it belongs elsewhere."""
        key = resource.key
        if key.namespace == self.namespace or (key.namespace and not self.override):
            return None
        kind = (key.group, key.kind)
        if kind in CLUSTER_SCOPED or kind in self.cluster_scoped or "/".join(kind) in facts:
            return None
        body = resource.body
        metadata = body.get("metadata")
        if not body.get("apiVersion") or not isinstance(metadata, Mapping):
            return None
        return {**body, "metadata": {**metadata, "namespace": self.namespace}}
