"""The contract of coordinators is measured: it passes a sound one and kills every broken one of the catalogue."""

import pytest
from broken_coordinators import COORDINATORS, Reachable

from gitops_core.testing.coordinator_contract import CoordinatorContract
from gitops_core.testing.suites import run_suite


def test_a_sound_coordinator_passes():
    report = run_suite(COORDINATORS.suite(Reachable))
    assert report.ok, report.text()


@pytest.mark.parametrize("mutant", COORDINATORS.mutants, ids=lambda mutant: mutant.__name__)
def test_a_broken_coordinator_is_killed(mutant):
    """Each is killed by the check that is about its fault."""
    assert COORDINATORS.survives(mutant) == set(), mutant.__doc__


def test_every_check_of_the_coordinator_contract_kills_something():
    assert COORDINATORS.idle(CoordinatorContract) == set()
