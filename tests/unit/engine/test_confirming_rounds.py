"""Looks at what was written come in rounds, and each round lies ahead."""

from types import SimpleNamespace

import pytest

from gitops_core import Options
from gitops_core.engine.confirming import Confirmer


@pytest.mark.parametrize("first", [0.37897720147015124, 0.1, 0.0, 12_345.678])
@pytest.mark.parametrize("waited", [0.9999999999999999, 1.0, 2.9999999999999996, 0.3])
def test_the_next_round_lies_ahead_whatever_the_clock_rounds(first, waited):
    confirmer = Confirmer(SimpleNamespace(app=SimpleNamespace(options=Options(health_interval=1.0))), None, None)
    confirmer._first_look, confirmer._last_look = first, first + waited
    assert confirmer._last_look < confirmer._next_round() <= confirmer._last_look + 2.0
