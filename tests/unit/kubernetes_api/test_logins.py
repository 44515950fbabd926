"""What is named explicitly, or by the Pod around us, becomes a login."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint
from gitops_core.kubernetes_api.identities import Credentials
from gitops_core.kubernetes_api.logins import explicit_login, in_cluster_login
from gitops_core.kubernetes_api.tickets import bearer

POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("token", "cert", "key", "ca.crt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "namespace").write_text("shop\n")
    return tmp_path


def test_credentials_become_tickets(files: Path) -> None:
    pair = {"certificate_file": files / "cert", "key_file": str(files / "key")}
    certificate = Certificate(b"cert", b"key")
    for credentials, ticket, name in [
        (Credentials(), bearer(""), "anonymous"),
        (Credentials(token="abc"), bearer("abc"), "bearer token"),
        (Credentials(token=lambda: "abc"), bearer("abc"), "bearer token"),
        (Credentials(token_file=files / "token"), bearer("token"), f"token file {files / 'token'}"),
        (Credentials(**pair), bearer("", certificate), "certificate cert"),
        (Credentials(token="abc", **pair, name="robot"), bearer("abc", certificate), "robot"),
    ]:
        login = explicit_login("https://a", credentials)
        assert (login.tickets.current(), login.identity) == (ticket, name)
        assert login.endpoint == Endpoint(server="https://a")
        assert "abc" not in repr(login)


def test_an_authority_completes_the_endpoint(files: Path) -> None:
    endpoint = Endpoint(server="https://a", tls_server_name="b", proxy="http://p")
    login = explicit_login(endpoint, Credentials(ca_file=files / "ca.crt"))
    assert login.endpoint == Endpoint(server="https://a", tls_server_name="b", proxy="http://p", ca_data="ca.crt")


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(token="a", token_file="b"),
        Credentials(certificate_file="a"),
        Credentials(key_file="a"),
        Credentials(ca_file="/nowhere"),
        Credentials(token_file="/nowhere"),
    ],
)
def test_credentials_that_make_no_sense_are_refused(credentials: Credentials) -> None:
    with pytest.raises(ConfigError):
        explicit_login("https://a", credentials)


def test_a_pod_talks_to_the_server_that_its_environment_names(files: Path) -> None:
    login = in_cluster_login(POD, files)
    assert login.endpoint == Endpoint(server="https://10.96.0.1:443", ca_data="ca.crt")
    assert login.tickets.current() == bearer("token")
    assert login.identity == "service account of the Pod in shop"


def test_the_token_of_a_pod_is_replaced_while_it_runs(files: Path) -> None:
    login = in_cluster_login(POD, files)
    (files / "next").write_text("rotated")
    (files / "next").replace(files / "token")
    assert login.tickets.current() == bearer("rotated")


def test_a_pod_without_a_namespace_file_is_no_problem(files: Path) -> None:
    (files / "namespace").unlink()
    assert in_cluster_login(POD, files).identity.endswith("unknown")


def test_an_ipv6_address_gets_its_brackets(files: Path) -> None:
    assert in_cluster_login({**POD, "KUBERNETES_SERVICE_HOST": "fd00::1"}, files).endpoint.server == "https://[fd00::1]:443"


def test_a_pod_uses_the_proxy_of_its_environment_unless_exempt(files: Path) -> None:
    proxied = {**POD, "HTTPS_PROXY": "http://p:1"}
    assert in_cluster_login(proxied, files).endpoint.proxy == "http://p:1"
    assert in_cluster_login({**proxied, "NO_PROXY": "10.96.0.0/12"}, files).endpoint.proxy == ""


@pytest.mark.parametrize("environment", [{}, {"KUBERNETES_SERVICE_HOST": "a"}, {"KUBERNETES_SERVICE_PORT": "1"}])
def test_outside_of_a_pod_the_cure_is_named(environment: dict[str, str], files: Path) -> None:
    with pytest.raises(ConfigError, match=r"use Connection\.from_kubeconfig"):
        in_cluster_login(environment, files)


@pytest.mark.parametrize(("missing", "words"), [("token", "automountServiceAccountToken"), ("ca.crt", "certificate authority")])
def test_a_pod_without_its_files_is_told(files: Path, missing: str, words: str) -> None:
    (files / missing).unlink()
    with pytest.raises(ConfigError, match=words):
        in_cluster_login(POD, files)
