"""Where to, as whom, and with what: what a connection is opened with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint, read_file
from gitops_core.kubernetes_api.identities import Credentials, Impersonation
from gitops_core.kubernetes_api.proxies import proxy_from
from gitops_core.kubernetes_api.tickets import CalledTickets, FileTickets, FixedTickets, Tickets, bearer

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@attrs.frozen
class Login:
    """
    What a connection is opened with.

    Attributes:
        endpoint: Where to.
        tickets: With what.
        identity: As whom, in words.
        impersonation: And as whom then.
    """

    endpoint: Endpoint
    tickets: Tickets = attrs.field(repr=False)
    identity: str
    impersonation: Impersonation | None = None


def explicit_login(server: str | Endpoint, credentials: Credentials) -> Login:
    """
    Return the login with *credentials*.

    Raises:
        ConfigError: Something named is not there, or makes no sense. STALL.
    """
    endpoint = Endpoint(server=server) if isinstance(server, str) else server
    if credentials.ca_file:
        endpoint = attrs.evolve(
            endpoint, ca_data=read_file(credentials.ca_file, "certificate authority").decode("ascii", "replace")
        )
    return Login(endpoint, _tickets(credentials), _name(credentials))


def _tickets(credentials: Credentials) -> Tickets:
    certificate = _certificate(credentials)
    if credentials.token and credentials.token_file:
        raise ConfigError("credentials with both a token and a token file; give one of them")
    if credentials.token_file:
        return FileTickets(credentials.token_file, certificate)
    if callable(credentials.token):
        return CalledTickets(credentials.token, certificate)
    return FixedTickets(bearer(credentials.token, certificate))


def _certificate(credentials: Credentials) -> Certificate | None:
    if bool(credentials.certificate_file) != bool(credentials.key_file):
        raise ConfigError("a client certificate needs its key, and a key its certificate; give both files")
    if not credentials.certificate_file:
        return None
    chain = read_file(credentials.certificate_file, "client certificate")
    return Certificate(chain, read_file(credentials.key_file, "client key"))


def _name(credentials: Credentials) -> str:
    """Tell identities apart without showing them."""
    if credentials.name:
        return credentials.name
    if credentials.certificate_file:
        return f"certificate {Path(credentials.certificate_file).name}"
    if credentials.token_file:
        return f"token file {credentials.token_file}"
    return "bearer token" if credentials.token else "anonymous"


def in_cluster_login(environment: Mapping[str, str] = os.environ, directory: Path = SERVICE_ACCOUNT) -> Login:
    """
    Return the login of the Pod that this process runs in.

    Args:
        environment: Names the server.
        directory: Holds token, authority and namespace; the token is read again when Kubernetes replaces it.

    Raises:
        ConfigError: This is no Pod, or one without a service account. STALL.

    Source: Kubernetes, "Accessing the Kubernetes API from a Pod".
    """
    host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise ConfigError(
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is no Pod; use Connection.from_kubeconfig"
        )
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    if not (directory / "token").exists():
        raise ConfigError(f"{directory}/token is not there; let the Pod have its token: automountServiceAccountToken: true")
    authority = read_file(directory / "ca.crt", "certificate authority").decode("ascii", "replace")
    endpoint = Endpoint(server=server, ca_data=authority, proxy=proxy_from(environment, server))
    namespace = directory / "namespace"
    home = namespace.read_text().strip() if namespace.exists() else "unknown"
    return Login(endpoint, FileTickets(directory / "token"), f"service account of the Pod in {home}")
