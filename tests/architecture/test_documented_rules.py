"""The reference of plans names every rule that can hold a change back, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DECIDING = {"_stopped", "_left_alone", "_stop", "Refusal"}  # functions that take a rule by position
RULE = re.compile(r"[a-z]+(_[a-z]+)*")


def documented() -> set[str]:
    section = (ROOT / "docs/reference/plan.md").read_text().split("## Rules")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([a-z_]+)` \| (?:refused|deferred|skipped) \|", section, re.MULTILINE))


def used() -> Iterator[str]:
    """Yield the rules that planning writes: as keyword ``rule``, or as an argument of a function that takes one."""
    for path in (ROOT / "src/gitops_core/planning").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            values = [keyword.value for keyword in node.keywords if keyword.arg == "rule"]
            values += node.args if name in DECIDING else []
            texts = (value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str))
            yield from (text for text in texts if RULE.fullmatch(text))


def test_every_rule_of_the_planner_is_in_the_reference() -> None:
    assert sorted(set(used()) - documented()) == []


def test_every_rule_in_the_reference_is_in_the_planner() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src/gitops_core/planning").glob("*.py"))
    assert sorted(rule for rule in documented() if f'"{rule}"' not in source) == []
