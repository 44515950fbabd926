"""PersistentVolumeClaim."""

from __future__ import annotations

from typing import Final

from gitops_core.health.observed import Observed, degraded, healthy, progressing, unknown
from gitops_core.model.health import Health
from gitops_core.model.pointers import get

_CHOSEN: Final = "/metadata/annotations/volume.kubernetes.io~1selected-node"  # set once a Pod that uses the claim has a node


def claim(observed: Observed) -> Health:
    """Bound, or waiting for its first consumer where the options say that its storage class does so."""
    phase = observed.text("/status/phase")
    if phase == "Bound":
        return healthy()
    if phase == "Lost":
        return degraded("ClaimLost", "its volume is gone")
    if phase != "Pending":
        return unknown("NotBound", phase)
    if _waits_for_consumer(observed):
        return healthy("WaitForFirstConsumer", "bound when the first Pod that uses it is scheduled")
    return progressing("NotBound", phase)


def _waits_for_consumer(observed: Observed) -> bool:
    classes = observed.options.first_consumer_classes
    listed = "*" in classes or observed.text("/spec/storageClassName") in classes
    return listed and get(observed.body, _CHOSEN) is None
