"""
Plans and results compared with text files beside the tests.

In pytest the fixture ``gitops_snapshot`` gives a :class:`Snapshot` of the running test::

    def test_rollout(gitops_snapshot):
        gitops_snapshot.check(world.plan())              # __snapshots__/test_shop/test_rollout.txt
        gitops_snapshot.check(world.plan(), "after")     # __snapshots__/test_shop/test_rollout.after.txt

``pytest --gitops-update-snapshots``, or the environment variable ``GITOPS_UPDATE_SNAPSHOTS=1``, writes what is new or different.
Elsewhere :func:`check_snapshot` does the same with a path.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from gitops_core.model.values import thaw

DIRECTORY: Final = "__snapshots__"
"""Where snapshots are, beside the module of the tests: ``__snapshots__/MODULE/TEST.txt``."""

UPDATE_OPTION: Final = "--gitops-update-snapshots"
UPDATE_VARIABLE: Final = "GITOPS_UPDATE_SNAPSHOTS"

_TIME: Final = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?")
_NUMBERED: Final = (
    ("uuid", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")),
    ("id", re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")),
    ("sensitive", re.compile(r"\(sensitive [0-9a-f]{10}\)")),
)
_UNSAFE: Final = re.compile(r"[^-\w.,=+]+")
_LONGEST_NAME: Final = 120


def check_snapshot(path: Path, subject: Any, *, update: bool = False, replace: Mapping[str, str] | None = None) -> bool:
    """
    Compare *subject* with the file *path*.

    Args:
        path: The snapshot.
        subject: A plan, a result, or whatever has a ``text()``; a text; or a JSON value.
        update: Write the file instead when it is not there or differs.
        replace: See :func:`normalized`.

    Returns:
        True when the file was written.

    Raises:
        AssertionError: It is not there, or differs: a unified diff.
    """
    found = normalized(text_of(subject), replace)
    expected = path.read_text(encoding="utf-8") if path.exists() else None
    if found == expected:
        return False
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, encoding="utf-8", newline="\n")
        return True
    raise AssertionError("\n".join(_difference(path, expected, found)))


def normalized(text: str, replace: Mapping[str, str] | None = None) -> str:
    """
    Return *text* without what another run would say differently, with one newline at its end.

    Times become ``<time>``; commit ids and digests ``<id 1>``, ``<id 2>`` ..., UUIDs ``<uuid 1>`` and masked secrets
    ``<sensitive 1>``, numbered in the order in which they come, so equal ones look equal and different ones different.

    Args:
        text: What is to be compared.
        replace: Texts of your own and what to write in their place, longest first: ``{str(tmp_path): "<tmp>"}``.
    """
    for old, new in sorted((replace or {}).items(), key=lambda pair: (-len(pair[0]), pair)):
        text = text.replace(old, new)
    text = _TIME.sub("<time>", text)
    for word, pattern in _NUMBERED:
        text = _numbered(word, pattern, text)
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n") + "\n"


def _numbered(word: str, pattern: re.Pattern[str], text: str) -> str:
    known: dict[str, str] = {}
    return pattern.sub(lambda found: known.setdefault(found[0], f"<{word} {len(known) + 1}>"), text)


def text_of(subject: Any) -> str:
    """
    Return how *subject* is written in a snapshot.

    Raises:
        TypeError: Neither a text, nor something with a ``text()``, nor a JSON value.
    """
    if isinstance(subject, str):
        return subject
    if callable(printer := getattr(subject, "text", None)):
        return str(printer())
    return json.dumps(thaw(subject), indent=2, sort_keys=True, ensure_ascii=False)


@attrs.define
class Snapshot:
    """
    The snapshots of one test.

    Attributes:
        module: The file of the test.
        test: Its name.
        update: Write what is new or different.
        used: The files that were compared.
        written: Those that were written.
    """

    module: Path
    test: str
    update: bool = False
    used: list[Path] = attrs.field(factory=list, init=False)
    written: list[Path] = attrs.field(factory=list, init=False)

    def check(self, subject: Any, name: str = "", *, replace: Mapping[str, str] | None = None) -> None:
        """
        Compare *subject* with the snapshot *name* of this test; see :func:`check_snapshot`.

        Without a name the first one is the test's own, further ones are numbered: ``test_rollout.2.txt``.
        """
        path = self.path(name)
        number = 1
        while not name and path in self.used:
            number += 1
            path = self.path(str(number))
        self.used.append(path)
        if check_snapshot(path, subject, update=self.update, replace=replace):
            self.written.append(path)

    def path(self, name: str = "") -> Path:
        """Return the file of the snapshot *name*."""
        return folder(self.module) / f"{file_name(f'{self.test}.{name}' if name else self.test)}.txt"


def folder(module: Path) -> Path:
    """Return where the snapshots of the test *module* are."""
    return module.parent / DIRECTORY / module.stem


def file_name(name: str) -> str:
    """Return *name* as it can be the name of a file on every system; names that differ stay different."""
    safe = _UNSAFE.sub("_", name)[:_LONGEST_NAME].strip("_.")
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def stale(modules: Iterable[Path], used: Collection[Path]) -> list[Path]:
    """
    Return the snapshots that nobody needs any more, sorted.

    Args:
        modules: Files of tests that all ran, and passed.
        used: The snapshots that they compared.

    Cost: lists the snapshots beside each module.
    """
    return sorted(set(_stale(list(modules), frozenset(used))))


def _stale(modules: list[Path], used: frozenset[Path]) -> Iterator[Path]:
    for module in modules:
        yield from (path for path in folder(module).glob("*.txt") if path not in used)
    for beside in {module.parent for module in modules}:  # of test modules that are gone
        for path in (beside / DIRECTORY).glob("*/*.txt"):
            if not (beside / f"{path.parent.name}.py").exists():
                yield path


def _difference(path: Path, expected: str | None, found: str) -> Iterator[str]:
    how = f"to take it over, run pytest {UPDATE_OPTION} (or set {UPDATE_VARIABLE}=1) and review the difference"
    if expected is None:
        yield f"there is no snapshot {path}; {how}. It would be:"
        yield from (f"  {line}" for line in found.splitlines())
        return
    yield f"not as in the snapshot {path}; {how}:"
    lines = difflib.unified_diff(expected.splitlines(), found.splitlines(), "snapshot", "now", lineterm="", n=2)
    yield from (f"  {line}" for line in lines)
