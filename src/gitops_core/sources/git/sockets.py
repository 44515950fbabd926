"""
Sockets whose reads can be stopped.

A blocking read would hear of a cancel only when its timeout is over, and a buffered reader refuses to go on after a timeout. So
the socket itself waits in ticks and looks at the call in between.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

from gitops_core.sources.git.call import TICK, Call


def _in_ticks(sock: socket.socket, call: Call, receive: Callable[[], int]) -> int:
    timeout = sock.gettimeout()
    sock.settimeout(TICK)
    try:
        for _ in range(round(call.patience / TICK) + 1):
            call.ctx.check()
            try:
                return receive()
            except TimeoutError:
                continue
    finally:
        sock.settimeout(timeout)
    raise call.silence()


class PatientSocket(socket.socket):
    """A plain socket that asks its call between ticks."""

    call: Call

    @classmethod
    def adopt(cls, sock: socket.socket, call: Call) -> PatientSocket:
        """Take over the connection of *sock*, which is spent afterwards."""
        timeout = sock.gettimeout()
        adopted = cls(sock.family, sock.type, sock.proto, fileno=sock.detach())
        adopted.settimeout(timeout)
        adopted.call = call
        return adopted

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive into *buffer* like :meth:`socket.socket.recv_into`."""
        return _in_ticks(self, self.call, lambda: super(PatientSocket, self).recv_into(buffer, nbytes, flags))


class PatientTlsSocket(ssl.SSLSocket):
    """The same with TLS; without a call (during the handshake) it is an ordinary one."""

    call: Call | None = None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Receive into *buffer* like :meth:`ssl.SSLSocket.recv_into`."""
        plain = super().recv_into
        return (
            plain(buffer, nbytes, flags)
            if self.call is None
            else _in_ticks(self, self.call, lambda: plain(buffer, nbytes, flags))
        )


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a client's context that trusts *ca_file* alone, or the system's certificates, and checks host names."""
    context = ssl.create_default_context(cafile=ca_file)
    context.sslsocket_class = PatientTlsSocket
    return context
