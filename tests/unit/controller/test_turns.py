"""Who comes first when many are due, and which success is longest ago."""

from __future__ import annotations

from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import ApplicationStatus, ControllerStatus, Phase
from gitops_core.errors import Denied
from gitops_core.model.applications import Options
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config

ONE = ControllerLimits(workers=1, jitter=0.0)


class Denying(MemoryTarget):
    """Lets nobody look."""

    def observe(self, ctx, query):
        raise Denied("you may not")
        yield


def order(platform: Platform) -> list[str]:
    """Return the applications in the order of their passes."""
    return [event.application.rpartition("/")[2] for event in platform.told("pass-started")]


def test_tenants_take_turns_however_many_applications_each_has() -> None:
    platform = Platform(limits=ONE)
    for number in range(6):
        platform.app(f"big{number}", config(f"b{number}"), tenant="big")
    for number in range(2):
        platform.app(f"small{number}", config(f"s{number}"), tenant="small")
    platform.run()
    turns = order(platform)
    assert [name.rstrip("012345") for name in turns[:4]] in (["big", "small"] * 2, ["small", "big"] * 2)
    assert len(turns) == 8


def test_within_a_tenant_the_higher_priority_comes_first() -> None:
    platform = Platform(limits=ONE)
    for name, priority in (("low", -1), ("plain", 0), ("high", 5)):
        platform.app(name, config(name), options=Options(priority=priority))
    platform.run()
    assert order(platform) == ["high", "plain", "low"]


def test_a_priority_of_one_tenant_does_not_hold_up_another_tenant() -> None:
    platform = Platform(limits=ONE)
    for number in range(5):
        platform.app(f"loud{number}", config(f"l{number}"), tenant="loud", options=Options(priority=100))
    platform.app("quiet", config("q"), tenant="quiet")
    platform.run()
    assert order(platform).index("quiet") <= 1


def test_the_oldest_success_is_the_one_that_fails() -> None:
    platform = Platform(limits=ControllerLimits(jitter=0.0))
    platform.app("good", config("g"), options=Options(interval=50.0))
    bad = platform.app("bad", config("b"), target=Denying("denying"), options=Options(attempts=1))
    platform.run(seconds=500)
    assert platform.controller.status().oldest_success() == (bad.id, 0.0)


def test_the_oldest_success_is_when_the_target_was_last_seen_to_be_as_declared() -> None:
    platform = Platform(limits=ControllerLimits(jitter=0.0))
    rare = platform.app("rare", config("r"), options=Options(interval=10_000.0))
    platform.app("often", config("o"), options=Options(interval=50.0))
    begun = platform.clock.now()
    platform.run(seconds=1000)
    assert platform.controller.status().oldest_success() == (rare.id, begun)


def test_what_another_member_works_on_is_not_asked_for_its_success_here() -> None:
    ours = ApplicationStatus(application="ours", phase=Phase.SYNCED, converged_at=7.0)
    theirs = ApplicationStatus(application="theirs", phase=Phase.ELSEWHERE)
    assert ControllerStatus(applications={"ours": ours, "theirs": theirs}).oldest_success() == ("ours", 7.0)
    assert ControllerStatus(applications={"theirs": theirs}).oldest_success() is None
    assert ControllerStatus(applications={}).oldest_success() is None
