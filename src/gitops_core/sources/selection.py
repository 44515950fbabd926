"""Which files of a source count: below one of some paths, and not ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

import attrs

from gitops_core.errors import ConfigError
from gitops_core.model.values import digest
from gitops_core.sources.ignoring import Rule, as_bytes, parse_rule

DEFAULT_IGNORE: Final = (
    # Git's own
    ".git", ".gitignore", ".gitattributes", ".gitmodules", ".gitkeep",
    # forges and CI: YAML, but not ours
    ".github/", ".gitlab/", ".gitlab-ci.yml", ".gitea/", ".forgejo/", ".circleci/", ".travis.yml", ".drone.yml",
    ".pre-commit-config.yaml", ".sops.yaml",
    # what editors and desktops leave behind
    "*~", "*.swp", "*.swo", ".#*", "\\#*#", ".idea/", ".vscode/", ".DS_Store", "Thumbs.db",
)  # fmt: skip
"""
What is ignored unless you say otherwise, in the language of ``.gitignore``.

To add to it: ``ignore=(*DEFAULT_IGNORE, "docs/")``. To take one back: ``ignore=(*DEFAULT_IGNORE, "!.gitkeep")``.
"""

_DIRECTORIES_REMEMBERED: Final = 4096


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _lines(value: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(value.split("\n")) if isinstance(value, str) else tuple(value)


def _roots(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return the paths in one spelling, sorted, without those that lie below another."""
    kept: list[str] = []
    for path in sorted({clean_path(text) for text in _texts(value)}, key=lambda p: p.split("/")):
        if not any(_is_below(path, other) for other in kept):
            kept.append(path)
    if not kept:
        raise ConfigError('no path is selected; leave `paths` out, or say ("",), to select everything')
    return tuple(kept)


def clean_path(path: str) -> str:
    """
    Return *path* without ``.``, doubled and trailing slashes.

    Raises:
        ConfigError: It is absolute, or has a ``..`` or a NUL. STALL.
    """
    cure = 'write it relative to the root of the source, such as "apps/edge"'
    if path.startswith("/"):
        raise ConfigError(f"the path {path!r} is absolute; {cure}")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ConfigError(f"the path {path!r} has a '..' in it; {cure}")
    if "\0" in path:
        raise ConfigError(f"the path {path!r} has a NUL in it; {cure}")
    return "/".join(parts)


def _is_below(path: str, root: str) -> bool:
    return not root or path == root or path.startswith(root + "/")


@attrs.frozen
class Selection:
    """
    Which files of a source count.

    Attributes:
        paths: Directories (or single files) relative to the root of the source; ``""`` is all of it. No patterns.
        ignore: Lines in the language of ``.gitignore`` (or the text of such a file), as if they stood in the root of the
            source: the last one that matches decides, ``!`` takes back, and nothing below an ignored directory comes back.

    Raises:
        ConfigError: A path is absolute or has a ``..``, or a pattern can never match. STALL.

    Cost: patterns are compiled once; a call is two regular expressions on one name.
    """

    paths: tuple[str, ...] = attrs.field(default=("",), converter=_roots)
    ignore: tuple[str, ...] = attrs.field(default=DEFAULT_IGNORE, converter=_lines)
    _ignores: Callable[[str, bool], bool] = attrs.field(init=False, repr=False, eq=False)
    _ignores_directory: Callable[[str], bool] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        ignores = _compile([rule for line in self.ignore if (rule := parse_rule(line))])

        @lru_cache(maxsize=_DIRECTORIES_REMEMBERED)
        def ignores_directory(directory: str) -> bool:
            parent = directory.rpartition("/")[0]
            return (bool(parent) and ignores_directory(parent)) or ignores(directory, True)

        object.__setattr__(self, "_ignores", ignores)
        object.__setattr__(self, "_ignores_directory", ignores_directory)

    @property
    def fingerprint(self) -> str:
        """Equal for selections with equal paths and lines: part of a tree's digest and of memo keys."""
        return digest([self.paths, self.ignore])

    def selects(self, path: str) -> bool:
        """Tell whether the file *path* (relative to the root of the source, with ``/``) counts."""
        if not any(_is_below(path, root) for root in self.paths):
            return False
        parent = path.rpartition("/")[0]
        return not (parent and self._ignores_directory(parent)) and not self._ignores(path, False)

    def enters(self, directory: str) -> bool:
        """Tell whether a file below *directory* could count; ``""`` is the root. A walk need not look into it otherwise."""
        if not directory:
            return True
        leads_on = any(_is_below(directory, root) or root.startswith(directory + "/") for root in self.paths)
        return leads_on and not self._ignores_directory(directory)


def _compile(rules: list[Rule]) -> Callable[[str, bool], bool]:
    """Return a function (path, is it a directory?) that says whether the last rule to match that one path ignores it."""
    keeps = [False, *(rule.keeps for rule in rules)]
    tables = {True: _Table.of(rules, directory=True), False: _Table.of(rules, directory=False)}

    def ignores(path: str, directory: bool) -> bool:
        last = tables[directory].last_match(as_bytes(path))
        return last > 0 and not keeps[last]

    return ignores


@attrs.frozen
class _Table:
    """The rules for names and those for paths, each as one expression whose alternatives run from the last rule to the first."""

    names: tuple[re.Pattern[bytes], tuple[int, ...]]
    paths: tuple[re.Pattern[bytes], tuple[int, ...]]

    @classmethod
    def of(cls, rules: list[Rule], *, directory: bool) -> _Table:
        numbered = [(n, rule) for n, rule in enumerate(rules, 1) if directory or not rule.directories_only]
        return cls(*(_alternatives([(n, r) for n, r in numbered if r.anchored == kind]) for kind in (False, True)))

    def last_match(self, path: bytes) -> int:
        """Return the number, from 1, of the last rule that matches *path*; 0 for none."""
        return max(_number(*self.names, path.rpartition(b"/")[2]), _number(*self.paths, path))


def _alternatives(numbered: list[tuple[int, Rule]]) -> tuple[re.Pattern[bytes], tuple[int, ...]]:
    text = "|".join(f"({rule.regex})" for _, rule in reversed(numbered)) or "(?!)"
    return re.compile(text.encode("latin-1"), re.DOTALL), (0, *(n for n, _ in reversed(numbered)))


def _number(regex: re.Pattern[bytes], numbers: tuple[int, ...], text: bytes) -> int:
    found = regex.fullmatch(text)
    return numbers[found.lastindex or 0] if found else 0
