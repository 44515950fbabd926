"""
Which differences cannot be made in place, and whether an API's refusal is about nothing else.

Decided by a table and by the fields that a refusal names; never by a status code, never by a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gitops_core.model.plans import FieldDiff
from gitops_core.model.pointers import Patterns, escape, join
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Body
from gitops_core.targets.kubernetes.immutable_table import ALIASES, ROWS, Row

_ANY: Final = Row(())
_REASONS: Final = frozenset({"FieldValueForbidden", "FieldValueInvalid"})


def immutable_pointers(
    key: ResourceKey, diffs: Iterable[FieldDiff], desired: Body, live: Body, rules: Patterns = Patterns()
) -> tuple[str, ...]:
    """
    Return the pointers of the differences that cannot be made in place, sorted.

    Args:
        key: The object.
        diffs: What differs.
        desired: The declaration.
        live: The live object; with its ``status``, where the caller has it, a claim that is not bound is known not to grow.
        rules: For a kind of a CustomResourceDefinition: what :func:`fixed_by_rules` says of its schema.

    Cost: microseconds for each difference.
    """
    row = ROWS.get((key.group, key.kind), _ANY)
    pointers = {diff.pointer for diff in diffs}
    return tuple(sorted(p for p in pointers if rules.touches(p) or _is_fixed(row, p, desired, live)))


def _is_fixed(row: Row, pointer: str, desired: Body, live: Body) -> bool:
    return row.fixed.touches(pointer) and not row.free.covers(pointer) and not row.unless(pointer, desired, live)


def immutable_causes(
    key: ResourceKey, causes: Iterable[tuple[str, str]], changed: Iterable[str], rules: Patterns = Patterns()
) -> tuple[str, ...]:
    """
    Return the pointers of the changes that a refusal is about, sorted, if every cause of it is a fixed field; else nothing.

    A cause counts when its reason is that of an immutable field (FieldValueForbidden, FieldValueInvalid) *and* the table, or a
    rule of the kind's own schema, says that its field is one. A fixed field can be invalid in itself, and the API gives the
    same reason then: prove the create before anything is deleted.

    Args:
        key: The object.
        causes: ``Invalid.causes``: (reason, field).
        changed: Pointers of what was to be changed. The API often names no more than ``spec``.
        rules: As for :func:`immutable_pointers`.

    Source: ``StatusDetails.causes`` in the Kubernetes API reference.
    """
    row, aliases = ROWS.get((key.group, key.kind), _ANY), ALIASES.get((key.group, key.kind), {})
    named = {(reason, aliases.get(field) or (pointer_of(field),)) for reason, field in causes}
    if not all(r in _REASONS and all(_is_fixed_place(row, rules, p) for p in places) for r, places in named):
        return ()
    about = Patterns(frozenset(place for _, places in named for place in places))
    return tuple(sorted(p for p in set(changed) if about.touches(p) and not row.free.covers(p)))


def _is_fixed_place(row: Row, rules: Patterns, pointer: str) -> bool:
    return rules.covers(pointer) or (row.fixed.covers(pointer) and not row.free.covers(pointer))


_PIECE: Final = re.compile(r"""\[(?:"((?:[^"\\]|\\.)*)"|([^\]]*))\]|([^.\[]+)""")


def pointer_of(field: str) -> str:
    """
    Return the JSON Pointer of a field as the API writes it in a refusal: ``spec.ports[0].name``, ``metadata.labels[a.b/c]``.

    A key with dots in it stands in brackets; the empty pointer stands for what names no field (``<nil>``).
    """
    if not field or field.startswith("<"):
        return ""
    return join(quoted or bracketed or plain for quoted, bracketed, plain in _PIECE.findall(field))


# -- kinds of a CustomResourceDefinition ---------------------------------------------------------------------------------------

_WHOLE: Final = frozenset({"self==oldSelf", "oldSelf==self"})
_FIELD: Final = re.compile(r"(?:self\.(?P<a>\w+)==oldSelf\.(?P=a)|oldSelf\.(?P<b>\w+)==self\.(?P=b))")


def fixed_by_rules(schema: Mapping[str, Any]) -> Patterns:
    """
    Return the fields that the validation rules of a kind's schema forbid to change: ``self == oldSelf``, ``self.a == oldSelf.a``.

    Args:
        schema: ``spec.versions[*].schema.openAPIV3Schema``.

    A rule that says it in other words is not seen; the API's refusal then stands as it is.

    Source: Kubernetes documentation, "Validation rules": transition rules.
    """
    return Patterns(frozenset(_rules(schema, "")))


def _rules(schema: Mapping[str, Any], pointer: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations") or ():
        text = "".join(str(rule.get("rule", "")).split())
        field = _FIELD.fullmatch(text)
        if text in _WHOLE and pointer:
            yield pointer
        elif field is not None:
            yield f"{pointer}/{escape(field['a'] or field['b'])}"
    for name, below in (schema.get("properties") or {}).items():
        yield from _rules(below, f"{pointer}/{escape(name)}")
    for name in ("items", "additionalProperties"):
        below = schema.get(name)
        if isinstance(below, Mapping):
            yield from _rules(below, f"{pointer}/*")
