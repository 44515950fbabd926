"""The store contract is measured: it passes a sound store and kills every broken one of the catalogue."""

import pytest
from broken_stores import STORES

from gitops_core.state.memory import MemoryStore
from gitops_core.testing.store_contract import StateStoreContract
from gitops_core.testing.suites import run_suite


def test_a_sound_store_passes():
    report = run_suite(STORES.suite(MemoryStore))
    assert report.ok, report.text()


@pytest.mark.parametrize("mutant", STORES.mutants, ids=lambda mutant: mutant.__name__)
def test_a_broken_store_is_killed(mutant):
    """Each is killed by the check that is about its fault."""
    assert STORES.survives(mutant) == set(), mutant.__doc__


def test_every_check_of_the_store_contract_kills_something():
    assert STORES.idle(StateStoreContract) == set()
