"""The target contract is measured: correct targets pass it, and it kills every broken variant of the catalogue."""

from __future__ import annotations

from collections import Counter

import pytest
from first_targets import FIRST
from hard_targets import HARD, Encoding
from more_targets import MORE
from watching_targets import WATCHES, Watching
from zone import Batching, Correct, CorrectContract, Slow

from gitops_core.testing.promises import promises_of
from gitops_core.testing.suites import run_suite
from gitops_core.testing.target_contract import Example, TargetContract

pytestmark = pytest.mark.slow

CATALOGUES = (FIRST, MORE, HARD, WATCHES)
MUTANTS = [pytest.param(catalogue, cls, id=cls.__name__) for catalogue in CATALOGUES for cls in catalogue.mutants]


@pytest.mark.parametrize("variant", [Correct, Batching, Slow, Encoding, Watching])
def test_a_correct_target_survives(variant):
    """What kills a mutant is the mutation: there is no false alarm."""
    report = run_suite(type("Correctly", (CorrectContract,), {"variant": variant}))
    assert report.ok, report.text()


@pytest.mark.parametrize(("catalogue", "mutant"), MUTANTS)
def test_a_broken_target_is_killed(catalogue, mutant):
    """Each is killed by every check that is there to kill it, and not by accident."""
    assert catalogue.survives(mutant) == set()


def test_the_catalogue_has_the_first_nineteen_and_twenty_hard_ones():
    categories = Counter(category for catalogue in (MORE, HARD) for category, _ in catalogue.mutants.values())
    assert len(FIRST.mutants) == 19
    hard = {"concurrency", "paging", "encoding", "time", "identity", "partial failure"}
    assert hard <= categories.keys()
    assert sum(categories[category] for category in hard) >= 20


def test_every_check_kills_something():
    """A check that kills no mutant has not been seen to work."""
    idle = {promise.name for promise in promises_of(TargetContract)}
    for catalogue in CATALOGUES:
        idle &= catalogue.idle(TargetContract)
    assert idle == {"test_the_examples_can_prove_something"}, "the one check of the author's examples has a test of its own"


def test_examples_that_prove_nothing_are_told():
    class Poor(CorrectContract):
        def examples(self):
            body = super().examples()[0].body
            return [Example(body, {**body, "ttl": 5})]

    report = run_suite(Poor, lambda promise: promise.name == "test_the_examples_can_prove_something")
    assert [result.status for result in report.results] == ["failed"]
