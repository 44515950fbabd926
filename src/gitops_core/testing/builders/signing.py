"""
Keys that sign commits and tags, as ``git commit -S`` does, and the settings with which Git verifies them.

::

    key = SshKey.make(tmp_path / "key")
    repo.commit({"site.yaml": "..."}, signer=key)

:class:`SshKey` needs the program ``ssh-keygen``, :class:`GpgKey` needs ``gpg``. No key of yours is touched: keys are made where you say.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self

import attrs

WHO = "ada@example.org"
"""Whom the keys belong to: the author of the builders' commits."""


class Signer(Protocol):
    """Whatever signs."""

    def sign(self, payload: bytes) -> bytes:
        """Return the armoured, detached signature of *payload*, without a newline at its end."""
        ...


@attrs.frozen
class SshKey:
    """
    An Ed25519 key in a file. Equal payloads have equal signatures.

    Attributes:
        path: The private key; the public one stands beside it, and so does ``NAME.allowed`` for those who verify.
    """

    path: Path

    @classmethod
    def make(cls, path: str | os.PathLike[str]) -> Self:
        """
        Make a new key without a passphrase.

        Raises:
            FileNotFoundError: There is no program ``ssh-keygen``.
        """
        key = Path(path).absolute()
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", WHO, "-f", str(key)])
        public = key.with_name(f"{key.name}.pub").read_text(encoding="ascii")
        key.with_name(f"{key.name}.allowed").write_text(f'{WHO} namespaces="git" {public}', encoding="ascii")
        return cls(key)

    @property
    def allowed_signers(self) -> Path:
        """The file of allowed signers with this key alone, as ``gpg.ssh.allowedSignersFile`` wants it."""
        return self.path.with_name(f"{self.path.name}.allowed")

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings with which ``git verify-commit`` knows this key."""
        return {"gpg.format": "ssh", "gpg.ssh.allowedSignersFile": str(self.allowed_signers)}

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that ``git verify-commit`` needs beside the settings: none."""
        return {}

    def sign(self, payload: bytes) -> bytes:
        """Return the SSH signature of *payload* in Git's own name space."""
        return _run(["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(self.path)], payload).strip()


@attrs.frozen
class GpgKey:
    """
    An OpenPGP key in a home directory of its own.

    Attributes:
        home: ``GNUPGHOME``. A short path: the agent's socket, of at most 107 characters, is in it.
    """

    home: Path

    @classmethod
    @contextmanager
    def make(cls, home: str | os.PathLike[str]) -> Iterator[Self]:
        """
        Make a new key without a passphrase; at the end of the block the agent that holds it is stopped.

        Raises:
            FileNotFoundError: There is no program ``gpg``.
        """
        key = cls(Path(home).absolute())
        key.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            key._gpg("--quick-generate-key", f"Ada Example <{WHO}>", "ed25519", "sign", "never")
            yield key
        finally:
            if shutil.which("gpgconf"):
                _run(["gpgconf", "--homedir", str(key.home), "--kill", "all"])

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings with which ``git verify-commit`` knows this key: none, they are Git's defaults."""
        return {}

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that ``git verify-commit`` needs."""
        return {"GNUPGHOME": str(self.home)}

    def sign(self, payload: bytes) -> bytes:
        """Return the OpenPGP signature of *payload*."""
        return self._gpg("--armor", "--detach-sign", payload=payload).strip()

    def _gpg(self, *arguments: str, payload: bytes = b"") -> bytes:
        quiet = ["--quiet", "--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]
        return _run(["gpg", "--homedir", str(self.home), *quiet, *arguments], payload)


def _run(command: list[str], payload: bytes = b"") -> bytes:
    program = shutil.which(command[0])
    if program is None:
        raise FileNotFoundError(f"no program {command[0]}; install it to sign commits (Debian: openssh-client, gnupg)")
    ended = subprocess.run([program, *command[1:]], input=payload, capture_output=True, check=False)  # noqa: S603  # why: commands of this file
    if ended.returncode:
        raise RuntimeError(f"{command[0]} failed: {ended.stderr.decode(errors='replace').strip()}")
    return ended.stdout
