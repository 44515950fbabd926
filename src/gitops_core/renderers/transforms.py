"""
Changes to what any renderer yields: labels, annotations, namespaces, patches.

``Transformed(ManifestsRenderer(), DefaultNamespace("shop"), CommonLabels({"team": "web"}))`` runs them in that order, each on
what the one before made. None of them unwraps a secret; what takes the place of a secret is wrapped, too.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from gitops_core.errors import ConfigError, RenderError
from gitops_core.model.pointers import escape, split
from gitops_core.model.resources import Resource
from gitops_core.model.secrets import KUBERNETES_SECRET, is_wrapped
from gitops_core.model.values import Body, FrozenDict, FrozenList, freeze, thaw
from gitops_core.renderers.chains import Facts, Transform, signed
from gitops_core.renderers.metadata import CommonAnnotations, CommonLabels, DefaultNamespace
from gitops_core.renderers.selectors import Selector
from gitops_core.renderers.transforming import Transformed

__all__ = [
    "CommonAnnotations",
    "CommonLabels",
    "DefaultNamespace",
    "JsonPatch",
    "MergePatch",
    "Selector",
    "Transform",
    "Transformed",
]


def _object(value: Mapping[str, Any]) -> FrozenDict:
    return FrozenDict(_json(value, Mapping, "a merge patch is an object"))


def _json(value: Any, kind: type, message: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, str):
        raise ConfigError(f"{message}, not {type(value).__name__}")
    try:
        return freeze(value)
    except TypeError as error:
        raise ConfigError(f"{message}: {error}") from None


@attrs.frozen
class _Patch(Transform):
    selector: Selector
    optional: bool = attrs.field(default=False, kw_only=True)

    @property
    def is_required(self) -> bool:
        """Unless optional."""
        return not self.optional

    @abc.abstractmethod
    def _filled(self) -> Iterable[tuple[str, Any]]:
        """Each pointer that gets a value, and the value."""

    @property
    def fingerprint(self) -> str:
        """The class and a digest of its options; empty when it may fill in a secret, whose digest could be guessed back."""
        if any(is_wrapped(value) or self._is_secret(pointer) for pointer, value in self._filled()):
            return ""
        return signed(self, attrs.astuple(self.selector, recurse=False), *attrs.astuple(self, recurse=False)[1:])

    def _is_secret(self, pointer: str) -> bool:
        return KUBERNETES_SECRET.touches(pointer) and self.selector.may_match("", "Secret")

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.selector})"


@attrs.frozen
class MergePatch(_Patch):
    """
    Merges *patch* into the chosen objects: null removes, objects merge, everything else replaces (RFC 7386).

    Args:
        selector: Objects it is about. Name the kind: a patch of ``data`` that could hit a Secret has no fingerprint.
        patch: A JSON object.
        optional: No error when it is about no object at all.

    Raises:
        ConfigError: *patch* is no JSON object. STALL.
    """

    patch: Mapping[str, Any] = attrs.field(converter=_object, repr=False)

    def _filled(self) -> Iterable[tuple[str, Any]]:
        return ((f"/{escape(name)}", value) for name, value in self.patch.items())

    def apply(self, resource: Resource, facts: Facts) -> Body | None:  # noqa: ARG002  # why: it needs no overview
        """Return *resource* patched, or None when it is not chosen."""
        return merged(resource.body, self.patch) if self.selector.matches(resource) else None


def merged(target: Any, patch: Any) -> Any:
    """Return *target* after the merge patch *patch*. Source: RFC 7386, section 2."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


_MEMBERS: Final = {
    "add": {"value"},
    "remove": set[str](),
    "replace": {"value"},
    "move": {"from"},
    "copy": {"from"},
    "test": {"value"},
}


def _operations(value: Sequence[Mapping[str, Any]]) -> FrozenList:
    operations = FrozenList(_json(value, Sequence, "a JSON patch is a list of operations"))
    for number, operation in enumerate(operations):
        problem = _problem(operation)
        if problem:
            raise ConfigError(f"operation {number + 1} of {len(operations)}: {problem}")
    return operations


def _problem(operation: Any) -> str:
    if not isinstance(operation, Mapping) or operation.get("op") not in _MEMBERS:
        return f"it needs an op, one of {', '.join(_MEMBERS)}"
    missing = ({"path"} | _MEMBERS[operation["op"]]) - operation.keys()
    if missing:
        return f"{operation['op']} needs {' and '.join(sorted(missing))}"
    for member in {"path", "from"} & operation.keys():
        try:
            split(operation[member])
        except (AttributeError, ValueError):
            return f"{member} is no JSON pointer; it begins with '/'"
    return ""


@attrs.frozen
class JsonPatch(_Patch):
    """
    Runs *operations* (RFC 6902) on the chosen objects: all of them, or the render fails.

    ``test`` compares a secret with ``Sensitive("...")`` only.

    Args:
        selector: Objects it is about. Name the kind: an operation on ``/data`` that could hit a Secret has no fingerprint.
        operations: ``{"op": "replace", "path": "/spec/replicas", "value": 3}`` ...
        optional: No error when it is about no object at all.

    Raises:
        ConfigError: An operation without ``op``, ``path`` or what its ``op`` needs. STALL.
    """

    operations: Sequence[Mapping[str, Any]] = attrs.field(converter=_operations, repr=False)

    def _filled(self) -> Iterable[tuple[str, Any]]:
        return ((operation["path"], operation["value"]) for operation in self.operations if "value" in operation)

    def apply(self, resource: Resource, facts: Facts) -> Body | None:  # noqa: ARG002  # why: it needs no overview
        """Return *resource* patched, or None when it is not chosen."""
        if not self.selector.matches(resource):
            return None
        document = thaw(resource.body)
        for number in range(len(self.operations)):
            document = self._step(number, document)
        if not isinstance(document, dict):
            raise RenderError(f"{self} leaves {type(document).__name__} where an object was")
        return document

    def _step(self, number: int, document: Any) -> Any:
        import jsonpatch

        operation = self.operations[number]
        try:
            return jsonpatch.JsonPatch([thaw(operation)]).apply(document, in_place=True)  # thaw: the document keeps the value
        except Exception as error:  # noqa: BLE001  # why: which ones differs between its versions
            problem = type(error).__name__
        # why here: the error's text may quote a secret, and an error raised while handling it would carry it along
        step = f"operation {number + 1} of {len(self.operations)}, {operation['op']} {operation['path']},"
        raise RenderError(f"{self}: {step} does not fit this object ({problem})")
