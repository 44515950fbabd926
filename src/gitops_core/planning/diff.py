"""
What differs between a declaration and the live object: the declared fields, and the formerly declared ones.

Fields nobody declared belong to others and are not looked at. For people, list items are paired by name
(``spec.containers[name=web].image``); :func:`json_patch` writes RFC 6902 for machines.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import attrs

from gitops_core.model.fields import Fields
from gitops_core.model.labels import extend, label_of
from gitops_core.model.outlines import Address, item_segment, merge_key
from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.pointers import Patterns, escape, leaves, split
from gitops_core.model.secrets import Redactor, is_wrapped
from gitops_core.model.values import Body, Sensitive, canonical_json, digest, mask, same
from gitops_core.planning.declared import (
    declared_pointers,
    dropped,
    is_item,
    locate,
)

_ABSENT: Final = object()
NO_LONGER_DECLARED: Final = "no longer declared"
UNKNOWN: Final = "unknown"
"""Stands for the write-only digest of an object whose last write may or may not have happened."""


@attrs.frozen(kw_only=True)
class Comparison:
    """
    How one object is compared.

    Attributes:
        fields: Of the target.
        ignored: Fields that are never looked at: the target's computed ones and those the application ignores.
        salt: Keys the stand-ins of secrets.
        redactor: Removes secrets that a plug-in copied to another field.
        declared: Addresses that the last applied declaration set.
        write_only: Digest of the write-only values applied last, as :func:`write_only_digest` gives it.
    """

    fields: Fields = Fields()
    ignored: Patterns = Patterns()
    salt: bytes = b""
    redactor: Redactor = Redactor()
    declared: tuple[Address, ...] = ()
    write_only: str = ""

    @property
    def skipped(self) -> Patterns:
        """What is not to be found in the live object."""
        return Patterns(self.ignored.patterns | self.fields.write_only.patterns) if self.fields.write_only else self.ignored


class _At(NamedTuple):
    pointer: str = ""
    label: str = ""

    def down(self, segment: str, shown: str = "") -> _At:
        return _At(f"{self.pointer}/{escape(segment)}", extend(self.label, shown or segment))


class _Found(NamedTuple):
    at: _At
    before: Any
    after: Any
    note: str = ""


def compare(desired: Body, live: Body, how: Comparison) -> tuple[FieldDiff, ...]:
    """
    Return what has to change in *live* so that it is as declared, sorted by pointer.

    Args:
        desired: Normalised, secrets wrapped.
        live: Normalised, secrets wrapped at the same places.
        how: Fields, secrets, and what was declared last.

    A declared null equals an absent field: APIs drop nulls. Cost: O(declared nodes).
    """
    walk = _Walk(how.fields.unordered, how.skipped)
    walk.values(desired, live, _At())
    gone = (
        _Found(_At(p, label_of(split(a))), v, _ABSENT, NO_LONGER_DECLARED) for a, p, v in dropped(how.declared, desired, live)
    )
    skipped = how.skipped
    shown = [_shown(f, how) for f in (*walk.found, *gone) if not (skipped and skipped.covers(f.at.pointer))]
    return tuple(sorted([*shown, *write_only_diffs(desired, how)], key=_by_place))


def _by_place(diff: FieldDiff) -> tuple[str, str]:
    return diff.pointer, diff.op


class _Walk:
    """Walks two bodies side by side and collects what differs. Patterns are asked only where something does."""

    def __init__(self, unordered: Patterns, skipped: Patterns) -> None:
        self.found: list[_Found] = []
        self._unordered = unordered
        self._skipped = skipped

    def values(self, desired: Any, live: Any, at: _At) -> None:
        if isinstance(desired, dict) and isinstance(live, dict):
            self._mappings(desired, live, at)
        elif isinstance(desired, list) and isinstance(live, list):
            self._lists(desired, live, at)
        elif live is _ABSENT and isinstance(desired, dict) and desired and self._hides_part(at):
            self._mappings(desired, {}, at)  # what cannot be there must not make the rest look absent
        elif not _equal(desired, live):
            self.found.append(_Found(at, live, desired))

    def _mappings(self, desired: Mapping[str, Any], live: Mapping[str, Any], at: _At) -> None:
        for name, value in desired.items():
            other = live.get(name, _ABSENT)
            if value is not other:
                kind = type(value)
                if kind is not type(other) or kind not in _SCALARS or value != other:
                    self.values(value, other, at.down(name))

    def _lists(self, desired: list[Any], live: list[Any], at: _At) -> None:
        ordered = not (self._unordered and self._unordered.covers(at.pointer))
        key = merge_key(desired, live)
        if key:
            self._named(key, desired, live, at)
            if ordered:
                self._order(key, desired, live, at)
        elif not ordered:
            self._any_order(desired, live, at)
        elif desired and live and all(isinstance(item, dict) for item in (*desired, *live)):
            self._numbered(desired, live, at)
        elif not same(desired, live):
            self.found.append(_Found(at, live, desired))

    def _named(self, key: str, desired: list[Any], live: list[Any], at: _At) -> None:
        there = {str(item[key]): item for item in live}
        for index, item in enumerate(desired):
            self.values(item, there.pop(str(item[key]), _ABSENT), at.down(str(index), item_segment(key, item)))
        for index, item in enumerate(live):
            if str(item[key]) in there:
                self.found.append(_Found(at.down(str(index), item_segment(key, item)), item, _ABSENT, "not in the declared list"))

    def _order(self, key: str, desired: list[Any], live: list[Any], at: _At) -> None:
        wanted, there = [str(item[key]) for item in desired], [str(item[key]) for item in live]
        both = set(wanted) & set(there)
        if [name for name in wanted if name in both] != [name for name in there if name in both]:
            self.found.append(_Found(at, there, wanted, "order"))

    def _any_order(self, desired: list[Any], live: list[Any], at: _At) -> None:
        spare = Counter(map(canonical_json, live))
        left = [item for item in desired if not _take(spare, canonical_json(item))]
        rest = [item for item in live if _take(spare, canonical_json(item))]
        if len(left) != len(rest) or not all(self._take_like(item, rest, at) for item in left):
            self.found.append(_Found(at, live, desired))

    def _take_like(self, item: Any, rest: list[Any], at: _At) -> bool:
        for index, other in enumerate(rest):
            trial = _Walk(self._unordered, self._skipped)
            trial.values(item, other, at.down("0"))
            if not any(not self._skipped.covers(f.at.pointer) for f in trial.found):
                del rest[index]
                return True
        return False

    def _numbered(self, desired: list[Any], live: list[Any], at: _At) -> None:
        for index in range(max(len(desired), len(live))):
            below = at.down(str(index), f"[{index}]")
            if index >= len(desired):
                self.found.append(_Found(below, live[index], _ABSENT, "not in the declared list"))
            else:
                self.values(desired[index], live[index] if index < len(live) else _ABSENT, below)

    def _hides_part(self, at: _At) -> bool:
        return bool(self._skipped) and self._skipped.touches(at.pointer)


_SCALARS: Final = frozenset({str, int, bool, float, type(None)})


def _take(spare: Counter[str], text: str) -> bool:
    if spare[text] <= 0:
        return False
    spare[text] -= 1
    return True


def _equal(desired: Any, live: Any) -> bool:
    if live is _ABSENT:
        return desired is None
    return same(_bare(desired), _bare(live))


def _bare(value: Any) -> Any:
    return value.reveal() if isinstance(value, Sensitive) else value


def _shown(found: _Found, how: Comparison) -> FieldDiff:
    at, before, after, note = found
    secret = is_wrapped(before) or is_wrapped(after)
    leaf_secret = isinstance(before, Sensitive) or isinstance(after, Sensitive)
    op = DiffOp.ADD if before is _ABSENT else DiffOp.REMOVE if after is _ABSENT else DiffOp.REPLACE
    return FieldDiff(
        pointer=at.pointer,
        op=op,
        label=how.redactor.redact(at.label),
        before=_text(before, how, whole=leaf_secret),
        after=_text(after, how, whole=leaf_secret),
        sensitive=secret,
        forces_replacement=_is_immutable(found, how.fields.immutable),
        note=note,
    )


def _text(value: Any, how: Comparison, *, whole: bool) -> str:
    if value is _ABSENT:
        return ""
    return mask(value, how.salt) if whole else how.redactor.redact(in_json(masked(value, how.salt)))


def in_json(value: Any) -> str:
    """Return *value* as JSON for people: keys sorted, text as it is."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _is_immutable(found: _Found, immutable: Patterns) -> bool:
    if not immutable:
        return False
    sides = [side for side in (found.before, found.after) if side is not _ABSENT]
    return any(immutable.covers(pointer) for side in sides for pointer, _ in leaves(side, found.at.pointer))


