"""Drift: repaired, told, or left alone; and no endless fight with somebody else."""

from __future__ import annotations

import attrs
import pytest

from gitops_core.controller.limits import ControllerLimits
from gitops_core.controller.status import Phase
from gitops_core.errors import Invalid
from gitops_core.model.applications import Options
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.platforms import Platform
from gitops_core.testing.worlds import config

KEY = "ConfigMap/site"


def colour(app, name="site") -> str | None:
    bodies = {str(key): body for key, body in app.target.objects.items()}
    return bodies[f"ConfigMap/{name}"]["data"]["color"] if f"ConfigMap/{name}" in bodies else None


def drifted(app, color="red", name="site") -> None:
    app.target.edit(f"ConfigMap/{name}", {"data": {"color": color}})


def shop(platform, *bodies, mode="enforce", **fields):
    fields.setdefault("options", Options(interval=100.0, drift=mode, attempts=1))
    return platform.app("shop", *(bodies or [config("site", color="blue")]), **fields)


def test_enforce_repairs_and_touches_only_what_drifted() -> None:
    platform = Platform()
    app = shop(platform, config("site", color="blue"), config("other", color="blue"))
    platform.run()
    app.target.calls.clear()
    drifted(app)
    platform.run(seconds=110)
    assert colour(app) == "blue"
    assert app.target.calls["update"] == 1
    assert app.target.calls["create"] == 0
    [event] = platform.told("drifted")
    assert event.message == "ConfigMap/site drifted (/data/color): repaired"
    assert platform.status(app).drift == ()


def test_what_was_deleted_by_hand_is_drift_too() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    app.target.remove(KEY)
    platform.run(seconds=110)
    assert colour(app) == "blue"
    assert platform.told("drifted")[0].message == "ConfigMap/site drifted (it is gone): repaired"


def test_warn_tells_once_and_writes_nothing() -> None:
    platform = Platform()
    app = shop(platform, mode="warn")
    platform.run()
    drifted(app)
    platform.run(seconds=500)
    assert colour(app) == "red"
    status = platform.status(app)
    assert (status.phase, [str(key) for key in status.drift]) == (Phase.REFUSED, [KEY])
    assert "drift mode is warn" in status.waits_for
    [event] = platform.told("drifted")
    assert event.data["repaired"] is False
    drifted(app, "blue")
    platform.run(seconds=110)
    assert (platform.status(app).phase, platform.status(app).drift) == (Phase.SYNCED, ())


@pytest.mark.parametrize("mode", ["warn", "off"])
def test_a_new_declaration_is_applied_whatever_the_mode(mode: str) -> None:
    platform = Platform()
    app = shop(platform, mode=mode)
    platform.run()
    drifted(app)
    platform.run(seconds=110)
    platform.repository.declare("shop", config("site", color="green"))
    platform.run(seconds=110)
    assert colour(app) == "green"
    assert platform.status(app).phase is Phase.SYNCED


def test_drift_that_is_only_told_holds_up_no_delete() -> None:
    platform = Platform()
    app = shop(platform, config("site", color="blue"), config("old", color="blue"), mode="warn")
    platform.run()
    drifted(app)
    platform.repository.undeclare("shop", "ConfigMap/old")
    platform.run(seconds=110)
    assert (colour(app), colour(app, "old")) == ("red", None)


def test_off_does_not_even_look() -> None:
    platform = Platform()
    app = shop(platform, mode="off")
    platform.run()
    app.target.calls.clear()
    drifted(app)
    platform.run(seconds=5000)
    assert not app.target.calls["observe"]
    assert colour(app) == "red"
    assert platform.status(app).phase is Phase.SYNCED
    assert platform.status(app).next_run is None


def test_off_leaves_drift_alone_when_a_commit_brings_a_pass() -> None:
    platform = Platform()
    app = shop(platform, config("site", color="blue"), config("other", color="blue"), mode="off")
    platform.run()
    drifted(app)
    platform.repository.declare("shop", config("other", color="green"))
    platform.run(seconds=70)
    assert (colour(app), colour(app, "other")) == ("red", "green")
    assert not platform.told("drifted")


def test_an_objects_own_word_wins() -> None:
    platform = Platform()
    note = {"example.org/drift": "warn"}
    app = shop(platform, config("site", color="blue", notes=note), config("other", color="blue"))
    platform.run()
    drifted(app)
    drifted(app, name="other")
    platform.run(seconds=110)
    assert (colour(app), colour(app, "other")) == ("red", "blue")


def test_an_objects_own_word_may_ask_for_more_than_its_application() -> None:
    platform = Platform()
    note = {"example.org/drift": "enforce"}
    app = shop(platform, config("site", color="blue", notes=note), config("other", color="blue"), mode="warn")
    platform.run()
    drifted(app)
    drifted(app, name="other")
    platform.run(seconds=110)
    assert (colour(app), colour(app, "other")) == ("blue", "red")


