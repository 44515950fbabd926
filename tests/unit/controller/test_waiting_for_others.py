"""Applications that depend on others: conditions, circles, no poll, and the reverse order of deletion."""

from __future__ import annotations

import pytest

from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import Phase
from gitops_core.errors import Denied
from gitops_core.model.applications import Dependency, Options
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config


class Slow(MemoryTarget):
    """Objects are well when their name is in :attr:`well`; or the target throws."""

    def __init__(self, name="slow", well=(), error=None):
        super().__init__(name)
        self.well, self.error = set(well), error

    def health(self, live):
        from gitops_core.model.health import Health, HealthStatus

        if live.key.name in self.well:
            return Health(settled=True, status=HealthStatus.HEALTHY)
        return Health(settled=False, status=HealthStatus.PROGRESSING, reason="Starting")

    def observe(self, ctx, query):
        if self.error is not None:
            raise self.error
        yield from super().observe(ctx, query)

    def etag(self, ctx):
        if self.error is not None:
            raise self.error
        return super().etag(ctx)


def test_an_application_waits_for_what_it_depends_on_and_says_so() -> None:
    platform = Platform()
    base = platform.app("base", config("b"), target=Slow())
    top = platform.app("top", config("t"), depends_on=["base"])
    platform.run()
    status = platform.status(top)
    assert status.phase is Phase.BLOCKED
    assert status.waits_for == f"application {base.id} to be healthy (it is progressing)"
    assert not top.target.objects
    base.target.well.add("b")
    platform.run(seconds=5)
    assert platform.status(base).phase is Phase.SYNCED
    assert platform.status(top).phase is Phase.SYNCED


def test_a_chain_of_a_hundred_goes_through_without_any_time_going_by() -> None:
    platform = Platform()
    apps = [platform.app(f"a{n}", config(f"c{n}"), depends_on=[f"a{n - 1}"] if n else []) for n in reversed(range(100))]
    platform.run()
    assert {platform.status(app).phase for app in apps} == {Phase.SYNCED}
    assert platform.clock.monotonic() == 0.0


def test_applied_does_not_wait_for_health() -> None:
    platform = Platform()
    platform.app("base", config("b"), target=Slow())
    top = platform.app("top", config("t"), depends_on=[Dependency("base", "applied")])
    platform.run(seconds=2)
    assert platform.status("base").phase is Phase.PROGRESSING
    assert platform.status(top).phase is Phase.SYNCED


def test_a_condition_of_ones_own_is_asked_whenever_the_status_changes() -> None:
    """Also when it changes without a pass that ends: here by a suspension."""
    platform = Platform()
    base = platform.app("base", config("b"))
    top = platform.app("top", config("t"), depends_on=[Dependency("base", lambda status: status.phase is Phase.SUSPENDED)])
    platform.run()
    assert platform.status(top).phase is Phase.BLOCKED
    assert "to be as it is asked to be (it is synced)" in platform.status(top).waits_for
    base.target.remove("ConfigMap/b")
    platform.controller.suspend(base, reason="test", author="Ada", seconds=1000)
    platform.run(seconds=1)
    assert platform.status(base).phase is Phase.SUSPENDED
    assert platform.status(top).phase is Phase.SYNCED


def test_a_condition_that_throws_is_not_met_and_not_the_end_of_the_controller() -> None:
    platform = Platform()
    platform.app("base", config("b"))
    top = platform.app("top", config("t"), depends_on=[Dependency("base", lambda status: 1 / 0)])
    platform.run()
    assert platform.status(top).phase is Phase.BLOCKED
    assert "ZeroDivisionError" in platform.status(top).waits_for
    assert platform.status("base").phase is Phase.SYNCED


def test_one_that_is_missing_is_waited_for_and_named_and_its_coming_is_noticed() -> None:
    platform = Platform()
    top = platform.app("top", config("t"), depends_on=["base"])
    platform.run()
    assert "example.org/tests/base, which is not among those of this controller" in platform.status(top).waits_for
    platform.app("base", config("b"))
    platform.controller.notify(["monorepo"])
    platform.run()
    assert platform.status(top).phase is Phase.SYNCED


def test_one_that_no_longer_depends_on_anything_goes_on() -> None:
    platform = Platform()
    platform.app("top", config("t"), depends_on=["base"])
    platform.run()
    top = platform.app("top")
    platform.run()
    assert platform.status(top).phase is Phase.SYNCED


