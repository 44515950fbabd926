"""
Details of health that no other test would miss: what is said to people, and the edges of each rule.

After a wanted change of a message run ``GITOPS_UPDATE_SNAPSHOTS=1 pytest tests/unit/health/test_health_details.py`` and review the
difference of ``tests/golden/health/messages.txt``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from gitops_core.health import HealthOptions, HealthRules, Observed, assess
from gitops_core.health.batch import cron_job
from gitops_core.health.extensions import definition
from gitops_core.health.general import BUILT_IN_GROUPS
from gitops_core.health.network import ingress, service
from gitops_core.health.observed import Condition
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Live, key_of
from gitops_core.testing.builders.resources import manifest, with_status
from gitops_core.testing.snapshots import check_snapshot

GOLDEN = Path(__file__).parents[2] / "golden" / "health"
NOW = 1_767_225_600.0


def said(path):
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    written_at = NOW - case["written_ago"] if "written_ago" in case else None
    rules = HealthRules(HealthOptions(**case.get("options", {})))
    health = assess(Live(key_of(case["input"]), case["input"]), now=NOW, written_at=written_at, rules=rules)
    return f"{path.stem}: {health.status} {health.reason} | {health.message}"


def test_every_message_is_as_it_was_reviewed():
    text = "\n".join(said(path) for path in sorted(GOLDEN.glob("*.yaml")))
    check_snapshot(GOLDEN / "messages.txt", text, update=bool(os.environ.get("GITOPS_UPDATE_SNAPSHOTS")))


def observed(body, **facts):
    return Observed(Live(key_of(body), body), **{"now": NOW, **facts})


HEALTHY = Health(True, HealthStatus.HEALTHY)


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        (cron_job, manifest("batch/v1/CronJob", "a")),
        (definition, with_status(manifest("apiextensions.k8s.io/v1/CustomResourceDefinition", "a"), conditions=[{"type": "Established", "status": "True"}])),
        (service, manifest("v1/Service", "a", spec={"type": "ExternalName"})),
        (service, manifest("v1/Service", "a", spec={"type": "LoadBalancer", "clusterIP": "10.0.0.1"}, status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}})),
        (ingress, manifest("networking.k8s.io/v1/Ingress", "a", status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}})),
    ],
)  # fmt: skip
def test_a_rule_that_is_content_says_so_itself(rule, body):
    """None would leave it to the general rules, which know less."""
    assert rule(observed(body)) == HEALTHY


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"type": "NamesAccepted", "status": "False"}, "NamesNotAccepted"),
        ({"type": "Established", "status": "False"}, "NotEstablished"),
    ],
)
def test_a_definition_that_failed_without_a_reason_has_one_of_ours(condition, reason):
    body = with_status(manifest("apiextensions.k8s.io/v1/CustomResourceDefinition", "a"), conditions=[condition])
    assert definition(observed(body)).reason == reason


def widget(**facts):
    return manifest("example.org/v1/Widget", "a", **facts)


def test_conditions_without_a_reason_have_one_of_ours():
    def reason(kind):
        return assess(observed(with_status(widget(), conditions=[{"type": kind, "status": "True"}])).live, now=NOW).reason

    assert (reason("Stalled"), reason("Reconciling")) == ("Stalled", "Reconciling")


@pytest.mark.parametrize(
    ("ago", "status"), [(-1.0, "Healthy"), (0.0, "Unknown"), (0.5, "Unknown"), (9.999, "Unknown"), (10.0, "Healthy")]
)
def test_the_grace_of_what_says_nothing_begins_with_the_write_and_ends(ago, status):
    rules = HealthRules(HealthOptions(grace=10.0))
    assert assess(observed(widget()).live, now=NOW, written_at=NOW - ago, rules=rules).status == status


@pytest.mark.parametrize("group", sorted(BUILT_IN_GROUPS))
def test_what_kubernetes_brings_itself_needs_no_status(group):
    assert assess(observed(manifest(f"{group}/v1/Thing", "a")).live, now=NOW, written_at=NOW) == HEALTHY


# -- reading objects -----------------------------------------------------------------------------------------------------------------


def test_one_storage_class_may_be_given_as_a_text():
    assert HealthOptions(first_consumer_classes="local").first_consumer_classes == frozenset({"local"})


def test_an_observed_object_does_not_show_its_body():
    assert "canary" not in repr(observed(manifest("v1/Secret", "a", data={"password": "canary"})))


def test_a_condition_that_is_not_there_is_empty():
    assert observed(widget()).condition("Ready") == Condition("", "", "", "", None)


def test_conditions_that_are_no_objects_are_passed_over():
    found = observed(with_status(widget(), conditions=["Ready", {"type": "Ready", "status": "True", "message": "all well"}]))
    assert found.condition("Ready") == Condition("Ready", "True", "", "all well", None)


def test_numbers_and_texts_that_are_not_there_have_a_default():
    found = observed(widget(spec={"n": 0, "t": ""}))
    assert (found.number("/spec/x"), found.number("/spec/x", 7), found.number("/spec/n", 7)) == (0, 7, 0)
    assert (found.text("/spec/x"), found.text("/spec/x", "d"), found.text("/spec/t", "d")) == ("", "d", "")
    with pytest.raises(TypeError, match=r"^/spec/t is not an integer but str$"):
        found.number("/spec/t")
    with pytest.raises(TypeError, match=r"^/spec/n is not text but int$"):
        found.text("/spec/n")


def test_the_defaults_are_those_of_the_reference():
    assert (HealthOptions().grace, HealthOptions().unschedulable_after) == (5.0, 15.0)
