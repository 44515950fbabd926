"""Each thing that can happen in a simulation happens, and the report says what the engines made of it."""

import pytest

from gitops_core.model.applications import Options
from gitops_core.model.guards import Guard
from gitops_core.testing.simulation import (
    BadCommit,
    ClockJump,
    Commit,
    Edit,
    Fight,
    ForcePush,
    Happening,
    Partition,
    Put,
    Remove,
    SimulatedApplication,
    Simulation,
    Slow,
    Storm,
    Unlistable,
)
from gitops_core.testing.worlds import OPEN, config

HOUR = 3600.0
SHOP = SimulatedApplication("shop", "eu", [config("web", color="blue"), config("db", size="1")], guard=OPEN)


def simulate(*timeline, hours=6, applications=(SHOP,), **facts):
    simulation = Simulation(applications=applications, timeline=timeline, interval=300.0, **facts)
    return simulation, simulation.run(seconds=hours * HOUR)


def failures(report):
    return {failed.error for failed in report.failed}


def fates(rows):
    return [row.fate for row in rows]


def data(simulation, key):
    return dict(next(body for k, body in simulation.targets["eu"].memory.objects.items() if str(k) == key)["data"])


def test_nothing_happens_and_engines_only_look():
    simulation, report = simulate()
    simulation.verify()
    assert (report.seconds, report.passes["changed"], fates(report.commits)) == (6 * HOUR, 1, ["converged"])
    requests = report.requests["eu"]
    assert requests["create"] == 2
    assert requests["etag"] > 3 * requests["observe"], "quiet passes do not list"


def test_commits_converge_within_an_interval():
    blue, gone = Commit(at=HOUR, application="shop", bodies=[config("web", color="green")]), "ConfigMap/db"
    simulation, report = simulate(blue, Commit(at=2 * HOUR, application="shop", without=[gone], message="No database"))
    simulation.verify()
    assert [(c.message, c.fate) for c in report.commits] == [
        ("Begin", "converged"), ("Change", "converged"), ("No database", "converged"),
    ]  # fmt: skip
    assert all(0 < c.after <= 330 for c in report.commits)
    assert data(simulation, "ConfigMap/web") == {"color": "green"}


def test_of_two_commits_between_two_passes_the_first_is_superseded():
    one, two = (Commit(at=HOUR + s, application="shop", bodies=[config("web", color=str(s))]) for s in (0, 1))
    _simulation, report = simulate(one, two)
    assert fates(report.commits) == ["converged", "superseded", "converged"]


def test_a_bad_commit_fails_passes_and_never_converges_until_it_is_taken_back():
    simulation, report = simulate(BadCommit(at=HOUR, lasting=HOUR, application="shop"))
    simulation.verify()
    assert fates(report.commits) == ["converged", "superseded", "converged"]
    (failed,) = report.failed
    assert (failed.application, failed.error, failed.stage) == ("shop", "ManifestError", "render")
    assert HOUR < failed.first < failed.last < 2 * HOUR + 330
    assert failed.times == report.passes["failed"] > 5


def test_a_bad_commit_that_stays_is_found_at_the_end():
    _simulation, report = simulate(BadCommit(at=HOUR, application="shop"))
    assert fates(report.commits) == ["converged", "open"]
    assert report.commits[1].after is None


def test_a_force_push_takes_back_what_was_applied():
    green = Commit(at=HOUR, application="shop", bodies=[config("web", color="green"), config("new")])
    simulation, report = simulate(green, ForcePush(at=2 * HOUR, application="shop"))
    simulation.verify()
    assert fates(report.commits) == ["converged", "converged"], "it had converged before it was thrown away"
    assert report.requests["eu"]["delete"] == 1
    assert data(simulation, "ConfigMap/web") == {"color": "blue"}
    assert len(simulation.targets["eu"].memory.objects) == 2


def test_a_force_push_right_after_a_commit_makes_it_vanish_and_the_first_commits_stay():
    green = Commit(at=HOUR, application="shop", bodies=[config("web", color="green")])
    pushes = [ForcePush(at=HOUR + s, application="shop") for s in (1, 2, 3)]
    simulation, report = simulate(green, *pushes)
    simulation.verify()
    assert fates(report.commits) == ["converged", "vanished"]


def test_a_force_push_does_not_bring_a_bad_commit_back():
    simulation, report = simulate(
        BadCommit(at=HOUR, lasting=60.0, application="shop"), ForcePush(at=2 * HOUR, application="shop")
    )
    simulation.verify()
    assert "vanished" not in fates(report.commits)


def test_what_somebody_edits_or_deletes_is_repaired_within_an_interval():
    edit = Edit(at=HOUR, target="eu", key="ConfigMap/web", patch={"data": {"color": "red"}})
    simulation, report = simulate(edit, Remove(at=2 * HOUR, target="eu", key="ConfigMap/db"))
    simulation.verify()
    assert [(r.key, r.cause, r.fate) for r in report.repairs] == [
        ("ConfigMap/web", "edit", "repaired"), ("ConfigMap/db", "remove", "repaired"),
    ]  # fmt: skip
    assert all(0 < r.after <= 330 for r in report.repairs)


