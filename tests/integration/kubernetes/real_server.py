"""
A real kube-apiserver for tests and benchmarks.

``start()`` finds one, in this order:

1. ``GITOPS_CORE_TEST_KUBECONFIG``: the kubeconfig of a server that runs already and may be written to.
2. ``KUBEBUILDER_ASSETS``: a directory with the programs ``kube-apiserver`` and ``etcd``.
3. A server built with Go from the modules of Kubernetes and etcd: see ``apiserver_build``.

No controllers run beside 2 and 3: namespaces stay terminating, Deployments never progress, nothing is garbage-collected.
``RealServer`` has methods for what a test needs of them.

Debian's source package of Kubernetes 1.20 is not tried as a fourth way: it needs Debian's sources, a patched dependency
and a Go that is older than the one that the third way needs, and half of what these tests ask is newer than 1.20.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import apiserver_build
import kubeconfigs
import urllib3
from apiserver_build import Unavailable
from raw_api import RawApi

USERS: Mapping[str, tuple[str, ...]] = {
    "admin": ("system:masters",),
    "alice": ("developers",),
    "bob": ("developers", "operators"),
    "carol": (),
    "deployer": ("deployers",),
    "viewer": ("viewers",),
}
"""The users that the server knows, with their groups; only the first may do anything."""

_START_SECONDS = 120.0  # three seconds on a machine that has nothing else to do


class Requests(NamedTuple):
    """What a request was, as the server counts it; ``verb`` is one of ``GET LIST WATCH POST PUT PATCH APPLY DELETE`` ..."""

    verb: str
    group: str
    resource: str
    subresource: str


class RealServer:
    """A running kube-apiserver; ``url`` and ``ca_file`` say where, ``version`` is Kubernetes' own."""

    name = "real"

    def __init__(self, url: str, ca_file: Path, tokens: Mapping[str, str], process: subprocess.Popen[str] | None = None) -> None:
        self.url = url
        self.ca_file = ca_file
        self._tokens = tokens
        self._process = process
        self.admin = RawApi(url, ca_file=ca_file, token=tokens["admin"])

    @property
    def version(self) -> str:
        """The version of Kubernetes, such as ``v1.36.3``."""
        return str(self.admin.get("/version").body["gitVersion"])

    def token(self, user: str) -> str:
        """Return the bearer token of one of ``USERS``; a server that ran already has only one for the first."""
        if user not in self._tokens:
            raise Unavailable(f"token of {user}: only a server that was started here has one")
        return self._tokens[user]

    def api(self, user: str = "admin") -> RawApi:
        """Return a plain HTTP client for a user."""
        if user in self._tokens:
            return RawApi(self.url, ca_file=self.ca_file, token=self._tokens[user])
        acting = [("impersonate-user", user), *(("impersonate-group", group) for group in USERS[user])]
        return RawApi(self.url, ca_file=self.ca_file, token=self._tokens["admin"], headers=acting)

    def kubeconfig(self, directory: Path, user: str = "admin") -> Path:
        """Write a kubeconfig for a user into a directory and return its path; without a token the administrator acts as the user."""
        acting = {} if user in self._tokens else {"as": user, "as-groups": list(USERS[user])}
        token = self._tokens.get(user, self._tokens["admin"])
        return kubeconfigs.write(directory / f"{user}.kubeconfig", self.url, self.ca_file, {"token": token, **acting})

    def certificate_kubeconfig(self, directory: Path, user: str = "admin") -> Path:
        """Write a kubeconfig that holds a client certificate instead of a token."""
        clients = self.ca_file.parent / "clients"
        if not clients.is_dir():
            raise Unavailable("client certificates: only a server that was built here has them")
        files = {"client-certificate": str(clients / f"{user}.crt"), "client-key": str(clients / f"{user}.key")}
        return kubeconfigs.write(directory / f"{user}-certificate.kubeconfig", self.url, self.ca_file, files)

    def connection(self, user: str = "admin") -> Any:
        """Return a ``gitops_core.kubernetes_api.connections.Connection`` for a user; the caller closes it."""
        from gitops_core.kubernetes_api.connections import Connection

        with tempfile.TemporaryDirectory() as directory:
            return Connection.from_kubeconfig(self.kubeconfig(Path(directory), user))

    def request_counts(self) -> Counter[Requests]:
        """
        Return how many requests there were since the start; reading it counts as no request of a resource.

        The server's own are among them: it looks after namespaces, services, endpoints, leases, roles and flow schemas.
        """
        return parse_counts(self.admin.text("/metrics"))

    def compact(self) -> int:
        """Forget all history up to now and return its revision: older watches and continue tokens expire."""
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            raise Unavailable("compaction: only a server that was built here can be told to forget its history")
        self._process.stdin.write("compact\n")
        self._process.stdin.flush()
        outcome, _, result = self._process.stdout.readline().strip().partition(" ")
        assert outcome == "ok", result
        return int(result)

    def finish_namespace(self, name: str) -> None:
        """Do what the namespace controller does for an empty namespace that was deleted: take its finalizers away."""
        finish_namespace(self.admin, name)

    def patch_status(self, path: str, status: Mapping[str, Any]) -> None:
        """Write an object's status as its controller would."""
        self.admin.patch(f"{path}/status", {"status": dict(status)}).expect(200)


