"""Defaults of pods and of templates of pods. Pure."""

from __future__ import annotations

from typing import Any, Final

from gitops_core.testing.kubernetes.defaults.filling import Object, at, each, filled

_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
_MODED: Final = ("secret", "configMap", "downwardAPI", "projected")
_TOKEN_SECONDS: Final = 3600
_UNREACHABLE_SECONDS: Final = 300


def pod_template(value: Object) -> Object:
    """Return a template with the defaults of its pod's specification."""
    return {**value, "metadata": value.get("metadata") or {}, "spec": pod_spec(value.get("spec") or {})}


def pod_spec(spec: Object) -> Object:
    """Return the specification of a pod with its defaults."""
    made = filled(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        terminationGracePeriodSeconds=30,
        securityContext={},
        schedulerName="default-scheduler",
    )
    for name in _CONTAINERS:
        made = each(made, name, lambda container: _container(container, bool(spec.get("hostNetwork"))))
    account = made.get("serviceAccountName") or made.get("serviceAccount")
    if account:
        made |= {"serviceAccountName": account, "serviceAccount": account}
    return each(made, "volumes", _volume)


def pod(value: Object) -> Object:
    """Return a pod with its defaults."""
    spec = filled(pod_spec(value.get("spec") or {}), enableServiceLinks=True)
    for name in ("containers", "initContainers"):
        spec = each(spec, name, _requests)
    return {**value, "spec": spec}


def new_pod(value: Object) -> Object:
    """Return a new pod with what admission always adds, and its phase."""
    spec = filled(value["spec"], priority=0, preemptionPolicy="PreemptLowerPriority")
    spec["tolerations"] = _tolerations(spec.get("tolerations") or [])
    return {**value, "spec": spec, "status": {"phase": "Pending", "qosClass": _quality(spec)}}


def _container(value: Object, on_host: bool) -> Object:
    made = filled(
        value,
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=_pull_policy(value.get("image") or ""),
    )
    made = each(made, "ports", lambda port: _port(port, on_host))
    made = each(made, "env", lambda env: at(env, "valueFrom.fieldRef", lambda ref: filled(ref, apiVersion="v1")))
    for name in _PROBES:
        made = at(made, name, _probe)
    for name in ("postStart", "preStop"):
        made = at(made, f"lifecycle.{name}.httpGet", _http_get)
    return made


def _port(value: Object, on_host: bool) -> Object:
    made = filled(value, protocol="TCP")
    return filled(made, hostPort=made.get("containerPort")) if on_host else made


def _probe(value: Object) -> Object:
    made = filled(value, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    made = at(made, "grpc", lambda grpc: filled(grpc, service=""))
    return at(made, "httpGet", _http_get)


def _http_get(value: Object) -> Object:
    return filled(value, path="/", scheme="HTTP")


def _pull_policy(image: str) -> str:
    name = image.rpartition("/")[2]
    if "@" in name:
        return "IfNotPresent"
    tag = name.partition(":")[2]
    return "Always" if tag in {"", "latest"} else "IfNotPresent"


def _volume(value: Object) -> Object:
    if set(value) <= {"name"}:
        return {**value, "emptyDir": {}}
    made = at(value, "hostPath", lambda path: filled(path, type=""))
    for name in _MODED:
        made = at(made, name, lambda source: filled(source, defaultMode=0o644))
    made = at(made, "downwardAPI", lambda source: each(source, "items", _field_item))
    made = at(made, "ephemeral.volumeClaimTemplate.spec", lambda spec: filled(spec, volumeMode="Filesystem"))
    return at(made, "projected", lambda source: each(source, "sources", _projection))


def _projection(value: Object) -> Object:
    made = at(value, "serviceAccountToken", lambda token: filled(token, expirationSeconds=_TOKEN_SECONDS))
    return at(made, "downwardAPI", lambda source: each(source, "items", _field_item))


def _field_item(value: Object) -> Object:
    return at(value, "fieldRef", lambda ref: filled(ref, apiVersion="v1"))


def _requests(value: Object) -> Object:
    resources = value.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return value
    return {**value, "resources": {**resources, "requests": {**limits, **(resources.get("requests") or {})}}}


def _tolerations(given: list[Any]) -> list[Any]:
    added = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _UNREACHABLE_SECONDS}
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        if not any(each.get("key") in {key, None, ""} and each.get("effect") in {"NoExecute", None, ""} for each in given)
    ]
    return [*given, *added]


def _quality(spec: Object) -> str:
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    found = [container.get("resources") or {} for container in containers]
    if not any(resources.get("limits") or resources.get("requests") for resources in found):
        return "BestEffort"
    wanted = {"cpu", "memory"}
    guaranteed = all(
        wanted <= set(resources.get("limits") or {}) and resources.get("limits") == resources.get("requests")
        for resources in found
    )
    return "Guaranteed" if guaranteed else "Burstable"
