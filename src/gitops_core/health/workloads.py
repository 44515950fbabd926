"""Deployment, StatefulSet, DaemonSet, ReplicaSet. Source: kstatus for *settled*, Argo CD for *status*."""

from __future__ import annotations

from typing import Final

import attrs

from gitops_core.health.observed import Condition, Observed, degraded, failed, healthy, progressing
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.pointers import get

_NO_DEADLINE: Final = 2**31 - 1  # the controller reads MaxInt32 as "none"


def deployment(observed: Observed) -> Health:
    """Rolled out, available and not paused."""
    progress, failure = observed.condition("Progressing"), observed.condition("ReplicaFailure")
    if progress.reason == "ProgressDeadlineExceeded":
        return failed(progress.reason, progress.message)
    if failure.is_true:  # a quota or an admission webhook: no Pod says so, only this condition
        return degraded("ReplicaFailure", failure.message)
    found = _unseen(observed) or _deployment_counts(observed) or _availability(observed, progress) or healthy()
    if get(observed.body, "/spec/paused") is True:
        return attrs.evolve(found, status=HealthStatus.SUSPENDED, reason="Paused")
    return found


def _deployment_counts(observed: Observed) -> Health | None:
    want = observed.number("/spec/replicas", 1)
    total, updated = observed.number("/status/replicas"), observed.number("/status/updatedReplicas")
    return (
        _less("LessReplicas", total, want)
        or _less("LessUpdated", updated, want)
        or _extra(total, want)
        or _less("LessAvailable", observed.number("/status/availableReplicas"), updated)
        or _less("LessReady", observed.number("/status/readyReplicas"), want)
    )


def _availability(observed: Observed, progress: Condition) -> Health | None:
    has_deadline = observed.number("/spec/progressDeadlineSeconds", _NO_DEADLINE) != _NO_DEADLINE
    if has_deadline and not (progress.is_true and progress.reason == "NewReplicaSetAvailable"):
        return progressing("ReplicaSetNotAvailable", progress.message)
    available = observed.condition("Available")
    return None if available.is_true else progressing("DeploymentNotAvailable", available.message)


def stateful_set(observed: Observed) -> Health:
    """Every ordinal ready, at the revision that was asked for."""
    want, ready = observed.number("/spec/replicas", 1), observed.number("/status/readyReplicas")
    if _is_on_delete(observed):  # settled at once: only a person deleting Pods moves it on
        return _unseen(observed) or _less("LessReady", ready, want, settled=True) or healthy("OnDelete")
    total = observed.number("/status/replicas")
    return (
        _unseen(observed)
        or _less("LessReplicas", total, want)
        or _less("LessReady", ready, want)
        or _extra(total, want)
        or _revision(observed, want)
        or healthy()
    )


def _revision(observed: Observed, want: int) -> Health | None:
    partition = observed.number("/spec/updateStrategy/rollingUpdate/partition", -1)
    if partition >= 0:
        return _less("PartitionRollout", observed.number("/status/updatedReplicas"), want - partition)
    current, update = observed.text("/status/currentRevision"), observed.text("/status/updateRevision")
    mismatch = progressing("RevisionMismatch", f"at {current}, going to {update}") if current != update else None
    return _less("LessCurrent", observed.number("/status/currentReplicas"), want) or mismatch


def daemon_set(observed: Observed) -> Health:
    """One ready Pod on every node that should have one."""
    if "generation" not in observed.metadata:
        return progressing("NoGeneration", "metadata.generation is missing")
    return _unseen(observed) or _daemon_counts(observed) or healthy()


def _daemon_counts(observed: Observed) -> Health | None:
    want = observed.number("/status/desiredNumberScheduled", -1)
    if want < 0:
        return progressing("NoDesiredNumber", "status.desiredNumberScheduled is missing")
    return (
        _less("LessCurrent", observed.number("/status/currentNumberScheduled"), want)
        # nobody but a person updates Pods under OnDelete; kstatus would wait for that person
        or (None if _is_on_delete(observed) else _less("LessUpdated", observed.number("/status/updatedNumberScheduled"), want))
        or _less("LessAvailable", observed.number("/status/numberAvailable"), want)
        or _less("LessReady", observed.number("/status/numberReady"), want)
    )


def replica_set(observed: Observed) -> Health:
    """As many available Pods as asked for."""
    failure, want = observed.condition("ReplicaFailure"), observed.number("/spec/replicas", 1)
    if failure.is_true:
        return degraded("ReplicaFailure", failure.message)
    return (
        _unseen(observed)
        or _less("LessLabelled", observed.number("/status/fullyLabeledReplicas"), want)
        or _less("LessAvailable", observed.number("/status/availableReplicas"), want)
        or _less("LessReady", observed.number("/status/readyReplicas"), want)
        or _extra(observed.number("/status/replicas"), want)
        or healthy()
    )


def _unseen(observed: Observed) -> Health | None:
    if "generation" in observed.metadata and observed.status.get("observedGeneration") is None:
        return progressing("NoObservedGeneration", "its controller has not looked at it yet")
    return None


def _is_on_delete(observed: Observed) -> bool:
    return observed.text("/spec/updateStrategy/type") == "OnDelete"


def _less(reason: str, have: int, want: int, *, settled: bool = False) -> Health | None:
    return progressing(reason, f"{have} of {want}", settled=settled) if have < want else None


def _extra(total: int, want: int) -> Health | None:
    return progressing("ExtraPods", f"{total - want} to be terminated") if total > want else None
