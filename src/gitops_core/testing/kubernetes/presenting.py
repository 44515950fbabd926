"""In which form an answer is shown: the object, its metadata only, or a table. Pure but for the time of a table's ages."""

from __future__ import annotations

from typing import Any, Final

import attrs

from gitops_core.testing.kubernetes.encoding import encoded
from gitops_core.testing.kubernetes.kinds import Kind
from gitops_core.testing.kubernetes.statuses import ApiStatus
from gitops_core.testing.kubernetes.store import Stored
from gitops_core.testing.kubernetes.tables import table

Object = dict[str, Any]
_AS: Final = {"Table", "PartialObjectMetadata", "PartialObjectMetadataList"}
_JSON: Final = {"application/json", "application/*", "*/*", ""}


@attrs.frozen
class Form:
    """
    The form of an answer.

    Attributes:
        kind: ``Table``, ``PartialObjectMetadata``, ``PartialObjectMetadataList``, or empty for the objects themselves.
        include: What a table shows beside its cells: ``None``, ``Metadata`` or ``Object``.
        now: Seconds since the epoch, for ages.
    """

    kind: str = ""
    include: str = "Metadata"
    now: float = 0.0


def form_of(accept: str, include: str, now: float) -> Form:
    """
    Return the first form in an ``Accept`` header that the server has.

    Raises:
        ApiStatus: 406.
    """
    for part in accept.split(","):
        media, *parameters = (word.strip() for word in part.split(";"))
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        if media not in _JSON:
            continue
        shape = given.get("as", "")
        if not shape or (shape in _AS and given.get("v", "v1") == "v1"):
            return Form(shape, include or "Metadata", now)
    representations = "application/json"
    raise ApiStatus(406, "NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {representations}", {})


def shown(kind: Kind, stored: Stored, form: Form) -> bytes:
    """Return one object in *form*, in the version of *kind*."""
    if form.kind == "Table":
        return encoded(table(kind, [in_version(kind, stored.object)], {"resourceVersion": str(stored.version)}, form))
    if form.kind:
        return stored.partial
    return bytes_in_version(kind, stored)


def listed(kind: Kind, found: list[Stored], metadata: Object, form: Form) -> bytes:
    """Return a list of objects in *form*. Cost: O(n), without encoding again what was encoded before."""
    if form.kind == "Table":
        return encoded(table(kind, [in_version(kind, each.object) for each in found], metadata, form))
    if form.kind:
        head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
        return _joined(head, [each.partial for each in found])
    head = {"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": metadata}
    return _joined(head, [_item(kind, each) for each in found])


def in_version(kind: Kind, value: Object) -> Object:
    """Return *value* in the version of *kind*; only the version changes (the conversion strategy ``None``)."""
    return value if value["apiVersion"] == kind.api_version else {**value, "apiVersion": kind.api_version}


def bytes_in_version(kind: Kind, stored: Stored) -> bytes:
    """Return an object as JSON in the version of *kind*."""
    if stored.object["apiVersion"] == kind.api_version:
        return stored.bytes
    return encoded(in_version(kind, stored.object))


def _item(kind: Kind, stored: Stored) -> bytes:
    content = bytes_in_version(kind, stored)
    head = f'{{"kind":"{kind.kind}","apiVersion":"{kind.api_version}",'.encode()
    return b"{" + content[len(head) :] if kind.custom is None and content.startswith(head) else content


def _joined(head: Object, items: list[bytes]) -> bytes:
    return encoded(head)[:-1] + b',"items":[' + b",".join(items) + b"]}"
