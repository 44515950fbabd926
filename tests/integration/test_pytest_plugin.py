"""The pytest plug-in: silent until used, at home in every project, and honest about snapshots."""

from __future__ import annotations

import importlib.metadata
import runpy
import shutil
import subprocess
import sys
import time
import types

import pytest

from gitops_core.testing import plugin
from gitops_core.testing.builders import repositories, signing, sources
from gitops_core.testing.snapshots import folder
from gitops_core.testing.worlds import World

pytest_plugins = ("pytester",)
LOADED_HERE = (World, folder, repositories, signing, sources)  # what the tests inside use, so that both mean the same classes

USES = """
    from gitops_core.testing.worlds import config

    def test_rollout(gitops_world, gitops_snapshot):
        gitops_world.declare(config("a"))
        gitops_snapshot.check(gitops_world.plan())

    def test_other(gitops_snapshot):
        gitops_snapshot.check("text")

    class TestIt:
        def test_rollout(self, gitops_snapshot):
            gitops_snapshot.check("text")

    def test_without():
        pass
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A project of somebody else, in which only our plug-in is loaded."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("GITOPS_UPDATE_SNAPSHOTS", raising=False)
    pytester.makeini(
        "[pytest]\naddopts = -p gitops_core -p no:cacheprovider -W error -W ignore::pytest.PytestAssertRewriteWarning\n"
    )
    return pytester


@pytest.fixture
def shop(project):
    """A module with three snapshots, written and up to date."""
    project.makepyfile(test_shop=USES)
    project.runpytest_inprocess("--gitops-update-snapshots").assert_outcomes(passed=4)
    return project


def modules_after(statement):
    code = f"import sys, pytest; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


# -- silent until used -------------------------------------------------------------------------------------------------------------


def test_pytest_finds_the_plugin_by_its_entry_point():
    found = {point.name: point.value for point in importlib.metadata.entry_points(group="pytest11")}
    assert found.get("gitops_core") == plugin.__name__, "install the project again: pip install -e ."


def test_the_plugin_loads_nothing_but_itself():
    assert modules_after("import gitops_core.testing.plugin") == [
        "gitops_core",
        "gitops_core.testing",
        "gitops_core.testing.plugin",
    ]


def test_importing_the_plugin_costs_next_to_nothing():
    code = "import time, pytest; t = time.perf_counter(); import gitops_core.testing.plugin; print(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(3)
    ]
    assert min(map(float, runs)) < 0.05


def test_a_run_that_uses_no_fixture_loads_no_engine_and_says_nothing(project):
    project.makepyfile(
        """
        import sys

        def test_nothing_is_loaded():
            assert sorted(name for name in sys.modules if name.startswith("gitops_core")) == [
                "gitops_core", "gitops_core.testing", "gitops_core.testing.plugin"
            ]
        """
    )
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    assert "gitops" not in "".join(line for line in result.outlines if not line.startswith(("rootdir", "plugins")))


def test_every_fixture_and_option_has_our_name_in_front():
    names = runpy.run_path(plugin.__file__)
    fixtures = {name for name, value in names.items() if type(value).__name__ == "FixtureFunctionDefinition"}
    assert fixtures == {
        word for line in (plugin.__doc__ or "").splitlines() if (word := line.partition(" ")[0]).startswith("gitops_")
    }
    hooks = {name for name in names if name.startswith("pytest_")}
    assert all(names[name].__doc__ for name in hooks)


# -- fixtures ----------------------------------------------------------------------------------------------------------------------


def test_the_fixtures_are_there_and_belong_together(project):
    project.makepyfile(
        """
        from gitops_core.testing.builders.applications import application
        from gitops_core.testing.builders.resources import config_map

        def test_world(gitops_world, gitops_clock, gitops_target):
            assert gitops_world.clock is gitops_clock
            assert gitops_world.target is gitops_target
            gitops_world.declare(config_map("a"))
            assert gitops_world.reconcile().ok
            assert len(gitops_target.objects) == 1

        def test_each_test_has_its_own(gitops_world, gitops_repository):
            assert not gitops_world.target.objects

        def test_repository(gitops_repository, gitops_context, gitops_recorder, gitops_clock):
            commit = gitops_repository.commit({"a.yaml": config_map("a")})
            source = gitops_repository.source()
            assert source.resolve(gitops_context).id == commit
            gitops_context.count("calls", 2)
            gitops_context.sleep(5)
            assert (gitops_recorder.counts["calls"], gitops_clock.monotonic()) == (2, 5.0)
        """
    )
    project.runpytest_inprocess("-v").assert_outcomes(passed=3)


def test_a_project_puts_its_own_target_into_the_world(project):
    project.makeconftest(
        """
        import pytest
        from gitops_core.targets.memory import MemoryTarget

        @pytest.fixture
        def gitops_target():
            return MemoryTarget("ours")
        """
    )
    project.makepyfile("def test_it(gitops_world):\n    assert gitops_world.target.name == 'ours'\n")
    project.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git command")
def test_the_git_server_serves_what_is_committed(project):
    project.makepyfile(
        """
        from gitops_core.sources.git import GitSource

        def test_it(gitops_git_server, gitops_context, tmp_path):
            commit = gitops_git_server.repository.commit({"a.yaml": "kind: ConfigMap"})
            with GitSource(gitops_git_server.url, "main", cache_dir=tmp_path / "cache") as source:
                assert source.resolve(gitops_context).id == commit
            assert gitops_git_server.count("refs") > 0
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no program ssh-keygen")
def test_the_key_is_one_for_the_whole_run(project):
    project.makepyfile(
        """
        keys = []

        def test_one(gitops_ssh_key, gitops_repository):
            keys.append(gitops_ssh_key)
            assert gitops_repository.commit({"a": "1"}, signer=gitops_ssh_key)

        def test_two(gitops_ssh_key):
            assert keys == [gitops_ssh_key]
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


# -- snapshots ---------------------------------------------------------------------------------------------------------------------


def summary(result):
    """Return the lines below our own heading."""
    lines = result.outlines
    at = next((index for index, line in enumerate(lines) if "gitops snapshots" in line), len(lines))
    return [line.rpartition("/")[2] for line in lines[at + 1 : -1] if line]


def snapshots(project):
    return sorted(path.name for path in folder(project.path / "test_shop.py").iterdir())


def test_a_missing_snapshot_fails_until_it_is_written(project):
    project.makepyfile(test_shop=USES)
    failed = project.runpytest_inprocess()
    failed.assert_outcomes(failed=3, passed=1)
    failed.stdout.fnmatch_lines(["*there is no snapshot *test_rollout.txt; *--gitops-update-snapshots*"])
    assert not folder(project.path / "test_shop.py").exists()
    written = project.runpytest_inprocess("--gitops-update-snapshots")
    written.assert_outcomes(passed=4)
    assert summary(written) == snapshots(project) == ["TestIt.test_rollout.txt", "test_other.txt", "test_rollout.txt"]
    again = project.runpytest_inprocess()
    again.assert_outcomes(passed=4)
    assert summary(again) == [], "a run in which nothing happened says nothing"


def test_the_environment_says_the_same_as_the_option(project, monkeypatch):
    project.makepyfile(test_shop=USES)
    monkeypatch.setenv("GITOPS_UPDATE_SNAPSHOTS", "0")
    project.runpytest_inprocess().assert_outcomes(failed=3, passed=1)
    monkeypatch.setenv("GITOPS_UPDATE_SNAPSHOTS", "1")
    project.runpytest_inprocess().assert_outcomes(passed=4)


def test_a_difference_fails_with_the_lines_that_differ(shop):
    shop.makepyfile(test_shop=USES.replace('config("a")', 'config("b")'))
    result = shop.runpytest_inprocess()
    result.assert_outcomes(failed=1, passed=3)
    result.stdout.fnmatch_lines(["*not as in the snapshot*", "*-  + ConfigMap/a", "*+  + ConfigMap/b"])


def test_a_stale_snapshot_is_reported_and_removed_when_asked(shop):
    shop.makepyfile(test_shop=USES.replace("test_other", "test_renamed").replace('check("text")', "__class__"))
    result = shop.runpytest_inprocess()
    result.assert_outcomes(passed=4)
    assert summary(result) == ["TestIt.test_rollout.txt", "test_other.txt"]
    assert "stale" in str(result.stdout)
    assert len(snapshots(shop)) == 3
    shop.runpytest_inprocess("--gitops-update-snapshots").assert_outcomes(passed=4)
    assert snapshots(shop) == ["test_rollout.txt"]


@pytest.mark.parametrize(
    "choice", [["-k", "rollout"], ["test_shop.py::test_rollout"], ["-x", "--deselect", "test_shop.py::test_other"]]
)
def test_a_run_of_some_tests_calls_nothing_stale(shop, choice):
    assert summary(shop.runpytest_inprocess(*choice)) == []
    shop.runpytest_inprocess("--gitops-update-snapshots", *choice)
    assert len(snapshots(shop)) == 3


def test_a_failed_test_calls_nothing_stale(shop):
    shop.makepyfile(test_shop=USES.replace('gitops_snapshot.check("text")', "assert False", 1))
    result = shop.runpytest_inprocess()
    result.assert_outcomes(failed=1, passed=3)
    assert summary(result) == []


# -- in company --------------------------------------------------------------------------------------------------------------------


def test_what_workers_saw_adds_up():
    """A worker has run one of two tests each: only together do they know the whole module."""
    one, two, all_of_it = plugin._Tracker(), plugin._Tracker(), plugin._Tracker()
    for tracker, test in ((one, "a"), (two, "b")):
        tracker.tests["test_x.py"] = {"a", "b"}
        tracker.passed.add(test)
        tracker.add([f"{test}.txt"], [])
        assert tracker.whole() == []
        all_of_it.merge(tracker.facts())
    assert [str(path) for path in all_of_it.whole()] == ["test_x.py"]
    assert all_of_it.used == {"a.txt", "b.txt"}


def test_a_worker_hands_over_and_the_controller_takes():
    config = types.SimpleNamespace(stash=pytest.Stash(), workeroutput={})
    plugin.pytest_sessionfinish(types.SimpleNamespace(config=config))
    assert config.workeroutput == {}, "a worker that saw no snapshot says nothing"
    config.stash[plugin._TRACKER] = plugin._Tracker()
    config.stash[plugin._TRACKER].add(["a.txt"], [])
    plugin.pytest_sessionfinish(types.SimpleNamespace(config=config))
    controller = types.SimpleNamespace(stash=pytest.Stash())
    plugin.pytest_testnodedown(types.SimpleNamespace(config=controller, workeroutput=config.workeroutput))
    plugin.pytest_testnodedown(types.SimpleNamespace(config=controller))
    assert controller.stash[plugin._TRACKER].used == {"a.txt"}


@pytest.mark.slow
def test_with_xdist_every_worker_tells_the_controller(shop):
    pytest.importorskip("xdist", reason="no pytest-xdist")
    shop.makepyfile(test_shop=USES.replace("test_other", "test_renamed").replace('check("text")', "__class__", 1))
    result = shop.runpytest_subprocess("-p", "xdist", "-n", "2")
    result.assert_outcomes(passed=4)
    assert summary(result) == ["test_other.txt"]
    result = shop.runpytest_subprocess("-p", "xdist", "-n", "2", "--gitops-update-snapshots")
    assert snapshots(shop) == ["TestIt.test_rollout.txt", "test_rollout.txt"]


@pytest.mark.slow
def test_coverage_sees_the_engine_that_the_fixtures_load(project):
    pytest.importorskip("pytest_cov", reason="no pytest-cov")
    project.makepyfile(test_it="def test_it(gitops_world):\n    gitops_world.declare()\n    assert gitops_world.reconcile()\n")
    (project.path / ".coveragerc").write_text("[run]\nsource = gitops_core.engine\n")
    result = project.runpytest_subprocess("-p", "pytest_cov", "--cov", "--cov-report=term", "test_it.py", "-W", "default")
    covered = {
        line.split()[0].rpartition("gitops_core/")[2]: int(line.split()[3].rstrip("%"))
        for line in result.outlines
        if "gitops_core/" in line and "%" in line
    }
    assert covered["engine/pipeline.py"] > 60, "an engine that is loaded too early would have none of its first lines"


def test_the_plugin_can_be_switched_off(pytester):
    pytester.makepyfile("def test_it(request):\n    assert not request.config.pluginmanager.hasplugin('gitops_core')\n")
    began = time.monotonic()
    pytester.runpytest_inprocess("-p", "no:gitops_core", "-p", "no:cacheprovider", "-p", "no:xdist").assert_outcomes(passed=1)
    assert time.monotonic() - began < 30