def masked(value: Any, salt: bytes) -> Any:
    """Return a plain copy of *value* in which every secret is replaced by its stand-in."""
    if isinstance(value, Sensitive):
        return mask(value, salt)
    if isinstance(value, dict):
        return {name: masked(item, salt) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item, salt) for item in value]
    return value


def json_patch(before: Body, after: Body, salt: bytes = b"") -> list[dict[str, Any]]:
    """
    Return the RFC 6902 operations that make *after* out of *before*, secrets replaced by their stand-ins.

    Both sides are masked before they are compared, so that no operation can carry a secret, ``move`` and ``copy`` included.
    """
    import jsonpatch  # why here: 14 ms that a pass does not need

    operations: list[dict[str, Any]] = jsonpatch.make_patch(masked(before, salt), masked(after, salt)).patch
    return operations


# -- fields that the API never returns -----------------------------------------------------------------------------------


def write_only_digest(desired: Body, fields: Fields, salt: bytes) -> str:
    """Return the salted digest of the write-only values of *desired*; empty when it has none."""
    values = _write_only(desired, fields)
    return digest(Sensitive([list(pair) for pair in values]), salt) if values else ""


def _write_only(desired: Body, fields: Fields) -> list[tuple[str, Any]]:
    return [(p, _bare(v)) for p, v in leaves(desired) if fields.write_only.covers(p)] if fields.write_only else []


