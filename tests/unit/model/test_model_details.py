"""
Details of the model that no other test would miss: what results and explanations say, word for word, and the edges of values.

After a wanted change of a text run ``GITOPS_UPDATE_SNAPSHOTS=1 pytest tests/unit/model/test_model_details.py`` and review the difference
of ``tests/golden/results``.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import attrs
import pytest

from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.history import Explanation, JournalRecord
from gitops_core.model.plans import Action, DiffOp, FieldDiff, Plan, Refusal
from gitops_core.model.resources import Origin, Pending, ResourceKey, Unreadable, as_key
from gitops_core.model.results import CheckResult, Cost, Failure, Outcome, OutcomeStatus, PassStatus, ReconcileResult
from gitops_core.model.revisions import Notice, Revision
from gitops_core.model.verdicts import Severity, Verdict, Violation
from gitops_core.testing.builders.plans import change, plan_of, refused
from gitops_core.testing.snapshots import check_snapshot

GOLDEN = Path(__file__).parents[2] / "golden" / "results"
ORIGIN = Origin(path="shop/web.yaml", line=7)
DENIED = Failure("Denied", "403: ask for the role", "stall", "apply", as_key("ConfigMap/failed"), ORIGIN)
SLOW = Health(False, HealthStatus.PROGRESSING, "LessReady", "2 of 3")


def outcome(key, status, **facts):
    return Outcome(as_key(f"ConfigMap/{key}"), Action.UPDATE, status, **facts)


def everything():
    plan = plan_of(
        refused("~ ConfigMap/refused", "policy", "no", "ask the owner"),
        refused("- ConfigMap/limited", "delete_limit", "too many", "Guard(delete_cap=9)"),
        *(
            change(f"~ ConfigMap/{name}")
            for name in ("done", "pending", "unsettled", "unverified", "failed", "stale", "skipped", "again")
        ),
        refusals=(Refusal("delete_limit", "9 of 9 would go", "Guard(delete_cap=9)"), Refusal("policy", "deny all")),
        unchanged=["ConfigMap/same"],
    )
    diff = FieldDiff("/data/a", DiffOp.REPLACE, "data.a", '"x"', '"y"')
    outcomes = (
        outcome("refused", OutcomeStatus.REFUSED, reason="no"),
        outcome("limited", OutcomeStatus.REFUSED, reason="too many"),
        outcome("done", OutcomeStatus.DONE, attempts=3),
        outcome("pending", OutcomeStatus.PENDING, reason="copying"),
        outcome("unsettled", OutcomeStatus.UNSETTLED, health=SLOW),
        outcome("unverified", OutcomeStatus.UNVERIFIED, reason="not as planned", diff=(diff,)),
        outcome("failed", OutcomeStatus.FAILED, failure=DENIED, attempts=1),
        outcome("stale", OutcomeStatus.STALE, diff=(diff,)),
        outcome("skipped", OutcomeStatus.SKIPPED),
        outcome("again", OutcomeStatus.FAILED, failure=attrs.evolve(DENIED, key=None), attempts=2),
    )
    failures = (
        DENIED,
        Failure("Throttled", "429", "retry", retry_after=30.0),
        Failure("Pending", "copying", "wait", "verify"),
        Failure("Odd", "?", "unheard-of"),
    )
    notices = (Notice("submodule", "not fetched", "vendor", 3), Notice("kept", "one is kept"), Notice("skipped", "no", "a.txt"))
    revision = Revision("c" * 40, "refs/heads/main")
    return ReconcileResult(
        plan.application, PassStatus.DEGRADED, revision, plan, outcomes, notices, failures, 12.5, Cost(writes=3)
    )


def nothing():
    return ReconcileResult("example.org/tests/app", PassStatus.IN_SYNC, Revision("c" * 40), requeue_after=180.0)


def not_begun():
    return ReconcileResult("example.org/tests/app", PassStatus.FAILED, failures=(Failure("StateLocked", "held", "retry"),))


def checked():
    verdict = Verdict.of(
        [Violation(("A", "a"), "no", policy="p", origin=ORIGIN, pointer="/x"), Violation(None, "hm", Severity.WARN)]
    )
    notices = (Notice("submodule", "not fetched", "vendor"),)
    return CheckResult(Revision("c" * 40), (as_key("A/a"),), verdict, notices, (DENIED,))


def checked_and_fine():
    return CheckResult(Revision("c" * 40), (as_key("A/a"), as_key("A/b")))


@pytest.mark.parametrize("made", [everything, nothing, not_begun, checked, checked_and_fine], ids=lambda made: made.__name__)
def test_every_word_of_a_result_is_as_it_was_reviewed(made):
    path = GOLDEN / f"{made.__name__}.txt"
    check_snapshot(path, made(), update=bool(os.environ.get("GITOPS_UPDATE_SNAPSHOTS")))


def test_an_explanation_lists_what_there_is_several_of():
    text = Explanation(
        as_key("A/a"), policies=("p", "q"), violations=("v", "w"), depends_on=(as_key("B/b"), as_key("C/c"))
    ).text()
    assert text.splitlines()[2:] == ["  policies: p, q", "  violations: v; w", "  inventory: not owned", "  depends on: B/b, C/c"]


def test_values_have_the_defaults_that_the_reference_has():
    """A default that changes is a change for every host."""
    assert Origin() == Origin("", "", "", 0, 0, 0)
    assert Notice("c", "m") == Notice("c", "m", "", 0)
    assert Revision("r") == Revision("r", "", "", "", "", 0.0)
    assert FieldDiff("/x", DiffOp.ADD) == FieldDiff(
        "/x", DiffOp.ADD, "", "", "", sensitive=False, forces_replacement=False, note=""
    )
    assert Failure("E", "m", "retry") == Failure("E", "m", "retry", "", None, Origin(), None)
    assert Outcome(as_key("A/a"), Action.CREATE, OutcomeStatus.DONE) == Outcome(
        as_key("A/a"), Action.CREATE, OutcomeStatus.DONE, "", None, (), 0, "", None
    )
    assert Cost() == Cost(0, 0, 0, 0, 0, 0, 0)
    assert Pending("t") == Pending("t", 1.0, "")
    assert Refusal("r", "m") == Refusal("r", "m", "")
    assert Unreadable(None, "x").kind == ("*", "*")
    assert Violation(None, "m") == Violation(None, "m", Severity.DENY, "", "", Origin())
    assert Explanation(as_key("A/a")) == Explanation(
        as_key("A/a"), None, "", "", 0.0, "", "", (), (), owned=False, protected=False
    )
    plain = change("+ A/a", reason="")
    assert (plain.rule, plain.override, plain.desired, plain.live_id, plain.precondition, plain.approval) == ("",) * 6
    assert (plain.wait, plain.adopts, plain.depends_on) == (True, False, ())


def test_the_last_failed_pass_is_in_an_explanation():
    key = ResourceKey("", "A", "", "a")
    names = {field.name: field for field in attrs.fields(JournalRecord)}
    facts = {name: "" if field.default is attrs.NOTHING else field.default for name, field in names.items()}
    record = JournalRecord(**{**facts, "key": key, "action": "update", "status": "failed", "revision": "d" * 40, "error": "403"})
    assert "  last: update failed at dddddddddddd: 403" in Explanation(key, records=(record,)).text().splitlines()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("state", "later", "/changes/0/state: one of ready, refused, deferred, skipped is needed, not 'later'"),
        ("diff", {}, "/changes/0/diff: an array is needed, not {}"),
        ("reason", 7, "/changes/0/reason: text is needed, not 7"),
        ("wait", "yes", "/changes/0/wait: true or false is needed, not 'yes'"),
        ("origin", [], "/changes/0/origin: an object is needed, not []"),
        ("key", "motd", "/changes/0/key: a key like ConfigMap/site or apps/Deployment/shop/web is needed, not 'motd'"),
        ("reason", ["x" * 56], "/changes/0/reason: text is needed, not ['" + "x" * 56 + "']"),
        ("reason", ["x" * 57], "/changes/0/reason: text is needed, not ['" + "x" * 57 + "'…"),
    ],
)
def test_a_damaged_plan_is_refused_in_these_words(field, value, message):
    document = json.loads(plan_of("+ A/a").to_json())
    document["changes"][0][field] = value
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Plan.from_json(json.dumps(document))


def test_a_plan_in_json_is_compact_and_has_text_as_it_is():
    text = plan_of(change("+ A/a", reason="ü")).to_json()
    assert '"reason":"ü"' in text
    assert ", " not in text
