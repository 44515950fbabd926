"""The table from what an API server answers (HTTP code, ``Status.reason``, ``Status.details``) to our errors."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import attrs

from gitops_core.errors import (
    AlreadyExists,
    ConfigError,
    Conflict,
    Denied,
    Disposition,
    Expired,
    FieldConflict,
    GitOpsError,
    Invalid,
    NotFound,
    Throttled,
    Transient,
    UnknownKind,
)
from gitops_core.kubernetes_api.places import is_sensitive, permission_for
from gitops_core.kubernetes_api.requests import Request

_LONGEST_WORDS = 2_000
_QUOTED = re.compile(r'conflict with "([^"]*)"')
_UNFIT = ("failed to create typed patch object", "failed to convert new object")
"""Server-side apply of an object that its schema does not allow is a 500 without a reason: only the message tells it from a fault
of the server. Worded otherwise it is tried again, as a fault."""
_ETCD_BYTES = 1_572_864
"""Most bytes of an object that etcd takes by default; more is a 500 without a reason, too. Source: etcd, "System limits"."""
_SEGMENT = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


class Cause(NamedTuple):
    """
    One of the reasons that a server gives.

    Attributes:
        reason: A word for machines: ``FieldValueInvalid``.
        field: The field, as the API writes it.
        message: The server's words; empty where they could quote a secret.
    """

    reason: str
    field: str
    message: str


@attrs.frozen
class Refusal:
    """
    An answer that is an error, read once.

    Attributes:
        request: What was asked.
        code: HTTP code.
        reason: ``Status.reason``; empty when there is no Status.
        words: The server's message, shortened; empty where it could quote a secret.
        details: ``Status.details``.
        causes: ``Status.details.causes``; their messages are empty where they could quote a secret.
        retry_after: Seconds the server asks us to wait.
        sent_bytes: Size of what was sent.
        unfit: The object does not fit the schema of its kind.
    """

    request: Request
    code: int
    reason: str = ""
    words: str = ""
    details: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    causes: tuple[Cause, ...] = ()
    retry_after: float | None = None
    sent_bytes: int = 0
    unfit: bool = False

    @property
    def subject(self) -> str:
        """Return what was tried, in words."""
        return str(permission_for(self.request))

    def tell(self, what: str, cure: str) -> str:
        """Return the message of an error: what was tried, what is wrong, the server's words, the cure."""
        said = f" (the server says: {self.words})" if self.words else ""
        return f"{self.subject}: {what}{said}; {cure}"


