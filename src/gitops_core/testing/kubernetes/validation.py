"""What makes objects of built-in kinds invalid. Pure; as far as ``docs/reference/fake-cluster.md`` lists it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gitops_core.testing.kubernetes.custom import custom_problems
from gitops_core.testing.kubernetes.definitions import KEY, definition_problems
from gitops_core.testing.kubernetes.immutability import immutable_problems
from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.selectors import matches_labels
from gitops_core.testing.kubernetes.statuses import Cause, invalid_value, required

Object = dict[str, Any]
_MOST_DATA: Final = 1_048_576
_LARGEST_PORT: Final = 65_535
_DATA_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_DATA_KEY_TOLD: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
    "regex used for validation is '[-._a-zA-Z0-9]+')"
)


def created_problems(kind: Kind, value: Object) -> Iterator[Cause]:
    """Yield what is wrong with a new object."""
    yield from _content_problems(kind, value)


def updated_problems(kind: Kind, before: Object, after: Object, subresource: str) -> Iterator[Cause]:
    """Yield what is wrong with an update."""
    if kind.custom is not None:
        yield from custom_problems(kind, after)
    elif subresource != "status":
        yield from _content_problems(kind, after)
        yield from immutable_problems(kind, before, after)


def _content_problems(kind: Kind, value: Object) -> Iterator[Cause]:
    if kind.custom is not None:
        yield from custom_problems(kind, value)
        return
    check = _CHECKS.get(kind.key)
    if check is not None:
        yield from check(value)


def _workload(value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    yield from _not_negative("spec.replicas", spec.get("replicas"))
    selector, labels = spec.get("selector"), _labels(spec)
    if not selector:
        yield required("spec.selector")
        yield invalid_value("spec.template.metadata.labels", labels or None, "`selector` does not match template `labels`")
    elif not matches_labels(selector, labels):
        yield invalid_value("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    yield from _template(spec)


def _job(value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    for name in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        yield from _not_negative(f"spec.{name}", spec.get(name))
    yield from _template(spec)
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy")
    if policy == "Always":
        yield _never_always("spec.template.spec.restartPolicy")


def _never_always(field: str) -> Cause:
    message = 'Required value: valid values: "OnFailure", "Never"'
    return Cause("FieldValueRequired", message, field)


def _cron_job(value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if not spec.get("schedule"):
        yield required("spec.schedule")
    yield from _template(((spec.get("jobTemplate") or {}).get("spec") or {}), "spec.jobTemplate.spec.template.spec")


def _pod(value: Object) -> Iterator[Cause]:
    yield from _pod_spec("spec", value.get("spec") or {})


def _template(spec: Mapping[str, Any], where: str = "spec.template.spec") -> Iterator[Cause]:
    yield from _pod_spec(where, (spec.get("template") or {}).get("spec") or {})


def _pod_spec(where: str, spec: Object) -> Iterator[Cause]:
    volumes = [volume.get("name") for volume in spec.get("volumes") or ()]
    if not spec.get("containers"):
        yield required(f"{where}.containers")
    seen: set[str] = set()
    for name in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(name) or ()):
            yield from _container(f"{where}.{name}[{index}]", container, volumes)
            if container.get("name") in seen:
                yield Cause("FieldValueDuplicate", f'Duplicate value: "{container["name"]}"', f"{where}.{name}[{index}].name")
            seen.add(container.get("name", ""))


def _container(where: str, container: Object, volumes: list[Any]) -> Iterator[Cause]:
    if not container.get("name"):
        yield required(f"{where}.name")
    if not container.get("image"):
        yield required(f"{where}.image")
    for index, port in enumerate(container.get("ports") or ()):
        if not port.get("containerPort"):
            yield required(f"{where}.ports[{index}].containerPort")
        elif not 0 < port["containerPort"] <= _LARGEST_PORT:
            why = f"must be between 1 and {_LARGEST_PORT}, inclusive"
            yield invalid_value(f"{where}.ports[{index}].containerPort", port["containerPort"], why)
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            yield Cause("FieldValueNotFound", f'Not found: "{mount.get("name", "")}"', f"{where}.volumeMounts[{index}].name")


def _service(value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    headless = spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName"
    if not spec.get("ports") and not headless:
        yield required("spec.ports")
    for index, port in enumerate(spec.get("ports") or ()):
        if not 0 < (port.get("port") or 0) <= _LARGEST_PORT:
            why = f"must be between 1 and {_LARGEST_PORT}, inclusive"
            yield invalid_value(f"spec.ports[{index}].port", port.get("port") or 0, why)
        if len(spec["ports"]) > 1 and not port.get("name"):
            yield required(f"spec.ports[{index}].name")


def _autoscaler(value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if (spec.get("maxReplicas") or 0) < 1:
        yield invalid_value("spec.maxReplicas", spec.get("maxReplicas") or 0, "must be greater than 0")


def _ingress(value: Object) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield invalid_value("spec", None, "either `defaultBackend` or `rules` must be specified")
    for number, rule in enumerate(spec.get("rules") or ()):
        for index, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            if not path.get("pathType"):
                yield required(f"spec.rules[{number}].http.paths[{index}].pathType", "pathType must be specified")


def _config_map(value: Object) -> Iterator[Cause]:
    yield from _data_keys(value)
    total = sum(len(item.encode("utf-8", "replace")) for item in (value.get("data") or {}).values())
    if total + sum(len(item) * 3 // 4 for item in (value.get("binaryData") or {}).values()) > _MOST_DATA:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {_MOST_DATA} bytes", "[]")


def _secret(value: Object) -> Iterator[Cause]:
    yield from _data_keys(value)
    if sum(len(item) * 3 // 4 for item in (value.get("data") or {}).values()) > _MOST_DATA:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {_MOST_DATA} bytes", "data")


def _lease(value: Object) -> Iterator[Cause]:
    seconds = (value.get("spec") or {}).get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        yield invalid_value("spec.leaseDurationSeconds", seconds, "must be greater than 0")


def _data_keys(value: Object) -> Iterator[Cause]:
    for name in ("data", "binaryData"):
        for key in value.get(name) or ():
            if not _DATA_KEY.fullmatch(key) or key in {".", ".."}:
                yield invalid_value(f"{name}[{key}]", key, _DATA_KEY_TOLD)


def _not_negative(field: str, number: Any) -> Iterator[Cause]:
    if isinstance(number, int) and number < 0:
        yield invalid_value(field, number, "must be greater than or equal to 0")


def _labels(spec: Mapping[str, Any]) -> dict[str, str]:
    return ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}


_CHECKS: Final[dict[tuple[str, str], Callable[[Object], Iterator[Cause]]]] = {
    ("", "configmaps"): _config_map,
    ("", "pods"): _pod,
    ("", "secrets"): _secret,
    ("coordination.k8s.io", "leases"): _lease,
    KEY: definition_problems,
    ("", "services"): _service,
    ("apps", "daemonsets"): _workload,
    ("apps", "deployments"): _workload,
    ("apps", "replicasets"): _workload,
    ("apps", "statefulsets"): _workload,
    ("autoscaling", "horizontalpodautoscalers"): _autoscaler,
    ("batch", "cronjobs"): _cron_job,
    ("batch", "jobs"): _job,
    ("networking.k8s.io", "ingresses"): _ingress,
}
