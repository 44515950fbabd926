"""Which rule judges which kind, and the one function that asks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from gitops_core.health.batch import cron_job, job, workflow
from gitops_core.health.extensions import api_service, autoscaler, definition
from gitops_core.health.general import ready, unfinished
from gitops_core.health.network import ingress, service
from gitops_core.health.observed import HealthOptions, Observed, Rule, healthy, progressing, unknown
from gitops_core.health.pods import pod
from gitops_core.health.storage import claim
from gitops_core.health.workloads import daemon_set, deployment, replica_set, stateful_set
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.resources import Live

BUILT_IN: Final[Mapping[tuple[str, str], Rule]] = {
    ("", "PersistentVolumeClaim"): claim,
    ("", "Pod"): pod,
    ("", "Service"): service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition,
    ("apiregistration.k8s.io", "APIService"): api_service,
    ("apps", "DaemonSet"): daemon_set,
    ("apps", "Deployment"): deployment,
    ("apps", "ReplicaSet"): replica_set,
    ("apps", "StatefulSet"): stateful_set,
    ("argoproj.io", "Workflow"): workflow,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaler,
    ("batch", "CronJob"): cron_job,
    ("batch", "Job"): job,
    ("extensions", "DaemonSet"): daemon_set,
    ("extensions", "Deployment"): deployment,
    ("extensions", "Ingress"): ingress,
    ("extensions", "ReplicaSet"): replica_set,
    ("networking.k8s.io", "Ingress"): ingress,
}
"""Kinds with a rule of their own; asked only about objects with an ``apiVersion``, after the general rules for progress."""

MISSING: Final = Health(False, HealthStatus.MISSING, "Missing", "observed and not there")
"""The health of what was looked for and is not there."""


@attrs.frozen
class HealthRules:
    """
    The rules in force: ours, and yours before them.

    Attributes:
        options: Numbers and names that no object says about itself.
        overrides: Your rules by (group, kind); see :meth:`with_rule`.
    """

    options: HealthOptions = HealthOptions()
    overrides: Mapping[tuple[str, str], Rule] = attrs.field(factory=dict, hash=False)

    def with_rule(self, group: str, kind: str, rule: Rule) -> HealthRules:
        """
        Return these rules with *rule* for one kind, asked before every other rule but "is being deleted".

        Args:
            group: The API group; empty for Kubernetes' core and for objects without an ``apiVersion``.
            kind: The kind.
            rule: Pure; from an :class:`Observed` to a ``Health``, or None to let our rules decide.
        """
        return attrs.evolve(self, overrides={**self.overrides, (group, kind): rule})


DEFAULT_RULES: Final = HealthRules()


def assess(live: Live | None, *, now: float, written_at: float | None = None, rules: HealthRules = DEFAULT_RULES) -> Health:
    """
    Say whether *live* has settled and how well it is.

    Pure, and total: any JSON object has a health. An object that nothing is known to act on afterwards (a file, a DNS record:
    no ``status``, no ``apiVersion``) is settled and Healthy at once. A rule that raises makes the object Unknown; only the
    class of the error is told, for its text may quote the object.

    Args:
        live: The object; None when it was looked for and is not there.
        now: Epoch seconds.
        written_at: Epoch seconds of our own last write, or None.
        rules: Ours, with your overrides.

    Returns:
        Health: ``status`` is Healthy only if ``settled``; ``failed`` only if Degraded and not ``settled``.

    Raises:
        GitOpsError: Only what reading a lazy ``live.body`` raises.

    Source: kstatus for *settled*, Argo CD for *status*; deviations in ``docs/reference/health.md``.
    """
    if live is None:
        return MISSING
    observed = Observed(live, now, written_at, rules.options)
    if live.deleting or observed.metadata.get("deletionTimestamp"):
        return progressing("Terminating", "pending deletion")
    kind = (live.key.group, live.key.kind)
    return (
        _ask(rules.overrides.get(kind), observed)
        or unfinished(observed)
        or _ask(BUILT_IN.get(kind) if observed.is_kubernetes else None, observed)
        or ready(observed)
    )


def _ask(rule: Rule | None, observed: Observed) -> Health | None:
    if rule is None:
        return None
    kind = observed.live.key.kind
    try:
        found: object = rule(observed)
    except Exception as error:  # noqa: BLE001  # why: a rule may be anybody's, and an object anything
        return unknown("RuleFailed", f"the health rule for {kind} raised {type(error).__name__}")
    if found is None or isinstance(found, Health):
        return found
    return unknown("RuleFailed", f"the health rule for {kind} returned {type(found).__name__}, not a Health or None")


def worst(healths: Iterable[Health]) -> Health:
    """
    Return the health of a whole: the worst status, settled when all of it is, failed when any of it is.

    What is missing does not make the rest worse: only when nothing is there at all is the whole Missing. Nothing at all is
    Healthy. Reason and message are those of the first with the worst status.

    Source: Argo CD's aggregation.
    """
    parts = list(healths)
    there = [h for h in parts if h.status is not HealthStatus.MISSING] or parts or [healthy()]
    lead = max(there, key=lambda h: _RANK[h.status])
    return attrs.evolve(lead, settled=all(h.settled for h in parts), failed=any(h.failed for h in parts))


_RANK: Final = {status: rank for rank, status in enumerate(HealthStatus)}
