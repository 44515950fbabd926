"""Requests over a loopback: what goes out, what comes back, and whose it is."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from urllib3.exceptions import InsecureRequestWarning

from gitops_core.errors import ConfigError, Conflict, DeadlineExceeded, Denied, Invalid, Transient
from gitops_core.kubernetes_api import logins
from gitops_core.kubernetes_api.connections import Connection
from gitops_core.kubernetes_api.endpoints import Endpoint
from gitops_core.kubernetes_api.identities import Credentials, Impersonation
from gitops_core.kubernetes_api.requests import APPLY, Request
from gitops_core.kubernetes_api.settings import ConnectionSettings

WEB = Request("GET", "/apis/apps/v1/namespaces/shop/deployments/web")
CANARY = "hunter2-canary"


def test_an_apply_is_one_request_with_json_and_its_parameters(loopback: Any) -> None:
    body = {"kind": "Deployment", "metadata": {"name": "wéb"}}
    query = (("fieldManager", "a b"), ("force", "true"))
    response = loopback.connect().request(Request("PATCH", WEB.path, query, body, APPLY), 5)
    (seen,) = loopback.seen
    assert (seen.method, seen.path) == ("PATCH", WEB.path + "?fieldManager=a+b&force=true")
    assert json.loads(seen.body) == body
    assert seen.all("Content-Type") == ["application/apply-patch+yaml"]
    assert seen.all("Accept") == ["application/json"]
    assert seen.all("User-Agent") == ["gitops-core"]
    assert seen.all("Authorization") == []
    assert (response.status, response.body) == (200, {"path": seen.path})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_every_method_is_sent(loopback: Any, method: str) -> None:
    loopback.connect().request(Request(method, WEB.path, body={"a": 1} if method != "GET" else None), 5)
    assert loopback.seen[0].method == method


def test_a_request_may_have_headers_of_its_own(loopback: Any) -> None:
    plain = loopback.connect()
    for connection in (plain, plain.impersonating(Impersonation("jane"))):
        connection.request(Request("GET", "/api", headers=(("If-None-Match", "x"),)), 5)
        assert loopback.seen[-1].all("If-None-Match") == ["x"]


def test_a_server_may_lie_below_a_path(loopback: Any) -> None:
    Connection.explicit(loopback.url + "/k8s/clusters/c-1/").request(WEB, 5)
    assert loopback.seen[0].path == "/k8s/clusters/c-1" + WEB.path


def test_sockets_are_kept_open_also_after_errors(loopback: Any, reply: Any) -> None:
    addresses = set()
    accept = loopback.server.process_request
    loopback.server.process_request = lambda request, address: (addresses.add(address), accept(request, address))
    connection = loopback.connect()
    for status in (200, 409, 404, 429, 200):
        loopback.answer = lambda seen, status=status: reply(status, {"kind": "Status", "reason": "Conflict"})
        if status == 200:
            connection.request(WEB, 5)
        else:
            with pytest.raises(Conflict):
                connection.request(WEB, 5)
    assert len(addresses) == 1


def test_a_socket_that_the_server_has_closed_is_not_used_again(loopback: Any, reply: Any) -> None:
    loopback.answer = lambda seen: reply(body={}, headers={"Connection": "close"})
    connection = loopback.connect()
    for _ in range(3):
        assert connection.request(WEB, 5).body == {}


def test_after_closing_a_request_opens_anew(loopback: Any) -> None:
    connection = loopback.connect()
    connection.close()
    connection.request(WEB, 5)
    connection.close()
    connection.close()
    assert connection.request(WEB, 5).status == 200


# Who asks


def test_a_token_goes_with_each_request_and_is_never_shown(loopback: Any) -> None:
    connection = loopback.connect(Credentials(token=CANARY))
    connection.request(WEB, 5)
    assert loopback.seen[0].all("Authorization") == [f"Bearer {CANARY}"]
    assert CANARY not in f"{connection!r} {connection.identity} {connection.server}"
    assert repr(connection) == f"Connection('{loopback.url}', 'bearer token')"


def test_a_refused_token_is_replaced_and_the_request_sent_again_once(loopback: Any, reply: Any) -> None:
    loopback.answer = lambda seen: reply(200 if seen.all("Authorization") == ["Bearer new"] else 401, {})
    tokens = iter(["old", "new", "new", "older", "oldest"])
    connection = loopback.connect(Credentials(token=lambda: next(tokens)))
    assert connection.request(Request("POST", "/api/v1/namespaces", body={"a": 1}), 5).status == 200
    assert [(seen.all("Authorization"), seen.body) for seen in loopback.seen] == [
        (["Bearer old"], b'{"a":1}'),
        (["Bearer new"], b'{"a":1}'),
    ]
    connection.request(WEB, 5)
    with pytest.raises(Denied, match="does not accept our credentials"):
        connection.request(WEB, 5)
    assert len(loopback.seen) == 5


def test_a_refused_token_without_a_successor_is_denied(loopback: Any, reply: Any) -> None:
    loopback.answer = lambda seen: reply(401, {})
    with pytest.raises(Denied):
        loopback.connect(Credentials(token="abc")).request(WEB, 5)
    assert len(loopback.seen) == 1


def test_an_identity_goes_in_headers_over_the_same_sockets(loopback: Any) -> None:
    connection = loopback.connect(Credentials(token="abc"))
    jane = connection.impersonating(Impersonation.of("jane", ["a", "b"], {"scopes": ["x", "y"]}))
    assert jane is connection.impersonating(Impersonation.of("jane", ("a", "b"), {"Scopes": ("x", "y")}))
    assert jane is not connection.impersonating(Impersonation("jane"))
    assert jane.identity == "bearer token as jane (a, b)"
    jane.request(WEB, 5)
    connection.request(WEB, 5)
    first, second = loopback.seen
    assert first.all("Impersonate-User") == ["jane"]
    assert first.all("Impersonate-Group") == ["a", "b"]
    assert first.all("Impersonate-Extra-scopes") == ["x", "y"]
    assert first.all("Authorization") == ["Bearer abc"]
    assert second.all("Impersonate-User") == []
    jane.close()
    assert jane.request(WEB, 5).status == 200
    with pytest.raises(ConfigError, match="cannot put on a second identity"):
        jane.impersonating(Impersonation("joe"))


def test_a_kubeconfig_may_name_the_identity(loopback: Any, tmp_path: Path) -> None:
    path = tmp_path / "config"
    content = {
        "current-context": "dev",
        "clusters": [{"name": "c", "cluster": {"server": loopback.url}}],
        "users": [{"name": "u", "user": {"token": "abc", "as": "jane"}}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(yaml.safe_dump(content))
    connection = Connection.from_kubeconfig(path)
    assert connection.identity == "dev/u as jane"
    connection.request(WEB, 5)
    assert loopback.seen[0].all("Impersonate-User") == ["jane"]
    connection.close()


def test_credentials_do_not_cross_the_network_in_the_clear() -> None:
    connection = Connection.explicit("http://192.0.2.1:80", credentials=Credentials(token="abc"))
    with pytest.raises(ConfigError, match=r"in the clear; use https"):
        connection.request(WEB, 0.1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_an_error_and_gets_no_token(loopback: Any, reply: Any, status: int) -> None:
    loopback.answer = lambda seen: reply(status, {}, {"Location": f"{loopback.url}/elsewhere?token={CANARY}"})
    with pytest.raises(ConfigError, match=f"answered with HTTP {status}") as caught:
        loopback.connect(Credentials(token="abc")).request(WEB, 5)
    assert CANARY not in str(caught.value)
    assert len(loopback.seen) == 1


# What goes wrong


@pytest.mark.parametrize("timeout", [0, -1.0])
def test_without_time_nothing_is_sent(loopback: Any, timeout: float) -> None:
    with pytest.raises(DeadlineExceeded):
        loopback.connect().request(WEB, timeout)
    assert loopback.seen == []


def test_a_server_that_does_not_answer_is_given_up_in_time(loopback: Any, reply: Any) -> None:
    release = threading.Event()
    loopback.answer = lambda seen: reply(raw=lambda handler: release.wait(30))
    began = time.monotonic()
    with pytest.raises(Transient, match="no answer in time"):
        loopback.connect().request(WEB, 0.1)
    assert time.monotonic() - began < 20
    release.set()


def test_an_answer_that_drips_is_given_up(loopback: Any, reply: Any) -> None:
    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(900):
            handler.wfile.write(b" ")
            time.sleep(0.03)

    loopback.answer = lambda seen: reply(raw=drip)
    began = time.monotonic()
    with pytest.raises(Transient, match="did not end in time"):
        loopback.connect().request(WEB, 0.1)
    assert time.monotonic() - began < 20


def test_nobody_listening_is_transient() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Transient, match="the server cannot be reached"):
        Connection.explicit(f"http://127.0.0.1:{port}").request(WEB, 2)


def test_a_name_that_does_not_exist_is_transient() -> None:
    with pytest.raises(Transient, match="cannot be resolved"):
        Connection.explicit("https://nowhere.invalid").request(WEB, 5)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"nonsense\r\n\r\n",
    ],
)
def test_an_answer_that_is_cut_is_transient(loopback: Any, reply: Any, sent: bytes) -> None:
    def cut(handler: Any) -> None:
        handler.wfile.write(sent)
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    loopback.answer = lambda seen: reply(raw=cut)
    with pytest.raises(Transient):
        loopback.connect().request(WEB, 5)


def test_a_connection_that_is_reset_is_transient(loopback: Any, reply: Any) -> None:
    def reset(handler: Any) -> None:
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        handler.connection.close()
        handler.close_connection = True

    loopback.answer = lambda seen: reply(raw=reset)
    with pytest.raises(Transient, match="was cut"):
        loopback.connect().request(WEB, 5)


def test_a_large_answer_is_read_whole_chunked_or_not(loopback: Any, reply: Any) -> None:
    items = [{"n": number, "text": "x" * 100} for number in range(20_000)]
    loopback.answer = lambda seen: reply(body=items)
    assert loopback.connect().request(WEB, 10).body == items

    def chunked(handler: Any) -> None:
        content = json.dumps(items).encode()
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(content), 70_001):
            part = content[start : start + 70_001]
            handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    loopback.answer = lambda seen: reply(raw=chunked)
    connection = loopback.connect()
    assert connection.request(WEB, 10).body == items
    assert connection.request(WEB, 10).body == items


def test_an_answer_beyond_the_limit_is_refused(loopback: Any, reply: Any) -> None:
    loopback.answer = lambda seen: reply(body=["x" * 2_000])
    with pytest.raises(Invalid, match="larger than 1,000 bytes"):
        loopback.connect(max_response_bytes=1_000).request(WEB, 5)


def test_an_object_that_is_too_large_is_told_with_its_size(loopback: Any, reply: Any) -> None:
    loopback.answer = lambda seen: reply(413, {"kind": "Status", "reason": "RequestEntityTooLarge"})
    with pytest.raises(Invalid, match="of 1,009 bytes is larger"):
        loopback.connect().request(Request("POST", "/api/v1/configmaps", body={"a": 1, "b": "x" * 995}), 5)


def test_requests_are_counted_with_their_outcome(loopback: Any, reply: Any) -> None:
    told: list[tuple[Any, ...]] = []
    connection = loopback.connect(on_request=lambda *facts: told.append(facts))
    connection.request(WEB, 5)
    loopback.answer = lambda seen: reply(503, {})
    with pytest.raises(Transient):
        connection.request(WEB, 5)
    release = threading.Event()
    loopback.answer = lambda seen: reply(raw=lambda handler: release.wait(30))
    with pytest.raises(Transient):
        connection.request(WEB, 0.1)
    release.set()
    assert [(method, path, status) for method, path, _, status in told] == [("GET", WEB.path, status) for status in (200, 503, 0)]
    assert all(seconds > 0 for _, _, seconds, _ in told)


def test_threads_that_begin_at_once_share_one_pool(loopback: Any) -> None:
    connection = loopback.connect()
    together = threading.Barrier(6)
    statuses: list[int] = []

    def ask() -> None:
        together.wait(20)
        statuses.append(connection.request(WEB, 20).status)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 6
    connection.close()


# TLS


def secure(server: Any, certificates: Any, *, endpoint: dict[str, Any] | None = None, **credentials: Any) -> Connection:
    credentials.setdefault("ca_file", certificates.ca)
    place = Endpoint(server=server.url, **(endpoint or {}))
    return Connection.explicit(place, credentials=Credentials(**credentials))


def test_a_server_that_our_authority_vouches_for_is_trusted(tls_server: Any, certificates: Any) -> None:
    assert secure(tls_server, certificates).request(WEB, 5).status == 200


@pytest.mark.parametrize("authority", ["other", ""])
def test_a_server_that_nobody_vouches_for_is_no_matter_of_time(tls_server: Any, certificates: Any, authority: str) -> None:
    connection = secure(tls_server, certificates, ca_file=authority and certificates.other, token=CANARY)
    with pytest.raises(ConfigError, match=r"is not who we expect: .*; give the certificate authority"):
        connection.request(WEB, 5)
    assert tls_server.seen == []


def test_the_name_in_the_certificate_counts(tls_server: Any, certificates: Any) -> None:
    named = {"tls_server_name": "kubernetes.test"}
    assert secure(tls_server, certificates, endpoint=named).request(WEB, 5).status == 200
    with pytest.raises(ConfigError, match="is not who we expect"):
        secure(tls_server, certificates, endpoint={"tls_server_name": "other.test"}).request(WEB, 5)


def test_a_client_certificate_is_shown(tls_server: Any, certificates: Any) -> None:
    pair = {"certificate_file": certificates.client, "key_file": certificates.client_key}
    secure(tls_server, certificates, **pair).request(WEB, 5)
    secure(tls_server, certificates).request(WEB, 5)
    with_it, without = tls_server.seen
    assert (("commonName", "jane"),) in with_it.certificate["subject"]
    assert not without.certificate


def test_a_certificate_that_changes_gets_sockets_of_its_own(
    tls_server: Any, certificates: Any, reply: Any, tmp_path: Path
) -> None:
    plugin = tmp_path / "plugin"
    status = {"clientCertificateData": certificates.client.read_text(), "clientKeyData": certificates.client_key.read_text()}
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    (tmp_path / "answer").write_text(json.dumps(answer))
    plugin.write_text(f"#!/bin/sh\necho >> {tmp_path}/calls\ncat {tmp_path}/answer")
    plugin.chmod(0o700)
    content = {
        "current-context": "dev",
        "clusters": [{"name": "c", "cluster": {"server": tls_server.url, "certificate-authority": str(certificates.ca)}}],
        "users": [{"name": "u", "user": {"exec": {"apiVersion": answer["apiVersion"], "command": "./plugin"}}}],
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(content))
    connection = Connection.from_kubeconfig(tmp_path / "config")
    connection.request(WEB, 5)
    statuses = iter([401, 200])
    tls_server.answer = lambda seen: reply(next(statuses), {})
    answer["status"] = {"token": "fresh"}
    (tmp_path / "answer").write_text(json.dumps(answer))
    assert connection.request(WEB, 5).status == 200
    assert [seen.all("Authorization") for seen in tls_server.seen] == [[], [], ["Bearer fresh"]]
    assert [bool(seen.certificate) for seen in tls_server.seen] == [True, True, False]
    assert (tmp_path / "calls").read_text() == "\n\n"


@pytest.mark.parametrize(("chain", "key"), [("ca", "client_key"), ("client", "client"), ("client_key", "client_key")])
def test_a_pair_that_does_not_fit_is_refused(tls_server: Any, certificates: Any, chain: str, key: str) -> None:
    pair = {"certificate_file": getattr(certificates, chain), "key_file": getattr(certificates, key)}
    with pytest.raises(ConfigError, match="do not fit together"):
        secure(tls_server, certificates, **pair).request(WEB, 5)


def test_a_key_with_a_password_is_refused_without_asking_for_it(tls_server: Any, certificates: Any) -> None:
    pair = {"certificate_file": certificates.client, "key_file": certificates.locked_key}
    with pytest.raises(ConfigError, match="the key without a password"):
        secure(tls_server, certificates, **pair).request(WEB, 5)


def test_an_authority_that_is_none_is_refused(tls_server: Any, certificates: Any, tmp_path: Path) -> None:
    for content in ("nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        (tmp_path / "ca").write_text(content)
        with pytest.raises(ConfigError, match="no certificate in PEM"):
            secure(tls_server, certificates, ca_file=tmp_path / "ca").request(WEB, 5)


def test_whoever_answers_is_trusted_only_where_that_is_allowed(tls_server: Any) -> None:
    endpoint = Endpoint(server=tls_server.url, insecure=True)
    with pytest.raises(ConfigError, match=r"insecure-skip-tls-verify would give our credentials .*allow_insecure=True"):
        Connection.explicit(endpoint)
    allowed = Connection.explicit(endpoint, settings=ConnectionSettings(allow_insecure=True))
    with pytest.warns(InsecureRequestWarning):  # urllib3 reminds whoever allowed it
        assert allowed.request(WEB, 5).status == 200


def test_a_server_without_tls_is_told(loopback: Any) -> None:
    with pytest.raises(Transient, match=r"TLS with .* failed"):
        Connection.explicit(loopback.url.replace("http:", "https:")).request(WEB, 5)


def test_a_pod_finds_its_server(tls_server: Any, certificates: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("of the pod")
    (tmp_path / "ca.crt").write_text(certificates.ca.read_text())
    login = logins.in_cluster_login(
        {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(tls_server.port)}, tmp_path
    )
    monkeypatch.setattr("gitops_core.kubernetes_api.connections.in_cluster_login", lambda: login)
    Connection.in_cluster().request(WEB, 5)
    assert tls_server.seen[0].all("Authorization") == ["Bearer of the pod"]


# Proxies


def test_a_plain_server_is_reached_over_a_proxy(loopback: Any) -> None:
    Connection.explicit(Endpoint(server="http://kubernetes.test:8080/below", proxy=loopback.url)).request(WEB, 5)
    assert loopback.seen[0].path == "http://kubernetes.test:8080/below" + WEB.path


def test_a_server_with_tls_is_reached_through_a_tunnel(tls_server: Any, certificates: Any, tunnel: Any) -> None:
    endpoint = {"proxy": tunnel.url, "tls_server_name": "kubernetes.test"}
    connection = secure(tls_server, certificates, endpoint=endpoint, token="abc")
    for _ in range(2):
        assert connection.request(WEB, 5).status == 200
    assert tunnel.tunnels == [f"127.0.0.1:{tls_server.port}"]


def test_a_proxy_that_is_away_is_transient(certificates: Any) -> None:
    endpoint = Endpoint(server="https://kubernetes.test", proxy=f"http://u:{CANARY}@127.0.0.1:9")
    with pytest.raises(Transient, match="the proxy cannot be reached") as caught:
        Connection.explicit(endpoint).request(WEB, 2)
    assert CANARY not in f"{caught.value!r}"


@pytest.mark.parametrize("proxy", [f"ftp://{CANARY}@x", f"http://{CANARY}:x:y"])
def test_a_proxy_that_makes_no_sense_is_refused_and_not_shown(proxy: str) -> None:
    with pytest.raises(ConfigError, match="its proxy is not an address") as caught:
        Connection.explicit(Endpoint(server="https://kubernetes.test", proxy=proxy)).request(WEB, 2)
    assert CANARY not in f"{caught.value!r}"
