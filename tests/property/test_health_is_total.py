"""Any JSON object has a health, and the two answers never contradict each other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitops_core.health import HealthOptions, HealthRules, assess, worst
from gitops_core.health.rules import BUILT_IN
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Live, ResourceKey

words = st.sampled_from(
    [
        "metadata",
        "spec",
        "status",
        "conditions",
        "type",
        "reason",
        "message",
        "phase",
        "generation",
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "currentReplicas",
        "updateStrategy",
        "partition",
        "rollingUpdate",
        "containerStatuses",
        "initContainerStatuses",
        "state",
        "waiting",
        "terminated",
        "lastState",
        "exitCode",
        "name",
        "loadBalancer",
        "ingress",
        "clusterIP",
        "suspend",
        "paused",
        "startTime",
        "creationTimestamp",
        "annotations",
        "restartPolicy",
        "storageClassName",
    ]
)
texts = words | st.sampled_from(
    ["True", "False", "Ready", "Failed", "Running", "Pending", "Unschedulable", "OnDelete", "CrashLoopBackOff", "Progressing",
     "LoadBalancer", "Bound", "Complete", "Stalled", "2026-01-01T00:00:00Z", ""]
) | st.text(max_size=5)  # fmt: skip
leaves = st.none() | st.booleans() | st.integers(-2, 4) | st.floats(allow_nan=False) | texts
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5), max_leaves=30)
kinds = st.sampled_from(sorted(BUILT_IN)) | st.just(("example.org", "Widget"))
bodies = st.fixed_dictionaries(
    {"apiVersion": st.sampled_from(["v1", ""])}, optional=dict.fromkeys(("metadata", "spec", "status"), trees)
)
rules = st.builds(HealthRules, st.builds(HealthOptions, first_consumer_classes=st.sampled_from([set(), {"*"}])))


@given(kind=kinds, body=bodies | trees, written_at=st.none() | st.floats(-9, 9), rules=rules)
def test_assess_is_total_and_its_answers_agree(
    kind: tuple[str, str], body: Any, written_at: float | None, rules: HealthRules
) -> None:
    live = Live(ResourceKey(*kind, "shop", "web"), lambda: body)
    health = assess(live, now=1.0, written_at=written_at, rules=rules)
    assert health == assess(live, now=1.0, written_at=written_at, rules=rules)
    assert health.settled or health.status is not HealthStatus.HEALTHY
    assert not health.failed or (health.status is HealthStatus.DEGRADED and not health.settled)


healths = st.builds(Health, st.booleans(), st.sampled_from(HealthStatus), st.sampled_from(["", "A", "B"]), failed=st.booleans())


@given(left=st.lists(healths), right=st.lists(healths))
def test_the_worst_of_two_parts_is_the_worst_of_all(left: list[Health], right: list[Health]) -> None:
    """Which is why a large set may be judged in parts; an empty part is left out, for it is Healthy and not Missing."""
    whole, parts = worst(left + right), worst([worst(part) for part in (left, right) if part])
    assert (whole.settled, whole.status, whole.failed) == (parts.settled, parts.status, parts.failed)
