"""
The map of the test kit names every public name of ``gitops_core.testing``, with its first sentence.

After a change of the kit run ``DOCS_UPDATE=1 pytest tests/docs/test_testing_reference.py`` and review the difference of the page.
A module that no purpose below claims stands in the last section.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from gitops_core import testing
from gitops_core.testing import plugin

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "testing.md"
BEGIN, END = "<!-- the kit: begin -->\n", "<!-- the kit: end -->\n"
PURPOSES = {
    "Worlds and time": ("worlds", "clock", "executors", "scheduling", "contexts", "plan_worlds"),
    "Builders": ("builders", "git_server", "filled"),
    "Assertions and snapshots": ("assertions", "snapshots", "plugin"),
    "Fakes and faults": ("fake_api", "faults", "kubernetes"),
    "Contract suites": (
        "source_contract",
        "renderer_contract",
        "policy_contract",
        "target",
        "store_contract",
        "suites",
        "promises",
    ),
    "Machines, crash points, simulation": ("machine", "crash_points", "simulation", "watched_store"),
    "More": ("",),
}


def module_names() -> list[str]:
    return sorted(found.name for found in pkgutil.walk_packages(testing.__path__, "gitops_core.testing."))


def purpose(module: str) -> str:
    short = module.removeprefix("gitops_core.testing.")
    return next(word for word, claimed in PURPOSES.items() if short.split(".")[0].startswith(claimed))


def sentence(text: str | None) -> str:
    """Return the first sentence of a docstring in Markdown, on one line."""
    paragraph = " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())
    first = re.split(r"(?<=[.!?]) (?=[A-Z`:])", paragraph)[0].rstrip(".:").rstrip()
    plain = re.sub(r":[a-z]+:`[~!]?([^`]*)`", lambda found: f"`{found[1].split('.')[-1]}`", first).replace("``", "`")
    return plain.replace("|", "\\|")


def names(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield (name, sentence) of the classes and functions that *module* is the way to."""
    package = f"{module.__name__}." if hasattr(module, "__path__") else "\0"
    for name, value in sorted(vars(module).items()):
        home = getattr(value, "__module__", None)
        if name.startswith("_") or not (inspect.isclass(value) or inspect.isfunction(value) or is_fixture(value)):
            continue
        if home == module.__name__ or str(home).startswith(package):
            yield name, sentence(value.__doc__)


def is_fixture(value: object) -> bool:
    return type(value).__name__ == "FixtureFunctionDefinition"


def constants(module: ModuleType) -> list[str]:
    """Return the public values that are assigned in *module*, in its order."""
    body = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body
    targets = [
        target
        for node in body
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else [])
    ]
    found = [target.id for target in targets if isinstance(target, ast.Name)]
    return [name for name in found if len(name) > 1 and not name.startswith("_")]  # one letter is a type variable


def shown_elsewhere(module: ModuleType) -> set[str]:
    """Return what the package above shows as its own: one name, one way to it."""
    above = importlib.import_module(module.__name__.rpartition(".")[0])
    return {name for name, _ in names(above)} if above is not testing else set()


def section(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    hidden = shown_elsewhere(module)
    rows = [(shown, text) for shown, text in names(module) if shown not in hidden and not shown.startswith("pytest_")]
    others = constants(module)
    if rows or others:
        yield f"\n**`{name}`**: {sentence(module.__doc__)}.\n"
        yield "| name | |\n|---|---|"
        yield from (f"| `{shown}` | {text} |" for shown, text in rows)
        if others:
            yield f"| values | {', '.join(f'`{other}`' for other in others)} |"


@functools.cache
def kit() -> str:
    lines = []
    for word in PURPOSES:
        found = [line for name in module_names() if purpose(name) == word for line in section(name)]
        if found:
            lines += [f"\n## {word}", *found]
    return "\n".join(lines) + "\n\n"


def test_the_map_shows_the_kit_as_it_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    shown, after = rest.split(END)
    if os.environ.get("DOCS_UPDATE"):
        PAGE.write_text(f"{before}{BEGIN}{kit()}{END}{after}", encoding="utf-8")
        shown = kit()
    assert shown == kit(), "run DOCS_UPDATE=1 pytest tests/docs/test_testing_reference.py"


def test_every_name_of_the_kit_says_what_it_is() -> None:
    silent = [f"{name}.{word}" for name in module_names() for word, text in names(importlib.import_module(name)) if not text]
    assert silent == []


def test_every_fixture_is_listed() -> None:
    text = PAGE.read_text(encoding="utf-8").split("## Fixtures\n")[1].split("\n## ")[0]
    listed = re.findall(r"^\| `(gitops_\w+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(name for name, value in vars(plugin).items() if is_fixture(value))
