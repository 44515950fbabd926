"""Requests, kinds, identities, endpoints: values that refuse nonsense and show no secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint, is_loopback, read_file
from gitops_core.kubernetes_api.identities import Credentials, Impersonation
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import Request, Response

DEPLOYMENT = KindInfo("apps", "v1", "Deployment", "deployments", True)
NODE = KindInfo("", "v1", "Node", "nodes", False)
CANARY = "hunter2-canary"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (DEPLOYMENT.path(), "/apis/apps/v1/deployments"),
        (DEPLOYMENT.path("shop"), "/apis/apps/v1/namespaces/shop/deployments"),
        (DEPLOYMENT.path("shop", "web"), "/apis/apps/v1/namespaces/shop/deployments/web"),
        (DEPLOYMENT.path("shop", "web", "scale"), "/apis/apps/v1/namespaces/shop/deployments/web/scale"),
        (NODE.path(), "/api/v1/nodes"),
        (NODE.path(name="a b/c?d#é"), "/api/v1/nodes/a%20b%2Fc%3Fd%23%C3%A9"),
        (NODE.path(name="system:node"), "/api/v1/nodes/system:node"),
    ],
)
def test_a_kind_knows_its_paths(path: str, expected: str) -> None:
    assert path == expected


@pytest.mark.parametrize(
    ("kind", "namespace", "name"), [(NODE, "shop", ""), (DEPLOYMENT, "", "web"), (NODE, "", ".."), (DEPLOYMENT, ".", "")]
)
def test_a_kind_refuses_places_that_cannot_be(kind: KindInfo, namespace: str, name: str) -> None:
    with pytest.raises(ConfigError):
        kind.path(namespace, name)


def test_a_kind_knows_its_api_version() -> None:
    assert (DEPLOYMENT.api_version, NODE.api_version) == ("apps/v1", "v1")


def test_a_request_escapes_its_parameters() -> None:
    assert Request("GET", "/api", (("labelSelector", "a in (b, c)"),)).address == "/api?labelSelector=a+in+%28b%2C+c%29"
    assert Request("GET", "/api").address == "/api"


def test_no_value_shows_what_it_carries() -> None:
    shown = [
        Request("POST", "/api", body={"a": CANARY}, headers=(("a", CANARY),)),
        Response(200, {"a": CANARY}, {"a": CANARY}),
        Credentials(token=CANARY, key_file=CANARY),
        Certificate(CANARY.encode(), CANARY.encode()),
        Endpoint(server="https://a", proxy=f"http://u:{CANARY}@p", ca_data=CANARY),
    ]
    assert CANARY not in repr(shown)


def test_a_service_account_has_the_groups_of_its_token() -> None:
    account = Impersonation.service_account("shop", "deployer")
    assert account.user == "system:serviceaccount:shop:deployer"
    assert account.groups == ("system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated")
    assert str(account).startswith("system:serviceaccount:shop:deployer (")


def test_an_identity_becomes_headers() -> None:
    identity = Impersonation("jane", ("a", "b"), "42", (("example.org/scope", ("x", "y")),))
    assert identity.headers() == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Uid", "42"),
        ("Impersonate-Extra-example.org%2Fscope", "x"),
        ("Impersonate-Extra-example.org%2Fscope", "y"),
    )


def test_equal_identities_are_one_key_however_they_were_written() -> None:
    one = Impersonation.of("jane", ["a", "a"], {"B": ["1"], "a": ["2"]})
    other = Impersonation.of("jane", ("a",), {"a": ("2",), "b": ("1",)})
    assert {one: 1} == {other: 1}
    assert str(Impersonation.of("jane")) == "jane"


@pytest.mark.parametrize("user", ["", "a\r\nAuthorization: x", "jané"])
def test_an_identity_that_cannot_be_sent_is_refused(user: str) -> None:
    with pytest.raises(ConfigError):
        Impersonation(user)


@pytest.mark.parametrize(
    "server",
    ["", "kubernetes:6443", "ftp://a", "https://", "https://u:p@a", "https://a?b", "https://a#b", f"https://u:{CANARY}@a/"],
)
def test_an_address_that_is_none_is_refused_without_its_password(server: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Endpoint(server=server)
    assert CANARY not in str(caught.value)


def test_a_slash_at_the_end_changes_nothing() -> None:
    assert Endpoint(server="https://a/k8s/") == Endpoint(server="https://a/k8s")


@pytest.mark.parametrize(
    ("server", "private"),
    [
        ("https://example.org", True),
        ("http://127.0.0.1:80", True),
        ("http://[::1]:80", True),
        ("http://localhost", True),
        ("http://a.localhost", True),
        ("http://example.org", False),
        ("http://10.0.0.1", False),
    ],
)
def test_only_tls_or_this_machine_is_private(server: str, *, private: bool) -> None:
    assert Endpoint(server=server).is_private is private


def test_a_name_is_not_this_machine() -> None:
    assert not is_loopback("localhost.example.org")


def test_a_file_that_is_missing_or_empty_is_told_with_its_purpose(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    for name, words in (("gone", "No such file"), ("empty", "empty")):
        with pytest.raises(ConfigError, match=f"client key {tmp_path / name}: {words}"):
            read_file(tmp_path / name, "client key")
