"""A kubeconfig becomes a login: one context, its cluster, its user."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint, read_file
from gitops_core.kubernetes_api.exec_plugins import ExecPlugin, ExecTickets
from gitops_core.kubernetes_api.identities import Impersonation
from gitops_core.kubernetes_api.kubeconfig_files import Entry, Kubeconfig, kubeconfig_paths, read_kubeconfig
from gitops_core.kubernetes_api.logins import Login
from gitops_core.kubernetes_api.proxies import proxy_from
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.kubernetes_api.tickets import FileTickets, FixedTickets, Tickets, basic, bearer


def kubeconfig_login(
    path: str | Path | None, context: str | None, settings: ConnectionSettings, environment: Mapping[str, str] = os.environ
) -> Login:
    """
    Return the login that a context of a kubeconfig describes.

    Args:
        path: The file; None for ``KUBECONFIG``, else ``~/.kube/config``.
        context: Its name; None for the current one.
        settings: Limits of credential plug-ins.
        environment: Names files and proxies.

    Raises:
        ConfigError: A file, context, cluster, user, certificate or plug-in is missing or makes no sense. STALL.

    Source: Kubernetes, "Organizing cluster access using kubeconfig files" and the reference of kubeconfig v1.
    """
    config = read_kubeconfig(kubeconfig_paths(path, environment))
    chosen = _named(config, "contexts", context or config.current_context, "a current-context, or name one of")
    cluster = _named(config, "clusters", chosen.text("cluster"), f"cluster of context {chosen.name!r}: one of")
    endpoint = _endpoint(cluster, environment)
    name = chosen.text("user")
    if not name:
        return Login(endpoint, FixedTickets(bearer("")), f"{chosen.name}/anonymous")
    user = _named(config, "users", name, f"user of context {chosen.name!r}: one of")
    return Login(endpoint, _tickets(user, cluster, endpoint, settings), f"{chosen.name}/{user.name}", _impersonation(user))


def _named(config: Kubeconfig, kind: str, name: str, cure: str) -> Entry:
    entries: Mapping[str, Entry] = getattr(config, kind)
    if name in entries:
        return entries[name]
    files = ", ".join(map(str, config.files))
    missing = f"there is no {kind.removesuffix('s')} {name!r}" if name else f"no {kind.removesuffix('s')} is named"
    raise ConfigError(f"kubeconfig {files}: {missing}; set {cure}: {', '.join(sorted(entries)) or 'there are none'}")


def _endpoint(cluster: Entry, environment: Mapping[str, str]) -> Endpoint:
    server = cluster.text("server")
    if not server:
        raise cluster.wrong("server", "is missing; write https://host:port")
    return Endpoint(
        server=server,
        ca_data=(_content(cluster, "certificate-authority") or b"").decode("ascii", "replace"),
        tls_server_name=cluster.text("tls-server-name"),
        proxy=cluster.text("proxy-url") or proxy_from(environment, server),
        insecure=cluster.fields.get("insecure-skip-tls-verify") is True,
    )


def _content(entry: Entry, field: str) -> bytes | None:
    """Return what ``field-data`` holds, else what the file in ``field`` holds, else None."""
    data = entry.text(f"{field}-data")
    if data:
        try:
            return base64.b64decode(data, validate=False)
        except (binascii.Error, ValueError):
            raise entry.wrong(f"{field}-data", "is not base64; write it anew") from None
    path = entry.path(field)
    return read_file(path, f"{field} of {entry.name!r} in kubeconfig {entry.file}:") if path else None


def _tickets(user: Entry, cluster: Entry, endpoint: Endpoint, settings: ConnectionSettings) -> Tickets:
    if user.fields.get("auth-provider"):
        raise user.wrong("auth-provider", "is not supported; use its credential plug-in (exec)")
    certificate = _certificate(user)
    if user.fields.get("exec"):
        plugin = ExecPlugin.read(user, cluster, endpoint)
        return ExecTickets(plugin, settings, certificate)
    token_file = user.path("tokenFile")
    if token_file:
        return FileTickets(token_file, certificate)
    if user.text("token"):
        return FixedTickets(bearer(user.text("token"), certificate))
    if user.text("username"):
        return FixedTickets(basic(user.text("username"), user.text("password")))
    return FixedTickets(bearer("", certificate))


def _certificate(user: Entry) -> Certificate | None:
    chain, key = _content(user, "client-certificate"), _content(user, "client-key")
    if (chain is None) != (key is None):
        raise user.wrong("client-certificate or client-key", "is missing: they go together")
    return Certificate(chain, key) if chain is not None and key is not None else None


def _impersonation(user: Entry) -> Impersonation | None:
    name = user.text("as")
    groups: Any = user.fields.get("as-groups") or ()
    extra: Any = user.fields.get("as-user-extra") or {}
    if not name:
        if groups or extra or user.text("as-uid"):
            raise user.wrong("as", "is missing: groups, uid and extra belong to a user")
        return None
    facts = Impersonation.of(name, groups, extra)
    return Impersonation(name, facts.groups, user.text("as-uid"), facts.extra)
