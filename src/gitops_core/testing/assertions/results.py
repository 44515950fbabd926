"""How the changes of a pass ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypedDict, Unpack

from gitops_core.model.resources import ResourceKey
from gitops_core.model.results import Outcome, OutcomeStatus, PassStatus, ReconcileResult
from gitops_core.testing.assertions.tables import Keys, Row, by_key, table


class Ended(TypedDict, total=False):
    """
    What :func:`assert_outcomes` compares: keys, or a mapping from keys to a text that must be in the reason or the error.

    ``status`` is the status of the pass. Without it any will do but ``failed``, which has no outcomes to look at.
    """

    done: Keys | Mapping[Any, str]
    pending: Keys | Mapping[Any, str]
    unsettled: Keys | Mapping[Any, str]
    unverified: Keys | Mapping[Any, str]
    failed: Keys | Mapping[Any, str]
    stale: Keys | Mapping[Any, str]
    refused: Keys | Mapping[Any, str]
    deferred: Keys | Mapping[Any, str]
    skipped: Keys | Mapping[Any, str]
    status: PassStatus | str


_STATUSES: Final[Mapping[str, OutcomeStatus]] = {status.value: status for status in OutcomeStatus}
_UNKNOWN: Final = f"assert_outcomes() does not know {{}}; it knows {', '.join(Ended.__annotations__)} and exact"


def assert_outcomes(result: ReconcileResult, *, exact: bool = True, **expected: Unpack[Ended]) -> None:
    """
    Assert how each change of *result* ended.

    Example::

        assert_outcomes(result, done=["ConfigMap/a"], failed={"ConfigMap/b": "403"}, status="degraded")

    Args:
        result: Of a pass.
        exact: Outcomes of objects that are not named are wrong, too.
        expected: See :class:`Ended`. Without any, there must be no outcome.

    Raises:
        AssertionError: A table with a line for each object: what was expected, how it ended, and why.
        TypeError: A word that is no status, or one text in place of a list.
    """
    status = expected.pop("status", None)
    rows = list(_rows(result, by_key(expected, _STATUSES, "outcome", _UNKNOWN), exact=exact))
    right = result.status == status if status is not None else result.status is not PassStatus.FAILED
    if not right or any(row.is_wrong for row in rows):
        wanted = f", expected {PassStatus(status)}" if status is not None and not right else ""
        failures = [f"  {failure}" for failure in result.failures if failure.key is None]
        heading = f"not the expected outcomes of {result.application}: the pass is {result.status}{wanted}"
        raise AssertionError("\n".join([heading, table(rows, "it ended"), *failures]))


def _rows(result: ReconcileResult, wanted: dict[ResourceKey, tuple[OutcomeStatus, str | None]], *, exact: bool) -> Iterator[Row]:
    outcomes = {outcome.key: outcome for outcome in result.outcomes}
    for key in [*outcomes, *sorted(wanted.keys() - outcomes.keys())]:
        outcome = outcomes.get(key)
        status, text = wanted.get(key, (None, None))
        why = _why(outcome) if outcome else "it had no change"
        missing = status is not None and outcome is not None and text is not None and text not in why
        if status is not None or exact:
            details = (f"expected {text!r} in the reason",) if missing else ()
            yield Row(
                f"{key} {status}" if status else "", f"{key} {outcome.status}" if outcome else "", why, details, differs=missing
            )


def _why(outcome: Outcome) -> str:
    failure, health = outcome.failure, outcome.health
    words = [f"{failure.error}: {failure.message}" if failure else ""]
    if failure is None or outcome.reason not in failure.message:
        words.insert(0, outcome.reason)
    if health is not None and outcome.status is not OutcomeStatus.DONE and not any(words):
        words.append(f"{health.status}: {health.reason}")
    return "; ".join(word for word in words if word)
