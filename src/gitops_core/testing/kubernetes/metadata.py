"""What the server demands of metadata, and what it writes there itself. Pure. Source: Kubernetes documentation, Object Names and IDs."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import Cause, forbidden_field, invalid_value, required

Object = dict[str, Any]
MOST_ANNOTATION_BYTES: Final = 262_144
_LONGEST_LABEL: Final = 63
_LABEL: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035: Final = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY: Final = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = rf"({_KEY})?"
_TOLD: Final = {
    "subdomain": "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    f"with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')",
    "label": "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    f"alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')",
    "label 1035": "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and "
    f"end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_LABEL_1035}')",
    "key": "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_KEY}')",
    "value": "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    f"an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE}')",
}
_NAMES: Final = {"subdomain": re.compile(_SUBDOMAIN), "label": re.compile(_LABEL), "label 1035": re.compile(_LABEL_1035)}
_FORMS: Final = {("", "namespaces"): "label", ("", "services"): "label"}
_ANY_NAME: Final = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})
_KEY_PATTERN, _VALUE_PATTERN = re.compile(_KEY), re.compile(_VALUE)


def timestamp(seconds: float) -> str:
    """Return a time as objects spell it. Units: seconds since the epoch."""
    return _spelled(int(seconds))


@functools.lru_cache(maxsize=256)
def _spelled(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def problems(kind: Kind, metadata: Object) -> Iterator[Cause]:
    """Yield what is wrong with the metadata of an object. Cost: O(labels + annotations)."""
    yield from _name_problems(kind, metadata.get("name", ""))
    for key, value in (metadata.get("labels") or {}).items():
        yield from _key_problems("metadata.labels", key)
        if len(value) > _LONGEST_LABEL:
            yield Cause("FieldValueInvalid", f'Invalid value: "{value}": must be no more than 63 bytes', "metadata.labels")
        elif not _VALUE_PATTERN.fullmatch(value):
            yield invalid_value("metadata.labels", value, _TOLD["value"])
    yield from _annotation_problems(metadata.get("annotations") or {})
    yield from _finalizer_problems(metadata.get("finalizers") or ())
    yield from _owner_problems(metadata.get("ownerReferences") or ())


def changed(metadata: Object, before: Object) -> Iterator[Cause]:
    """Yield what an update may not do to metadata."""
    if before.get("deletionTimestamp"):
        added = [name for name in metadata.get("finalizers") or () if name not in (before.get("finalizers") or ())]
        if added:
            why = f"no new finalizers can be added if the object is being deleted, found new finalizers {_go_list(added)}"
            yield forbidden_field("metadata.finalizers", why)
    for field in ("uid",):
        if metadata.get(field) != before.get(field):
            yield invalid_value(f"metadata.{field}", metadata.get(field), "field is immutable")


def _go_list(values: list[str]) -> str:
    return "[]string{" + ", ".join(f'"{value}"' for value in values) + "}"


def _name_problems(kind: Kind, name: str) -> Iterator[Cause]:
    if not name:
        yield required("metadata.name", "name or generateName is required")
        return
    if kind.group == "rbac.authorization.k8s.io" and kind.plural in _ANY_NAME:
        if name in {".", ".."} or "/" in name or "%" in name:
            told = f"may not be '{name}'" if name in {".", ".."} else f"may not contain '{'/' if '/' in name else '%'}'"
            yield invalid_value("metadata.name", name, told)
        return
    form = _FORMS.get(kind.key, "subdomain")
    longest = 253 if form == "subdomain" else 63
    if len(name) > longest:
        yield Cause("FieldValueInvalid", f'Invalid value: "{name}": must be no more than {longest} bytes', "metadata.name")
    if not _NAMES[form].fullmatch(name):
        yield invalid_value("metadata.name", name, _TOLD[form])


def _key_problems(field: str, key: str) -> Iterator[Cause]:
    prefix, slash, name = key.rpartition("/")
    if slash and not _NAMES["subdomain"].fullmatch(prefix):
        yield invalid_value(field, key, f"prefix part {_TOLD['subdomain']}")
    if not name:
        yield invalid_value(field, key, "name part must be non-empty")
    elif len(name) > _LONGEST_LABEL:
        yield Cause("FieldValueInvalid", f'Invalid value: "{key}": name part must be no more than 63 bytes', field)
    if not _KEY_PATTERN.fullmatch(name):
        yield invalid_value(field, key, _TOLD["key"])


def _annotation_problems(annotations: dict[str, str]) -> Iterator[Cause]:
    total = 0
    for key, value in annotations.items():
        yield from _key_problems("metadata.annotations", key.lower())
        total += len(key.encode()) + len(value.encode("utf-8", "replace"))
    if total > MOST_ANNOTATION_BYTES:
        message = f"Too long: may not be more than {MOST_ANNOTATION_BYTES} bytes"
        yield Cause("FieldValueTooLong", message, "metadata.annotations")


def _finalizer_problems(finalizers: Any) -> Iterator[Cause]:
    standard = {"foregroundDeletion", "orphan", "kubernetes"}
    for index, name in enumerate(finalizers):
        if "/" not in name and name not in standard:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid_value(f"metadata.finalizers[{index}]", name, why)


def _owner_problems(owners: Any) -> Iterator[Cause]:
    for index, owner in enumerate(owners):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                field = f"metadata.ownerReferences[{index}].{name}"
                yield invalid_value(field, "", "version must not be empty" if name == "apiVersion" else "must not be empty")
    controllers = [owner for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        why = f'Only one reference can have Controller set to true. Found "true" in references for {controllers[0]["kind"]}/{controllers[0]["name"]} and {controllers[1]["kind"]}/{controllers[1]["name"]}'
        yield invalid_value("metadata.ownerReferences", owners, why)
