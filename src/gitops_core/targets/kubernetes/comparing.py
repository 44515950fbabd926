"""
What differs between a declaration and a live Kubernetes object, by who owns what: no schema and no request is needed.

Only declared fields are compared, and fields that we applied once and declare no longer. Defaults, other spellings of one value,
the order of lists that have keys, and empty values that the API drops are no differences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from gitops_core.model.labels import extend
from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.pointers import escape
from gitops_core.model.values import Body
from gitops_core.targets.kubernetes.absence import vanishes
from gitops_core.targets.kubernetes.list_keys import SETS, by_key, known_keys, order_matters, segment
from gitops_core.targets.kubernetes.managed_fields import Claims, ListKind, find_item
from gitops_core.targets.kubernetes.scalars import ScalarPlace, is_bytes, is_free_text, same_scalar
from gitops_core.targets.kubernetes.spelling import SERVER_OWNED, is_secret

_ABSENT: Final = object()
_SCALARS: Final = frozenset({str, int, bool, float, type(None)})
_STRICT: Final = frozenset({"selector", "podSelector", "namespaceSelector", "labelSelector", "nodeSelector"})
"""Atomic maps in which the API fills in nothing: one field more than declared is somebody's."""


class At(NamedTuple):
    """A place in both bodies: its pointer, how people write it, and what scalars mean there."""

    pointer: str = ""
    label: str = ""
    place: ScalarPlace = ScalarPlace()

    def field(self, name: str) -> At:
        """Return the place of the field *name*."""
        here = self.place
        free = here.is_free_text or is_free_text(name, here.field)
        below = ScalarPlace(name, here.field, free, here.is_bytes or is_bytes(name))
        return At(f"{self.pointer}/{escape(name)}", extend(self.label, name), below)

    def item(self, index: int, shown: str) -> At:
        """Return the place of an item of the list here; it stands for the list's field."""
        return At(f"{self.pointer}/{index}", f"{self.label}{shown}", self.place)


class Found(NamedTuple):
    """A difference, before it is put into words."""

    at: At
    before: Any
    after: Any
    claims: Claims
    note: str = ""


class Walk:
    """Walks a declaration and a live object side by side, and collects what differs."""

    def __init__(self) -> None:
        self.found: list[Found] = []

    def fields(self, desired: Mapping[str, Any], live: Mapping[str, Any], at: At, claims: Claims) -> None:
        """Compare the declared fields of two objects."""
        if len(live) > len(desired) and _has_foreign_fields(desired, live, at, claims):
            self.found.append(Found(at, live, desired, claims))
            return
        for name, value in desired.items():
            other = live.get(name, _ABSENT)
            if value is not other and (type(value) is not type(other) or type(value) not in _SCALARS or value != other):
                self.value(value, other, at.field(name), claims.field(name))

    def value(self, desired: Any, live: Any, at: At, claims: Claims) -> None:
        """Compare what is declared at one place with what is there."""
        if live is _ABSENT or live is None:
            if not vanishes(desired, at.place.field, claims):
                self.found.append(Found(at, live, desired, claims))
        elif isinstance(desired, dict) and isinstance(live, dict):
            self.fields(desired, live, at, claims)
        elif isinstance(desired, list) and isinstance(live, list):
            self._lists(desired, live, at, claims)
        elif desired is not None and not same_scalar(desired, live, at.place):
            self.found.append(Found(at, live, desired, claims))

    # -- lists --------------------------------------------------------------------------------------------------------------

    def _lists(self, desired: list[Any], live: list[Any], at: At, claims: Claims) -> None:
        kind, keys = list_kind(desired, live, at, claims)
        if kind is ListKind.SET:
            self._set(desired, live, at, claims)
        elif kind is not ListKind.KEYED or not self._keyed(keys, (desired, live), at, claims):
            self._atomic(desired, live, at, claims)

    def _keyed(self, keys: tuple[str, ...], lists: tuple[list[Any], list[Any]], at: At, claims: Claims) -> bool:
        desired, live = lists
        wanted, there = by_key(desired, keys), by_key(live, keys)
        if wanted is None or there is None:
            return False
        for name, index in wanted.items():
            where, item = at.item(index, segment(desired[index], keys)), desired[index]
            if name in there:
                other = live[there[name]]
                self.fields(item, other, where, claims.item(other))
            else:
                self.found.append(Found(where, _ABSENT, item, claims.item(item)))
        if order_matters(at.place.field, desired):
            self._order([n for n in wanted if n in there], [n for n in there if n in wanted], at)
        return True

    def _order(self, wanted: list[tuple[Any, ...]], there: list[tuple[Any, ...]], at: At) -> None:
        if wanted != there:
            self.found.append(Found(at, [n[0] for n in there], [n[0] for n in wanted], Claims(), "order"))

    def _set(self, desired: list[Any], live: list[Any], at: At, claims: Claims) -> None:
        for index, item in enumerate(desired):
            if not any(_equal(item, other, at) for other in live):
                self.found.append(Found(at.item(index, f"[{item}]"), _ABSENT, item, claims.item(item)))

    def _atomic(self, desired: list[Any], live: list[Any], at: At, claims: Claims) -> None:
        """Compare a list that one manager owns as a whole: as many items, in this order, each with defaults at most."""
        foreign = claims.knows_us and not claims.has_ours and bool(claims.others)
        if len(desired) != len(live) or not all(_equal(a, b, at, exact=foreign) for a, b in zip(desired, live, strict=True)):
            self.found.append(Found(at, live, desired, claims))


