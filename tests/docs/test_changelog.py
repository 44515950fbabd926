"""The changelog names things that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`(gitops_core(?:\.\w+)+)`", CHANGELOG.split("## Unreleased")[1].split("\n## ")[0])))


def found(name: str) -> object:
    """Return what *name* names: a module, or an attribute of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            thing = getattr(thing, part)
        return thing
    raise AssertionError(f"nothing is called {name}")


@pytest.mark.parametrize("name", NAMES)
def test_every_fully_qualified_name_of_the_newest_changes_can_be_imported(name: str) -> None:
    assert found(name) is not None


def test_there_is_something_to_tell() -> None:
    assert len(NAMES) > 40