def finish_namespace(admin: RawApi, name: str) -> None:
    """Take the finalizers of a namespace away, if it is there."""
    found = admin.get(f"/api/v1/namespaces/{name}")
    if found.status != 404:
        admin.put(f"/api/v1/namespaces/{name}/finalize", {**found.body, "spec": {"finalizers": []}}).expect(200)


@contextlib.contextmanager
def start(*flags: str, environment: Mapping[str, str] = apiserver_build.ENVIRONMENT) -> Iterator[RealServer]:
    """
    Give a running server, and end it afterwards.

    Args:
        flags: More flags of kube-apiserver; they have no effect on a server that runs already.
        environment: Where to look; the user's own by default.

    Raises:
        Unavailable: There is none and none can be built; the message says why.
        RuntimeError: There is one, and it does not start; the message ends with the last lines of its log.
    """
    if path := environment.get("GITOPS_CORE_TEST_KUBECONFIG"):
        yield _running(Path(path))
        return
    with tempfile.TemporaryDirectory(prefix="gitops-core-", ignore_cleanup_errors=True) as directory:
        assets = environment.get("KUBEBUILDER_ASSETS")
        starting = _from_assets(Path(assets), Path(directory), flags) if assets else _built(Path(directory), flags, environment)
        with starting as server:
            yield server


def _running(path: Path) -> RealServer:
    found = kubeconfigs.read(path)
    if found.token is None or found.ca_file is None:
        raise Unavailable(f"{path}: the current user needs a token, and the cluster a certificate-authority")
    return RealServer(found.server, found.ca_file, {"admin": found.token})


@contextlib.contextmanager
def _built(directory: Path, flags: tuple[str, ...], environment: Mapping[str, str]) -> Iterator[RealServer]:
    """Run the program of ``apiserver_build``; it ends when its standard input is closed, so it never outlives this process."""
    program = apiserver_build.binary(environment)
    tokens = _write_tokens(directory / "tokens.csv")
    command = [program, "--data-dir", directory / "data", "--tokens", directory / "tokens.csv", "--", *flags]
    with _process(command, directory / "kube-apiserver.log") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"kube-apiserver: it ended at once: {_tail(directory / 'kube-apiserver.log')}")
        facts = json.loads(line)
        server = RealServer(facts["url"], Path(facts["ca_file"]), tokens, process)
        _wait_until_ready(server, process, directory / "kube-apiserver.log")
        yield server


