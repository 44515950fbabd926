"""The one place that touches the ``kubernetes`` client: its configuration becomes a connection pool."""

from __future__ import annotations

from urllib3 import PoolManager

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.kubernetes_api.tls import make_context

_CLIENTS_OWN_TLS = ("ca_certs", "ca_cert_data", "cert_file", "key_file", "assert_hostname")


def make_pool(endpoint: Endpoint, certificate: Certificate | None, settings: ConnectionSettings) -> PoolManager:
    """
    Return the client's connection pool for *endpoint*, without its retries.

    What it knows about proxies stays; TLS is ours, because versions differ in whom they trust when nobody is named, and would load
    the authority's file again for every socket. The client reads no environment here: the proxy is the one of the endpoint.

    Raises:
        ConfigError: Certificates or the proxy make no sense. STALL.

    Cost: importing the client takes a second, once a process.
    """
    from kubernetes.client import Configuration
    from kubernetes.client.rest import RESTClientObject

    configuration = Configuration(host=endpoint.server)
    configuration.proxy = endpoint.proxy or None
    configuration.no_proxy = None
    configuration.verify_ssl = not endpoint.insecure
    configuration.tls_server_name = endpoint.tls_server_name or None
    configuration.connection_pool_maxsize = settings.pool_size
    configuration.retries = False
    try:
        manager = RESTClientObject(configuration).pool_manager
    except ValueError as error:  # urllib3's words may hold the proxy's password
        raise ConfigError(f"{endpoint.server}: its proxy is not an address that can be used; write http://host:port") from error
    for name in _CLIENTS_OWN_TLS:
        manager.connection_pool_kw.pop(name, None)
    manager.connection_pool_kw["ssl_context"] = make_context(endpoint, certificate)
    return manager
