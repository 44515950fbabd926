"""What is said about surviving mutants is said about mutants that there are."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src" / "gitops_core"


@pytest.fixture
def run(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("run")


def test_every_justified_survivor_is_a_mutant_of_the_code_as_it_is(run):
    """When the code has moved on: take the row out of the page, or adapt it if its reason still holds."""
    known = run.justified()
    assert known, "the page has no table of survivors"
    there = {
        (module, str(mutant).partition(": ")[2])
        for module in {module for module, _ in known}
        for mutant in run.mutants((SOURCE / f"{module}.py").read_text(encoding="utf-8"))
    }
    assert sorted(set(known) - there) == []


def test_the_line_of_a_mutant_does_not_matter(run):
    assert run.nameless("planning/order:12: 'a: b'  =>  'XXa: b'") == ("planning/order", "'a: b'  =>  'XXa: b'")


def test_a_report_is_summed_up_with_what_nobody_has_justified(run, tmp_path, monkeypatch):
    report = tmp_path / "report.jsonl"
    rows = [
        ("killed", "1: a  =>  b"),
        ("timeout", "2: a  =>  c"),
        ("survived", "3: x | y  =>  x & y"),
        ("survived", "4: a  =>  d"),
    ]
    report.write_text("".join(f'{{"module": "planning/order", "status": "{s}", "mutant": "{m}"}}\n' for s, m in rows))
    monkeypatch.setattr(run, "justified", lambda: {("planning/order", "x | y  =>  x & y"): "why"})
    lines = list(run.summary(report))
    assert lines[0].split() == ["planning/order", "2", "of", "4", "50.0%"]
    assert lines[2].startswith("2 survived, 1 of them without a reason")
    assert lines[3:] == ["planning/order:4: a  =>  d"]


def test_pipes_are_read_as_the_table_writes_them(run, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("| `planning/order` | `x \\| y  =>  x & y` | both are empty |\n| module | mutant | why |\n")
    assert run.justified(page) == {("planning/order", "x | y  =>  x & y"): "both are empty"}
