"""Pod. Source: kstatus for *settled*, Argo CD for *status*; init containers are looked at, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from gitops_core.health.observed import Observed, degraded, failed, healthy, progressing, unknown
from gitops_core.model.health import Health
from gitops_core.model.pointers import get


def pod(observed: Observed) -> Health:
    """Done, or running and ready."""
    phase = observed.text("/status/phase")
    match phase:
        case "Succeeded":
            return healthy("PodSucceeded")
        case "Failed":  # nothing moves any more, so it has settled; it is not well all the same
            return degraded("PodFailed", _last_words(observed), settled=True)
        case "Running":
            return _running(observed)
        case "Pending":
            return _stuck(observed) or _pending(observed)
    return unknown("UnknownPhase" if phase else "PodNotObserved", phase)


def _running(observed: Observed) -> Health:
    if observed.condition("Ready").is_true:
        return healthy() if _is_long_running(observed) else progressing("PodRunning", "runs to completion", settled=True)
    stuck = _stuck(observed)
    if stuck is not None:
        return stuck
    restarted = [name for name, status in _containers(observed) if get(status, "/lastState/terminated")]
    if restarted and _is_long_running(observed):
        return degraded("ContainerRestarted", f"not ready after a restart: {', '.join(restarted)}")
    return progressing("PodRunningNotReady")


def _pending(observed: Observed) -> Health:
    scheduled = observed.condition("PodScheduled")
    if scheduled.status != "False" or scheduled.reason != "Unschedulable":
        return progressing("PodPending")
    age = observed.age()
    if age is None or age < observed.options.unschedulable_after:
        return progressing("PodNotScheduled", scheduled.message)
    return failed("PodUnschedulable", scheduled.message)


def _stuck(observed: Observed) -> Health | None:
    waiting = [(name, get(status, "/state/waiting") or {}) for name, status in _containers(observed, init=True)]
    crashing = [name for name, state in waiting if get(state, "/reason") == "CrashLoopBackOff"]
    if crashing:
        return failed("ContainerCrashLooping", ", ".join(crashing))
    wrong = [(name, str(get(state, "/reason")), str(get(state, "/message") or "")) for name, state in waiting if _is_wrong(state)]
    if wrong and _is_long_running(observed):
        return degraded(wrong[0][1], "; ".join(f"{name}: {message or reason}" for name, reason, message in wrong))
    return None


def _is_wrong(state: Any) -> bool:
    reason = str(get(state, "/reason", ""))
    return reason.startswith("Err") or reason.endswith(("Error", "BackOff"))


def _is_long_running(observed: Observed) -> bool:
    return observed.text("/spec/restartPolicy", "Always") == "Always"


def _last_words(observed: Observed) -> str:
    """Never the container's own message: it is often the tail of a log, which may hold a secret."""
    said = observed.text("/status/message") or observed.text("/status/reason")
    ended = ((name, get(status, "/state/terminated")) for name, status in _containers(observed, init=True))
    codes = (f"{name}: {get(end, '/reason', 'Error')}, exit code {get(end, '/exitCode')}" for name, end in ended if _is_bad(end))
    return said or next(codes, "")


def _is_bad(end: Any) -> bool:
    return bool(get(end, "/exitCode"))


def _containers(observed: Observed, *, init: bool = False) -> Iterator[tuple[str, Mapping[str, Any]]]:
    first = observed.items("/status/initContainerStatuses") if init else iter(())
    return ((str(status.get("name")), status) for status in chain(first, observed.items("/status/containerStatuses")))