def list_kind(desired: list[Any], live: list[Any], at: At, claims: Claims) -> tuple[ListKind, tuple[str, ...]]:
    """Return how a list is merged: what the entries show, else what is known of its name, else as a whole."""
    kind, keys = claims.list_kind()
    if kind is ListKind.UNKNOWN or (kind is ListKind.ATOMIC and not live):
        keys = known_keys(at.place.field, desired, live)
        if keys:
            return ListKind.KEYED, keys
        return (ListKind.SET if at.place.field in SETS else ListKind.ATOMIC), ()
    return kind, keys


def _has_foreign_fields(desired: Mapping[str, Any], live: Mapping[str, Any], at: At, claims: Claims) -> bool:
    """Tell whether somebody added a field to an object that is owned as a whole. Where we are an owner it is a default."""
    if not claims.is_whole or claims.has_ours:
        return False
    is_closed = claims.knows_us or at.place.field in _STRICT
    return is_closed and not live.keys() <= desired.keys()


def _equal(desired: Any, live: Any, at: At, *, exact: bool = False) -> bool:
    """Tell whether an item of a list is as declared, defaults apart; with *exact* it must not have a field more, either."""
    walk = Walk()
    walk.value(desired, live, at, Claims())
    return not walk.found and not (exact and _has_more(desired, live))


def _has_more(desired: Any, live: Any) -> bool:
    if isinstance(desired, dict) and isinstance(live, dict):
        return not live.keys() <= desired.keys() or any(_has_more(desired[name], value) for name, value in live.items())
    if isinstance(desired, list) and isinstance(live, list):
        return any(_has_more(a, b) for a, b in zip(desired, live, strict=False))
    return False


# -- the whole ---------------------------------------------------------------------------------------------------------------


def compare_with_managers(desired: Body, live: Body, *, stamped: frozenset[str] = frozenset()) -> list[FieldDiff]:
    """
    Return what has to change in *live* so that it is as declared, sorted by pointer.

    Args:
        desired: Spelled.
        live: Spelled, with ``metadata.managedFields``; our own entries have ``"ours": true``.
        stamped: Pointers that we apply besides the declaration (labels and annotations of ownership): not missed when they are
            not declared.

    Cost: O(declared nodes and nodes of our own entry); about 100 us for a Deployment.
    """
    claims, walk, at = Claims.of(live), Walk(), At()
    for name, value in desired.items():
        if name == "metadata":
            walk.fields(_ours_of(value, live), live.get(name, {}), at.field(name), claims.field(name))
        elif name not in _IDENTITY:
            walk.value(value, live.get(name, _ABSENT), _top(at.field(name), desired), claims.field(name))
    dropped = _Dropped(str(live.get("apiVersion", "")), stamped)
    dropped.fields(desired, live, at, claims)
    secret = is_secret(live) or is_secret(desired)
    return sorted([_shown(f, secret) for f in (*walk.found, *dropped.found)], key=lambda d: (d.pointer, d.op))


