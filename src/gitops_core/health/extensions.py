"""What extends the API or acts on other objects: CustomResourceDefinition, APIService, HorizontalPodAutoscaler."""

from __future__ import annotations

import json
from typing import Any, Final

from gitops_core.health.observed import Observed, conditions_in, degraded, failed, healthy, progressing
from gitops_core.model.health import Health
from gitops_core.model.pointers import get

_V1_CONDITIONS: Final = (
    "/metadata/annotations/autoscaling.alpha.kubernetes.io~1conditions"  # autoscaling/v1 has no field for them
)
_SCALING_FAILURES: Final = frozenset(
    {
        ("AbleToScale", "FailedGetScale"),
        ("AbleToScale", "FailedUpdateScale"),
        ("ScalingActive", "FailedGetResourceMetric"),
        ("ScalingActive", "InvalidSelector"),
        ("ScalingActive", "FailedGetObjectMetric"),
        ("ScalingActive", "FailedGetPodsMetric"),
        ("ScalingActive", "FailedGetExternalMetric"),
        ("ScalingActive", "FailedComputeMetricsReplicas"),
    }
)


def definition(observed: Observed) -> Health:
    """Established: its custom resources can be written now. Source: kstatus."""
    names, established = observed.condition("NamesAccepted"), observed.condition("Established")
    if names.status == "False":
        return failed(names.reason or "NamesNotAccepted", names.message)
    if established.is_true:
        return healthy()
    if established.status == "False" and established.reason != "Installing":
        return failed(established.reason or "NotEstablished", established.message)
    return progressing("Installing", established.message)


def api_service(observed: Observed) -> Health:
    """Available. Source: Argo CD; kstatus has no rule for it and calls it settled."""
    available = observed.condition("Available")
    if available.is_true:
        return healthy(available.reason, available.message)
    return progressing(available.reason or "NotAvailable", available.message, settled=True)


def autoscaler(observed: Observed) -> Health:
    """It reads its metrics and can scale. Source: Argo CD; kstatus has no rule for it and calls it settled."""
    conditions = list(conditions_in(observed.status.get("conditions") or _from_annotation(observed)))
    wrong = next((c for c in conditions if (c.type, c.reason) in _SCALING_FAILURES), None)
    if wrong is not None:
        return degraded(wrong.reason, wrong.message, settled=True)
    able = next((c for c in conditions if c.type in ("AbleToScale", "ScalingLimited") and c.is_true), None)
    if able is not None:
        return healthy(able.reason, able.message)
    return progressing("WaitingToScale", settled=True)


def _from_annotation(observed: Observed) -> Any:
    text = get(observed.body, _V1_CONDITIONS)
    return json.loads(text) if text else None
