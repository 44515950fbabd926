"""Every answer of an API server that is an error becomes the right one of ours; the rows are what real servers answer."""

from __future__ import annotations

import email.utils
import time
from typing import Any

import pytest

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
    Permission,
    Throttled,
    Transient,
    UnknownKind,
)
from gitops_core.kubernetes_api.requests import APPLY, Request
from gitops_core.kubernetes_api.statuses import error_of, manager_in, pointer_of, read_refusal

GET = Request("GET", "/apis/apps/v1/namespaces/shop/deployments/web")
APPLY_WEB = Request("PATCH", GET.path, body={}, content_type=APPLY)
SECRET = Request("PATCH", "/api/v1/namespaces/shop/secrets/db", body={})
RETRY, WAIT, STALL = Disposition.RETRY, Disposition.WAIT, Disposition.STALL


def status(code: int, reason: str = "", message: str = "words", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message, "details": details}


def error(request: Request, code: int, body: Any, headers: dict[str, str] | None = None, sent: int = 0) -> GitOpsError:
    return error_of(read_refusal(request, code, headers or {}, body, sent))


WEB = {"name": "web", "group": "apps", "kind": "deployments"}
TERMINATING = {
    "causes": [{"reason": "NamespaceTerminating", "message": "namespace shop is being terminated", "field": "metadata.namespace"}]
}
MANAGED = {
    "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using apps/v1', "field": ".spec.replicas"}]
}
UNFIT = "failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spek: field not declared in schema"

TABLE = [
    (401, status(401, "Unauthorized"), Denied, STALL),
    (401, "<html>", Denied, STALL),
    (403, status(403, "Forbidden", **WEB), Denied, STALL),
    (403, status(403, "Forbidden", **WEB, **TERMINATING), Transient, WAIT),
    (403, None, Denied, STALL),
    (404, status(404, "NotFound", **WEB), NotFound, RETRY),
    (404, status(404, "NotFound", "the server could not find the requested resource"), UnknownKind, WAIT),
    (404, "404 page not found", UnknownKind, WAIT),
    (405, status(405, "MethodNotAllowed"), Invalid, STALL),
    (406, status(406, "NotAcceptable"), Invalid, STALL),
    (407, None, Denied, STALL),
    (408, None, Transient, RETRY),
    (409, status(409, "AlreadyExists", **WEB), AlreadyExists, RETRY),
    (409, status(409, "Conflict", **WEB), Conflict, RETRY),
    (409, status(409, "Conflict", **WEB, **MANAGED), FieldConflict, STALL),
    (409, None, Conflict, RETRY),
    (410, status(410, "Expired"), Expired, RETRY),
    (410, status(410, "Gone"), Expired, RETRY),
    (410, None, Expired, RETRY),
    (400, status(400, "BadRequest"), Invalid, STALL),
    (400, "Client sent an HTTP request to an HTTPS server.", Invalid, STALL),
    (400, status(400, "Expired"), Expired, RETRY),
    (413, status(413, "RequestEntityTooLarge"), Invalid, STALL),
    (413, None, Invalid, STALL),
    (415, status(415, "UnsupportedMediaType"), Invalid, STALL),
    (418, None, Invalid, STALL),
    (422, status(422, "Invalid"), Invalid, STALL),
    (422, None, Invalid, STALL),
    (429, status(429, "TooManyRequests", retryAfterSeconds=3), Throttled, RETRY),
    (429, None, Throttled, RETRY),
    (500, status(500, "InternalError", 'failed calling webhook "w.io": connection refused'), Transient, RETRY),
    (500, status(500, "", UNFIT), Invalid, STALL),
    (500, status(500, "InternalError", UNFIT), Transient, RETRY),
    (500, status(500, "ServerTimeout", retryAfterSeconds=1), Transient, RETRY),
    (500, status(500, "StoreReadError"), Transient, RETRY),
    (501, status(501, "NotImplemented"), Invalid, STALL),
    (502, "<html>", Transient, RETRY),
    (503, status(503, "ServiceUnavailable"), Transient, RETRY),
    (504, status(504, "Timeout"), Transient, RETRY),
    (599, None, Transient, RETRY),
    (301, None, ConfigError, STALL),
    (304, None, ConfigError, STALL),
]


