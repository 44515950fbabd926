"""The renderer contract is measured: it passes a correct renderer and kills every broken one of the catalogue."""

import pytest
from broken_renderers import RENDERERS, Correct

from gitops_core.testing.renderer_contract import RendererContract
from gitops_core.testing.suites import run_suite


def test_a_correct_renderer_passes():
    report = run_suite(RENDERERS.suite(Correct))
    assert report.ok, report.text()


@pytest.mark.parametrize("mutant", RENDERERS.mutants, ids=lambda mutant: mutant.__name__)
def test_a_broken_renderer_is_killed(mutant):
    """Each is killed by the check that is about its fault."""
    assert RENDERERS.survives(mutant) == set(), mutant.__doc__


def test_every_check_of_the_renderer_contract_kills_something():
    assert RENDERERS.idle(RendererContract) == set()
