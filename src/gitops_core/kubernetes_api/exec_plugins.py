"""Credential plug-ins of a kubeconfig: run with a time limit and without a terminal, again before what they gave expires."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from gitops_core.errors import ConfigError, Denied
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint
from gitops_core.kubernetes_api.exec_processes import run_bounded
from gitops_core.kubernetes_api.flights import SingleFlight
from gitops_core.kubernetes_api.kubeconfig_files import Entry
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.kubernetes_api.tickets import Ticket, bearer

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_EXTENSION = "client.authentication.k8s.io/exec"
_EARLY = 10.0


@attrs.frozen
class ExecPlugin:
    """
    How a plug-in is called.

    Attributes:
        command: Full path.
        arguments: Never shown: some take secrets.
        environment: All of it.
        api_version: What it must answer in.
        user: Whose it is, in words.
    """

    command: str
    arguments: tuple[str, ...] = attrs.field(repr=False)
    environment: Mapping[str, str] = attrs.field(repr=False)
    api_version: str
    user: str

    @classmethod
    def read(cls, user: Entry, cluster: Entry, endpoint: Endpoint) -> ExecPlugin:
        """
        Return the plug-in of *user*, found on this machine.

        Raises:
            ConfigError: It is not installed, wants a terminal, or its entry makes no sense. STALL.

        Source: Kubernetes, "Authenticating", client-go credential plugins.
        """
        entry = user.fields["exec"]
        if (
            not isinstance(entry, Mapping)
            or entry.get("apiVersion") not in _VERSIONS
            or not isinstance(entry.get("command"), str)
        ):
            raise user.wrong("exec", f"needs a command and one of the versions {', '.join(_VERSIONS)}")
        if entry.get("interactiveMode") == "Always":
            raise user.wrong("exec", "wants a terminal (interactiveMode: Always), which a library has not; log in otherwise")
        info = {
            "interactive": False,
            **({"cluster": _cluster_info(cluster, endpoint)} if entry.get("provideClusterInfo") else {}),
        }
        envelope = {"apiVersion": entry["apiVersion"], "kind": "ExecCredential", "spec": info}
        return cls(
            _installed(user, entry),
            tuple(map(str, entry.get("args") or ())),
            {**os.environ, **_variables(user, entry), "KUBERNETES_EXEC_INFO": json.dumps(envelope)},
            entry["apiVersion"],
            f"{user.name!r} in kubeconfig {user.file}",
        )


def _installed(user: Entry, entry: Mapping[str, Any]) -> str:
    command = entry["command"]
    found = shutil.which(user.file.parent / command if os.sep in command else command)
    if found is None:
        hint = f" ({entry['installHint'].strip()})" if isinstance(entry.get("installHint"), str) else ""
        raise user.wrong("exec", f"names {command!r}, which is not installed; install it or put it on the PATH{hint}")
    return str(Path(found).absolute())


def _variables(user: Entry, entry: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {str(variable["name"]): str(variable["value"]) for variable in entry.get("env") or ()}
    except (TypeError, KeyError):
        raise user.wrong("exec.env", "must be a list of name and value") from None


def _cluster_info(cluster: Entry, endpoint: Endpoint) -> dict[str, Any]:
    names = ("certificate-authority-data", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
    extensions = (item for item in cluster.fields.get("extensions") or () if item.get("name") == _EXTENSION)
    config = next((item.get("extension") for item in extensions), None)
    given = {name: cluster.fields[name] for name in names if cluster.fields.get(name)}
    return {"server": endpoint.server, **given, **({"config": config} if config is not None else {})}


class ExecTickets:
    """
    Tickets from a plug-in, kept until they expire.

    Args:
        plugin: The plug-in.
        settings: Its limits.
        certificate: Of the kubeconfig; one that the plug-in gives goes before.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        plugin: ExecPlugin,
        settings: ConnectionSettings,
        certificate: Certificate | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._plugin = plugin
        self._settings = settings
        self._certificate = certificate
        self._now = now
        self._held: tuple[Ticket, float] | None = None
        self._flight: SingleFlight[Ticket] = SingleFlight(f"credential plug-in of {plugin.user}")

    def current(self) -> Ticket:
        """
        Return the ticket that is held, or a fresh one shortly before it expires.

        Raises:
            ConfigError: The plug-in gave nothing usable. STALL.
            Transient: It failed or took too long. RETRY.
        """
        held = self._held
        return held[0] if held is not None and self._now() < held[1] - _EARLY else self._fetch()

    def renew(self, refused: Ticket) -> Ticket | None:
        """Run the plug-in again, unless another thread has; None when it gives the refused ticket once more."""
        held = self._held
        fresh = held[0] if held is not None and held[0] != refused else self._fetch()
        return fresh if fresh != refused else None

    def _fetch(self) -> Ticket:
        return self._flight.fetch("", self._run, self._settings.exec_timeout)

    def _run(self) -> Ticket:
        plugin, settings = self._plugin, self._settings
        output = run_bounded(plugin, settings.exec_timeout, settings.exec_output_bytes)
        ticket, until = _read(output, plugin, self._certificate)
        if until <= self._now():
            raise Denied(
                f"credential plug-in of {plugin.user}: gave credentials that have expired; check the clock, and log in anew"
            )
        self._held = ticket, until
        return ticket


def _read(output: bytes, plugin: ExecPlugin, certificate: Certificate | None) -> tuple[Ticket, float]:
    try:
        answer = json.loads(output)
        status = answer["status"]
        version, kind = answer["apiVersion"], answer["kind"]
        token, chain, key = (status.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData"))
        expires = status.get("expirationTimestamp")
        until = _seconds(expires) if expires else float("inf")
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"credential plug-in of {plugin.user}: printed no ExecCredential; run {plugin.command} by hand to see"
        raise ConfigError(message) from None  # the decoder's words quote what it printed
    if (version, kind) != (plugin.api_version, "ExecCredential"):
        raise ConfigError(
            f"credential plug-in of {plugin.user}: answers in {version}, not {plugin.api_version}; correct apiVersion"
        )
    if bool(chain) != bool(key) or not (token or chain):
        raise ConfigError(
            f"credential plug-in of {plugin.user}: gave neither a token nor a certificate with its key; log in with it"
        )
    own = Certificate(chain.encode(), key.encode()) if chain else certificate
    return bearer(token, own), until


def _seconds(timestamp: str) -> float:
    moment = datetime.fromisoformat(timestamp)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