def write_only_diffs(desired: Body, how: Comparison) -> Iterator[FieldDiff]:
    """Yield a difference per write-only field when the values are not those that were applied last."""
    if not how.fields.write_only or write_only_digest(desired, how.fields, how.salt) == how.write_only:
        return
    note = "write-only: compared with what was applied last"
    for pointer, value in _write_only(desired, how.fields):
        if not how.ignored.covers(pointer):
            found = _Found(_At(pointer, label_of(split(pointer))), Sensitive(None), Sensitive(value), note)
            op = DiffOp.REPLACE if how.write_only else DiffOp.ADD
            yield attrs.evolve(_shown(found, how), op=op, before="(not readable)" if how.write_only else "")
    for address in how.declared:
        if how.fields.write_only.covers(address) and locate(desired, address) is None:
            yield FieldDiff(
                address, DiffOp.REMOVE, label_of(split(address)), "(not readable)", "", sensitive=True, note=NO_LONGER_DECLARED
            )


# -- a target's own comparison -------------------------------------------------------------------------------------------


def taken_over(diffs: list[FieldDiff], how: Comparison, secret: Patterns, redactor: Redactor) -> list[FieldDiff]:
    """Return the differences that a target found itself: ignored ones left out, secrets masked, immutable fields marked."""
    return [_taken_over(d, how, secret, redactor.redact) for d in diffs if not how.ignored.covers(d.pointer)]


def _taken_over(diff: FieldDiff, how: Comparison, secret: Patterns, redact: Callable[[str], str]) -> FieldDiff:
    hidden = diff.sensitive or secret.touches(diff.pointer)
    show: Callable[[str], str] = (lambda text: text and mask(text, how.salt)) if hidden else redact
    return attrs.evolve(
        diff,
        label=redact(diff.label or label_of(split(diff.pointer))),
        before=show(diff.before),
        after=show(diff.after),
        sensitive=hidden,
        note=redact(diff.note),
        manager=redact(diff.manager),
        forces_replacement=diff.forces_replacement or how.fields.immutable.covers(diff.pointer),
    )


# -- what a decision was made for ----------------------------------------------------------------------------------------


def precondition_of(live_id: str, live: Body, desired: Body, how: Comparison) -> str:
    """
    Return the digest of what a decision about this object rests on.

    It covers the id, the live values of every field declared now or last time, and what differs. It is blind to the
    fields of others, to computed and to ignored ones: a new status makes no plan stale.
    """
    addresses = sorted({*how.declared, *declared_pointers(desired)})
    rows = [row for address in addresses if (row := _row(address, live, how)) is not None]
    diff = [[d.pointer, d.op.value, d.before, d.after] for d in compare(desired, live, how)]
    return digest(Sensitive([live_id, rows, diff]), how.salt)


def _row(address: Address, live: Body, how: Comparison) -> list[Any] | None:
    found = locate(live, address)
    if found is None or (how.skipped and (how.skipped.covers(found[0]) or how.skipped.covers(address))):
        return None
    return [address, True if is_item(address) else found[1]]
