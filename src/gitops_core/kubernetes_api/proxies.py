"""The proxy that the environment names for a server, as kubectl finds it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from gitops_core.kubernetes_api.endpoints import is_loopback


def proxy_from(environment: Mapping[str, str], server: str) -> str:
    """
    Return the proxy for *server*, empty for none.

    ``HTTPS_PROXY`` or ``HTTP_PROXY`` by the scheme of the server, in either case; hosts in ``NO_PROXY`` and this machine itself are
    reached without one.

    Source: the rules of Go's ``net/http``, which kubectl follows.
    """
    parts = urlsplit(server)
    host, name = parts.hostname or "", f"{parts.scheme}_proxy"
    proxy = environment.get(name.upper()) or environment.get(name) or ""
    if not proxy or is_loopback(host):
        return ""
    exempt = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    if any(_covers(entry.strip().lower(), host, parts.port) for entry in exempt.split(",")):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _covers(entry: str, host: str, port: int | None) -> bool:
    if entry in {"", "*"}:
        return bool(entry)
    if entry in {host, f"{host}:{port}"}:
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return host.endswith("." + entry.lstrip("*").lstrip("."))
