"""The TLS context of a connection: made once, shared by all its sockets."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint


def make_context(endpoint: Endpoint, certificate: Certificate | None) -> ssl.SSLContext:
    """
    Return a context that verifies the server, and shows *certificate*.

    Raises:
        ConfigError: A certificate or key is not PEM, or they do not fit together. STALL.

    Cost: some milliseconds with a certificate authority of its own, tens with the system's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if endpoint.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif endpoint.ca_data:
        _trust(context, endpoint)
    else:
        context.load_default_certs()
    if certificate is not None:
        _show(context, certificate, endpoint.server)
    return context


def _trust(context: ssl.SSLContext, endpoint: Endpoint) -> None:
    try:
        context.load_verify_locations(cadata=endpoint.ca_data)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(f"{endpoint.server}: its certificate authority is no certificate in PEM; give another") from error


def _show(context: ssl.SSLContext, certificate: Certificate, server: str) -> None:
    """Hand the key over in a file of ours that is gone at once: the ssl module takes nothing else."""
    with tempfile.TemporaryDirectory(prefix="gitops-core-") as directory:  # for this user only
        place = Path(directory) / "client.pem"
        place.touch(mode=0o600)
        place.write_bytes(certificate.chain + b"\n" + certificate.key)
        try:
            context.load_cert_chain(place, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            message = f"{server}: client certificate and key are not PEM, do not fit together, or the key has a password"
            raise ConfigError(f"{message}; give a pair that fits, the key without a password") from error


def _no_password() -> str:
    """Answer OpenSSL, which would ask at the terminal."""
    raise ValueError("the key has a password")
