from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Final

import pytest

from gitops_core.health import DEFAULT_RULES, MISSING, HealthRules, Observed, assess, worst
from gitops_core.health.general import BUILT_IN_GROUPS
from gitops_core.health.observed import parse_time
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Live

API: Final = Path(*importlib.util.find_spec("kubernetes").submodule_search_locations, "client", "api")
GROUP: Final = re.compile(r"'/apis/([a-z0-9.]+)/'")

HEALTHY = Health(True, HealthStatus.HEALTHY)
PROGRESSING = Health(False, HealthStatus.PROGRESSING, "Rolling")
DEGRADED = Health(False, HealthStatus.DEGRADED, "Broken", failed=True)


def widget(**body: object) -> Live:
    return Live(("example.org", "Widget", "", "w"), {"apiVersion": "example.org/v1", "kind": "Widget", **body})


def test_what_is_not_there_is_missing() -> None:
    assert assess(None, now=0.0) == MISSING


def test_an_object_whose_deletion_the_api_has_accepted_is_terminating() -> None:
    live = Live(("Record", "www"), {"kind": "Record"}, deleting=True)
    assert assess(live, now=0.0) == Health(False, HealthStatus.PROGRESSING, "Terminating", "pending deletion")


def test_an_override_decides_before_every_other_rule() -> None:
    rules = DEFAULT_RULES.with_rule("example.org", "Widget", lambda _observed: DEGRADED)
    assert assess(widget(status={"conditions": [{"type": "Ready", "status": "True"}]}), now=0.0, rules=rules) == DEGRADED


def test_an_override_sees_the_object_the_time_and_our_last_write() -> None:
    seen: list[Observed] = []
    rules = DEFAULT_RULES.with_rule("example.org", "Widget", seen.append)  # returns None, too
    assess(widget(size=3), now=7.0, written_at=5.0, rules=rules)
    assert [(o.now, o.written_at, o.number("/size")) for o in seen] == [(7.0, 5.0, 3)]


def test_an_override_that_returns_none_leaves_it_to_the_general_rules() -> None:
    rules = DEFAULT_RULES.with_rule("example.org", "Widget", lambda _observed: None)
    assert (
        assess(widget(status={"conditions": [{"type": "Ready", "status": "False"}]}), now=0.0, rules=rules).reason == "NotReady"
    )


def test_an_override_for_another_kind_is_not_asked() -> None:
    rules = DEFAULT_RULES.with_rule("example.org", "Gadget", lambda _observed: DEGRADED)
    assert assess(widget(), now=0.0, rules=rules) == HEALTHY


def test_an_override_replaces_the_one_before_and_leaves_the_old_registry_alone() -> None:
    first = DEFAULT_RULES.with_rule("example.org", "Widget", lambda _observed: DEGRADED)
    second = first.with_rule("example.org", "Widget", lambda _observed: PROGRESSING)
    assert [assess(widget(), now=0.0, rules=r) for r in (first, second, HealthRules())] == [DEGRADED, PROGRESSING, HEALTHY]


def test_a_rule_that_raises_makes_the_object_unknown_and_its_text_is_not_told() -> None:
    def rule(_observed: Observed) -> Health:
        raise ValueError("the password is hunter2")

    health = assess(widget(), now=0.0, rules=DEFAULT_RULES.with_rule("example.org", "Widget", rule))
    assert Health(False, HealthStatus.UNKNOWN, "RuleFailed", "the health rule for Widget raised ValueError") == health


def test_a_rule_that_returns_something_else_makes_the_object_unknown() -> None:
    rules = DEFAULT_RULES.with_rule("example.org", "Widget", lambda _observed: True)
    health = assess(widget(), now=0.0, rules=rules)
    assert (
        health.status,
        health.message,
    ) == (HealthStatus.UNKNOWN, "the health rule for Widget returned bool, not a Health or None")


def test_rules_are_values() -> None:
    assert HealthRules() == DEFAULT_RULES
    assert hash(HealthRules()) == hash(DEFAULT_RULES)


def test_a_lazy_body_is_read_once() -> None:
    reads: list[int] = []

    def load() -> dict[str, object]:
        reads.append(1)
        return {"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"}}

    assess(Live(("", "Pod", "shop", "web"), load), now=0.0)
    assert reads == [1]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], HEALTHY),
        ([HEALTHY, PROGRESSING, HEALTHY], PROGRESSING),
        ([PROGRESSING, DEGRADED], DEGRADED),
        ([Health(True, HealthStatus.SUSPENDED, "Paused"), HEALTHY], Health(True, HealthStatus.SUSPENDED, "Paused")),
        ([HEALTHY, MISSING], Health(False, HealthStatus.HEALTHY)),
        ([MISSING, MISSING], MISSING),
        ([DEGRADED, Health(False, HealthStatus.UNKNOWN, "What")], Health(False, HealthStatus.UNKNOWN, "What", failed=True)),
        ([PROGRESSING, Health(False, HealthStatus.PROGRESSING, "Later")], PROGRESSING),
    ],
)
def test_a_whole_is_as_well_as_its_worst_part(parts: list[Health], expected: Health) -> None:
    assert expected == worst(iter(parts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01T00:00:00.250Z", 0.25),
        ("1970-01-01T00:00:00", None),
        ("soon", None),
        (17, None),
        (None, None),
    ],
)
def test_times_are_rfc_3339_with_a_zone(text: object, expected: float | None) -> None:
    assert expected == parse_time(text)


def test_no_group_of_kubernetes_itself_is_taken_for_a_custom_one() -> None:
    """The Python client has a file for every group, with the path of the group in it."""
    groups = {group for path in API.glob("*_api.py") if "_v" not in path.stem for group in GROUP.findall(path.read_text())}
    unknown = {group for group in groups if "." in group} - BUILT_IN_GROUPS
    assert not unknown, "a new Kubernetes has new groups of its own: add them to BUILT_IN_GROUPS"
    assert "rbac.authorization.k8s.io" in groups
