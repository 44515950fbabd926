"""
The contract with plug-in authors does not change by accident.

After a wanted change run ``INTERFACES_UPDATE=1 pytest tests/architecture/test_interface_freeze.py``, review the difference of
``interfaces.txt``, and say in CHANGELOG.md what authors must do.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from gitops_core import interfaces

SNAPSHOT = Path(__file__).parent / "interfaces.txt"


def contract() -> Iterator[str]:
    """Yield each class with its fields, class attributes and methods, and each function, in the order of the file."""
    for name, value in vars(interfaces).items():
        if name.startswith("_") or getattr(value, "__module__", None) != interfaces.__name__:
            continue
        if inspect.isclass(value):
            yield f"class {name}({', '.join(base.__name__ for base in value.__bases__)})"
            yield from (f"    {line}" for line in members(value))
        elif inspect.isfunction(value):
            yield f"def {name}{inspect.signature(value)}"


def members(cls: type) -> Iterator[str]:
    fields = {field.name: field for field in attrs.fields(cls)} if attrs.has(cls) else {}
    for name, field in fields.items():
        default = "" if field.default is attrs.NOTHING else " = ..."
        yield f"{name}: {inspect.get_annotations(cls).get(name)}{default}"
    for name, kind in inspect.get_annotations(cls).items():
        if name not in fields and not name.startswith("_"):
            yield f"{name}: {kind} = {getattr(cls, name, '...')!r}"
    for name, value in vars(cls).items():
        function = value.fget if isinstance(value, property) else value
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        abstract = "abstract " if name in getattr(cls, "__abstractmethods__", ()) else ""
        yield f"{abstract}{'property' if isinstance(value, property) else 'def'} {name}{inspect.signature(function)}"


def test_the_interfaces_are_as_they_were_reviewed() -> None:
    """Adding a required method or a parameter breaks every plug-in there is."""
    written = "\n".join(contract()).replace("'", "") + "\n"
    if os.environ.get("INTERFACES_UPDATE"):
        SNAPSHOT.write_text(written)
    assert SNAPSHOT.read_text() == written
