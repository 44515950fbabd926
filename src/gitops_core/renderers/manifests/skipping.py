"""Which files hold manifests: a visible rule, and constants that say all of it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from typing import Final

import attrs

from gitops_core.errors import ConfigError

EXTENSIONS: Final = (".yaml", ".yml", ".json")
"""Every file with another extension is ignored without a word."""

TOOL_FILES: Final = (
    ".*",  # .sops.yaml, .pre-commit-config.yaml, .github/workflows/..., .gitlab-ci.yml
    "kustomization.yaml",
    "kustomization.yml",
    "Chart.yaml",
    "Chart.yml",
    "values.yaml",
    "values.yml",
    "values-*.yaml",
    "values-*.yml",
    "values.*.yaml",
    "values.*.yml",
    "*.values.yaml",
    "*.values.yml",
    "helmfile.yaml",
    "helmfile.yml",
    "skaffold.yaml",
    "skaffold.yml",
    "docker-compose*.yaml",
    "docker-compose*.yml",
    "compose.yaml",
    "compose.yml",
    "Pulumi.yaml",
    "Pulumi.*.yaml",
    "Taskfile.yaml",
    "Taskfile.yml",
    "cloudbuild.yaml",
    "azure-pipelines.yml",
    "mkdocs.yml",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "renovate.json",
    "*.schema.json",
)
"""
Files and folders of other tools, left out with a notice.

A pattern (``*``, ``?``, ``[...]``) without a slash is compared with every part of the path, one with a slash with the whole
path. Case counts. Another set is ``ManifestsRenderer(skip=(*TOOL_FILES, "fixtures"))``.
"""


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise ConfigError(f"one text where several are expected; write ({values!r},)")
    return tuple(values)


@attrs.frozen
class SkipRule:
    """
    Decides about one path.

    Attributes:
        skip: Patterns, as for :data:`TOOL_FILES`.
        extensions: Of the files that are read.
    """

    skip: tuple[str, ...] = attrs.field(default=TOOL_FILES, converter=_texts)
    extensions: tuple[str, ...] = attrs.field(default=EXTENSIONS, converter=_texts)
    _parts: re.Pattern[str] = attrs.field(init=False, repr=False, eq=False)
    _paths: re.Pattern[str] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_parts", _any_of(pattern for pattern in self.skip if "/" not in pattern))
        object.__setattr__(self, "_paths", _any_of(pattern for pattern in self.skip if "/" in pattern))

    def is_manifest(self, path: str) -> bool:
        """Tell whether *path* has one of the extensions."""
        return path.endswith(self.extensions)

    def is_skipped(self, path: str) -> bool:
        """Tell whether a pattern leaves *path* out."""
        return any(map(self._parts.match, path.split("/"))) or self._paths.match(path) is not None


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)")
