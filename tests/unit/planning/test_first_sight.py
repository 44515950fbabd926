"""What was written is mostly as declared: the target's own comparison says so at first sight, and shows nothing of either side."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.errors import Cancelled
from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.resources import ResourceKey
from gitops_core.model.values import Sensitive
from gitops_core.planning.planner import is_as_declared, verify
from gitops_core.planning.request import TargetRules
from gitops_core.testing.plan_worlds import PlanWorld

KEY = ResourceKey("", "Site", "", "a")


def site(**fields):
    return {"kind": "Site", "metadata": {"name": "a"}, **fields}


@pytest.fixture
def world():
    return PlanWorld()


def seen(world, desired, diff=None, **rules):
    request = world.request(desired, rules=TargetRules(diff=diff, **rules))
    return is_as_declared(request, request.desired[0], request.live[KEY]), request


def equal(desired, live):
    return [] if desired == live else [FieldDiff("/v", DiffOp.REPLACE, "v")]


def test_a_comparison_of_the_targets_own_that_finds_nothing_is_enough(world):
    world.apply(site(v=1))
    is_it, request = seen(world, site(v=1), equal)
    assert (is_it, verify(request, KEY)) == (True, ())


def test_what_it_finds_is_for_the_full_comparison(world):
    world.apply(site(v=1))
    is_it, request = seen(world, site(v=2), equal)
    assert is_it is False
    assert [d.pointer for d in verify(request, KEY)] == ["/v"]


@pytest.mark.parametrize("diff", [None, lambda _desired, _live: None], ids=["has none", "leaves it to us"])
def test_without_a_comparison_of_its_own_nothing_is_known_at_first_sight(world, diff):
    world.apply(site(v=1))
    assert seen(world, site(v=1), diff)[0] is False


def test_differences_that_come_one_by_one_are_waited_for(world):
    world.apply(site(v=1))
    assert seen(world, site(v=2), lambda *both: iter(equal(*both)))[0] is False
    assert seen(world, site(v=1), lambda *both: iter(equal(*both)))[0] is True


def boom(*_bodies):
    raise RuntimeError("boom")


def test_what_the_targets_code_throws_is_left_to_the_full_comparison(world):
    world.apply(site(v=1))
    assert seen(world, site(v=1), boom)[0] is False
    assert seen(world, site(v=1), equal, normalize=boom)[0] is False


def test_a_body_that_cannot_be_read_is_not_as_declared(world):
    def broken():
        raise OSError("boom")

    world.apply(site(v=1))
    world.live[KEY] = attrs.evolve(world.live[KEY], body=broken)
    assert seen(world, site(v=1), equal)[0] is False


def test_a_stop_goes_through(world):
    def stop(*_bodies):
        raise Cancelled("stopped")

    world.apply(site(v=1))
    with pytest.raises(Cancelled):
        seen(world, site(v=1), stop)


def test_secrets_are_compared_in_clear_and_in_the_targets_spelling(world):
    compared = []

    def diff(desired, live):
        compared.append((desired["pin"], live["pin"]))
        return equal(desired, live)

    def upper(body):
        return {**body, "pin": body["pin"].upper()}

    world.apply(site(pin="ABC"))
    assert seen(world, site(pin=Sensitive("abc")), diff, normalize=upper)[0] is True
    assert compared == [("ABC", "ABC")]
