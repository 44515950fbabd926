"""Results, and how they read in a terminal."""

from __future__ import annotations

import pytest

from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.plans import Action, DiffOp, FieldDiff, Plan
from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.model.results import CheckResult, Failure, Outcome, OutcomeStatus, PassStatus, ReconcileResult
from gitops_core.model.revisions import Notice, Revision
from gitops_core.model.verdicts import Severity, Verdict, Violation

WEB, API, OLD = (ResourceKey("apps", "Deployment", "shop", name) for name in ("web", "api", "old"))
DENIED = Failure("Denied", "you may not; grant it", "stall", "apply", API, Origin(path="api.yaml", line=3))


@pytest.mark.parametrize("status", PassStatus)
def test_a_result_is_ok_when_the_target_equals_git(status: PassStatus) -> None:
    assert ReconcileResult("app", status).ok is (status in {PassStatus.IN_SYNC, PassStatus.CHANGED})


def test_a_result_counts_and_finds_its_outcomes() -> None:
    done, failed = Outcome(WEB, Action.CREATE, OutcomeStatus.DONE), Outcome(API, Action.UPDATE, OutcomeStatus.FAILED)
    result = ReconcileResult("app", PassStatus.DEGRADED, outcomes=(done, failed))
    assert result.counts() == {OutcomeStatus.DONE: 1, OutcomeStatus.FAILED: 1}
    assert result["apps/Deployment/shop/api"] is failed
    assert result[WEB] is done
    with pytest.raises(KeyError, match="apps/Deployment/shop/old"):
        result[OLD]


def test_a_failure_names_error_object_message_and_place() -> None:
    assert str(DENIED) == "Denied: apps/Deployment/shop/api: you may not; grant it (api.yaml:3)"
    assert str(Failure("Denied", "no", "stall")) == "Denied: no"


def test_a_check_is_ok_when_nothing_failed_and_nothing_is_denied() -> None:
    revision = Revision("abc")
    assert CheckResult(revision).ok
    assert CheckResult(revision, verdict=Verdict.of([Violation(WEB, "no", Severity.WARN)])).ok
    assert not CheckResult(revision, verdict=Verdict.of([Violation(WEB, "no")])).ok
    assert not CheckResult(None, failures=(DENIED,)).ok


def test_a_check_reads_as_its_text() -> None:
    check = CheckResult(None, failures=(DENIED,))
    assert str(check) == check.text()
    assert DENIED.message in str(check)


def test_a_check_that_could_not_resolve_has_no_revision() -> None:
    assert CheckResult(None).text() == "ok: 0 declared"


def test_a_quiet_pass_takes_three_lines() -> None:
    result = ReconcileResult("app", PassStatus.IN_SYNC, Revision("abc"), requeue_after=180.0)
    assert result.text() == "app: in-sync at abc\nOutcomes: nothing was to be done.\nNext pass: in 180 s."


def test_a_bad_pass_tells_what_failed_why_and_what_helps() -> None:
    result = ReconcileResult(
        "example.org/demo/shop",
        PassStatus.DEGRADED,
        Revision("abc", "refs/heads/main"),
        Plan("example.org/demo/shop", "abc"),
        outcomes=(
            Outcome(WEB, Action.CREATE, OutcomeStatus.DONE),
            Outcome(API, Action.UPDATE, OutcomeStatus.FAILED, failure=DENIED, attempts=5),
            Outcome(OLD, Action.DELETE, OutcomeStatus.SKIPPED, "apps/Deployment/shop/api failed"),
            Outcome(
                ResourceKey("", "Secret", "shop", "s"),
                Action.ADOPT,
                OutcomeStatus.STALE,
                diff=(FieldDiff("/a", DiffOp.ADD, "a", after="1"),),
            ),
            Outcome(
                ResourceKey("", "Pod", "shop", "p"),
                Action.REPLACE,
                OutcomeStatus.UNSETTLED,
                health=Health(False, HealthStatus.PROGRESSING, "Starting"),
                attempts=1,
            ),
        ),
        notices=(Notice("ambiguous-scalar", "yes is text", "web.yaml", 7), Notice("skipped", "1 file\x1b[2J")),
        failures=(
            DENIED,
            Failure("Throttled", "slow down", "retry", retry_after=2.5),
            Failure("X", "y", "wait"),
            Failure("X", "y", "?"),
        ),
    )
    assert str(result) == (
        "example.org/demo/shop: degraded at abc (refs/heads/main)\n"
        "  ~ apps/Deployment/shop/api: update failed after 5 attempts: you may not; grant it\n"
        "  - apps/Deployment/shop/old: delete skipped: apps/Deployment/shop/api failed\n"
        "  = Secret/shop/s: adopt stale\n"
        "      + a: 1\n"
        "  -/+ Pod/shop/p: replace unsettled: Progressing Starting\n"
        "Failures:\n"
        "  Denied: apps/Deployment/shop/api: you may not; grant it (api.yaml:3)\n"
        "      in apply; will not go away by itself: change the declaration, a setting or a permission\n"
        "  Throttled: slow down\n"
        "      will be tried again, not before 2.5 s\n"
        "  X: y\n"
        "      needs time, nothing is wrong\n"
        "  X: y\n"
        "      ?\n"
        "Notices:\n"
        "  ambiguous-scalar: web.yaml:7: yes is text\n"
        "  skipped: 1 file\\x1b[2J\n"
        "Outcomes: 1 done, 1 unsettled, 1 failed, 1 stale, 1 skipped.\n"
        "Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt; 0 refused, 0 deferred, 0 skipped; 0 unchanged.\n"
        "Next pass: when something changes."
    )


def test_a_pass_that_could_not_resolve_has_no_revision() -> None:
    assert ReconcileResult("app", PassStatus.FAILED).text().splitlines()[0] == "app: failed"
