"""The source contract is measured: it passes a correct source and kills every broken one of the catalogue."""

import pytest
from broken_sources import SOURCES, Mutant

from gitops_core.testing.source_contract import SourceContract
from gitops_core.testing.suites import run_suite


def test_a_correct_source_passes():
    report = run_suite(SOURCES.suite(Mutant))
    assert report.ok, report.text()


@pytest.mark.parametrize("mutant", SOURCES.mutants, ids=lambda mutant: mutant.__name__)
def test_a_broken_source_is_killed(mutant):
    """Each is killed by the check that is about its fault."""
    assert SOURCES.survives(mutant) == set(), mutant.__doc__


def test_every_check_of_the_source_contract_kills_something():
    assert SOURCES.idle(SourceContract) == set()
