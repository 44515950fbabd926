"""
Plans from a few words, in the marks that a printed plan uses, for tests of whatever reads, prints or judges plans.

::

    plan = plan_of(
        "+ ConfigMap/site",
        change("~ apps/Deployment/shop/web", {"/spec/replicas": (2, 3)}),
        "! - Namespace/shop (no longer declared) by never",
        unchanged=["Service/shop/web"],
    )

No pass is run and no engine is loaded. What a pass alone can know, such as digests of live objects, is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import EllipsisType
from typing import Any, Final

import attrs

from gitops_core.model.plan_text import MARKS
from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, FieldDiff, Plan
from gitops_core.model.resources import ResourceKey, as_key
from gitops_core.model.values import canonical_json

APPLICATION: Final = "example.org/tests/app"
REVISION: Final = "1" * 40
_ACTIONS: Final = {mark: action for action, mark in MARKS.items() if action is not Action.UNCHANGED}
_WORDS: Final = re.compile(
    r"(?P<held>! *)?(?P<mark>\S+) +(?P<key>\S+)( +\((?P<reason>.*)\))?( +(?P<state>refused|deferred|skipped))?( +by +(?P<rule>\w+))?"
)
_REASONS: Final = {
    Action.CREATE: "not in the target",
    Action.REPLACE: "cannot be changed in place",
    Action.DELETE: "no longer declared",
    Action.ADOPT: "is there already and equal",
}

Diff = Mapping[str, tuple[Any, Any]] | Iterable[FieldDiff]
"""Values before and after by pointer, with ``...`` for a field that is not there, or finished diffs."""


def change(text: str, diff: Diff = (), **facts: Any) -> Change:
    """
    Return a change, said as a printed plan says it: a mark, the key, and what else matters.

    Args:
        text: ``+ KEY``, ``~ KEY``, ``-/+ KEY``, ``- KEY`` or ``= KEY``, then ``(a reason)``. A ``!`` in front holds it back:
            ``! - KEY (a reason) by RULE``, refused unless ``deferred`` or ``skipped`` stands before ``by``.
        diff: ``{"/spec/replicas": (2, 3), "/data/new": (..., "x"), "/data/old": ("x", ...)}``.
        facts: Other attributes of :class:`Change`: ``origin``, ``override``, ``approval``, ``depends_on`` ...

    Raises:
        ValueError: *text* is none of these; the message shows an example.
    """
    found = _WORDS.fullmatch(text.strip())
    if found is None or found["mark"] not in _ACTIONS or ((found["state"] or found["rule"]) and not found["held"]):
        raise ValueError(
            f"{text!r} is no change; write '~ ConfigMap/site', or '! - Namespace/shop (why) by a_rule' to hold it back"
        )
    action, fields = _ACTIONS[found["mark"]], tuple(sorted(_diffs(diff), key=lambda d: d.pointer))
    known: dict[str, Any] = {
        "state": ChangeState(found["state"] or "refused") if found["held"] else ChangeState.READY,
        "reason": found["reason"] or _REASONS.get(action, _counted(fields)),
        "rule": found["rule"] or "",
        "diff": fields,
    }
    if "depends_on" in facts:
        facts["depends_on"] = tuple(map(as_key, facts["depends_on"]))
    return Change(as_key(found["key"]), action, **{**known, **facts})


def plan_of(*changes: Change | str, unchanged: Iterable[ResourceKey | str] = (), **facts: Any) -> Plan:
    """
    Return a plan of *changes*, in the order given: the order of execution.

    Args:
        changes: Changes, or their texts as for :func:`change`.
        unchanged: Keys of objects that need nothing.
        facts: Other attributes of :class:`Plan`: ``refusals``, ``verdict``, ``unreadable``, ``guard`` ...

    Raises:
        ValueError: A text is no change, or two changes are about one object.
    """
    made = tuple(given if isinstance(given, Change) else change(given) for given in changes)
    keys = [each.key for each in made] + [as_key(key) for key in unchanged]
    twice = sorted({str(key) for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"a plan has one change an object; more than one for {', '.join(twice)}")
    known: dict[str, Any] = {"application": APPLICATION, "revision": REVISION, **facts}
    return Plan(changes=made, unchanged=tuple(sorted(keys[len(made) :])), **known)


def refused(given: Change | str, rule: str, reason: str = "", override: str = "") -> Change:
    """Return *given* as refused by *rule*."""
    before = given if isinstance(given, Change) else change(given)
    held = ChangeState.REFUSED
    return attrs.evolve(before, state=held, rule=rule, reason=reason or before.reason, override=override)


def _counted(diffs: tuple[FieldDiff, ...]) -> str:
    return f"{len(diffs)} field{' differs' if len(diffs) == 1 else 's differ'}" if diffs else "something differs"


def _diffs(diff: Diff) -> Iterable[FieldDiff]:
    if not isinstance(diff, Mapping):
        yield from diff
        return
    for pointer, (before, after) in diff.items():
        label = pointer.removeprefix("/").replace("/", ".")
        if isinstance(before, EllipsisType):
            yield FieldDiff(pointer, DiffOp.ADD, label, after=canonical_json(after))
        elif isinstance(after, EllipsisType):
            yield FieldDiff(pointer, DiffOp.REMOVE, label, before=canonical_json(before))
        else:
            yield FieldDiff(pointer, DiffOp.REPLACE, label, canonical_json(before), canonical_json(after))
