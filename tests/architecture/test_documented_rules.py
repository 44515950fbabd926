"""The reference of plans names every rule that can hold a change back, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
POSITION = {"_stopped": 3, "_left_alone": 2, "_stop": 2, "Refusal": 0}


def documented() -> set[str]:
    section = (ROOT / "docs/reference/plan.md").read_text().split("## Rules")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_]+)` \| (?:refused|deferred|skipped) \|", section, re.MULTILINE))


def used() -> Iterator[str]:
    """Yield the rules that planning writes: as keyword ``rule`` or at the known place of a function that takes one."""
    for path in (ROOT / "src/gitops_core/planning").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = POSITION.get(name, len(node.args))
            values = [keyword.value for keyword in node.keywords if keyword.arg == "rule"] + node.args[place : place + 1]
            yield from (value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str))


def test_every_rule_of_the_planner_is_in_the_reference() -> None:
    assert sorted(set(used()) - documented()) == []


def test_every_rule_in_the_reference_is_in_the_planner() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src/gitops_core/planning").glob("*.py"))
    assert sorted(rule for rule in documented() if f'"{rule}"' not in source) == []
