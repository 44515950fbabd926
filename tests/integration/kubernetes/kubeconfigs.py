"""Writes and reads kubeconfig files, as far as tests need."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

import yaml


class Access(NamedTuple):
    """Where a server is and who one is there."""

    server: str
    ca_file: Path | None
    token: str | None


def write(path: Path, server: str, ca_file: Path | None, user: Mapping[str, Any]) -> Path:
    """Write a kubeconfig with one cluster, one user and one context, all named ``test``."""
    cluster = {"server": server} | ({"certificate-authority": str(ca_file)} if ca_file else {})
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": dict(user)}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"}}],
        "current-context": "test",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(yaml.safe_dump(body))
    return Path(file.name).replace(path)


def read(path: Path) -> Access:
    """Read the current context of a kubeconfig; inline certificates are written to a file beside it."""
    body = yaml.safe_load(path.read_text())
    context = _named(body["contexts"], body["current-context"])["context"]
    cluster = _named(body["clusters"], context["cluster"])["cluster"]
    user = _named(body["users"], context["user"]).get("user") or {}
    authority = cluster.get("certificate-authority")
    if inline := cluster.get("certificate-authority-data"):
        authority = path.with_suffix(".ca.crt")
        authority.write_bytes(base64.b64decode(inline))
    return Access(cluster["server"], Path(path.parent, authority) if authority else None, user.get("token"))


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)
