"""The real API server runs, knows its users, counts requests and ends with its parent."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import apiserver_build
import pytest
import real_server as real
from objects import deployment, deployments

pytestmark = [pytest.mark.slow, pytest.mark.needs_kube_apiserver]


def test_it_is_the_version_of_the_module_file(real_server: real.RealServer) -> None:
    assert real_server.version == apiserver_build.kubernetes_version()


@pytest.mark.parametrize("user", real.USERS)
def test_it_knows_its_users_by_token(real_server: real.RealServer, user: str) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    found = real_server.api(user).post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review).expect(201)
    assert found.body["status"]["userInfo"]["username"] == user
    assert set(real.USERS[user]) <= set(found.body["status"]["userInfo"]["groups"])


def test_it_counts_requests(real_server: real.RealServer) -> None:
    before = real_server.request_counts()
    for _ in range(3):
        real_server.admin.get("/api/v1/namespaces/default/configmaps/none").expect(404)
    counted = real_server.request_counts() - before
    assert counted[real.Requests("GET", "", "configmaps", "")] == 3


def test_it_forgets_its_history_when_told_to(real_server: real.RealServer) -> None:
    assert real_server.compact() > 0


def test_a_status_can_be_written_as_a_controller_would(real_server: real.RealServer) -> None:
    path = deployments("default", "controlled")
    real_server.admin.post(deployments("default"), deployment("controlled")).expect(201)
    real_server.patch_status(path, {"replicas": 1, "observedGeneration": 1})
    assert real_server.admin.get(path).body["status"] == {"replicas": 1, "observedGeneration": 1}
    real_server.admin.delete(path).expect(200)


def test_flags_of_kube_apiserver_can_be_added() -> None:
    with pytest.raises(RuntimeError, match="unknown flag: --no-such-flag"), real.start("--no-such-flag"):
        pass
    with real.start("--profiling=false") as server:
        server.admin.get("/debug/pprof/").expect(404)


def test_the_program_is_formatted() -> None:
    gofmt = shutil.which("gofmt", path=apiserver_build.ENVIRONMENT.get("PATH"))
    if gofmt is None:
        pytest.skip("gofmt: it comes with Go, and there is no such command on PATH")
    done = subprocess.run([gofmt, "-l", apiserver_build.SOURCES], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_it_ends_when_its_parent_is_killed(real_server: real.RealServer, tmp_path: Path) -> None:
    """The kernel closes the pipe to it, however the parent ends; its directory goes too."""
    (tmp_path / "tokens.csv").write_text("token,admin,admin,system:masters\n")
    command = [str(apiserver_build.binary()), "--data-dir", str(tmp_path / "data"), "--tokens", str(tmp_path / "tokens.csv")]
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)\n"
        "child.stdout.readline()\n"
        "print(flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, *command], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    parent.stdout.readline()
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (tmp_path / "data").exists():
        time.sleep(0.05)
    assert not (tmp_path / "data").exists()


def test_a_server_that_runs_already_is_used(real_server: real.RealServer, tmp_path: Path) -> None:
    """The administrator of its kubeconfig acts as the other users."""
    config = real_server.kubeconfig(tmp_path)
    with real.start(environment={"GITOPS_CORE_TEST_KUBECONFIG": str(config)}) as server:
        assert server.url == real_server.url
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        found = server.api("bob").post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review).expect(201).body
        assert found["status"]["userInfo"]["username"] == "bob"
        assert {"developers", "operators"} <= set(found["status"]["userInfo"]["groups"])
        assert "as: bob" in server.kubeconfig(tmp_path, "bob").read_text()
        with pytest.raises(real.Unavailable, match="compaction"):
            server.compact()


def test_a_client_certificate_is_an_identity(real_server: real.RealServer, tmp_path: Path) -> None:
    import ssl

    import urllib3

    clients = real_server.ca_file.parent / "clients"
    context = ssl.create_default_context(cafile=str(real_server.ca_file))
    context.load_cert_chain(clients / "alice.crt", clients / "alice.key")
    pool = urllib3.PoolManager(ssl_context=context)
    body = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
    url = f"{real_server.url}/apis/authentication.k8s.io/v1/selfsubjectreviews"
    found = pool.request("POST", url, body=body, headers={"content-type": "application/json"}).json()
    assert found["status"]["userInfo"]["username"] == "alice"
    assert "alice.key" in real_server.certificate_kubeconfig(tmp_path, "alice").read_text()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(real.Unavailable, match="no go command"):
        apiserver_build.binary({"PATH": str(tmp_path), "HOME": str(tmp_path)})
    with (
        pytest.raises(real.Unavailable, match="etcd: KUBEBUILDER_ASSETS"),
        real.start(environment={"KUBEBUILDER_ASSETS": "/nowhere"}),
    ):
        pass