def test_a_new_revision_reaches_what_depends_on_it_after_it_has_converged() -> None:
    platform = Platform()
    base = platform.app("base", config("b", v="1"))
    top = platform.app("top", config("t", v="1"), depends_on=["base"])
    platform.run()
    base.target.calls.clear()
    platform.repository.declare("base", config("b", v="2"))
    platform.repository.declare("top", config("t", v="2"))
    platform.controller.notify(["monorepo"])
    platform.run()
    assert platform.status(top).is_current
    events = [(e.application.rpartition("/")[2]) for e in platform.told("change-finished")]
    assert events == ["base", "top", "base", "top"]


def test_waiting_holds_no_worker() -> None:
    platform = Platform(limits=ControllerLimits(workers=1, jitter=0.0))
    platform.app("base", config("b"), target=Slow(error=Denied("no")), options=Options(attempts=1))
    waiting = [platform.app(f"w{n}", config(f"w{n}"), depends_on=["base"]) for n in range(50)]
    free = platform.app("free", config("f"))
    platform.run(seconds=10)
    assert platform.status(free).phase is Phase.SYNCED
    assert {platform.status(app).phase for app in waiting} == {Phase.BLOCKED}
    assert {platform.status(app).next_run for app in waiting} == {None}


def test_deletion_goes_the_other_way_round() -> None:
    platform = Platform()
    base = platform.app("base", config("b"))
    top = platform.app("top", config("t"), depends_on=["base"])
    platform.run()
    platform.controller.delete(base)
    platform.run()
    assert platform.status(base).waits_for == f"applications that depend on it to be deleted first: {top.id}"
    assert len(base.target.objects) == 1
    platform.controller.delete(top)
    platform.run()
    assert not top.target.objects
    assert not base.target.objects
    assert dict(platform.controller.status().applications) == {}
    order = [event.application for event in platform.told("change-finished")][-2:]
    assert order == [top.id, base.id]


def test_deletion_goes_the_other_way_round_even_when_both_are_no_longer_listed() -> None:
    given: list = []
    platform = Platform(supplier=lambda: given)
    base = platform.made("base", config("b"))
    top = platform.made("top", config("t"), depends_on=["base"], target=Slow())
    top.target.well.add("t")
    given[:] = [base, top]
    platform.run()
    top.target.error = Denied("not now")
    platform.controller.delete(base)
    platform.controller.delete(top)
    given.clear()
    platform.run(seconds=200)
    assert len(base.target.objects) == 1
    top.target.error = None
    platform.run(seconds=400)
    assert (len(top.target.objects), len(base.target.objects)) == (0, 0)
    assert dict(platform.controller.status().applications) == {}


def test_a_deletion_that_fails_is_tried_again() -> None:
    platform = Platform()
    base = platform.app("base", config("b"), target=Slow(well="b"))
    platform.run()
    base.target.error = Denied("no")
    platform.controller.delete(base)
    platform.run(seconds=10)
    assert platform.status(base).phase is Phase.DEGRADED
    base.target.error = None
    platform.run(seconds=100)
    assert not base.target.objects


def test_one_that_is_added_again_is_not_deleted() -> None:
    platform = Platform()
    base = platform.app("base", config("b"))
    platform.app("top", config("t"), depends_on=["base"])
    platform.run()
    platform.controller.delete(base)
    platform.run()
    platform.controller.add(base)
    platform.controller.delete("example.org/tests/top")
    platform.run(seconds=200)
    assert platform.status(base).phase is Phase.SYNCED
    assert len(base.target.objects) == 1


def test_what_it_depends_on_may_belong_to_another_owner() -> None:
    platform = Platform()
    top = platform.app("top", config("t"), depends_on=["example.com/others/base"])
    platform.run()
    assert "application example.com/others/base" in platform.status(top).waits_for


@pytest.mark.parametrize("name", ["top", "example.org/tests/top"])
def test_one_that_depends_on_itself_is_a_circle(name: str) -> None:
    platform = Platform()
    platform.app("top", config("t"), depends_on=[name])
    platform.run()
    assert "example.org/tests/top -> example.org/tests/top" in platform.controller.status().error
