"""
What the server says when it does not do what it was asked: ``Status`` objects, worded as Kubernetes words them.

Source: meta/v1 Status of the Kubernetes API reference; the wording was observed on a 1.36 server.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from gitops_core.testing.kubernetes.encoding import encoded
from gitops_core.testing.kubernetes.http import HttpResponse
from gitops_core.testing.kubernetes.kinds import Kind


@attrs.frozen
class Cause:
    """One thing that is wrong with an object: the reason, what it says, and the field."""

    reason: str
    message: str
    field: str = ""

    def document(self) -> dict[str, str]:
        """Return it as a ``StatusCause``."""
        found = {"reason": self.reason, "message": self.message, "field": self.field}
        return {name: value for name, value in found.items() if value}


@attrs.frozen
class ApiStatus(Exception):  # why: it is a Status
    """
    An answer other than success.

    Attributes:
        code: HTTP status.
        reason: Machine-readable reason; empty for none.
        message: For people.
        details: Name, group, kind, causes, retryAfterSeconds; None for none.
        headers: HTTP headers that belong to it.
        metadata: Of the Status: a continue token.
    """

    code: int
    reason: str
    message: str
    details: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()
    metadata: dict[str, Any] = attrs.field(factory=dict)

    def __str__(self) -> str:
        return f"{self.code} {self.reason}: {self.message}"

    def document(self) -> dict[str, Any]:
        """Return the ``Status`` object."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status

    def response(self) -> HttpResponse:
        """Return the answer that carries it."""
        return HttpResponse(self.code, encoded(self.document()), self.headers)


def success(details: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the ``Status`` of something that went well and has nothing else to show."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return status if details is None else {**status, "details": details}


def details_of(kind: Kind, name: str = "", **more: Any) -> dict[str, Any]:
    """Return the details for an object of *kind*, by its plural."""
    found: dict[str, Any] = {}
    if name:
        found["name"] = name
    if kind.group:
        found["group"] = kind.group
    return {**found, "kind": kind.plural, **more}


def not_found(kind: Kind, name: str) -> ApiStatus:
    """There is no object of that name."""
    return ApiStatus(404, "NotFound", f'{kind.resource} "{name}" not found', details_of(kind, name))


def no_such_resource() -> ApiStatus:
    """There is no such kind, or no such subresource."""
    return ApiStatus(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(kind: Kind, name: str) -> ApiStatus:
    """The name is taken."""
    return ApiStatus(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', details_of(kind, name))


def conflict(kind: Kind, name: str, why: str) -> ApiStatus:
    """A precondition does not hold."""
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiStatus(409, "Conflict", message, details_of(kind, name))


def modified(kind: Kind, name: str) -> ApiStatus:
    """Somebody else was faster."""
    return conflict(kind, name, "the object has been modified; please apply your changes to the latest version and try again")


def bad_request(message: str) -> ApiStatus:
    """The request makes no sense."""
    return ApiStatus(400, "BadRequest", message)


def forbidden(kind: Kind, name: str, why: str, causes: Iterable[Cause] = ()) -> ApiStatus:
    """Not allowed, by admission or by authorisation."""
    listed = [cause.document() for cause in causes]
    details = details_of(kind, name, **({"causes": listed} if listed else {}))
    subject = f'{kind.resource} "{name}"' if name else kind.resource
    return ApiStatus(403, "Forbidden", f"{subject} is forbidden: {why}", details)


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiStatus:
    """The object is not valid."""
    told = [f"{cause.field}: {cause.message}" for cause in causes]
    text = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    details = {"name": name} if name else {}
    details |= {"group": kind.group} if kind.group else {}
    listed = [cause.document() for cause in causes]
    return ApiStatus(
        422, "Invalid", f'{kind.qualified} "{name}" is invalid: {text}', {**details, "kind": kind.kind, "causes": listed}
    )


def expired(message: str) -> ApiStatus:
    """The history does not reach back so far."""
    return ApiStatus(410, "Expired", message)


def too_large() -> ApiStatus:
    """The object is bigger than the store takes."""
    return ApiStatus(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")


def not_supported(what: str) -> ApiStatus:
    """The fake does not do it; the message says so, lest anybody takes it for Kubernetes' answer."""
    message = f"FakeCluster does not support {what}; see docs/reference/fake-cluster.md, or test against a real API server"
    return ApiStatus(501, "NotImplemented", message)


def required(field: str, why: str = "") -> Cause:
    """A field is missing."""
    return Cause("FieldValueRequired", f"Required value: {why}" if why else "Required value", field)


def invalid_value(field: str, value: Any, why: str) -> Cause:
    """A field has a value that it cannot have."""
    return Cause("FieldValueInvalid", f"Invalid value: {encoded(value).decode()}: {why}", field)


def forbidden_field(field: str, why: str) -> Cause:
    """A field may not be set, or not be changed."""
    return Cause("FieldValueForbidden", f"Forbidden: {why}", field)


def unsupported_value(field: str, value: Any, known: Iterable[str]) -> Cause:
    """A field has none of the values it can have."""
    listed = ", ".join(f'"{name}"' for name in sorted(known))
    return Cause("FieldValueNotSupported", f"Unsupported value: {encoded(value).decode()}: supported values: {listed}", field)
