"""The files of a kubeconfig, read and merged as kubectl does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from gitops_core.errors import ConfigError

_LISTS = ("clusters", "users", "contexts")


@attrs.frozen
class Entry:
    """
    One named cluster, user or context.

    Attributes:
        name: Its name.
        fields: What is in it. Never shown.
        file: Where it stands; its relative paths begin there.
    """

    name: str
    fields: Mapping[str, Any] = attrs.field(repr=False)
    file: Path

    def text(self, name: str) -> str:
        """
        Return the text in field *name*, empty when it is not set.

        Raises:
            ConfigError: There is something else. STALL.
        """
        value = self.fields.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        raise self.wrong(name, "must be a text")

    def path(self, name: str) -> Path | None:
        """Return the path in field *name*, from the directory of its file; None when it is not set."""
        value = self.text(name)
        return self.file.parent / Path(value).expanduser() if value else None

    def wrong(self, field: str, words: str) -> ConfigError:
        """Return the error about one field; its value is not shown."""
        return ConfigError(f"kubeconfig {self.file}: {field} of {self.name!r} {words}")


@attrs.frozen
class Kubeconfig:
    """
    All files as one.

    Attributes:
        files: Those that are there, in order.
        current_context: The first that is named.
        clusters: By name; the first of a name counts.
        users: As well.
        contexts: As well.
    """

    files: tuple[Path, ...]
    current_context: str
    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]
    contexts: Mapping[str, Entry]


def kubeconfig_paths(path: str | Path | None, environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the files to read: *path*, else those in ``KUBECONFIG``, else ``~/.kube/config``. Source: kubectl."""
    if path is not None:
        return (Path(path).expanduser(),)
    named = [Path(part).expanduser() for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    return tuple(dict.fromkeys(named)) or (Path("~/.kube/config").expanduser(),)


def read_kubeconfig(paths: tuple[Path, ...]) -> Kubeconfig:
    """
    Return the merged content of *paths*; one of several may be absent.

    Raises:
        ConfigError: None is there, or one is no kubeconfig. STALL.
    """
    found = {path: _read(path) for path in paths if len(paths) == 1 or path.exists()}
    if not found:
        raise ConfigError(f"kubeconfig: none of {', '.join(map(str, paths))} is there; correct KUBECONFIG, or name a file")
    current = next(filter(None, (content.get("current-context") for content in found.values())), "")
    lists = {kind: _merged(found, kind) for kind in _LISTS}
    return Kubeconfig(tuple(found), str(current), **lists)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"kubeconfig {path}: {error.strerror or error}; name another file, or set KUBECONFIG") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark is not None else "somewhere"
        raise ConfigError(f"kubeconfig {path}: {place} is not YAML; correct it") from None  # its words quote the file
    if content is not None and not isinstance(content, dict):
        raise ConfigError(f"kubeconfig {path}: is no mapping with clusters, users and contexts; name another file")
    return content or {}


def _merged(found: Mapping[Path, Mapping[str, Any]], kind: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for path, content in found.items():
        for item in content.get(kind) or ():
            if not isinstance(item, dict) or not isinstance(item.get("name"), str):
                raise ConfigError(f"kubeconfig {path}: an entry of {kind} has no name; give it one")
            fields = item.get(kind.removesuffix("s"))
            entries.setdefault(item["name"], Entry(item["name"], fields if isinstance(fields, dict) else {}, path))
    return entries
