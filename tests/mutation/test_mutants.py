"""The mutants are what their driver's documentation says they are."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PRUNE = HERE.parents[1] / "src" / "gitops_core" / "planning" / "prune.py"


@pytest.fixture
def made(monkeypatch):
    """Returns the texts into which the mutants change a module, without the ``pass`` of its frame."""
    monkeypatch.syspath_prepend(HERE)
    module = importlib.import_module("mutants")

    def mutants(source):
        return [mutant.now for mutant in module.mutants(source)]

    return mutants


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b <= c", ["a <= b <= c", "a < b < c"]),
        ("x = a is not b", ["a is b"]),
        ("x = a in b", ["a not in b"]),
        ("x = a + b", ["a - b"]),
        ("x = a | {b}", ["a & {b}"]),
        ("x = a and b or c", ["(a and b) and c", "a or b"]),
        ("x = not a", ["a"]),
        ("x = 3", ["4"]),
        ("x = 0.5", ["1.5"]),
        ("x = True", ["False"]),
        ("x = 'word'", ["'XXword'"]),
        ("x = ''", ["'XX'"]),
        ("x = a if b else c", ["a if not b else c"]),
        ("x = [a for a in b if c]", ["True"]),
        ("x = f(a, b=c)", ["f(a)"]),
        ("f(a)", ["pass"]),
        ("x += a", ["pass"]),
        ("if a: x = b", ["if not a: x = b"]),
        ("while a: break", ["while not a: break", "continue"]),
        ("def f(): return a", ["return None"]),
        ("def f(): yield a", ["yield from ()"]),
        ("def f(a=1): pass", ["2"]),
    ],
)
def test_every_wrong_turn_is_taken(made, source, expected):
    assert made(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""', "import a", "from a import b as c", "x: int | None = a", "def f(a: list[str]) -> int: ...",
        "raise ValueError('the wording')", "@cache(1)\ndef f(): pass", "class A(B, metaclass=C): __slots__ = ('a',)",
        "if TYPE_CHECKING: x = 1", "x = str | None", "x = None", "def f(): return",
    ],
)  # fmt: skip
def test_what_nobody_can_see_run_is_left_alone(made, source):
    assert [text for text in made(source) if text != "class A(B): __slots__ = ('a',)"] == []


def test_each_mutant_says_where_it_is_and_changes_one_place_only(made, monkeypatch):
    module = importlib.import_module("mutants")
    source = PRUNE.read_text(encoding="utf-8")
    plain = ast.unparse(ast.parse(source))
    found = list(module.mutants(source))
    assert len(found) > 50
    for mutant in found:
        changed = ast.unparse(mutant.applied(source))
        assert changed != plain, mutant
        compile(changed, "changed", "exec")
    assert {mutant.scope for mutant in found if mutant.line > 30} > {"prune()", "protect()"}
    assert [mutant.number for mutant in found] == list(range(len(found)))
