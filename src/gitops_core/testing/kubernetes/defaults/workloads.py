"""Defaults of what makes pods: deployments and their like, jobs. Pure."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.testing.kubernetes.defaults.filling import Object, at, each, filled, held
from gitops_core.testing.kubernetes.defaults.pods import pod_template

_GENERATION: Final = "deprecated.daemonset.template.generation"


def deployment(value: Object) -> Object:
    """Return a Deployment with its defaults."""
    spec = _templated(value, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = filled(spec.get("strategy"), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = filled(strategy.get("rollingUpdate"), maxUnavailable="25%", maxSurge="25%")
    return {**value, "spec": {**spec, "strategy": strategy}}


def replica_set(value: Object) -> Object:
    """Return a ReplicaSet with its defaults."""
    return {**value, "spec": _templated(value, replicas=1)}


def replication_controller(value: Object) -> Object:
    """Return a ReplicationController with its defaults: selector and labels of its template."""
    spec = _templated(value, replicas=1)
    labels = held(spec, "template.metadata.labels") or {}
    spec = spec if spec.get("selector") or not labels else {**spec, "selector": labels}
    metadata = value["metadata"] if value["metadata"].get("labels") or not labels else {**value["metadata"], "labels": labels}
    return {**value, "metadata": metadata, "spec": spec}


def stateful_set(value: Object) -> Object:
    """Return a StatefulSet with its defaults."""
    spec = _templated(value, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    strategy = filled(spec.get("updateStrategy"), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = filled(strategy.get("rollingUpdate"), partition=0)
    kept = filled(spec.get("persistentVolumeClaimRetentionPolicy"), whenDeleted="Retain", whenScaled="Retain")
    spec |= {"updateStrategy": strategy, "persistentVolumeClaimRetentionPolicy": kept}
    return {**value, "spec": each(spec, "volumeClaimTemplates", _claim_template)}


def daemon_set(value: Object) -> Object:
    """Return a DaemonSet with its defaults."""
    spec = _templated(value, revisionHistoryLimit=10)
    strategy = filled(spec.get("updateStrategy"), type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy["rollingUpdate"] = filled(strategy.get("rollingUpdate"), maxUnavailable=1, maxSurge=0)
    metadata = value["metadata"]
    annotations = {_GENERATION: "1", **(metadata.get("annotations") or {})}
    return {**value, "metadata": {**metadata, "annotations": annotations}, "spec": {**spec, "updateStrategy": strategy}}


def counted_daemon_set(value: Object, before: Object) -> Object:
    """Return a DaemonSet that changed, with the annotation in which it counts the changes of its template."""
    number = int((held(before, "metadata.annotations") or {}).get(_GENERATION, "1"))
    number += held(before, "spec.template") != held(value, "spec.template")
    metadata = value["metadata"]
    return {**value, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), _GENERATION: str(number)}}}


def job(value: Object) -> Object:
    """Return a Job with its defaults."""
    given = value.get("spec") or {}
    spec = filled(job_spec(given), completionMode="NonIndexed", suspend=False, manualSelector=False, backoffLimit=6)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec = filled(spec, parallelism=1, podReplacementPolicy="Failed" if given.get("podFailurePolicy") else "TerminatingOrFailed")
    return {**value, "spec": spec}


def job_spec(spec: Object) -> Object:
    """Return the specification of a job with the defaults that a CronJob's template has, too."""
    return {**spec, "template": pod_template(spec.get("template") or {})}


def cron_job(value: Object) -> Object:
    """Return a CronJob with its defaults."""
    spec = filled(
        value.get("spec"), concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1
    )
    return {**value, "spec": at(spec, "jobTemplate.spec", job_spec)}


def selected_job(value: Object) -> Object:
    """Return a new Job with the selector and the labels that tell its pods from others."""
    if value["spec"].get("manualSelector"):
        return value
    uid, name = value["metadata"]["uid"], value["metadata"].get("name", "")
    prefixed = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name}
    labels = {**prefixed, "controller-uid": uid, "job-name": name}
    template = value["spec"]["template"]
    metadata: Object = {**template["metadata"], "labels": {**(template["metadata"].get("labels") or {}), **labels}}
    selector: Any = value["spec"].get("selector") or {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    given = value["metadata"].get("labels") or metadata["labels"]
    spec = {**value["spec"], "template": {**template, "metadata": metadata}, "selector": selector}
    return {**value, "metadata": {**value["metadata"], "labels": given}, "spec": spec}


def _templated(value: Object, **missing: Any) -> Object:
    spec = filled(value.get("spec"), **missing)
    return {**spec, "template": pod_template(spec.get("template") or {})}


def _claim_template(value: Object) -> Object:
    made = filled(value, kind="PersistentVolumeClaim", apiVersion="v1", status={})
    made["status"] = filled(made["status"], phase="Pending")
    return {**made, "spec": filled(made.get("spec"), volumeMode="Filesystem")}
