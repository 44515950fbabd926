"""Admission: functions of the test that change or refuse what is written, as webhooks do."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from gitops_core.testing.kubernetes.statuses import ApiStatus

Object = dict[str, Any]


class Denied(Exception):  # why: named as what it says
    """Raise it in a validating or mutating function to refuse the write; *code* and *reason* become the Status'."""

    def __init__(self, message: str, code: int = 403, reason: str = "Forbidden") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


@attrs.frozen
class AdmissionRequest:
    """
    A write that waits to be admitted.

    Attributes:
        operation: CREATE, UPDATE or DELETE.
        group: API group.
        version: Version in which it was asked.
        kind: Kind.
        namespace: Namespace; empty for none.
        name: Name; may be empty before ``generateName`` was answered.
        subresource: ``status``, ``scale``, or empty.
        object: The object as it would be stored; None for DELETE. A copy: change it and return it.
        old: The object as it is; None for CREATE.
        user: Who asks.
        dry_run: Whether nothing will be stored: a function must have no side effect then.
    """

    operation: str
    group: str
    version: str
    kind: str
    namespace: str
    name: str
    subresource: str
    object: Object | None = attrs.field(repr=False)
    old: Object | None = attrs.field(repr=False)
    user: str = ""
    dry_run: bool = False


@attrs.frozen(kw_only=True)
class Admission:
    """
    One admission plug-in of the test.

    Attributes:
        name: As messages name it: ``policy.example.com``.
        mutating: Returns the object to store instead, or None to leave it.
        validating: Raises :class:`Denied`, or returns nothing.
        kinds: Kinds it is called for; empty for all.
        operations: Operations it is called for.
    """

    name: str
    mutating: Callable[[AdmissionRequest], Object | None] | None = None
    validating: Callable[[AdmissionRequest], None] | None = None
    kinds: frozenset[str] = attrs.field(default=frozenset(), converter=frozenset)
    operations: frozenset[str] = attrs.field(default=frozenset({"CREATE", "UPDATE"}), converter=frozenset)

    def looks_at(self, request: AdmissionRequest) -> bool:
        """Tell whether it is called for *request*."""
        return request.operation in self.operations and (not self.kinds or request.kind in self.kinds)


def mutated(admissions: Iterable[Admission], request: AdmissionRequest) -> AdmissionRequest:
    """Return *request* with what the mutating functions made of its object; ApiStatus when one of them refuses."""
    for admission in admissions:
        if admission.mutating is not None and admission.looks_at(request):
            made = _asked(admission, admission.mutating, request)
            request = request if made is None else attrs.evolve(request, object=made)
    return request


def validate(admissions: Iterable[Admission], request: AdmissionRequest) -> None:
    """Raise ApiStatus when one of the validating functions refuses *request*."""
    for admission in admissions:
        if admission.validating is not None and admission.looks_at(request):
            _asked(admission, admission.validating, request)


def _asked(admission: Admission, function: Callable[[AdmissionRequest], Any], request: AdmissionRequest) -> Any:
    try:
        return function(attrs.evolve(request, object=copy.deepcopy(request.object), old=copy.deepcopy(request.old)))
    except Denied as denied:
        message = f'admission webhook "{admission.name}" denied the request: {denied}'
        raise ApiStatus(denied.code, denied.reason, message) from None
