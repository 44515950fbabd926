"""Small files, small functions, few parameters, honest names, counted exceptions."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "gitops_core"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 500, 60, 5
MEDIAN_FILE, MEDIAN_FUNCTION = 150, 10
BANNED_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "base", "shared", "stuff"}
ALLOWED = {"pragma: no cover": 3, "pragma: no branch": 1, "type: ignore": 13, "noqa": 65}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """Return the lines of a function from its ``def``, without decorators and docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return lines - ((first.end_lineno or 0) - first.lineno + 1 if documented else 0)


def parameters(function: Function) -> int:
    """Count parameters but for ``self``; keyword-only facts of a constructor are fields, not parameters."""
    spec = function.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    own = len(names) - (bool(names) and names[0] in {"self", "cls"})
    return own if function.name == "__init__" else own + len(spec.kwonlyargs)


def named(path: Path, function: Function) -> str:
    return f"{path.relative_to(SOURCE)}:{function.lineno} {function.name}"


def test_no_file_is_too_long() -> None:
    lengths = {str(path.relative_to(SOURCE)): len(path.read_text().splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_FILE


def test_no_function_is_too_long() -> None:
    lengths = {named(path, function): body_lines(function) for path in FILES for function in functions(path)}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_FUNCTION


def test_no_function_takes_too_many_parameters() -> None:
    """A sixth parameter means that a value type is missing, unless the line says why not."""
    found = [(path, function) for path in FILES for function in functions(path) if parameters(function) > MOST_PARAMETERS]
    excused = re.compile(r"noqa: [A-Z0-9, ]*PLR0913.*why:")
    assert [named(path, f) for path, f in found if not excused.search(_lines(path)[f.lineno - 1])] == []


def test_no_room_is_a_junk_drawer() -> None:
    assert [str(path) for path in FILES if BANNED_NAMES & {path.stem.strip("_"), path.parent.name}] == []


def test_the_parts_of_a_test_suite_have_distinct_names() -> None:
    """pytest's importlib mode and every editor find a file by its name."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("folder", ["src", "tests", "docs", "benchmarks", ".ci"])
def test_whatever_is_left_to_do_names_an_issue(folder: str) -> None:
    """A note without an issue is forgotten."""
    marker = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b(?!\(#\d+\))")
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md", ".toml", ".sh"}]
    found = [f"{path.relative_to(ROOT)}:{i}" for path in files for i, line in enumerate(_lines(path), 1) if marker.search(line)]
    assert found == []


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


@pytest.mark.parametrize("exception", ALLOWED)
def test_exceptions_from_the_checks_are_counted(exception: str) -> None:
    """Raise the number only in the commit that adds an exception, and say there why; lower it when one goes."""
    comment = re.compile(rf"#\s*{exception}\b")
    found = [
        f"{path.relative_to(SOURCE)}:{i}" for path in FILES for i, line in enumerate(_lines(path), 1) if comment.search(line)
    ]
    assert len(found) <= ALLOWED[exception], f"{len(found)} of '{exception}', {ALLOWED[exception]} allowed: {found}"


def test_every_exception_says_why() -> None:
    comment = re.compile(r"#\s*(noqa|type: ignore|pragma: no)")
    lines = [(path, i, line) for path in FILES for i, line in enumerate(_lines(path), 1) if comment.search(line)]
    assert [f"{path.relative_to(SOURCE)}:{i}" for path, i, line in lines if "why:" not in line] == []
