"""A plan for a terminal: Terraform's marks, a reason per change, what is held back and the words that free it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, FieldDiff, Plan
from gitops_core.model.verdicts import Severity

MARKS: Final[Mapping[Action, str]] = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "-/+",
    Action.DELETE: "-",
    Action.ADOPT: "=",
    Action.UNCHANGED: ".",
}
"""Terraform's marks, and ``=`` for an object that becomes ours as it is or with the differences shown."""

LONGEST_VALUE: Final = 120
"""A value with more characters than this is shortened, and the plan says so at its end."""

_WILL: Final[Mapping[Action, str]] = {
    Action.CREATE: "will be created",
    Action.UPDATE: "will be updated in place",
    Action.REPLACE: "will be deleted and created anew",
    Action.DELETE: "will be deleted",
    Action.ADOPT: "will be adopted",
    Action.UNCHANGED: "stays as it is",
}
_OPS: Final[Mapping[DiffOp, str]] = {DiffOp.ADD: "+", DiffOp.REPLACE: "~", DiffOp.REMOVE: "-"}


def summary(plan: Plan) -> str:
    """Return one line with a count for every action and state; a replace is counted apart, because it deletes, too."""
    do = plan.counts()
    held = Counter(change.state for change in plan.changes)
    actions = ", ".join(f"{do.get(action, 0)} to {action}" for action in Action if action is not Action.UNCHANGED)
    states = ", ".join(f"{held[state]} {state}" for state in ChangeState if state is not ChangeState.READY)
    return f"Plan: {actions}; {states}; {len(plan.unchanged)} unchanged."


def plan_text(plan: Plan) -> str:
    """
    Return *plan* for people, without a newline at its end.

    Control characters in names, values and messages are shown as escapes, so nothing in Git can drive the terminal.
    """
    sections = (
        _heading(plan),
        *(_ready_lines(change) for change in plan.ready),
        _held_lines(plan),
        _refusal_lines(plan),
        policy_lines(plan),
        _unreadable_lines(plan),
        _footer(plan),
    )
    blocks = ["\n".join(printable(line) for line in section) for section in sections]
    return "\n\n".join(block for block in blocks if block)


def printable(text: str) -> str:
    r"""Return *text* with everything that a terminal would not print as it is written as an escape: ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def elide(text: str) -> str:
    """Return *text*, shortened with its full length in characters if it is longer than :data:`LONGEST_VALUE`."""
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[: LONGEST_VALUE * 2 // 3]}… ({len(text)} characters)"


def is_elided(diffs: Iterable[FieldDiff]) -> bool:
    """Tell whether a value of *diffs* is too long to be shown in full."""
    return any(len(value) > LONGEST_VALUE for diff in diffs for value in (diff.before, diff.after))


def diff_remark(diff: FieldDiff) -> str:
    """Return what stands behind a field: why it differs, who manages it, and that it forces a replacement."""
    notes = [diff.note, f"managed by {diff.manager}" if diff.manager not in diff.note else ""]
    remarks = "".join(f" ({note})" for note in notes if note)
    return f"{remarks}  # forces replacement" if diff.forces_replacement else remarks


def diff_line(diff: FieldDiff) -> str:
    """Return one field as ``~ label: before -> after``, ``+ label: after`` or ``- label: before``."""
    values = {DiffOp.ADD: elide(diff.after), DiffOp.REMOVE: elide(diff.before)}
    shown = values.get(diff.op, f"{elide(diff.before)} -> {elide(diff.after)}")
    return f"{_OPS[diff.op]} {diff.label or diff.pointer or '/'}: {shown}{diff_remark(diff)}"


def at(change: Change) -> str:
    """Return where *change* is declared, as a bracketed suffix; empty when nobody knows."""
    return f"  [{change.origin}]" if change.origin.path else ""


def waited_for(plan: Plan) -> int:
    """Return how many objects the pass will wait for; a deleted one has nothing to settle."""
    return sum(change.wait and change.action is not Action.DELETE for change in plan.ready)


def policy_lines(plan: Plan) -> Iterator[str]:
    """Yield what policies deny and warn about; audits are only recorded."""
    shown = [violation for violation in plan.verdict.violations if violation.severity is not Severity.AUDIT]
    if shown:
        yield "Policies:"
        yield from (f"  {violation}" for violation in shown)


def nothing_to_do(plan: Plan) -> str:
    """Return the sentence of a plan without changes: a mistyped path declares nothing, and should not look like success."""
    if plan.unchanged or not plan.complete:
        return "Nothing to do."
    return "Nothing to do: nothing is declared, and nothing is ours. Look at the source's path, and at what is skipped."


def incomplete(plan: Plan) -> str:
    """Return the sentence about pruning for an incomplete plan; empty for a complete one."""
    return "" if plan.complete else "Incomplete: nothing is pruned, because the render or the observation was not complete."


def _heading(plan: Plan) -> Iterator[str]:
    yield f"{plan.application} at {plan.revision}"
    if not plan.changes and not plan.refusals:
        yield nothing_to_do(plan)


def _ready_lines(change: Change) -> Iterator[str]:
    yield f"  # {change.key} {_WILL[change.action]}{_because(change)}{at(change)}"
    yield f"  {MARKS[change.action]} {change.key}"
    yield from (f"      {line}" for line in _facts(change))


def _facts(change: Change) -> Iterator[str]:
    yield from map(diff_line, change.diff)
    if change.adopts and change.action is not Action.ADOPT:
        yield "# takes over an object that is already there"
    if change.approval:
        yield f"# approved by {change.approval}"
    if change.depends_on:
        yield f"# after {', '.join(map(str, change.depends_on))}"


def _because(change: Change) -> str:
    return f" ({change.reason})" if change.reason else ""


def _held_lines(plan: Plan) -> Iterator[str]:
    held = [change for change in plan.changes if not change.is_ready]
    if held:
        yield "Held back:"
    for change in held:
        rule = f" by {change.rule}" if change.rule else ""
        yield f"  # {change.key}: {change.action} {change.state}{rule}{_because(change)}{at(change)}"
        yield f"  ! {MARKS[change.action]} {change.key}"
        yield from (f"      {line}" for line in _facts(change))
        if change.override:
            yield f"      to allow it: {change.override}"


def _refusal_lines(plan: Plan) -> Iterator[str]:
    if plan.refusals:
        yield "About the whole plan:"
    for refusal in plan.refusals:
        yield f"  ! {refusal.rule}: {refusal.message}"
        if refusal.override:
            yield f"      to allow it: {refusal.override}"


def _unreadable_lines(plan: Plan) -> Iterator[str]:
    if plan.unreadable:
        yield "Left alone, because it could not be observed:"
        yield from (f"  ? {text}" for text in plan.unreadable)


def _footer(plan: Plan) -> Iterator[str]:
    if is_elided(diff for change in plan.changes for diff in change.diff):
        yield f"Values of more than {LONGEST_VALUE} characters are shortened; the plan in JSON has them in full."
    if not plan.complete:
        yield incomplete(plan)
    waiting = waited_for(plan)
    if waiting:
        yield f"Wait for: {waiting} object{'' if waiting == 1 else 's'} to settle"
    yield summary(plan)
    if plan.guard:
        yield f"Guard: {plan.guard}"
