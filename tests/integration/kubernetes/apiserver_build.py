"""Builds the API server of these tests from Go modules, once per machine, into the user's cache directory."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

SOURCES = Path(__file__).parent / "apiserver"
ENVIRONMENT = dict(os.environ)
"""The environment as it was when this module was imported: tests hide the user's own later on, and with it Go's caches."""

_BUILD_SECONDS = 2_400


class Unavailable(Exception):
    """A component is missing on this machine; the message names it and says why."""


def binary(environment: Mapping[str, str] = ENVIRONMENT) -> Path:
    """
    Return the API server's program; build it if it is not there yet.

    Other processes that ask at the same time wait for the first one. It takes some seven minutes on two cores if Go has
    compiled nothing of it yet, 20 seconds if it has compiled all of it.

    Raises:
        Unavailable: Go is missing, too old, or could not build it.
    """
    go = shutil.which("go", path=environment.get("PATH"))
    if go is None:
        raise Unavailable("kube-apiserver: there is no go command on PATH to build it with; install Go 1.26 or later")
    # GOTOOLCHAIN=local: a Go that is too old is an error that says so, not the download of another one.
    settings = {**environment, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    place = _cache(environment) / f"kube-apiserver-{_fingerprint(_run([go, 'version'], settings, 60))}"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with _lock(place.with_suffix(".lock")):
            if not place.exists():
                _build(go, place, settings)
    return place


def kubernetes_version() -> str:
    """Return the version of Kubernetes that the module file asks for."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)$", (SOURCES / "go.mod").read_text(), re.MULTILINE)
    assert found, "go.mod requires k8s.io/kubernetes"
    return found[1]


def _build(go: str, place: Path, settings: Mapping[str, str]) -> None:
    started = time.monotonic()
    _say(f"building kube-apiserver {kubernetes_version()} once; some seven minutes if Go has compiled nothing of it yet")
    unfinished = place.with_suffix(f".{os.getpid()}")
    flags = f"-s -w -X k8s.io/component-base/version.gitVersion={kubernetes_version()}"
    try:
        _run([go, "build", f"-ldflags={flags}", "-o", str(unfinished), "."], settings, _BUILD_SECONDS)
        unfinished.rename(place)
    finally:
        unfinished.unlink(missing_ok=True)
    _say(f"kube-apiserver {kubernetes_version()} was built in {time.monotonic() - started:.0f} s")


def _run(command: list[str], settings: Mapping[str, str], timeout: float) -> str:
    """Run Go in the folder of the sources; what it prints last is the reason when it fails."""
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=SOURCES,
            env=settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"kube-apiserver: go {command[1]} took longer than {timeout:.0f} s") from error
    if done.returncode:
        reason = "; ".join(done.stderr.strip().splitlines()[-3:])
        raise Unavailable(f"kube-apiserver: go {command[1]} failed: {reason}")
    return done.stdout


def _fingerprint(go_version: str) -> str:
    """Return what the program depends on, as a short hash."""
    digest = hashlib.sha256(f"{go_version}\n{sys.platform}".encode())
    for path in [*sorted(SOURCES.glob("*.go")), SOURCES / "go.mod", SOURCES / "go.sum"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _cache(environment: Mapping[str, str]) -> Path:
    home = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "~").expanduser() / ".cache"
    return Path(home) / "gitops-core-tests"


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process in at a time; the kernel lets go of it when that process ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    """Write to the real standard error, so that it shows while tests run."""
    print(text, file=sys.__stderr__, flush=True)


if __name__ == "__main__":
    try:
        _say(f"kube-apiserver {kubernetes_version()}: {binary()}")
    except Unavailable as missing:
        _say(f"skipped: {missing}")