def test_a_field_that_nobody_declares_is_left_alone_and_an_edit_without_effect_is_none():
    label = Edit(at=HOUR, target="eu", key="ConfigMap/web", patch={"metadata": {"labels": {"team": "a"}}})
    again = Edit(at=2 * HOUR, target="eu", key="ConfigMap/web", patch={"data": {"color": "blue"}})
    missing = Edit(at=2 * HOUR, target="eu", key="ConfigMap/never", patch={"data": {}})
    simulation, report = simulate(label, again, missing)
    simulation.verify()
    assert [(r.fate, r.after) for r in report.repairs] == [("left alone", None)]


def test_what_somebody_else_makes_is_not_touched():
    simulation, report = simulate(Put(at=HOUR, target="eu", body=config("theirs", color="pink")))
    simulation.verify()
    assert data(simulation, "ConfigMap/theirs") == {"color": "pink"}
    assert report.repairs == ()


def test_a_controller_that_fights_is_answered_each_time_and_loses_in_the_end():
    fight = Fight(at=HOUR, lasting=HOUR, target="eu", key="ConfigMap/web", patch={"data": {"color": "red"}}, every=600.0)
    simulation, report = simulate(fight)
    simulation.verify()
    assert [(r.cause, r.fate) for r in report.repairs] == [("fight", "repaired")] * 6


def test_a_storm_delays_what_it_throttles_and_passes_end_in_time():
    storm = Storm(at=HOUR, lasting=HOUR, target="eu", retry_after=60.0)
    change = Commit(at=HOUR + 1, application="shop", bodies=[config("web", color="green")])
    simulation, report = simulate(storm, change)
    simulation.verify()
    assert failures(report) == {"Throttled"}
    assert 3300 < report.commits[1].after < 4300
    assert report.requests["eu"]["etag"] < 6 * HOUR / 300 + 5 * 13, "throttled calls are not hammered"


def test_a_kind_that_cannot_be_listed_is_left_alone_and_the_rest_goes_on():
    blind = Unlistable(at=HOUR, lasting=2 * HOUR, target="eu", kind="ConfigMap")
    change = Commit(at=HOUR + 1, application="shop", bodies=[config("web", kind="Note", color="green")], without=["ConfigMap/db"])
    simulation, report = simulate(blind, change)
    simulation.verify()
    assert report.requests["eu"]["delete"] == 1
    assert 2 * HOUR - 2 <= report.commits[1].after < 2 * HOUR + 330, "the delete waits until the kind can be listed"


def test_a_slow_target_is_slow():
    _simulation, fast = simulate(hours=1)
    _simulation, slow = simulate(Slow(at=0.0, lasting=HOUR, target="eu", seconds=10.0), hours=1)
    assert slow.commits[0].after > fast.commits[0].after + 30


@pytest.mark.parametrize(
    ("of", "name", "error"),
    [("target", "eu", "Transient"), ("source", "shop", "SourceUnavailable"), ("store", "engine", "StateUnavailable")],
)
def test_what_is_out_of_reach_fails_passes_and_nothing_else(of, name, error):
    partition = Partition(at=HOUR, lasting=HOUR, of=of, name=name)
    change = Commit(at=HOUR + 1, application="shop", bodies=[config("web", color="green")])
    simulation, report = simulate(partition, change)
    simulation.verify()
    assert failures(report) == {error}
    assert HOUR - 2 < report.commits[1].after < HOUR + 700


def test_a_clock_that_jumps_breaks_nothing():
    jumps = ClockJump(at=HOUR, seconds=86_400.0), ClockJump(at=2 * HOUR, lasting=HOUR, seconds=-7 * 86_400.0)
    change = Commit(at=2 * HOUR + 1, application="shop", bodies=[config("web", color="green")])
    simulation, report = simulate(*jumps, change)
    simulation.verify()
    assert report.commits[1].after < 330
    assert simulation.clock.now() == pytest.approx(1_700_000_000.0 + 86_400.0 + 6 * HOUR)


def test_what_a_guard_refuses_is_told_with_its_rule():
    careful = SimulatedApplication("shop", "eu", [config(f"c{i}") for i in range(6)], guard=Guard())
    simulation, report = simulate(
        Commit(at=HOUR, application="shop", without=[f"ConfigMap/c{i}" for i in range(5)]), applications=[careful]
    )
    assert {refused.rule for refused in report.refused} == {"delete_limit"}
    assert len(simulation.targets["eu"].memory.objects) == 6
    with pytest.raises(AssertionError, match="eu: ConfigMap/c0 is there, and nobody declares it"):
        simulation.verify()


def test_a_happening_of_your_own():
    class Relabel(Happening):
        def begin(self, world):
            world.drift("eu", "ConfigMap/web", {"data": {"color": str(world.elapsed)}}, "relabel")

    _simulation, report = simulate(Relabel(at=HOUR))
    assert [(r.cause, r.fate) for r in report.repairs] == [("relabel", "repaired")]


def test_quiet_passes_are_fewer_when_memos_age():
    eager = SimulatedApplication("shop", "eu", SHOP.bodies, options=Options(memo_age=0.0))
    _simulation, report = simulate(applications=[eager])
    assert report.requests["eu"]["observe"] > 60
