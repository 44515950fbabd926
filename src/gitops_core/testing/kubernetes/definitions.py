"""CustomResourceDefinitions: what they serve, what is wrong with them, and how they are established and go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import Cause, invalid_value, not_supported, required

Object = dict[str, Any]
KEY: Final = ("apiextensions.k8s.io", "customresourcedefinitions")
FINALIZER: Final = "customresourcecleanup.apiextensions.k8s.io"


def kinds_of(value: Object) -> list[Kind]:
    """Return the kinds that a definition serves, the version in which objects are kept first."""
    spec, names = value["spec"], value["spec"]["names"]
    stored = next(version["name"] for version in spec["versions"] if version.get("storage"))
    served = sorted((v for v in spec["versions"] if v.get("served")), key=lambda version: version["name"] != stored)
    return [
        Kind(
            spec["group"],
            version["name"],
            names["kind"],
            names["plural"],
            names.get("singular") or names["kind"].lower(),
            tuple(names.get("shortNames") or ()),
            spec["scope"] == "Namespaced",
            subresources=frozenset(version.get("subresources") or ()),
            categories=tuple(names.get("categories") or ()),
            custom={**version, "listKind": names.get("listKind"), "preserveUnknownFields": spec.get("preserveUnknownFields")},
            storage=stored,
        )
        for version in served
    ]


def refuse_unsupported(value: Object, skip_rules: bool) -> None:
    """
    Refuse what only a real server can do.

    Args:
        value: The definition.
        skip_rules: Take definitions with CEL rules, and do not check these.

    Raises:
        ApiStatus: 501.
    """
    spec = value.get("spec") or {}
    if (spec.get("conversion") or {}).get("strategy") == "Webhook":
        raise not_supported("conversion webhooks of CustomResourceDefinitions")
    if not skip_rules and _has_rules(spec.get("versions")):
        raise not_supported("CEL rules (x-kubernetes-validations) unless ClusterSettings(skip_rules=True)")


def _has_rules(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "x-kubernetes-validations" in value or any(_has_rules(item) for item in value.values())
    return isinstance(value, list) and any(_has_rules(item) for item in value)


def definition_problems(value: Object) -> Iterator[Cause]:
    """Yield what is wrong with a definition."""
    spec = value.get("spec") or {}
    names, versions = spec.get("names") or {}, spec.get("versions") or []
    for name in ("plural", "kind"):
        if not names.get(name):
            yield required(f"spec.names.{name}")
    if not spec.get("group"):
        yield required("spec.group")
    if value["metadata"].get("name") != f"{names.get('plural')}.{spec.get('group')}":
        yield invalid_value("metadata.name", value["metadata"].get("name"), 'must be spec.names.plural+"."+spec.group')
    if spec.get("scope") not in {"Namespaced", "Cluster"}:
        yield required("spec.scope")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid_value("spec.versions", versions, "must have exactly one version marked as storage version")
    for index, version in enumerate(versions):
        if not (version.get("schema") or {}).get("openAPIV3Schema") and not spec.get("preserveUnknownFields"):
            yield required(f"spec.versions[{index}].schema.openAPIV3Schema")
        else:
            schema = (version.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"}
            yield from _untyped(schema, f"spec.versions[{index}].schema.openAPIV3Schema")
    yield from _stored_problems(value, versions)


def _untyped(schema: Mapping[str, Any], where: str) -> Iterator[Cause]:
    """A structural schema says the type of everything, unless it is free."""
    free = schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-int-or-string")
    if not schema.get("type") and not free:
        yield required(f"{where}.type", "must not be empty for specified object fields")
    for name, inner in (schema.get("properties") or {}).items():
        yield from _untyped(inner, f"{where}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            yield from _untyped(schema[name], f"{where}.{name}")


def _stored_problems(value: Object, versions: list[Object]) -> Iterator[Cause]:
    known = {version.get("name") for version in versions}
    for index, name in enumerate((value.get("status") or {}).get("storedVersions") or ()):
        if name not in known:
            why = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage "
                f"migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            )
            yield invalid_value(f"status.storedVersions[{index}]", name, why)


def new_definition(value: Object) -> Object:
    """Return a new definition with the status in which it waits to be established."""
    stored = [version["name"] for version in value["spec"].get("versions") or () if version.get("storage")]
    return {**value, "status": {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}}


def established(value: Object, now: str) -> Object:
    """Return a definition with the status of one that is served."""
    stored = next(version["name"] for version in value["spec"]["versions"] if version.get("storage"))
    before = value.get("status") or {}
    versions = before.get("storedVersions") or []
    conditions = before.get("conditions") or [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
        _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now),
    ]
    names = [*versions, *([] if stored in versions else [stored])]
    return {**value, "status": {"conditions": conditions, "acceptedNames": value["spec"]["names"], "storedVersions": names}}


def refused(value: Object, taken: str, now: str) -> Object:
    """Return a definition with the status of one whose names are taken by another."""
    conflict = {**_condition("NamesAccepted", "KindConflict", f'"{taken}" is already in use', now), "status": "False"}
    waiting = {**_condition("Established", "NotAccepted", "not all names are accepted", now), "status": "False"}
    before = value.get("status") or {}
    return {**value, "status": {**before, "conditions": [conflict, waiting]}}


def terminating(value: Object, now: str) -> Object:
    """Return a definition that is being deleted, with the finalizer that waits for its objects."""
    metadata = value["metadata"]
    finalizers = list(dict.fromkeys([*(metadata.get("finalizers") or ()), FINALIZER]))
    gone = _condition(
        "Terminating",
        "InstanceDeletionPending",
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        now,
    )
    status = value.get("status") or {}
    conditions = [each for each in status.get("conditions") or () if each["type"] != "Terminating"]
    return {**value, "metadata": {**metadata, "finalizers": finalizers}, "status": {**status, "conditions": [*conditions, gone]}}


def _condition(name: str, reason: str, message: str, now: str) -> Object:
    return {"type": name, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