def read_refusal(request: Request, code: int, headers: Mapping[str, str], body: Any, sent_bytes: int = 0) -> Refusal:
    """
    Return what *body* says, if it is a ``Status``, and what the headers say.

    Args:
        request: What was asked.
        code: HTTP code.
        headers: Case-insensitive.
        body: Decoded JSON, or anything else for an answer that is not a Status.
        sent_bytes: Size of the request's body.
    """
    status = body if isinstance(body, Mapping) and body.get("kind") == "Status" else {}
    found = status.get("details")
    details: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    hidden = is_sensitive(request) or details.get("kind") == "secrets"
    return Refusal(
        request,
        code,
        reason=_text(status.get("reason")),
        words="" if hidden else _text(status.get("message"))[:_LONGEST_WORDS],
        details=details,
        causes=tuple(_causes(details, hidden)),
        retry_after=_retry_after(headers, details),
        sent_bytes=sent_bytes,
        unfit=any(mark in _text(status.get("message")) for mark in _UNFIT),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _causes(details: Mapping[str, Any], hidden: bool) -> list[Cause]:
    listed = details.get("causes")
    causes = [cause for cause in listed if isinstance(cause, Mapping)] if isinstance(listed, list) else []
    return [
        Cause(
            reason := _text(cause.get("reason")),
            _text(cause.get("field")),
            # A conflict of managers names managers, never values.
            "" if hidden and reason != "FieldManagerConflict" else _text(cause.get("message"))[:_LONGEST_WORDS],
        )
        for cause in causes
    ]


def _retry_after(headers: Mapping[str, str], details: Mapping[str, Any]) -> float | None:
    """Source: RFC 9110, 10.2.3: seconds or an HTTP date; Kubernetes repeats the seconds in the details."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    if asked:
        try:
            return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
        except ValueError:
            pass  # neither form: as if it had not been sent
    seconds = details.get("retryAfterSeconds")
    return float(seconds) if isinstance(seconds, int) and seconds > 0 else None


def error_of(refusal: Refusal) -> GitOpsError:
    """
    Return the error that *refusal* means: by its reason where the server gives a known one, else by its code.

    Cost: one look-up.
    Source: Kubernetes, "API concepts" and the reasons of ``metav1.Status``.
    """
    make = _BY_REASON.get(refusal.reason) or _BY_CODE.get(refusal.code) or _by_class(refusal.code)
    return make(refusal)


def _by_class(code: int) -> Callable[[Refusal], GitOpsError]:
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _transient
    return _invalid if code >= HTTPStatus.BAD_REQUEST else _redirected


def _unauthorized(refusal: Refusal) -> GitOpsError:
    return Denied(
        f"{refusal.subject}: the server does not accept our credentials; renew the token or certificate, or check the user of "
        "the kubeconfig's context",
        permission_for(refusal.request),
    )


def _forbidden(refusal: Refusal) -> GitOpsError:
    if any(cause.reason == "NamespaceTerminating" for cause in refusal.causes):
        message = refusal.tell("the namespace is being deleted", "it is tried again when the namespace is gone")
        return Transient(message, retry_after=refusal.retry_after, disposition=Disposition.WAIT)
    cure = "grant the permission with a Role or ClusterRole, or satisfy the admission rule that the server names"
    return Denied(refusal.tell("forbidden", cure), _permission(refusal))


def _permission(refusal: Refusal) -> Any:
    tried = permission_for(refusal.request)
    named = _text(refusal.details.get("kind"))
    resource = named if named.islower() and not tried.resource.partition("/")[2] else tried.resource
    return tried._replace(
        group=_text(refusal.details.get("group")) or tried.group,
        resource=resource,
        name=_text(refusal.details.get("name")) or tried.name,
    )


def _not_found(refusal: Refusal) -> GitOpsError:
    name = _text(refusal.details.get("name"))
    if name:
        kind = _text(refusal.details.get("kind"))
        return NotFound(f"{refusal.subject}: {kind} {name} is not there; it was deleted, or must be created first")
    cure = "install its definition, or declare a version that the server has"
    return UnknownKind(f"{refusal.subject}: the server has no such kind or path; {cure}")


def _already_exists(refusal: Refusal) -> GitOpsError:
    return AlreadyExists(refusal.tell("it is there already", "look at it, then decide about adoption"))


def _conflict(refusal: Refusal) -> GitOpsError:
    claims = [(manager_in(cause.message), cause.field) for cause in refusal.causes if cause.reason == "FieldManagerConflict"]
    if not claims:
        return Conflict(
            refusal.tell(
                "it is not as we saw it: changed, or replaced by another of the same name", "read it again, then decide"
            ),
            retry_after=refusal.retry_after,
        )
    fields = ", ".join(f"{field} ({manager or 'manager unknown'})" for manager, field in claims)
    cure = "leave these fields out of the declaration, or take them over by policy"
    return FieldConflict(f"{refusal.subject}: fields belong to another manager: {fields}; {cure}", claims)


def manager_in(message: str) -> str:
    """
    Return the manager that a ``FieldManagerConflict`` names.

    Its name stands nowhere but in the message: ``conflict with "kubectl" using apps/v1``. The one message that is parsed; empty
    when it is worded otherwise.
    """
    found = _QUOTED.search(message)
    return found.group(1) if found else ""


def _expired(refusal: Refusal) -> GitOpsError:
    return Expired(refusal.tell("the place to go on from is too old", "begin again with a fresh list"))


def _too_large(refusal: Refusal) -> GitOpsError:
    size = f" of {refusal.sent_bytes:,} bytes" if refusal.sent_bytes else ""
    return Invalid(refusal.tell(f"the object{size} is larger than the server takes", "make it smaller, or split it"))


def _invalid(refusal: Refusal) -> GitOpsError:
    pointers = [pointer_of(cause.field) for cause in refusal.causes]
    named = ", ".join(f"{cause.field or '-'} ({cause.reason or 'no reason given'})" for cause in refusal.causes)
    what = f"refused with HTTP {refusal.code} {refusal.reason}".rstrip() + (f", fields {named}" if named else "")
    return Invalid(
        refusal.tell(what, "change the declaration"), next(filter(None, pointers), ""), [cause[:2] for cause in refusal.causes]
    )


def pointer_of(field: str) -> str:
    """
    Return the JSON pointer of a field as the API writes it: ``spec.containers[0].image`` is ``/spec/containers/0/image``.

    An item named by its keys (``[name="web"]``) stays one segment.
    """
    segments = (bracketed or plain for bracketed, plain in _SEGMENT.findall(field))
    return "".join("/" + segment.replace("~", "~0").replace("/", "~1") for segment in segments if segment)


def _throttled(refusal: Refusal) -> GitOpsError:
    return Throttled(refusal.tell("too many requests", "slow down, or ask for a larger share"), retry_after=refusal.retry_after)


def _transient(refusal: Refusal) -> GitOpsError:
    if not refusal.reason and refusal.unfit:
        return _invalid(refusal)
    if not refusal.reason and refusal.sent_bytes > _ETCD_BYTES:
        return _too_large(refusal)
    what = f"the server failed with HTTP {refusal.code} {refusal.reason}".rstrip()
    cure = "tried again; if it stays, look at the server, its webhooks and its extension servers"
    return Transient(refusal.tell(what, cure), retry_after=refusal.retry_after)


def _not_done(refusal: Refusal) -> GitOpsError:
    what = f"the server does not do this (HTTP {refusal.code} {refusal.reason}".rstrip() + ")"
    return Invalid(refusal.tell(what, "use another verb, patch type or server"))


def _redirected(refusal: Refusal) -> GitOpsError:
    cure = "name the API server itself: credentials are never sent on to another address"
    return ConfigError(f"{refusal.subject}: answered with HTTP {refusal.code} instead of an object; {cure}")


_BY_REASON: dict[str, Callable[[Refusal], GitOpsError]] = {
    "Unauthorized": _unauthorized,
    "Forbidden": _forbidden,
    "NotFound": _not_found,
    "AlreadyExists": _already_exists,
    "Conflict": _conflict,
    "Gone": _expired,
    "Expired": _expired,
    "Invalid": _invalid,
    "BadRequest": _invalid,
    "RequestEntityTooLarge": _too_large,
    "UnsupportedMediaType": _not_done,
    "NotAcceptable": _not_done,
    "MethodNotAllowed": _not_done,
    "TooManyRequests": _throttled,
    "ServerTimeout": _transient,
    "Timeout": _transient,
    "StoreReadError": _transient,
    "InternalError": _transient,
    "ServiceUnavailable": _transient,
}

_BY_CODE: dict[int, Callable[[Refusal], GitOpsError]] = {
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    405: _not_done,
    406: _not_done,
    407: _unauthorized,
    408: _transient,
    409: _conflict,
    410: _expired,
    413: _too_large,
    415: _not_done,
    422: _invalid,
    429: _throttled,
    501: _not_done,
}
