"""What a plan says it would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol, TypedDict, Unpack

from gitops_core.engine.runtime import Runtime
from gitops_core.interfaces import StateStore
from gitops_core.model.applications import Application
from gitops_core.model.plan_text import MARKS
from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, Plan
from gitops_core.model.resources import ResourceKey
from gitops_core.operations import plan as plan_of
from gitops_core.testing.assertions.tables import Keys, Row, by_key, table, written

Diffs = Mapping[str, tuple[Any, Any]]
"""Values before and after, by JSON pointer; ``...`` for a field that is not there."""


class Planned(TypedDict, total=False):
    """
    What :func:`assert_plan` compares.

    ``creates`` to ``adopts`` are keys, or a mapping from keys to the exact differences (:data:`Diffs`). ``refused``, ``deferred``
    and ``skipped`` are keys of what is held back, or a mapping from keys to the rule. ``unchanged`` and ``refusals`` (rules about
    the whole plan) are compared when given.
    """

    creates: Keys | Mapping[Any, Diffs]
    updates: Keys | Mapping[Any, Diffs]
    replaces: Keys | Mapping[Any, Diffs]
    deletes: Keys | Mapping[Any, Diffs]
    adopts: Keys | Mapping[Any, Diffs]
    refused: Keys | Mapping[Any, str]
    deferred: Keys | Mapping[Any, str]
    skipped: Keys | Mapping[Any, str]
    unchanged: Keys
    refusals: Iterable[str]


class Plans(Protocol):
    """Whatever makes plans: a :class:`~gitops_core.testing.worlds.World` does."""

    def plan(self) -> Plan:
        """Return the plan of a pass that would begin now."""
        ...


_WORDS: Final[Mapping[str, Action | ChangeState]] = {
    "creates": Action.CREATE,
    "updates": Action.UPDATE,
    "replaces": Action.REPLACE,
    "deletes": Action.DELETE,
    "adopts": Action.ADOPT,
    "refused": ChangeState.REFUSED,
    "deferred": ChangeState.DEFERRED,
    "skipped": ChangeState.SKIPPED,
    "unchanged": Action.UNCHANGED,
}
_UNKNOWN: Final = f"assert_plan() does not know {{}}; it knows {', '.join(Planned.__annotations__)} and exact"
_Wanted = tuple[Action | ChangeState, Any]


def assert_plan(plan: Plan, *, exact: bool = True, **expected: Unpack[Planned]) -> None:
    """
    Assert what *plan* would do.

    Example::

        assert_plan(plan, creates=["ConfigMap/a"], refused={"Namespace/shop": "never"})
        assert_plan(plan, updates={"apps/Deployment/web": {"/spec/replicas": (2, 3)}}, exact=False)

    Args:
        plan: Of a pass, or a saved one.
        exact: Changes of objects that are not named are wrong, too.
        expected: See :class:`Planned`. Without any, the plan must change nothing.

    Raises:
        AssertionError: A table with a line for each object: what was expected, what the plan has, and the plan's reason.
        TypeError: A word that is none of these, or one text in place of a list.
    """
    wanted = _wanted(expected)
    rows = list(_rows(plan, wanted, exact=exact, unchanged="unchanged" in expected))
    refusals = [refusal.rule for refusal in plan.refusals]
    rules = sorted(expected.get("refusals", refusals))
    if any(row.is_wrong for row in rows) or rules != sorted(refusals):
        notes = [
            *_whole(plan),
            *([f"expected refusals of the whole plan: {', '.join(rules) or 'none'}"] if rules != sorted(refusals) else []),
        ]
        raise AssertionError("\n".join([f"not the expected plan of {_heading(plan)}", table(rows, "the plan has"), *notes]))


def assert_in_sync(
    subject: Plans | Application | Plan, *, store: StateStore | None = None, runtime: Runtime | None = None
) -> None:
    """
    Assert that there is nothing left to do: all was looked at, nothing differs and nothing is held back.

    Args:
        subject: A world, an application or a plan.
        store: For an application: where its state is.
        runtime: For an application: its surroundings.

    Raises:
        AssertionError: The plan, in full.
        GitOpsError: A plan could not be made.
    """
    plan = _planned(subject, store, runtime)
    if plan.changes or plan.refusals or plan.unreadable or not plan.complete:
        why = "not in sync" if plan.changes else "nothing to do, but that is not the whole truth"
        raise AssertionError("\n  ".join([f"{why}:", *plan.text().splitlines()]))


def _planned(subject: Plans | Application | Plan, store: StateStore | None, runtime: Runtime | None) -> Plan:
    if isinstance(subject, Plan):
        return subject
    if not isinstance(subject, Application):
        return subject.plan()
    if store is None:
        raise TypeError("an application alone does not say what it owns: assert_in_sync(app, store=...)")
    return plan_of(subject, store=store, runtime=runtime)


def _wanted(expected: Mapping[str, Any]) -> dict[ResourceKey, _Wanted]:
    changes = {word: value for word, value in expected.items() if word != "refusals"}
    return by_key(changes, _WORDS, "change", _UNKNOWN)


def _rows(plan: Plan, wanted: dict[ResourceKey, _Wanted], *, exact: bool, unchanged: bool) -> Iterator[Row]:
    changes = {change.key: change for change in plan.changes}
    still = frozenset(plan.unchanged)
    others = [key for key in plan.unchanged if unchanged and exact and key not in wanted]
    for key in [*changes, *sorted(wanted.keys() - changes.keys()), *others]:
        if key in wanted or exact:
            yield _row(key, wanted.get(key), changes.get(key), in_sync=key in still)


def _row(key: ResourceKey, wanted: _Wanted | None, change: Change | None, *, in_sync: bool) -> Row:
    found = _found(key, change, in_sync=in_sync and wanted is not None)
    why = change.reason if change else "unchanged" if in_sync else "not in the plan at all"
    if wanted is None:
        return Row("", found, why, differs=True)
    kind, detail = wanted
    if isinstance(kind, ChangeState):
        return _held_row(key, kind, detail, change, Row("", found, why))
    row = Row(f"{MARKS[kind]} {key}", found, why)
    if detail is None or row.is_wrong or change is None:
        return row
    details = tuple(_differences(detail, change))
    return Row(row.expected, found, why, details, differs=bool(details))


def _held_row(key: ResourceKey, state: ChangeState, rule: str | None, change: Change | None, row: Row) -> Row:
    mark = MARKS[change.action] if change else "*"
    by = rule if rule is not None else change.rule if change else ""
    return Row(f"! {mark} {key} {state}{f' by {by}' if by else ''}", row.found, row.why)


def _found(key: ResourceKey, change: Change | None, *, in_sync: bool) -> str:
    if change is None:
        return f"{MARKS[Action.UNCHANGED]} {key}" if in_sync else ""
    if change.is_ready:
        return f"{MARKS[change.action]} {key}"
    return f"! {MARKS[change.action]} {key} {change.state}{f' by {change.rule}' if change.rule else ''}"


def _differences(expected: Diffs, change: Change) -> Iterator[str]:
    wanted = {pointer: " -> ".join(map(written, pair)) for pointer, pair in expected.items()}
    found = {
        diff.pointer: f"{'(nothing)' if diff.op is DiffOp.ADD else diff.before} -> {'(nothing)' if diff.op is DiffOp.REMOVE else diff.after}"
        for diff in change.diff
    }
    for pointer in sorted(wanted.keys() | found.keys()):
        if wanted.get(pointer) != found.get(pointer):
            yield f"{pointer}: expected {wanted.get(pointer, 'no difference')}, the plan has {found.get(pointer, 'no difference')}"


def _heading(plan: Plan) -> str:
    return f"{plan.application} at {plan.revision[:12]}"


def _whole(plan: Plan) -> Iterator[str]:
    yield from (f"  about the whole plan: {refusal.rule}: {refusal.message}" for refusal in plan.refusals)
    yield from (f"  could not be observed: {text}" for text in plan.unreadable)
    if not plan.complete:
        yield "  incomplete: nothing is pruned"
