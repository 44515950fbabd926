"""What policies say, in one order."""

from __future__ import annotations

import pytest

from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.model.verdicts import Severity, Verdict, Violation

WEB = ResourceKey("", "Service", "", "web")
API = ResourceKey("", "Service", "", "api")


def test_a_verdict_is_sorted_by_severity_object_and_place() -> None:
    violations = [
        Violation(WEB, "w", Severity.AUDIT),
        Violation(WEB, "w", Severity.WARN),
        Violation(WEB, "b", pointer="/b"),
        Violation(WEB, "a", pointer="/b", policy="p"),
        Violation(WEB, "a", pointer="/a"),
        Violation(API, "a"),
        Violation(None, "all"),
    ]
    assert Verdict.of(violations) == Verdict.of(reversed(violations))
    assert [f"{v.severity} {v.key or ''} {v.pointer} {v.policy}" for v in Verdict.of(violations).violations] == [
        "deny   ",
        "deny Service/api  ",
        "deny Service/web /a ",
        "deny Service/web /b ",
        "deny Service/web /b p",
        "warn Service/web  ",
        "audit Service/web  ",
    ]


def test_only_a_denial_denies_and_the_first_one_is_shown() -> None:
    first, second = Violation(WEB, "a"), Violation(WEB, "b")
    verdict = Verdict.of([second, first, Violation(API, "c", Severity.WARN), Violation(None, "d", Severity.AUDIT)])
    assert verdict.denied == {WEB: first}
    assert not verdict.is_allowed
    assert Verdict.of([Violation(API, "c", Severity.WARN)]).is_allowed
    assert Verdict().is_allowed


def test_a_violation_names_policy_object_message_and_place() -> None:
    origin = Origin(path="a.yaml", line=3)
    assert str(Violation(WEB, "no", pointer="/x", policy="p", origin=origin)) == "deny p: Service/web: no (a.yaml:3 /x)"
    assert str(Violation(WEB, "no", Severity.WARN, policy="p", origin=origin)) == "warn p: Service/web: no (a.yaml:3)"
    assert str(Violation(None, "no", policy="p")) == "deny p: all objects: no"


@pytest.mark.parametrize("key", ["ConfigMap/a", ("ConfigMap", "a"), ResourceKey("", "ConfigMap", "", "a")])
def test_a_violation_names_its_object_in_every_spelling_of_a_key(key):
    """A denial whose key is no ResourceKey would be about nothing, and the object would be written."""
    assert ResourceKey("", "ConfigMap", "", "a") in Verdict.of([Violation(key, "no")]).denied


def test_a_severity_may_be_written_as_a_text_and_must_exist():
    assert Violation(None, "no", "deny").severity is Severity.DENY
    with pytest.raises(ValueError, match="fatal"):
        Violation(None, "no", "fatal")
