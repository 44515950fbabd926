"""One file per row of the rule tables: the object, and what is to be said about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gitops_core.health import HealthOptions, HealthRules, assess
from gitops_core.health.rules import BUILT_IN
from gitops_core.model.health import HealthStatus
from gitops_core.model.resources import Live, key_of

NOW: Final = 1_767_225_600.0  # 2026-01-01T00:00:00Z
CASES: Final = sorted((Path(__file__).parents[2] / "golden" / "health").glob("*.yaml"))


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_rule_says_what_the_table_says(path: Path) -> None:
    case = load(path)
    live = Live(key_of(case["input"]), case["input"])
    written_at = NOW - case["written_ago"] if "written_ago" in case else None
    rules = HealthRules(HealthOptions(**case.get("options", {})))

    health = assess(live, now=NOW, written_at=written_at, rules=rules)

    found = {"settled": health.settled, "status": str(health.status), "reason": health.reason, "failed": health.failed}
    assert {"failed": False, **case["expected"]} == found, case["rule"]


def test_every_kind_with_a_rule_has_a_golden_case() -> None:
    seen = {(key.group, key.kind) for key in (key_of(load(path)["input"]) for path in CASES)}
    aliases = {("extensions", "DaemonSet"), ("extensions", "ReplicaSet")}  # the same functions as in group apps
    assert set(BUILT_IN) - seen == aliases


def test_every_status_an_object_can_have_has_a_golden_case() -> None:
    seen = {load(path)["expected"]["status"] for path in CASES}
    assert {str(status) for status in HealthStatus} - {"Missing"} == seen
