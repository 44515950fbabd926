"""``git://``: no encryption and no login, so only when asked for; with the timeouts that dulwich's client lacks."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import IO

from dulwich.client import TCPGitClient
from dulwich.protocol import Protocol

from gitops_core.sources.git.addresses import Address
from gitops_core.sources.git.call import Call
from gitops_core.sources.git.settings import Transport
from gitops_core.sources.git.sockets import PatientSocket


class DaemonClient(TCPGitClient):
    """dulwich's client over a socket that obeys *call*; for one operation."""

    def __init__(self, address: Address, transport: Transport, call: Call) -> None:
        super().__init__(address.host, address.port)
        self._timeout = max(0.001, min(transport.connect_timeout, call.ctx.remaining()))
        self._call = call
        self._close: Callable[[], None] = lambda: None

    @staticmethod
    def _warn_filter_objects() -> None:
        """Say nothing: history comes with more than was asked for, that is all."""

    def close(self) -> None:
        """Hang up."""
        self._close()

    def _connect(
        self, cmd: bytes, path: str | bytes, protocol_version: int | None = None
    ) -> tuple[Protocol, Callable[[], bool], IO[bytes] | None]:
        connected = socket.create_connection((self._host, self._port), timeout=self._timeout)
        patient = PatientSocket.adopt(connected, self._call)
        patient.settimeout(self._call.patience)
        file = patient.makefile("rb")

        def close() -> None:
            file.close()
            patient.close()

        def can_read() -> bool:
            return bool(select.select([patient], [], [], 0)[0])

        protocol = Protocol(self._call.reading(file.read), patient.sendall, close)
        self._close = protocol.close
        self.protocol_version = 2 if protocol_version is None else protocol_version
        version = b"\0\0version=2\0" if self.protocol_version else b""
        where = path.encode() if isinstance(path, str) else path
        protocol.send_cmd(b"git-" + cmd, where, b"host=" + self._host.encode("ascii") + version)
        return protocol, can_read, None
