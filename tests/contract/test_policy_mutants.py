"""The policy contract is measured: it passes a correct policy and kills every broken one of the catalogue."""

import pytest
from broken_policies import PLAN, POLICIES, Mutant

from gitops_core.testing.policy_contract import PolicyContract
from gitops_core.testing.suites import run_suite


def test_a_correct_policy_passes():
    report = run_suite(POLICIES.suite(Mutant))
    assert report.ok, report.text()


@pytest.mark.parametrize("mutant", POLICIES.mutants, ids=lambda mutant: mutant.__name__)
def test_a_broken_policy_is_killed(mutant):
    """Each is killed by the check that is about its fault."""
    assert POLICIES.survives(mutant) == set(), mutant.__doc__


def test_every_check_of_the_policy_contract_kills_something():
    assert POLICIES.idle(PolicyContract) == set()


def test_a_policy_on_plans_that_never_gets_one_is_caught():
    report = run_suite(POLICIES.suite(Mutant, PLAN))
    assert "test_it_bears_the_lack_of_a_plan" in {result.promise.name for result in report.failed}
