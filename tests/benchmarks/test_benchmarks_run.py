"""Every benchmark runs in a small form, and what it counts is right; how long anything takes is asserted nowhere."""

from __future__ import annotations

import contextlib
import importlib
import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FEW = 50
needs_git_command = pytest.mark.skipif(shutil.which("git") is None, reason="no git command, which serves repositories over HTTP")


@pytest.fixture(autouse=True)
def _benchmarks_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def report(name: str, documents: int = FEW, applications: int = 10) -> Any:
    scale = importlib.import_module("benchmarks.measuring").Scale(documents, 1, applications)
    found = importlib.import_module(f"benchmarks.{name}").run(scale)
    assert found.rows
    assert found.text().startswith(f"## {found.title}\n")
    return found


def test_imports_load_neither_client() -> None:
    counts = report("imports").counts
    assert counts["clients loaded"] == 0
    assert counts["modules package"] < counts["modules engine"] < counts["modules kubernetes"]


def test_decoding_gives_what_the_other_decoder_gives() -> None:
    assert report("decode").counts == {"documents": FEW, "equal to CSafeLoader": FEW}


def test_plans_have_as_many_changes_as_there_is_drift() -> None:
    assert report("planning").counts == {
        "changes unchanged": 0,
        "changes without versions": 0,
        "changes 1 % drifted": 0,
        "changes 50 % drifted": FEW // 2,
        **{f"changes {name}": FEW for name in ("all new", "flat", "deep", "wide")},
    }


def test_differences_are_found_by_both() -> None:
    assert report("diffs", 5).counts == {
        "equal: ours": 0,
        "equal: jsonpatch": 0,
        "one field differs: ours": 5,
        "one field differs: jsonpatch": 5,
        "twelve fields differ: ours": 60,
        "twelve fields differ: jsonpatch": 60,
    }


def test_a_pass_costs_what_has_changed() -> None:
    """Nothing new: no document is decoded; one file changed: exactly one."""
    counts = report("passes").counts
    assert [counts[f"{name}: decoded"] for name in ("first", "looks", "quiet", "one file")] == [FEW, 0, 0, 1]
    assert [counts[f"{name}: writes"] for name in ("first", "looks", "quiet", "one file")] == [FEW, 0, 0, 1]
    assert [counts[f"{name}: observed"] for name in ("looks", "quiet", "one file")] == [FEW, 0, FEW + 1]
    assert [counts[f"{name}: reads"] for name in ("looks", "quiet", "one file")] == [1, 0, 2]
    assert [counts[f"{share} drift: writes"] for share in ("1%", "50%")] == [0, FEW // 2]


def test_a_new_process_with_its_state_decodes_and_writes_nothing() -> None:
    counts = report("warm").counts
    assert [counts[f"cold: {what}"] for what in ("decoded", "writes", "fetches")] == [FEW, FEW, 0]
    assert [counts[f"warm: {what}"] for what in ("decoded", "observed", "writes", "fetches")] == [0, FEW, 0, 0]


def test_memory_is_weighed_with_every_object_reconciled() -> None:
    assert report("memory").counts == {"objects in MemoryStore": FEW, "objects in SqliteStore": FEW}


@needs_git_command
@pytest.mark.needs_git
def test_all_applications_of_one_repository_share_one_pack() -> None:
    counts = report("git_fetch").counts
    for name in ("asked on every pass", "listings believed for 60 s"):
        assert counts[f"{name}: packs"] == 1
        assert counts[f"{name}: objects"] == 10
    assert counts["listings believed for 60 s: resolves"] == 1
    assert counts["ours: nothing new: requests"] <= counts["git: nothing new: requests"]


def test_workloads_are_equal_in_every_run_and_as_large_as_they_say() -> None:
    workloads = importlib.import_module("benchmarks.workloads")
    planning = importlib.import_module("benchmarks.planning")
    files = workloads.repository(1_000)
    assert files == workloads.repository(1_000)
    assert 1_150 < sum(map(len, files.values())) / 1_000 < 1_250
    assert sorted(workloads.keys_of(1_000)) == [resource.key for resource in planning.resources(files)]
    ((path, text),) = workloads.one_change(1_000).items()
    assert files[path] != text


def test_dependencies_are_deep_or_wide() -> None:
    workloads = importlib.import_module("benchmarks.workloads")
    planning = importlib.import_module("benchmarks.planning")
    for make, deepest in ((workloads.flat, 0), (workloads.deep, 29), (workloads.wide, 1)):
        plan = planning.make_plan(planning.fresh(planning.resources(make(30)))).plan
        depth: dict[Any, int] = {}
        for change in plan.changes:
            depth[change.key] = max((depth[need] + 1 for need in change.depends_on if need in depth), default=0)
        assert max(depth.values()) == deepest


def test_the_command_refuses_a_name_it_does_not_know(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "decoding"])
    with pytest.raises(SystemExit):
        importlib.import_module("benchmarks.__main__").main()
    assert "no benchmark decoding" in capsys.readouterr().err


def test_every_benchmark_can_be_named() -> None:
    known = importlib.import_module("benchmarks.__main__").NAMES
    others = {"__init__", "__main__", "workloads", "measuring", "fleets", "soak"}
    assert set(known) == {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - others


def test_a_result_beyond_its_target_says_so() -> None:
    measuring = importlib.import_module("benchmarks.measuring")
    row = measuring.Row("a thing", "3x", "<= 2x", False)
    assert str(row) == "| a thing | 3x | <= 2x | **not met** |"


def test_state_in_the_cluster_costs_two_requests_a_quiet_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("benchmarks.state_in_cluster"), "real", contextlib.nullcontext)
    counts = report("state_in_cluster").counts
    assert counts["fake cluster, requests to write all"] == 2
    assert counts["fake cluster, requests for 200 changes"] == 200
    assert counts["fake cluster, requests of a quiet pass"] == 2
    assert counts["fake cluster, objects"] == 1


def test_a_controller_asks_each_repository_once_an_interval_and_passes_what_a_commit_touched() -> None:
    counts = report("controller", applications=2).counts
    for how in ("watched", "looked at every 3 min"):
        assert counts[f"resolves in an idle hour, {how}"] <= counts["repositories"] * 60
        assert counts[f"writes in an idle hour, {how}"] == 0
    assert counts["passes after a commit"] == 1
    assert counts["seconds for all waits"] == counts["seconds for one wait"]
    assert {counts[f"objects, {calls} at once"] for calls in (8, 16)} == {60}