@pytest.mark.parametrize(("code", "body", "kind", "disposition"), TABLE)
def test_each_answer_has_its_error(code: int, body: Any, kind: type[GitOpsError], disposition: Disposition) -> None:
    found = error(GET, code, body)
    assert (type(found), found.disposition) == (kind, disposition)
    what, _, cure = found.message.rpartition("; ")
    assert what.startswith("get deployments.apps web in shop: ")
    assert cure


def test_a_reason_that_we_do_not_know_counts_by_its_code() -> None:
    assert type(error(GET, 409, status(409, "Newfangled"))) is Conflict


def test_without_a_known_code_only_the_class_counts() -> None:
    assert type(error(GET, 451, status(451, "Newfangled"))) is Invalid


@pytest.mark.parametrize(
    "body", [None, [], "x", 7, {"kind": "Pod"}, {"kind": "Status", "details": 5}, {"kind": "Status", "details": {"causes": {}}}]
)
def test_an_answer_that_is_no_status_is_an_error_all_the_same(body: Any) -> None:
    assert type(error(GET, 503, body)) is Transient


def test_a_forbidden_request_names_verb_resource_and_namespace() -> None:
    found = error(
        Request("GET", "/api/v1/namespaces/shop/pods", (("watch", "true"),)), 403, status(403, "Forbidden", kind="pods")
    )
    assert isinstance(found, Denied)
    assert found.permission == Permission("watch", "", "pods", "shop", "")
    assert "watch pods in shop: forbidden (the server says: words); grant the permission" in found.message


def test_details_complete_what_the_request_does_not_say() -> None:
    """A create has no name in its path."""
    found = error(Request("POST", "/apis/apps/v1/namespaces/shop/deployments", body={}), 403, status(403, "Forbidden", **WEB))
    assert isinstance(found, Denied)
    assert found.permission == Permission("create", "apps", "deployments", "shop", "web")


def test_a_forbidden_subresource_keeps_its_name() -> None:
    found = error(Request("PATCH", GET.path + "/scale", body={}), 403, status(403, "Forbidden", **WEB))
    assert isinstance(found, Denied)
    assert found.permission == Permission("patch", "apps", "deployments/scale", "shop", "web")


def test_a_kind_in_details_is_no_resource() -> None:
    """Some servers write the kind there."""
    found = error(GET, 403, status(403, "Forbidden", kind="Deployment"))
    assert isinstance(found, Denied)
    assert found.permission == Permission("get", "apps", "deployments", "shop", "web")


def test_a_conflict_of_managers_names_them_and_their_fields() -> None:
    found = error(APPLY_WEB, 409, status(409, "Conflict", **WEB, **MANAGED))
    assert isinstance(found, FieldConflict)
    assert found.conflicts == (("kubectl", ".spec.replicas"),)
    assert ".spec.replicas (kubectl)" in found.message


@pytest.mark.parametrize(
    ("message", "manager"),
    [
        ('conflict with "helm" using v1', "helm"),
        ('conflict with "a b" with subresource "scale" using v1 at 2026', "a b"),
        ("anders", ""),
        ("", ""),
    ],
)
def test_a_manager_is_taken_from_its_quotes_or_unknown(message: str, manager: str) -> None:
    assert manager_in(message) == manager


def test_a_manager_that_is_not_named_is_said_to_be_unknown() -> None:
    cause = {"reason": "FieldManagerConflict", "field": ".data.a"}
    found = error(APPLY_WEB, 409, status(409, "Conflict", causes=[cause]))
    assert isinstance(found, FieldConflict)
    assert found.conflicts == (("", ".data.a"),)
    assert "manager unknown" in found.message


