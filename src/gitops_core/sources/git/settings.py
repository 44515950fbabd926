"""How repositories are reached, and how much they may send."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import attrs

_POSITIVE: Final[Any] = attrs.validators.gt(0)


def _optional_path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)


@attrs.frozen(kw_only=True)
class Ssh:
    """
    How the ``ssh`` command is called; everything else is up to its own configuration file.

    It never asks: a key with a passphrase needs an agent.

    Attributes:
        key_file: Private key; None leaves it to ssh.
        known_hosts: The only file that says which host keys are right; None leaves it to ssh.
        host_key_checking: ``StrictHostKeyChecking``: ``yes``, or ``accept-new`` to trust a host the first time.
        command: The program and its first arguments.
    """

    key_file: Path | None = attrs.field(default=None, converter=_optional_path)
    known_hosts: Path | None = attrs.field(default=None, converter=_optional_path)
    host_key_checking: str = attrs.field(default="yes", validator=attrs.validators.in_(("yes", "accept-new")))
    command: tuple[str, ...] = attrs.field(default=("ssh",), converter=tuple)


@attrs.frozen(kw_only=True)
class Transport:
    """
    How a repository is reached. Times are seconds.

    Attributes:
        connect_timeout: To connect.
        read_timeout: Between two pieces of an answer.
        timeout: For one whole listing or transfer.
        ca_file: The only certificates to trust, in PEM; None for the system's.
        proxy: For http and https; user and password may be in it. The environment is not asked.
        ssh: For ssh.
        allow_insecure: Permit ``git://``, and credentials over ``http://`` to another machine: anybody on the way can read
            and change what is sent.
    """

    connect_timeout: float = attrs.field(default=10.0, validator=_POSITIVE)
    read_timeout: float = attrs.field(default=30.0, validator=_POSITIVE)
    timeout: float = attrs.field(default=300.0, validator=_POSITIVE)
    ca_file: Path | None = attrs.field(default=None, converter=_optional_path)
    proxy: str | None = attrs.field(default=None, repr=False)
    ssh: Ssh = Ssh()
    allow_insecure: bool = False


@attrs.frozen(kw_only=True)
class GitLimits:
    """
    How much a repository may be.

    Attributes:
        pack_bytes: Received in one transfer, and the unpacked size of any one object in it.
        file_bytes: Of one file that is read.
        files: In one tree, directories included.
    """

    pack_bytes: int = attrs.field(default=512 * 1024 * 1024, validator=_POSITIVE)
    file_bytes: int = attrs.field(default=16 * 1024 * 1024, validator=_POSITIVE)
    files: int = attrs.field(default=100_000, validator=_POSITIVE)
