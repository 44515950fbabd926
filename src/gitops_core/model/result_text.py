"""A result for a terminal: the pass in one word, what did not end well and what to do about it, the counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gitops_core.model.plan_text import MARKS, diff_line, printable
from gitops_core.model.results import CheckResult, Failure, Outcome, OutcomeStatus, ReconcileResult

_NEXT: Final[Mapping[str, str]] = {
    "retry": "will be tried again",
    "wait": "needs time, nothing is wrong",
    "stall": "will not go away by itself: change the declaration, a setting or a permission",
}


def result_text(result: ReconcileResult) -> str:
    """
    Return *result* for people, without a newline at its end.

    Control characters in names and messages are shown as escapes.
    """
    sections = (_outcomes(result), _failures(result), _notices(result), _footer(result))
    blocks = ["\n".join(printable(line) for line in section) for section in sections]
    return "\n".join([printable(_heading(result)), *(block for block in blocks if block)])


def check_text(result: CheckResult) -> str:
    """Return *result* for people, without a newline at its end."""
    revision = result.revision
    at = f" at {revision.id}" if revision else ""
    heading = f"{'ok' if result.ok else 'not ok'}{at}: {len(result.keys)} declared"
    violations = (f"  {violation}" for violation in result.verdict.violations)
    lines = [heading, *_failures(result), *violations, *_notices(result)]
    return "\n".join(printable(line) for line in lines)


def _heading(result: ReconcileResult) -> str:
    revision = result.revision
    if revision is None:
        return f"{result.application}: {result.status}"
    return f"{result.application}: {result.status} at {revision.id}{f' ({revision.ref})' if revision.ref else ''}"


def _outcomes(result: ReconcileResult) -> Iterator[str]:
    for outcome in result.outcomes:
        if outcome.status is not OutcomeStatus.DONE:
            yield f"  {MARKS[outcome.action]} {outcome.key}: {outcome.action} {outcome.status}{_why(outcome)}"
            yield from (f"      {diff_line(diff)}" for diff in outcome.diff)
            yield from _cure(result, outcome)
    for refusal in result.plan.refusals if result.plan else ():
        yield f"Refused by {refusal.rule}: {refusal.message}"
        if refusal.override:
            yield f"      to allow it: {refusal.override}"


def _cure(result: ReconcileResult, outcome: Outcome) -> Iterator[str]:
    """Yield what would allow a refused change, unless a refusal of the whole plan says it for many."""
    if outcome.status is OutcomeStatus.REFUSED and result.plan is not None:
        said = {refusal.override for refusal in result.plan.refusals}
        change = next(c for c in result.plan.changes if c.key == outcome.key)
        if change.override and change.override not in said:
            yield f"      to allow it: {change.override}"


def _why(outcome: Outcome) -> str:
    words = outcome.reason or (outcome.failure.message if outcome.failure else "")
    if not words and outcome.health is not None:
        words = " ".join(word for word in (outcome.health.status, outcome.health.reason, outcome.health.message) if word)
    tries = f" after {outcome.attempts} attempts" if outcome.attempts > 1 else ""
    return f"{tries}: {words}" if words else tries


def _failures(result: ReconcileResult | CheckResult) -> Iterator[str]:
    if result.failures:
        yield "Failures:"
    for failure in result.failures:
        yield f"  {failure}"
        yield f"      {_prospect(failure)}"


def _prospect(failure: Failure) -> str:
    stage = f"in {failure.stage}; " if failure.stage else ""
    after = f", not before {failure.retry_after:g} s" if failure.retry_after is not None else ""
    return f"{stage}{_NEXT.get(failure.disposition, failure.disposition)}{after}"


def _notices(result: ReconcileResult | CheckResult) -> Iterator[str]:
    if result.notices:
        yield "Notices:"
    for notice in result.notices:
        place = ":".join(str(part) for part in (notice.path, notice.line) if part)
        yield f"  {notice.code}: {f'{place}: ' if place else ''}{notice.message}"


def _footer(result: ReconcileResult) -> Iterator[str]:
    counts = result.counts()
    done = ", ".join(f"{counts[status]} {status}" for status in OutcomeStatus if status in counts)
    yield f"Outcomes: {done or 'nothing was to be done'}."
    if result.plan is not None:
        yield result.plan.summary
    if result.requeue_after is None:
        yield "Next pass: when something changes."
    else:
        yield f"Next pass: in {result.requeue_after:g} s."
