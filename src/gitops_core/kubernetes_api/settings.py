"""What an embedder may set on a connection."""

from __future__ import annotations

from collections.abc import Callable

import attrs

MEBIBYTE = 1024 * 1024


@attrs.frozen(kw_only=True)
class ConnectionSettings:
    """
    Limits and habits of a connection.

    Attributes:
        pool_size: Connections kept open; at least the number of threads that talk at once. More are opened when needed, and
            closed after use.
        connect_timeout: Seconds until TCP and TLS must stand; never more than the call's own timeout.
        exec_timeout: Seconds that a credential plug-in of a kubeconfig may take.
        exec_output_bytes: Bytes that it may print.
        max_response_bytes: Bytes of one answer, and of one event of a watch.
        user_agent: What the server's audit log shows.
        allow_insecure: Permit ``insecure-skip-tls-verify``, and credentials over plain HTTP to another machine.
        on_request: Called after each call with method, path, seconds and HTTP status (0: no answer). Must be quick and must not
            raise.
    """

    pool_size: int = 16
    connect_timeout: float = 5.0
    exec_timeout: float = 30.0
    exec_output_bytes: int = MEBIBYTE
    max_response_bytes: int = 256 * MEBIBYTE
    user_agent: str = "gitops-core"
    allow_insecure: bool = False
    on_request: Callable[[str, str, float, int], None] | None = attrs.field(default=None, repr=False)
