"""Journal, history, explanations."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.model.history import Explanation, JournalRecord, PassRecord
from gitops_core.model.resources import Origin, ResourceKey

KEY = ResourceKey("", "File", "", "motd")
PASS = PassRecord("p1", 1.0, 2.0, "abc", "in-sync", "plan", "summary")


def test_a_pass_repeats_another_that_ended_alike_whenever_it_ran() -> None:
    assert attrs.evolve(PASS, pass_id="p2", started_at=8.0, finished_at=9.0, repeats=3).repeats_of(PASS)


@pytest.mark.parametrize("field", ["revision", "status", "plan_id", "summary"])
def test_a_pass_that_ended_otherwise_is_no_repetition(field: str) -> None:
    assert not attrs.evolve(PASS, **{field: "other"}).repeats_of(PASS)


def test_an_explanation_tells_every_fact_it_knows() -> None:
    record = JournalRecord(1.0, "p1", "abcdef1234567890", KEY, "update", "failed", error="Denied: no")
    explanation = Explanation(
        KEY,
        declared=Origin(path="motd.yaml", line=3),
        commit="0123456789abcdef",
        author="Ada",
        commit_message="Greet",
        renderer="manifests/1",
        policies=("labels", "owners"),
        violations=("warn labels: none",),
        owned=True,
        protected=True,
        pending="update: 1 field differs",
        records=(record,),
        depends_on=(KEY,),
    )
    assert explanation.text() == (
        "File/motd\n"
        "  declared: motd.yaml:3\n"
        "  commit: 0123456789ab by Ada: Greet\n"
        "  renderer: manifests/1\n"
        "  policies: labels, owners\n"
        "  violations: warn labels: none\n"
        "  inventory: owned, protected\n"
        "  depends on: File/motd\n"
        "  last: update failed at abcdef123456: Denied: no\n"
        "  next: update: 1 field differs"
    )


def test_an_explanation_leaves_out_what_nobody_knows() -> None:
    assert Explanation(KEY).text() == "File/motd\n  declared: nowhere\n  inventory: not owned"
    record = JournalRecord(1.0, "p1", "abc", KEY, "create", "done")
    assert Explanation(KEY, owned=True, records=(record,)).text() == (
        "File/motd\n  declared: nowhere\n  inventory: owned\n  last: create done at abc"
    )
