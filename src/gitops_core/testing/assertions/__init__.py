"""
Assertions whose failures say what was expected, what there is, and why.

::

    assert_plan(world.plan(), creates=["ConfigMap/a"], updates={"ConfigMap/b": {"/data/color": ("blue", "red")}})
    assert_outcomes(world.reconcile(), done=["ConfigMap/a", "ConfigMap/b"])
    assert_in_sync(world)
    assert_live(world.target, "ConfigMap/b", {"data": {"color": "red"}})

Everything not named must not be there; ``exact=False`` looks at what is named alone. Each raises AssertionError.
"""

from gitops_core.testing.assertions.planned import assert_in_sync as assert_in_sync
from gitops_core.testing.assertions.planned import assert_plan as assert_plan
from gitops_core.testing.assertions.results import assert_outcomes as assert_outcomes
from gitops_core.testing.assertions.secrets import assert_no_secret as assert_no_secret
from gitops_core.testing.assertions.targets import assert_absent as assert_absent
from gitops_core.testing.assertions.targets import assert_live as assert_live
from gitops_core.testing.assertions.writes import assert_nothing_written as assert_nothing_written
