"""The rules for every kind: kstatus' conventions, and what to think of an object that says nothing."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.health.observed import Observed, conditions_in, failed, healthy, progressing, unknown
from gitops_core.model.health import Health

BUILT_IN_GROUPS: Final = frozenset(
    {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "lifecycle.k8s.io",
        "metrics.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
"""Kubernetes' own groups with a dot in their name. Many of their kinds never have a status; a test compares with the client."""


def unfinished(observed: Observed) -> Health | None:
    """Say why the object's controller is still at work, or None. Source: kstatus, steps 2 and 3."""
    if _is_behind(observed, observed.status.get("observedGeneration")):
        return _not_observed()
    for condition in conditions_in(observed.status.get("conditions")):
        if condition.type == "Reconciling" and condition.is_true:
            return progressing(condition.reason or "Reconciling", condition.message)
        if condition.type == "Stalled" and condition.is_true:
            return failed(condition.reason or "Stalled", condition.message)
    return None


def ready(observed: Observed) -> Health:
    """Judge an object without a rule of its own by its ``Ready`` condition, if any. Source: kstatus, steps 5 and 6."""
    condition = observed.condition("Ready")
    if not condition.type:
        return _silent(observed)
    if _is_behind(observed, condition.observed_generation):
        return _not_observed()
    if condition.is_true:
        return healthy(condition.reason, condition.message)
    return progressing(condition.reason or "NotReady", condition.message)


def _silent(observed: Observed) -> Health:
    if observed.status or observed.written_at is None or not _is_custom(observed):
        return healthy()
    if 0 <= observed.now - observed.written_at < observed.options.grace:
        return unknown("NoStatusYet", "written a moment ago; its controller, if there is one, has said nothing yet")
    return healthy()


def _is_custom(observed: Observed) -> bool:
    group = observed.live.key.group  # the group of a CustomResourceDefinition always has a dot
    return observed.is_kubernetes and "." in group and group not in BUILT_IN_GROUPS


def _is_behind(observed: Observed, seen: Any) -> bool:
    generation = observed.metadata.get("generation")
    return isinstance(generation, int) and isinstance(seen, int) and seen != generation


def _not_observed() -> Health:
    return progressing("LatestGenerationNotObserved", "the controller has not looked at the latest generation yet")
