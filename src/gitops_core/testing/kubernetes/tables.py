"""Tables: how ``kubectl get`` shows objects. Pure. Common kinds have their own columns, custom kinds those of their definition."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from gitops_core.testing.kubernetes.defaults.filling import held
from gitops_core.testing.kubernetes.kinds import Kind

if TYPE_CHECKING:
    from gitops_core.testing.kubernetes.presenting import Form

Object = dict[str, Any]
_NAME: Final = "Name must be unique within a namespace."


@attrs.frozen
class Column:
    """
    One column.

    Attributes:
        name: Heading.
        cell: Makes the cell of an object, from it and the time.
        type: ``string``, ``integer``, ``boolean``, ``date``.
        priority: 0 to be shown always, 1 in wide tables.
    """

    name: str
    cell: Callable[[Object, float], Any]
    type: str = "string"
    priority: int = 0

    def definition(self) -> Object:
        """Return it as a ``TableColumnDefinition``."""
        described = _NAME if self.name == "Name" else self.name
        form = "name" if self.name == "Name" else ""
        return {"name": self.name, "type": self.type, "format": form, "description": described, "priority": self.priority}


def table(kind: Kind, values: list[Object], metadata: Object, form: Form) -> Object:
    """Return the table of *values*."""
    columns = _columns(kind)
    rows = [_row(value, [column.cell(value, form.now) for column in columns], form) for value in values]
    head = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return {**head, "columnDefinitions": [column.definition() for column in columns], "rows": rows}


def age(created: str | None, now: float) -> str:
    """Return how long ago *created* was, as ``kubectl get`` shows it: ``5s``, ``3m20s``, ``4h``, ``12d``."""
    if not created:
        return "<unknown>"
    seconds = max(0, int(now - datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()))
    for below, shown in _AGES:
        if seconds < below:
            return shown(seconds)
    return f"{seconds // 86_400}d"


def _minutes_and_seconds(seconds: int) -> str:
    return f"{seconds // 60}m{seconds % 60}s" if seconds % 60 else f"{seconds // 60}m"


_AGES: Final[tuple[tuple[int, Callable[[int], str]], ...]] = (
    (120, lambda seconds: f"{seconds}s"),
    (600, _minutes_and_seconds),
    (3 * 3600, lambda seconds: f"{seconds // 60}m"),
    (48 * 3600, lambda seconds: f"{seconds // 3600}h"),
)


def _row(value: Object, cells: list[Any], form: Form) -> Object:
    if form.include == "None":
        return {"cells": cells}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]}
    return {"cells": cells, "object": value if form.include == "Object" else partial}


def _at(name: str, path: str, kind: str = "string", missing: Any = "") -> Column:
    def cell(value: Object, _now: float) -> Any:
        found = held(value, path)
        return missing if found is None else found

    return Column(name, cell, kind)


def _column(name: str, cell: Callable[[Object], Any], kind: str = "string", priority: int = 0) -> Column:
    return Column(name, lambda value, _now: cell(value), kind, priority)


def _ready(value: Object) -> str:
    return f"{held(value, 'status.readyReplicas') or 0}/{held(value, 'spec.replicas') or 0}"


def _ports(value: Object) -> str:
    shown = []
    for port in held(value, "spec.ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        shown.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(shown) or "<none>"


def _pods_ready(value: Object) -> str:
    states = held(value, "status.containerStatuses") or []
    return f"{sum(bool(state.get('ready')) for state in states)}/{len(held(value, 'spec.containers') or ())}"


def _job_status(value: Object) -> str:
    found = {each["type"] for each in held(value, "status.conditions") or () if each.get("status") == "True"}
    if value["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((name for name in ("Complete", "Failed", "Suspended") if name in found), "Running")


def _count(value: Object) -> int:
    return len(value.get("data") or ()) + len(value.get("binaryData") or ())


def _wide(template: str) -> tuple[Column, ...]:
    def joined(name: str) -> Callable[[Object], str]:
        return lambda value: ",".join(each.get(name, "") for each in held(value, template) or ())

    return _column("Containers", joined("name"), priority=1), _column("Images", joined("image"), priority=1)


def _selector(value: Object) -> str:
    labels = held(value, "spec.selector.matchLabels") or held(value, "spec.selector") or {}
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels) if isinstance(labels[key], str)) or "<none>"


_NAME_COLUMN: Final = _at("Name", "metadata.name")
_AGE: Final = Column("Age", lambda value, now: age(value["metadata"].get("creationTimestamp"), now))
_WIDE: Final = (*_wide("spec.template.spec.containers"), _column("Selector", _selector, priority=1))
_DATA: Final = _column("Data", _count)

_COLUMNS: Final[dict[tuple[str, str], tuple[Column, ...]]] = {
    ("", "configmaps"): (_DATA, _AGE),
    ("", "namespaces"): (_at("Status", "status.phase"), _AGE),
    ("", "pods"): (
        _column("Ready", _pods_ready),
        _at("Status", "status.phase"),
        _column(
            "Restarts",
            lambda value: str(sum(each.get("restartCount", 0) for each in held(value, "status.containerStatuses") or ())),
        ),
        _AGE,
    ),
    ("", "secrets"): (_at("Type", "type"), _DATA, _AGE),
    ("", "services"): (
        _at("Type", "spec.type"),
        _at("Cluster-IP", "spec.clusterIP", missing="<none>"),
        _column("External-IP", lambda value: held(value, "spec.externalName") or "<none>"),
        _column("Port(s)", _ports),
        _AGE,
        _column("Selector", _selector, priority=1),
    ),
    ("apps", "daemonsets"): (
        _at("Desired", "status.desiredNumberScheduled", "integer", 0),
        _at("Current", "status.currentNumberScheduled", "integer", 0),
        _at("Ready", "status.numberReady", "integer", 0),
        _at("Up-to-date", "status.updatedNumberScheduled", "integer", 0),
        _at("Available", "status.numberAvailable", "integer", 0),
        _AGE,
        *_WIDE,
    ),
    ("apps", "deployments"): (
        _column("Ready", _ready),
        _at("Up-to-date", "status.updatedReplicas", missing=0),
        _at("Available", "status.availableReplicas", missing=0),
        _AGE,
        *_WIDE,
    ),
    ("apps", "replicasets"): (
        _at("Desired", "spec.replicas", "integer", 0),
        _at("Current", "status.replicas", "integer", 0),
        _at("Ready", "status.readyReplicas", "integer", 0),
        _AGE,
        *_WIDE,
    ),
    ("apps", "statefulsets"): (_column("Ready", _ready), _AGE, *_WIDE[:2]),
    ("batch", "jobs"): (
        _column("Status", _job_status),
        _column("Completions", lambda value: f"{held(value, 'status.succeeded') or 0}/{held(value, 'spec.completions') or 1}"),
        _AGE,
        *_WIDE,
    ),
    ("coordination.k8s.io", "leases"): (_at("Holder", "spec.holderIdentity"), _AGE),
}
_CREATED: Final = (_at("Created At", "metadata.creationTimestamp", "date"),)
_OTHER_BUILTIN: Final = (_AGE,)


def _columns(kind: Kind) -> tuple[Column, ...]:
    if kind.custom is not None and kind.custom.get("additionalPrinterColumns"):
        return (_NAME_COLUMN, *(_custom(column) for column in kind.custom["additionalPrinterColumns"]))
    if kind.custom is None and kind.plural in {"roles", "clusterroles", "customresourcedefinitions"}:
        return (_NAME_COLUMN, *_CREATED)
    return (_NAME_COLUMN, *_COLUMNS.get(kind.key, _OTHER_BUILTIN))


def _custom(column: Object) -> Column:
    """A column of a definition; of JSON paths only plain ones are understood, others show nothing."""
    path = column["jsonPath"].lstrip(".")
    if column["type"] == "date":
        return Column(column["name"], lambda value, now: age(held(value, path), now), "date", column.get("priority", 0))
    return Column(column["name"], lambda value, _now: held(value, path), column["type"], column.get("priority", 0))