# -- contested ---------------------------------------------------------------------------------------------------------------


def fought_over(platform, app, times=3):
    for _ in range(times):
        drifted(app)
        platform.run(seconds=101)


def test_after_the_same_drift_has_returned_twice_it_is_contested_and_not_written_any_more() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    fought_over(platform, app, 2)
    assert colour(app) == "blue"
    assert platform.status(app).phase is Phase.SYNCED
    fought_over(platform, app, 1)
    assert colour(app) == "red"
    status = platform.status(app)
    assert status.phase is Phase.CONTESTED
    [contested] = status.contested
    assert (str(contested.key), contested.pointers) == (KEY, ("/data/color",))
    writes = app.target.calls["update"]
    platform.run(seconds=2000)
    assert app.target.calls["update"] == writes == 2
    [event] = platform.told("contested")
    assert KEY in event.message


def test_settled_it_goes_on_and_is_not_contested_again_by_the_next_drift() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    fought_over(platform, app)
    platform.controller.settle(app, author="Ada")
    platform.run()
    assert (colour(app), platform.status(app).phase, platform.status(app).contested) == ("blue", Phase.SYNCED, ())
    drifted(app)
    platform.run(seconds=101)
    assert colour(app) == "blue"
    assert [event.message for event in platform.told("ordered")] == ["settled by Ada"]


def test_a_new_declaration_ends_a_contest_by_itself() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    fought_over(platform, app)
    platform.repository.declare("shop", config("site", color="green"))
    platform.run(seconds=70)
    assert (colour(app), platform.status(app).phase, platform.status(app).contested) == ("green", Phase.SYNCED, ())


def test_what_is_contested_stays_so_over_a_restart() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    fought_over(platform, app)
    again = Platform(store=platform.store, repository=platform.repository, clock=platform.clock)
    again.controller.add(app)
    again.run(seconds=500)
    assert colour(app) == "red"
    assert again.status(app).phase is Phase.CONTESTED
    assert len(again.status(app).contested) == 1


def test_what_is_contested_is_deleted_when_it_is_declared_no_more() -> None:
    platform = Platform()
    app = shop(platform)
    platform.run()
    fought_over(platform, app)
    platform.repository.undeclare("shop", KEY)
    platform.run(seconds=70)
    assert colour(app) is None
    assert platform.status(app).contested == ()


def test_another_drift_of_the_same_object_is_not_the_same() -> None:
    platform = Platform()
    app = shop(platform, config("site", color="blue", size="1"))
    platform.run()
    for number in range(6):
        app.target.edit(KEY, {"data": {"color" if number % 2 else "size": "9"}})
        platform.run(seconds=101)
    assert platform.status(app).phase is Phase.SYNCED


def test_a_drift_that_returns_after_a_long_time_is_no_fight() -> None:
    platform = Platform(limits=ControllerLimits(jitter=0.0, contested_memory=500.0))
    app = shop(platform)
    platform.run()
    for _ in range(4):
        drifted(app)
        platform.run(seconds=700)
        assert colour(app) == "blue"


class Busy(MemoryTarget):
    """Takes no update for now."""

    refuses = False

    def update(self, ctx, change):
        if self.refuses:
            raise Invalid("not now", key=change.key)
        return super().update(ctx, change)


def test_a_repair_that_the_target_did_not_take_is_no_sign_of_a_fight() -> None:
    platform = Platform()
    app = shop(platform, target=Busy())
    platform.run()
    drifted(app)
    app.target.refuses = True
    platform.run(seconds=400)
    assert platform.status(app).phase is Phase.DEGRADED
    assert platform.status(app).failures > 3
    app.target.refuses = False
    platform.run(seconds=400)
    assert (colour(app), platform.status(app).phase) == ("blue", Phase.SYNCED)


class Managed(MemoryTarget):
    """Knows who wrote an object."""

    def observe(self, ctx, query):
        for live in super().observe(ctx, query):
            manager = "kubectl-edit" if live.body["data"]["color"] == "red" else "us"
            yield attrs.evolve(live, manager=manager)


def test_the_other_manager_is_named() -> None:
    platform = Platform()
    app = shop(platform, target=Managed())
    platform.run()
    fought_over(platform, app)
    assert [contested.manager for contested in platform.status(app).contested] == ["kubectl-edit"]
    assert "kubectl-edit keeps changing it back" in platform.status(app).waits_for
    assert platform.told("contested")[0].data["manager"] == "kubectl-edit"


def test_nobody_fights_over_one_object_while_others_are_reconciled() -> None:
    platform = Platform()
    app = shop(platform, config("site", color="blue"), config("other", color="blue"))
    platform.run()
    fought_over(platform, app)
    platform.repository.declare("shop", config("other", color="green"))
    platform.run(seconds=70)
    assert (colour(app), colour(app, "other")) == ("red", "green")
    assert platform.status(app).phase is Phase.CONTESTED
