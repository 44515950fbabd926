"""From what the API server answers to what the engine compares: marks taken out, our share of the managed fields pointed out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from gitops_core.model.plans import DiffOp, FieldDiff
from gitops_core.model.pointers import split
from gitops_core.model.resources import Live, ResourceKey
from gitops_core.targets.kubernetes.marks import Marks

MARKS_MISSING: Final = "missingMarks"
"""Field of our own entry in ``metadata.managedFields`` under which :func:`prepared` notes which marks an object lacks."""

_MOVING: Final = ("labels", "annotations", "finalizers", "ownerReferences", "deletionTimestamp")


@attrs.frozen
class Sight:
    """
    One object, as a list of metadata or a watch shows it. Small: no body.

    Attributes:
        uid: Of this very object.
        version: Changes when anything but the status does; see :func:`version_of`.
        revision: ``metadata.resourceVersion``.
        owner: Application it says it belongs to.
        api_version: In which we applied it last; empty when we never did.
        manager: Who else has written fields of it last.
        deleting: Its deletion has begun.
        finalizers: What must let go of it before that ends.
    """

    uid: str
    version: str
    revision: str
    owner: str = ""
    api_version: str = ""
    manager: str = ""
    deleting: bool = False
    finalizers: tuple[str, ...] = ()

    def under(self, schema: str) -> str:
        """Return the version of the object together with that of its *schema*: of the same object another one makes another thing."""
        return f"{self.version}.{schema}" if schema else self.version

    def as_live(self, key: ResourceKey, body: Callable[[], Mapping[str, Any]], version: str = "") -> Live:
        """Return the engine's value for it, under another *version* where one is given."""
        return Live(key, body, self.uid, version or self.version, self.owner, self.manager, self.deleting, self.finalizers)


def sight_of(metadata: Mapping[str, Any], kind: tuple[str, str], marks: Marks) -> Sight:
    """Return what *metadata* says about an object of *kind* (group, kind). Cost: some 15 us."""
    entries = _entries(metadata)
    owner = marks.owner_of(metadata, kind)
    manager = marks.of(owner).manager
    ours = [e for e in entries if e.get("manager") == manager]
    applied = next((e for e in ours if e.get("operation") == "Apply"), None)
    return Sight(
        uid=str(metadata.get("uid") or ""),
        version=version_of(metadata, ours),
        revision=str(metadata.get("resourceVersion") or ""),
        owner=owner,
        api_version=str(applied.get("apiVersion") or "") if applied else "",
        manager=_last_writer(entries, manager),
        deleting=bool(metadata.get("deletionTimestamp")),
        finalizers=tuple(metadata.get("finalizers") or ()),
    )


def version_of(metadata: Mapping[str, Any], ours: Iterable[Mapping[str, Any]]) -> str:
    """
    Return a text that changes when the object changes, but not when only its status does.

    The API counts changes of the desired state in ``metadata.generation``. Kinds without a generation have no status that
    somebody keeps writing: there it is the resourceVersion.

    The server writes equal objects in one order, so that their text need not be sorted.

    Source: Kubernetes API conventions, "metadata.generation".
    """
    if not metadata.get("generation"):
        return str(metadata.get("resourceVersion") or "")
    moving = [metadata.get("generation"), *(metadata.get(field) for field in _MOVING), [e.get("fieldsV1") for e in ours]]
    return hashlib.blake2b(repr(moving).encode(), digest_size=16).hexdigest()


def _entries(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [e for e in metadata.get("managedFields") or () if e.get("subresource") != "status"]


def _last_writer(entries: Iterable[Mapping[str, Any]], manager: str) -> str:
    others = [(str(e.get("time") or ""), str(e.get("manager") or "")) for e in entries if e.get("manager") != manager]
    return max(others)[1] if others else ""


def prepared(body: dict[str, Any], key: ResourceKey, marks: Marks, also_ours: Iterable[str] = ()) -> dict[str, Any]:
    """
    Return *body*, changed in place: as it would be if it bore no marks of ours, and with our managed fields marked ``ours``.

    Marks that it lacks although it says it is ours are noted, so that the comparison finds them.

    Args:
        body: An object of the API server's, freshly decoded.
        key: Its key.
        marks: Of the application that looks.
        also_ours: Managers whose fields count as ours, and as applied by us: those that an adoption takes over.
    """
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return body
    missing = marks.missing(metadata, key)
    for place, name in (("labels", marks.label), ("annotations", marks.annotation)):
        _take_out(metadata, place, name)
    others = frozenset(also_ours)
    for entry in metadata.get("managedFields") or ():
        manager = entry.get("manager")
        if manager in others and not entry.get("subresource"):
            entry["operation"] = "Apply"
        if manager == marks.manager or manager in others:
            entry["ours"] = True
            _take_out_fields(entry.get("fieldsV1"), marks)
            if entry.get("manager") == marks.manager and missing:
                entry[MARKS_MISSING] = list(missing)
    return body


def _take_out(metadata: dict[str, Any], place: str, name: str) -> None:
    found = metadata.get(place)
    if isinstance(found, dict) and name in found:
        del found[name]
        if not found:
            del metadata[place]


def _take_out_fields(fields: Any, marks: Marks) -> None:
    metadata = fields.get("f:metadata") if isinstance(fields, dict) else None
    if not isinstance(metadata, dict):
        return
    for place, name in (("f:labels", f"f:{marks.label}"), ("f:annotations", f"f:{marks.annotation}")):
        found = metadata.get(place)
        if isinstance(found, dict) and name in found:
            del found[name]
            if not found.keys() - {"."}:
                del metadata[place]
    if not metadata:
        del fields["f:metadata"]


def missing_marks(live: Mapping[str, Any]) -> list[FieldDiff]:
    """Return the marks that a :func:`prepared` object of ours lacks, as differences."""
    metadata = live.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, Mapping) else None
    found = sorted({pointer for entry in entries or () for pointer in entry.get(MARKS_MISSING) or ()})
    return [FieldDiff(pointer, DiffOp.ADD, _label(pointer), note="somebody removed our mark") for pointer in found]


def _label(pointer: str) -> str:
    *above, name = split(pointer)
    return f'{".".join(above)}["{name}"]'