def test_an_invalid_object_keeps_every_cause() -> None:
    causes = [
        {"reason": "FieldValueInvalid", "message": "Invalid value: -1: must not be negative", "field": "spec.replicas"},
        {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.template.spec.containers[0].image"},
        "not a cause",
        {},
    ]
    found = error(APPLY_WEB, 422, status(422, "Invalid", causes=causes))
    assert isinstance(found, Invalid)
    assert found.pointer == "/spec/replicas"
    assert found.causes == (
        ("FieldValueInvalid", "spec.replicas"),
        ("FieldValueRequired", "spec.template.spec.containers[0].image"),
        ("", ""),
    )
    assert "spec.replicas (FieldValueInvalid)" in found.message
    assert "- (no reason given)" in found.message


@pytest.mark.parametrize(
    ("field", "pointer"),
    [
        ("spec.containers[0].image", "/spec/containers/0/image"),
        ("data[tls.key]", "/data/tls.key"),
        ("metadata.labels[a/b~c]", "/metadata/labels/a~1b~0c"),
        ('.spec.ports[port=80,protocol="TCP"].name', '/spec/ports/port=80,protocol="TCP"/name'),
        ("[]", ""),
        ("", ""),
    ],
)
def test_fields_become_pointers(field: str, pointer: str) -> None:
    assert pointer_of(field) == pointer


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [
        ({"Retry-After": "7"}, {"retryAfterSeconds": 2}, 7.0),
        ({"Retry-After": " 0 "}, {}, 0.0),
        ({"Retry-After": "soon"}, {"retryAfterSeconds": 2}, 2.0),
        ({}, {"retryAfterSeconds": 2}, 2.0),
        ({}, {"retryAfterSeconds": "2"}, None),
        ({}, {"retryAfterSeconds": 0}, None),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, {}, 0.0),
        ({}, {}, None),
    ],
)
def test_the_server_says_how_long_to_wait(headers: dict[str, str], details: dict[str, Any], seconds: float | None) -> None:
    assert error(GET, 429, status(429, "TooManyRequests", **details), headers).retry_after == seconds
    assert error(GET, 503, status(503, "ServiceUnavailable", **details), headers).retry_after == seconds


def test_a_date_to_wait_for_becomes_seconds() -> None:
    when = email.utils.formatdate(time.time() + 100, usegmt=True)
    found = error(GET, 429, None, {"Retry-After": when}).retry_after
    assert found is not None
    assert 98 <= found <= 100


CANARY = "hunter2-canary"


@pytest.mark.parametrize("code", [400, 403, 409, 422, 429, 500, 503])
@pytest.mark.parametrize("request_", [SECRET, Request("PATCH", GET.path, body={}, sensitive=True)])
def test_words_about_secrets_stay_out(code: int, request_: Request) -> None:
    """Messages of an API server quote values of the object."""
    causes = [{"reason": "FieldValueInvalid", "message": f"Invalid value: {CANARY}", "field": "data.password"}]
    found = error(request_, code, status(code, "", f"is invalid: {CANARY}", causes=causes))
    assert CANARY not in f"{found} {found!r} {vars(found)}"
    assert "data.password" in str(found) or code not in {400, 422}


def test_words_are_hidden_when_only_the_details_tell_that_it_is_a_secret() -> None:
    found = error(Request("POST", "/apis/example.org/v1/bundles", body={}), 422, status(422, "Invalid", CANARY, kind="secrets"))
    assert CANARY not in str(found)


def test_a_secret_that_does_not_fit_its_schema_is_invalid_without_its_words() -> None:
    message = f"failed to convert new object (/db; /v1, Kind=Secret): {CANARY}: illegal base64 data"
    found = error(SECRET, 500, status(500, "", message))
    assert isinstance(found, Invalid)
    assert CANARY not in str(found)


def test_managers_of_a_secret_are_named() -> None:
    found = error(SECRET, 409, status(409, "Conflict", **MANAGED))
    assert isinstance(found, FieldConflict)
    assert found.conflicts == (("kubectl", ".spec.replicas"),)


def test_long_words_are_cut() -> None:
    assert len(str(error(GET, 500, status(500, "InternalError", "x" * 100_000)))) < 3_000


@pytest.mark.parametrize(
    ("code", "reason", "sent", "kind"),
    [
        (413, "RequestEntityTooLarge", 4_000_000, Invalid),
        (500, "", 1_700_000, Invalid),
        (500, "", 1_500_000, Transient),
        (500, "InternalError", 1_700_000, Transient),
    ],
)
def test_an_object_that_is_too_large_is_told_with_its_size(code: int, reason: str, sent: int, kind: type[GitOpsError]) -> None:
    """Over its own limit an API server answers 413; over that of etcd 500 without a reason."""
    found = error(APPLY_WEB, code, status(code, reason), sent=sent)
    assert type(found) is kind
    assert (f"{sent:,} bytes" in found.message) == (kind is Invalid)


def test_what_is_not_there_is_named_by_the_server() -> None:
    """A create in a namespace that is missing is about the namespace."""
    found = error(
        Request("POST", "/api/v1/namespaces/gone/pods", body={}), 404, status(404, "NotFound", name="gone", kind="namespaces")
    )
    assert isinstance(found, NotFound)
    assert "namespaces gone is not there" in found.message