_IDENTITY: Final = frozenset({"apiVersion", "kind", "status"})
"""Not compared: both sides are one object, whichever version each is written in."""


def _ours_of(metadata: Any, live: Body) -> dict[str, Any]:
    """Return the part of the declared metadata that is compared; an object of the cluster has no namespace, whatever is declared."""
    there = live.get("metadata", {})
    skipped = SERVER_OWNED if "namespace" in there else SERVER_OWNED | {"namespace"}
    return {name: value for name, value in metadata.items() if name not in skipped}


def _top(at: At, body: Body) -> At:
    """Return *at*; a Secret's data is base64."""
    if at.place.field == "data" and is_secret(body):
        return at._replace(place=ScalarPlace("data", "", is_free_text=True, is_bytes=True))
    return at


class _Dropped:
    """Walks what we applied last, and collects what is declared no longer, still there, and nobody else's."""

    def __init__(self, version: str, stamped: frozenset[str]) -> None:
        self.found: list[Found] = []
        self._version = version
        self._stamped = stamped

    def fields(self, desired: Any, live: Any, at: At, claims: Claims) -> None:
        """Compare what we own in one object or list with what is declared of it."""
        for name in claims.applied_fields(self._version):
            if name.startswith("f:") and isinstance(live, dict):
                self._field(name[2:], (desired, live), at, claims.named(name))
            elif isinstance(live, list):
                self._item(name, (desired, live), at, claims.named(name))

    def _field(self, name: str, sides: tuple[Any, Any], at: At, claims: Claims) -> None:
        desired, live = sides
        if name in live:
            declared = desired.get(name, _ABSENT) if isinstance(desired, dict) else _ABSENT
            self._judge(declared, live[name], at.field(name), claims)

    def _item(self, name: str, sides: tuple[Any, Any], at: At, claims: Claims) -> None:
        desired, live = sides
        there = find_item(name, live)
        if there is not None:
            index, keys = there
            item = live[index]
            wanted = find_item(name, desired) if isinstance(desired, list) else None
            shown = segment(item, keys) if keys else f"[{item}]"
            declared = _ABSENT if wanted is None else desired[wanted[0]]
            self._judge(declared, item, at.item(index, shown), claims)

    def _judge(self, declared: Any, live: Any, at: At, claims: Claims) -> None:
        if declared is _ABSENT and at.pointer in self._stamped:
            return
        if declared is _ABSENT and not claims.others and not self._is_above_stamped(at):
            self.found.append(Found(at, live, _ABSENT, claims, NO_LONGER_DECLARED))
        else:
            self.fields(declared, live, at, claims)

    def _is_above_stamped(self, at: At) -> bool:
        return any(pointer.startswith(f"{at.pointer}/") for pointer in self._stamped)


NO_LONGER_DECLARED: Final = "no longer declared"


# -- in words ----------------------------------------------------------------------------------------------------------------


def _shown(found: Found, secret: bool) -> FieldDiff:
    at, before, after, claims, note = found
    others = claims.others
    return FieldDiff(
        pointer=at.pointer,
        op=DiffOp.ADD if before is _ABSENT else DiffOp.REMOVE if after is _ABSENT else DiffOp.REPLACE,
        label=at.label,
        before=_text(before),
        after=_text(after),
        sensitive=secret and at.pointer.split("/", 2)[1] in {"data", "stringData"},
        note=note or (f"set by {', '.join(others)}" if others else ""),
        manager=", ".join(others),
        ours=claims.has_ours and not others,
    )


def _text(value: Any) -> str:
    return "" if value is _ABSENT else json.dumps(value, sort_keys=True, ensure_ascii=False)
