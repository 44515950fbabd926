"""A simulation replays exactly, engines may compete, and what is wrong at the end is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitops_core.errors import ConfigError
from gitops_core.model.applications import Options
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.scheduling import Dice
from gitops_core.testing.simulation import Chaos, Commit, Convergence, Edit, Happening, Repair, SimulatedApplication, Simulation
from gitops_core.testing.simulation.report import Failed, Refused, Report, span
from gitops_core.testing.worlds import OPEN, config

WILD = Chaos(
    commits=40, bad_commits=3, force_pushes=3, edits=30, removes=10, fights=3, storms=3, unlistable=3, slow=3,
    target_partitions=3, source_partitions=3, store_partitions=3, clock_jumps=3,
)  # fmt: skip


def applications(number):
    bodies = [[config(f"c{i}-{j}", v="1") for j in range(3)] for i in range(number)]
    return [SimulatedApplication(f"app{i}", f"target{i % 2}", bodies[i], guard=OPEN) for i in range(number)]


def wild(seed, days=1.0, engines=("one", "two")):
    simulation = Simulation(applications=applications(3), engines=engines, chaos=WILD, seed=seed)
    report = simulation.run(days=days)
    return simulation, report


def left_behind(simulation, report):
    journals = [simulation.store.journal(simulation.id_of(a.name), None, 10_000) for a in simulation.applications]
    return "\n".join([repr(report), report.text(), repr(journals), repr(list(simulation.scheduler.steps))])


def test_a_seed_replays_exactly_and_another_one_does_not():
    once, again = left_behind(*wild(3, 0.6)), left_behind(*wild(3, 0.6))
    assert once == again
    assert once != left_behind(*wild(4, 0.6))


@pytest.mark.slow
def test_a_seed_means_the_same_in_every_process():
    code = "import hashlib, test_simulation_runs as t; print(hashlib.sha256(t.left_behind(*t.wild(5, 0.6)).encode()).hexdigest())"
    seen = set()
    for hashes in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": str(Path(__file__).parent)}
        seen.add(subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True).stdout)
    assert len(seen) == 1


def test_promise_3_after_a_wild_day_two_engines_have_converged_and_nothing_is_lost_left_or_touched():
    simulation, report = wild(1, 0.6)
    simulation.verify()
    assert {commit.fate for commit in report.commits} <= {"converged", "superseded", "vanished"}
    assert {repair.fate for repair in report.repairs} <= {"repaired", "left alone"}
    assert min(len(report.commits), len(report.repairs), len(report.failed)) > 5, "it was wild"


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(100, 112))
def test_promise_3_after_other_wild_days(seed):
    simulation, _report = wild(seed)
    simulation.verify()


@pytest.mark.deep
def test_a_week_of_fifty_applications():
    patient = [SimulatedApplication(f"app{i:02}", f"target{i % 5}", [config(f"c{i}-{j}") for j in range(4)]) for i in range(50)]
    chaos = Chaos(commits=10, edits=10, storms=1, target_partitions=1, slow=1)
    simulation = Simulation(applications=patient, chaos=chaos)
    report = simulation.run(days=7)
    simulation.verify()
    assert sum(report.passes.values()) > 49_000


def test_two_engines_wait_for_each_other_and_do_not_write_twice():
    simulation = Simulation(applications=applications(2), engines=("one", "two", "three"), interval=120.0, jitter=0.9)
    report = simulation.run(seconds=7200)
    simulation.verify()
    assert {name: counts["create"] for name, counts in report.requests.items()} == {"target0": 3, "target1": 3}


def test_each_kind_of_chaos_has_dice_of_its_own():
    def drawn(**rates):
        return Chaos(**rates).draw(7, 10 * 86_400.0, applications(2), ("engine",))

    commits = drawn(commits=5)
    assert [h for h in drawn(commits=5, storms=5) if isinstance(h, Commit)] == list(commits)
    assert 30 < len(commits) < 70
    assert all(h.at + h.lasting <= 10 * 86_400.0 - 4 * 3600.0 for h in drawn(storms=20, slow=20))
    assert drawn() == ()


def test_objects_that_are_there_already_are_somebody_elses():
    class Grabby(Happening):
        def begin(self, world):
            world.targets["target0"].on_write(world.targets["target0"].memory.put(config("old")), "update")
            world.targets["target0"].memory.remove("ConfigMap/old")

    memory = MemoryTarget("target0", [config("old", color="grey")])
    simulation = Simulation(applications=applications(1), memories={"target0": memory}, timeline=[Grabby(at=60.0)])
    simulation.run(seconds=3600)
    with pytest.raises(AssertionError) as caught:
        simulation.verify()
    assert str(caught.value).splitlines() == [
        "seed 0, after 1h:",
        "target0: ConfigMap/old was somebody else's, and is gone",
        "target0: an engine did update ConfigMap/old, which is somebody else's",
    ]


def test_everything_that_is_wrong_at_the_end_is_told():
    simulation = Simulation(applications=applications(2))
    simulation.run(seconds=3600)
    target = simulation.targets["target0"].memory
    target.edit("ConfigMap/c0-0", {"data": {"v": "2"}})
    target.remove("ConfigMap/c0-1")
    target.put(config("leaked"))
    simulation.store.forget(simulation.id_of("app1"))
    simulation.commit("app0", {"ConfigMap.c0-2.json": None, "ConfigMap.never.json": None}, "Not seen by any pass")
    with pytest.raises(AssertionError) as caught:
        simulation.verify()
    assert str(caught.value).splitlines() == [
        "seed 0, after 1h:",
        "app0: ConfigMap/c0-0 in target0 is not as declared",
        "app0: ConfigMap/c0-1 is declared and not in target0",
        "target0: ConfigMap/c0-2 is there, and nobody declares it",
        "target0: ConfigMap/leaked is there, and nobody declares it",
        "app0: the inventory has ConfigMap/c0-2, which is not declared",
        "app1: the inventory does not have ConfigMap/c1-0",
        "app1: the inventory does not have ConfigMap/c1-1",
        "app1: the inventory does not have ConfigMap/c1-2",
    ]


def test_an_engine_that_is_told_that_nothing_has_moved_is_found_out():
    class Lying(MemoryTarget):
        def etag(self, ctx):
            return "always the same"

    edit = Edit(at=3600.0, target="target0", key="ConfigMap/c0-0", patch={"data": {"v": "2"}})
    simulation = Simulation(applications=applications(1), memories={"target0": Lying("target0")}, timeline=[edit])
    assert [repair.fate for repair in simulation.run(seconds=7200).repairs] == ["left alone"]
    with pytest.raises(AssertionError, match="app0: ConfigMap/c0-0 in target0 is not as declared"):
        simulation.verify()


def test_lists_are_compared_item_by_item():
    body = {"kind": "Note", "metadata": {"name": "n"}, "items": [{"a": 1}, 2]}
    simulation = Simulation(applications=[SimulatedApplication("app", "eu", [body])])
    simulation.run(seconds=3600)
    simulation.verify()
    simulation.targets["eu"].memory.edit("Note/n", {"items": [{"a": 1}]})
    with pytest.raises(AssertionError, match="not as declared"):
        simulation.verify()


def test_a_happening_that_raises_is_not_swallowed():
    class Broken(Happening):
        def begin(self, world):
            raise LookupError("no such thing")

    with pytest.raises(LookupError):
        Simulation(applications=applications(1), timeline=[Broken(at=1.0)]).run(seconds=60)


def test_a_simulation_runs_once_and_needs_names():
    simulation = Simulation(applications=applications(1))
    simulation.run(seconds=60)
    with pytest.raises(RuntimeError, match="runs once"):
        simulation.run(days=1)
    with pytest.raises(ConfigError, match="applications of different names"):
        Simulation(applications=[])
    with pytest.raises(ConfigError, match=r"engines of different names.*'a', 'a'"):
        Simulation(applications=applications(1), engines=("a", "a"))


def test_dice_give_the_same_numbers_for_the_same_words():
    assert [Dice("7/commits").random() for _ in range(2)] == [Dice("7/commits").random()] * 2
    assert Dice("7/commits").random() != Dice("7/edits").random()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.25, "0.2s"), (9.96, "10.0s"), (61, "1m 1s"), (3600, "1h"), (90_061, "1d 1h"), (59.6, "1m")],
)
def test_spans_are_short(seconds, text):
    assert span(seconds) == text


def report(**facts):
    empty = {"passes": {}, "commits": (), "repairs": (), "requests": {}, "refused": (), "failed": ()}
    return Report(**{"seed": 1, "seconds": 60.0, "applications": 1, "engines": 1, **empty, **facts})


def test_an_empty_report_is_short():
    assert str(report(passes={"in-sync": 1, "failed": 0})) == "1m, seed 1: 1 application, 1 engine, 1 pass\n  1 in-sync"


def test_a_report_shows_every_row_when_there_are_few_and_the_open_and_slowest_first_when_there_are_many():
    few = tuple(Convergence("app", float(i), f"{i:040x}", "Change", 10.0 * i, "converged") for i in range(1, 4))
    assert [line.split()[0] for line in report(commits=few).text().splitlines()[4:]] == ["1.0s", "2.0s", "3.0s"]
    many = tuple(Repair("eu", "ConfigMap/web", 60.0 * i, "edit", 10.0 * i, "repaired") for i in range(20))
    lines = report(repairs=(*many, Repair("eu", "ConfigMap/db", 5.0, "edit"))).text().splitlines()
    assert lines[3] == "Changes by hand: 20 repaired, 1 open; half within 1m 35s, all within 3m 10s"
    assert "ConfigMap/db" in lines[4]
    assert lines[4].endswith("open")
    assert lines[5].endswith("repaired after 3m 10s")
    assert lines[-1] == "  ... and 9 more"


def test_a_report_says_what_was_refused_and_what_failed_and_how_often():
    refused = Refused("shop", "ConfigMap/a", "delete_limit", "too many", 60.0, 120.0, 2)
    failed = (
        Failed("shop", "Transient", "observe", "unreachable", 60.0, 60.0),
        Failed("shop", "StateLocked", "", "busy", 9.0, 9.0),
    )
    assert report(refused=(refused,), failed=failed, requests={"eu": {"etag": 1200, "observe": 3}}).text().splitlines()[2:] == [
        "",
        "Requests",
        "  eu  1,200 etag, 3 observe",
        "",
        "Refused",
        "  shop  ConfigMap/a  delete_limit  2 times, 1m to 2m  too many",
        "",
        "Failed",
        "  shop  Transient in observe  at 1m    unreachable",
        "  shop  StateLocked           at 9.0s  busy",
    ]


def test_options_of_an_application_are_its_own():
    app = SimulatedApplication("a", "t", options=Options(attempts=1))
    assert Simulation(applications=[app]).applications[0].options.attempts == 1