@contextlib.contextmanager
def _from_assets(assets: Path, directory: Path, flags: tuple[str, ...]) -> Iterator[RealServer]:
    """Run the two programs of a KUBEBUILDER_ASSETS directory."""
    for name in ("etcd", "kube-apiserver"):
        if not os.access(assets / name, os.X_OK):
            raise Unavailable(f"{name}: KUBEBUILDER_ASSETS names {assets}, and there is no such program")
    tokens = _write_tokens(directory / "tokens.csv")
    key = directory / "service-accounts.key"
    openssl = shutil.which("openssl")
    if openssl is None:
        raise Unavailable("openssl: it makes the key for service accounts, and there is no such command")
    subprocess.run([openssl, "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    client, peer, secure = (f"127.0.0.1:{port}" for port in _free_ports(3))
    etcd = [
        assets / "etcd", "--data-dir", directory / "etcd", "--unsafe-no-fsync", "--log-level=error",
        f"--listen-client-urls=http://{client}", f"--advertise-client-urls=http://{client}",
        f"--listen-peer-urls=http://{peer}", f"--initial-advertise-peer-urls=http://{peer}",
        f"--initial-cluster=default=http://{peer}",
    ]  # fmt: skip
    kube_apiserver = [
        assets / "kube-apiserver", f"--etcd-servers=http://{client}", "--authorization-mode=RBAC",
        "--bind-address=127.0.0.1", f"--secure-port={secure.partition(':')[2]}", "--advertise-address=127.0.0.1",
        f"--cert-dir={directory / 'pki'}", f"--token-auth-file={directory / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}", "--service-cluster-ip-range=10.0.0.0/16",
        "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none", *flags,
    ]  # fmt: skip
    log = directory / "kube-apiserver.log"
    with _process(etcd, directory / "etcd.log"), _process(kube_apiserver, log) as process:
        certificate = directory / "pki" / "apiserver.crt"  # self-signed; its file holds the authority too
        deadline = time.monotonic() + _START_SECONDS
        while not certificate.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if not certificate.exists():
            raise RuntimeError(f"kube-apiserver: it did not start: {_tail(log)}")
        server = RealServer(f"https://{secure}", certificate, tokens)
        _wait_until_ready(server, process, log)
        yield server


@contextlib.contextmanager
def _process(command: list[Any], log: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program in a session of its own, so that Ctrl-C reaches the tests and not it; kill it at the end."""
    with log.open("w") as errors:
        pipe = subprocess.PIPE
        arguments = [str(word) for word in command]
        process = subprocess.Popen(arguments, stdin=pipe, stdout=pipe, stderr=errors, text=True, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _wait_until_ready(server: RealServer, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if server.admin.get("/readyz").status == 200 and server.admin.get("/api/v1/namespaces/default").status == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"kube-apiserver: it was not ready after {_START_SECONDS:.0f} s: {_tail(log)}")


def _write_tokens(path: Path) -> dict[str, str]:
    tokens = {user: secrets.token_urlsafe(24) for user in USERS}
    lines = [f'{tokens[user]},{user},{user},"{",".join(groups)}"\n' for user, groups in USERS.items()]
    path.touch(0o600)
    path.write_text("".join(lines))
    return tokens


def _free_ports(count: int) -> list[int]:
    import socket

    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]


def _tail(log: Path) -> str:
    return "; ".join(log.read_text(errors="replace").strip().splitlines()[-3:])


def parse_counts(metrics: str) -> Counter[Requests]:
    """Read ``apiserver_request_total`` of the Prometheus text format: all codes, versions and scopes together."""
    counts: Counter[Requests] = Counter()
    for labels, value in re.findall(r"^apiserver_request_total\{(.*)\} (\S+)$", metrics, re.MULTILINE):
        facts = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if facts["resource"]:
            counts[Requests(facts["verb"], facts["group"], facts["resource"], facts["subresource"])] += round(float(value))
    return counts
