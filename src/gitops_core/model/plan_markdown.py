"""
A plan for a pull request, in GitHub's Markdown.

Whatever comes from Git or from a target stands in a code span, a code fence or escaped HTML, and nowhere else: no name, value
or message can start a heading, a link, a mention, a tag or a table cell.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Final

from gitops_core.model.plan_text import (
    LONGEST_VALUE,
    MARKS,
    diff_remark,
    elide,
    incomplete,
    is_elided,
    nothing_to_do,
    policy_lines,
    printable,
    summary,
    waited_for,
)
from gitops_core.model.plans import Change, DiffOp, FieldDiff, Plan

TABLE_BUDGET: Final = 20_000
"""Characters that the table may take; with the details it stays below the 65,536 that code hosts allow for a comment."""

DETAILS_BUDGET: Final = 30_000
"""Characters that the details may take."""

_BACKTICKS: Final = re.compile("`+")


def plan_markdown(plan: Plan) -> str:
    """
    Return *plan* as Markdown that ends in a newline: summary, a table of the changes, and a folded diff for each.

    A large plan is cut at a visible line that counts what is left out; the counts in the summary are always whole.
    """
    sections = (
        [f"### Plan for {code(plan.application)} at {code(plan.revision)}", "", f"**{summary(plan)}**"],
        _table(plan),
        _details(plan),
        _refusals(plan),
        _quoted("Policies", list(policy_lines(plan))[1:]),
        _quoted("Left alone, because it could not be observed", plan.unreadable),
        _footer(plan),
    )
    blocks = ["\n".join(section) for section in sections]
    return "\n\n".join(block for block in blocks if block) + "\n"


def code(text: str) -> str:
    r"""
    Return *text* as a code span that also fits into a table cell; empty for empty text.

    A vertical bar is shown as ``\x7c``: inside a table no escape of it survives every renderer.
    """
    if not text:
        return ""
    plain = printable(text).replace("|", "\\x7c")
    ticks = "`" * (_longest_run(plain) + 1)
    pad = " " if plain.startswith(("`", " ")) or plain.endswith(("`", " ")) else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}"


def fence(lines: Iterable[str], language: str = "") -> Iterator[str]:
    """Yield *lines* inside a code fence that is longer than any run of backticks in them."""
    plain = [printable(line) for line in lines]
    ticks = "`" * max(3, 1 + max(map(_longest_run, plain), default=0))
    yield f"{ticks}{language}"
    yield from plain
    yield ticks


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)


def _fit(blocks: Iterable[str], budget: int) -> tuple[list[str], int]:
    """Return the first blocks that fit into *budget* characters, and how many do not."""
    fitting: list[str] = []
    left_out = 0
    for block in blocks:
        budget -= len(block) + 1
        if budget >= 0 and not left_out:
            fitting.append(block)
        else:
            left_out += 1
    return fitting, left_out


def _left_out(count: int, what: str) -> list[str]:
    return ["", f"*{count} more {what} left out here; the plan as text has them.*"] if count else []


def _table(plan: Plan) -> list[str]:
    if not plan.changes:
        return [nothing_to_do(plan)] if not plan.refusals else []
    rows, left_out = _fit(map(_row, plan.changes), TABLE_BUDGET)
    head = ["| | Object | Action | Why | Declared in |", "|---|---|---|---|---|"]
    return [*head, *rows, *_left_out(left_out, "changes are")]


def _row(change: Change) -> str:
    state = "" if change.is_ready else f" **{change.state}**"
    cells = (
        code(MARKS[change.action]),
        code(str(change.key)),
        f"{change.action}{state}",
        code(elide(change.reason)),
        code(str(change.origin)),
    )
    return f"| {' | '.join(cells)} |"


def _details(plan: Plan) -> list[str]:
    blocks = ["\n".join(_detail(change)) for change in plan.changes if change.diff or change.override]
    fitting, left_out = _fit(blocks, DETAILS_BUDGET)
    return ["\n\n".join(fitting), *_left_out(left_out, "details are")] if blocks else []


def _detail(change: Change) -> Iterator[str]:
    mark, key = (html.escape(printable(text)) for text in (MARKS[change.action], str(change.key)))
    yield f"<details><summary><code>{mark} {key}</code></summary>"
    yield ""
    if change.diff:
        yield from fence((line for diff in change.diff for line in _diff_lines(diff)), "diff")
    if change.override:
        rule = f" by {code(change.rule)}" if change.rule else ""
        yield f"{change.state.capitalize()}{rule}; to allow it: {code(change.override)}"
    yield ""
    yield "</details>"


def _diff_lines(diff: FieldDiff) -> Iterator[str]:
    place = diff.label or diff.pointer or "/"
    if diff.op is not DiffOp.ADD:
        yield f"- {place}: {elide(diff.before)}{diff_remark(diff) if diff.op is DiffOp.REMOVE else ''}"
    if diff.op is not DiffOp.REMOVE:
        yield f"+ {place}: {elide(diff.after)}{diff_remark(diff)}"


def _refusals(plan: Plan) -> Iterator[str]:
    if plan.refusals:
        yield "**About the whole plan**"
        yield ""
    for refusal in plan.refusals:
        override = f"; to allow it: {code(refusal.override)}" if refusal.override else ""
        yield f"- {code(refusal.rule)}: {code(refusal.message)}{override}"


def _quoted(title: str, lines: Iterable[str]) -> list[str]:
    items = [f"- {code(line.strip())}" for line in lines]
    return [f"**{title}**", "", *items] if items else []


def _footer(plan: Plan) -> Iterator[str]:
    if is_elided(diff for change in plan.changes for diff in change.diff):
        yield f"Values of more than {LONGEST_VALUE} characters are shortened.  "
    if not plan.complete:
        yield f"{incomplete(plan)}  "
    waiting = waited_for(plan)
    if waiting:
        yield f"Wait for: {waiting} object{'' if waiting == 1 else 's'} to settle.  "
    if plan.guard:
        yield f"Guard: {code(plan.guard)}"
