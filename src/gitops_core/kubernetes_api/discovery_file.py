"""The kinds of an API server in a file of ours, so that the next process need not ask."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitops_core.errors import ConfigError, Unobservable
from gitops_core.kubernetes_api.discovery_loading import read_table
from gitops_core.kubernetes_api.kind_tables import KindTable

_FORMAT = 1


class DiscoveryFile:
    """
    One file for one identity at one server. It holds kinds, never objects.

    Args:
        path: The file; its directory must be there.
        key: Server and identity. A file with another key counts as none, and is replaced.
        now: Seconds since 1970.
    """

    def __init__(self, path: Path, key: str, now: Callable[[], float]) -> None:
        self.path = path.expanduser()
        self._key = key
        self._now = now

    def load(self) -> tuple[KindTable, float] | None:
        """
        Return the table and its age in seconds; None when there is none for this key, or it cannot be read.

        Raises:
            ConfigError: Others may write the file, so that it could name us any path. STALL.

        Cost: reading and decoding the file.
        """
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                self._check(found)
                table = self._read(json.load(file))
        except FileNotFoundError:
            return None
        except (ValueError, Unobservable):
            return None  # torn or of another format: replaced by the next answer
        except OSError as error:
            raise self._unusable(error) from error
        age = self._now() - found.st_mtime
        return (table, age if age >= 0 else float("inf")) if table is not None else None

    def _check(self, found: os.stat_result) -> None:
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(f"discovery cache {self.path}: others can write it; name a file in a directory of your own")

    def _read(self, content: Any) -> KindTable | None:
        if not isinstance(content, dict) or (content.get("format"), content.get("key")) != (_FORMAT, self._key):
            return None
        documents = content.get("documents")
        if not isinstance(documents, dict):
            return None
        return read_table({path: (etag, document) for path, (etag, document) in documents.items()}, str(self.path))

    def save(self, table: KindTable) -> None:
        """
        Replace the file in one step, for this user only.

        Raises:
            ConfigError: It cannot be written. STALL.
        """
        content = json.dumps({"format": _FORMAT, "key": self._key, "documents": table.documents}, separators=(",", ":"))
        try:
            handle, name = tempfile.mkstemp(prefix=self.path.name, dir=self.path.parent)  # mode 0600
            try:
                with os.fdopen(handle, "w") as file:
                    file.write(content)
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._unusable(error) from error

    def touch(self) -> None:
        """Make the file as new as it is true: the server has just said that nothing changed."""
        try:
            os.utime(self.path, (self._now(), self._now()))
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> ConfigError:
        return ConfigError(f"discovery cache {self.path}: {error.strerror or error}; name a file that we can write, or none")
