"""What is public can be imported, is documented, and is what it says."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest

import gitops_core

SOURCE = Path(gitops_core.__file__).parent


def module_names() -> list[str]:
    return ["gitops_core", *sorted(found.name for found in pkgutil.walk_packages([str(SOURCE)], "gitops_core."))]


def declared_for_type_checkers() -> dict[str, str]:
    """Return name -> module of the imports that only type checkers see in the front door."""
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def test_the_front_door_shows_type_checkers_what_it_loads() -> None:
    homes = {name: f"gitops_core.{home}" for name, home in gitops_core._HOME_OF.items()}
    assert declared_for_type_checkers() == homes


def test_all_is_sorted_and_is_what_dir_shows() -> None:
    assert gitops_core.__all__ == sorted(set(gitops_core.__all__))
    assert dir(gitops_core) == sorted([*gitops_core.__all__, "__version__"])


@pytest.mark.parametrize("name", gitops_core.__all__)
def test_every_name_of_the_front_door_is_there_under_its_own_name(name: str) -> None:
    value = getattr(gitops_core, name)
    home = importlib.import_module(f"gitops_core.{gitops_core._HOME_OF[name]}")
    assert getattr(home, name) is getattr(gitops_core, name) is value
    assert value.__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        gitops_core.Nonsense  # noqa: B018  # why: looking is what raises


def test_the_front_door_names_every_room() -> None:
    rooms = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__"}
    drawn = {line.split()[0] for line in (gitops_core.__doc__ or "").splitlines() if line.startswith("    ")}
    assert rooms == drawn


def public_members(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield (qualified name, object) of what a module defines for others: functions, classes, their methods and properties."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value):
            yield name, value
            yield from _public_methods(name, value)
        elif inspect.isfunction(value):
            yield name, value


def _public_methods(owner: str, cls: type) -> Iterator[tuple[str, Any]]:
    if Protocol in cls.__bases__:
        return  # the class says what its one-line methods mean
    for name, value in vars(cls).items():
        if name.startswith("test_"):
            continue  # a check of a contract suite: its name is its sentence
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod)):
            yield f"{owner}.{name}", inspect.getattr_static(cls, name) if isinstance(value, property) else getattr(cls, name)


@pytest.mark.parametrize("name", module_names())
def test_every_public_name_is_documented(name: str) -> None:
    """Modules, classes, functions, methods and properties; a method that overrides one has that one's words."""
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip(), f"{name} has no docstring"
    undocumented = [
        member for member, value in public_members(module) if not (_documentation(module, member, value) or "").strip()
    ]
    assert undocumented == []


def _documentation(module: ModuleType, member: str, value: Any) -> str | None:
    if not isinstance(value, property):
        return inspect.getdoc(value)
    owner, _, name = member.partition(".")
    bases = (vars(cls).get(name) for cls in getattr(module, owner).__mro__)
    return next((found.__doc__ for found in bases if getattr(found, "__doc__", None)), None)


@pytest.mark.parametrize("name", module_names())
def test_every_public_function_is_typed(name: str) -> None:
    untyped = []
    for member, value in public_members(importlib.import_module(name)):
        function = value.fget if isinstance(value, property) else value
        if inspect.isclass(function):
            continue
        signature = inspect.signature(function)
        missing = [p.name for p in signature.parameters.values() if p.annotation is p.empty and p.name not in {"self", "cls"}]
        if missing or signature.return_annotation is signature.empty:
            untyped.append((member, missing))
    assert untyped == []


def test_type_checkers_are_told_that_we_are_typed() -> None:
    assert (SOURCE / "py.typed").exists()
