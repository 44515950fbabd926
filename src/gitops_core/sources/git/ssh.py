"""SSH by way of the ``ssh`` command, which never asks a question."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, Final

from dulwich.client import SSHGitClient, SSHVendor
from dulwich.protocol import Protocol

from gitops_core.errors import (
    AuthenticationFailed,
    ConfigError,
    RepositoryNotFound,
    RevisionVanished,
    SourceError,
    SourceUnavailable,
)
from gitops_core.sources.git.addresses import Address
from gitops_core.sources.git.call import Call
from gitops_core.sources.git.pipes import Conversation
from gitops_core.sources.git.settings import Ssh, Transport

if TYPE_CHECKING:
    from dulwich.client import SubprocessWrapper

# What ssh and the other side's git say, to what it means; the first that fits. Neither has a field for it: ssh ends with 255 for
# everything of its own, git with 128.
_MEANINGS: Final = (
    ("host key verification failed", AuthenticationFailed, "its host key is not the one we know; check it and add it to Ssh.known_hosts"),
    ("remote host identification has changed", AuthenticationFailed, "its host key has changed; find out why before you accept it"),
    ("no matching host key", AuthenticationFailed, "it offers no kind of host key that we accept"),
    ("permission denied", AuthenticationFailed, "it refused our key; check Ssh.key_file, and that the key may read the repository"),
    ("too many authentication failures", AuthenticationFailed, "it refused our keys; name the one to use in Ssh.key_file"),
    ("not our ref", RevisionVanished, "it no longer has what was resolved; the next pass resolves anew"),
    ("does not appear to be a git repository", RepositoryNotFound, "there is no repository"),
    ("repository not found", RepositoryNotFound, "there is no repository, or our key may not see it"),
    ("no such file or directory", RepositoryNotFound, "there is no repository"),
)  # fmt: skip


class SshClient(SSHGitClient):
    """dulwich's SSH client over our way of running ``ssh``; for one operation. Close it."""

    def __init__(self, address: Address, transport: Transport, call: Call) -> None:
        self._vendor = _Vendor(transport, call)
        super().__init__(address.host, address.port or None, address.user or None, vendor=self._vendor)
        self._address = address
        self._protocols: list[Protocol] = []

    def _connect(
        self, cmd: bytes, path: str | bytes, protocol_version: int | None = None
    ) -> tuple[Protocol, Callable[[], bool], IO[bytes] | None]:
        protocol, can_read, stderr = super()._connect(cmd, path, protocol_version)
        self._protocols.append(protocol)
        return protocol, can_read, stderr

    @staticmethod
    def _warn_filter_objects() -> None:
        """Say nothing: history comes with more than was asked for, that is all."""

    def finish(self, *, failed: bool) -> SourceError | None:
        """End the program and return what went wrong by its own account, if it says."""
        said = self._vendor.finish(failed=failed)
        # dulwich does not close it when the beginning of the conversation fails.
        for protocol in self._protocols:
            protocol.close()
        return None if said is None else meaning(self._address, said)


def meaning(address: Address, said: str) -> SourceError | None:
    """Return the error for what ssh, or git at its other end, *said*; None when it said nothing."""
    lower = said.lower()
    for sign, error, text in _MEANINGS:
        if sign in lower:
            return error(f"{address.url}: {text}")
    # One line, the last: what comes before is greetings.
    return SourceUnavailable(f"{address.url}: {said.splitlines()[-1][:200]}") if said else None


class _Vendor(SSHVendor):
    def __init__(self, transport: Transport, call: Call) -> None:
        self._transport = transport
        self._call = call
        self._running: list[Conversation] = []

    def run_command(  # noqa: PLR0913, PLR0917  # why: dulwich's signature
        self,
        host: str,
        command: bytes,
        username: str | None = None,
        port: int | None = None,
        password: str | None = None,
        key_filename: str | None = None,
        ssh_command: str | None = None,
        protocol_version: int | None = None,
    ) -> SubprocessWrapper:
        del password, key_filename, ssh_command
        arguments = ssh_arguments(self._transport.ssh, self._transport.connect_timeout)
        if port:
            arguments += ["-p", str(port)]
        if protocol_version is None or protocol_version > 0:
            arguments += ["-o", f"SetEnv=GIT_PROTOCOL=version={protocol_version or 2}"]
        line = [*arguments, "--", f"{username}@{host}" if username else host, os.fsdecode(command)]
        started = Conversation(line, {**os.environ, "LC_ALL": "C"}, self._call)
        self._running.append(started)
        wrapper: Any = started  # the four members of a SubprocessWrapper that dulwich uses
        return wrapper  # type: ignore[no-any-return]  # why: dulwich is typed by a class, and uses four of its members

    def finish(self, *, failed: bool) -> str | None:
        for conversation in self._running:
            conversation.kill() if failed else conversation.close()
        last = self._running[-1] if self._running else None
        return last.last_words if last is not None and last.exit_code else None


def ssh_arguments(ssh: Ssh, connect_timeout: float) -> list[str]:
    """
    Return the command line up to the host.

    Raises:
        ConfigError: There is no such program. STALL.
    """
    program = shutil.which(ssh.command[0])
    if program is None:
        raise ConfigError(f"no program {ssh.command[0]!r}; install OpenSSH's client, or name another in Ssh.command")
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(max(1, round(connect_timeout))),
        "StrictHostKeyChecking": ssh.host_key_checking,
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "2",
    }
    if ssh.known_hosts is not None:
        options |= {"UserKnownHostsFile": f'"{ssh.known_hosts}"', "GlobalKnownHostsFile": "/dev/null"}
    if ssh.key_file is not None:
        options |= {"IdentityFile": f'"{ssh.key_file}"', "IdentitiesOnly": "yes"}
    return [program, *ssh.command[1:], "-x", "-T", *(arg for key, value in options.items() for arg in ("-o", f"{key}={value}"))]
