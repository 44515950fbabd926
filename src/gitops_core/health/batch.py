"""Job and CronJob, and workflows, which are jobs with steps."""

from __future__ import annotations

from gitops_core.health.observed import Observed, failed, healthy, progressing, suspended, unknown
from gitops_core.model.health import Health
from gitops_core.model.pointers import get


def job(observed: Observed) -> Health:
    """Complete. A running Job has not settled: what depends on a migration must wait for its end."""
    condition = observed.condition("Failed")
    if condition.is_true:
        return failed("JobFailed", ": ".join(filter(None, (condition.reason, condition.message))))
    if observed.condition("Complete").is_true:
        return healthy("JobComplete")
    if observed.condition("Suspended").is_true and get(observed.body, "/spec/suspend") is True:
        return suspended("JobSuspended")
    if not observed.text("/status/startTime"):
        return progressing("JobNotStarted")
    counts = ", ".join(f"{observed.number(f'/status/{word}')} {word}" for word in ("active", "succeeded", "failed"))
    return progressing("JobInProgress", counts)


def cron_job(_observed: Observed) -> Health:
    """Always: its Jobs are judged by themselves."""
    return healthy()


def workflow(observed: Observed) -> Health:
    """Succeeded. Source: Argo CD's rule for ``argoproj.io/Workflow``; settles as a Job does."""
    phase = observed.text("/status/phase")
    if phase in ("", "Pending", "Running"):
        return progressing("WorkflowInProgress", phase)
    if phase in ("Failed", "Error"):
        return failed("WorkflowFailed", phase)
    return healthy("WorkflowSucceeded") if phase == "Succeeded" else unknown("UnknownPhase", phase)
