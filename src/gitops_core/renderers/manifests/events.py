"""YAML text to parser events: libyaml's when PyYAML was built with it, else PyYAML's own, made to agree with libyaml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml
from yaml.events import StreamEndEvent

from gitops_core.renderers.manifests.problems import Problem
from gitops_core.renderers.manifests.pure_parser import PureParser

try:
    from yaml._yaml import CParser

    HAS_LIBYAML: Final = True
except ImportError:  # pragma: no cover  # why: PyYAML without libyaml; tests choose the pure parser by argument
    HAS_LIBYAML: Final = False  # type: ignore[misc]  # why: one of the two assignments runs

GetEvent = Callable[[], Any]
"""Returns the next event; ``Any``, because what an event has depends on its class, which the hot loops test themselves."""
Parser = Callable[[str], GetEvent]

_NOT_YAML: Final = yaml.reader.Reader.NON_PRINTABLE
_TAB: Final = re.compile(r"[ -]*\t")
_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def c_parser(data: str) -> GetEvent:
    """Return libyaml's events of *data*, one a call."""
    get: GetEvent = CParser(data).get_event
    return get


def pure_parser(data: str) -> GetEvent:
    """Return the same events without libyaml, about ten times slower."""
    return PureParser(data).get_event


default_parser: Final[Parser] = c_parser if HAS_LIBYAML else pure_parser


def iterate(get: GetEvent) -> Iterator[Any]:
    """Yield every event up to the end of the stream."""
    while not isinstance(event := get(), StreamEndEvent):
        yield event


def place(event: Any) -> tuple[int, int]:
    """Return line and column of *event*, from 1."""
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def problem_of(error: yaml.YAMLError, data: str) -> Problem:
    """Translate what a parser raised; the text that it could not read stays out of the message."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        place = (mark.line + 1, mark.column + 1) if mark else ()
        return Problem(f"broken YAML: {what}; correct the line, or quote the value", *place)
    bad = _NOT_YAML.search(data)
    if bad is None:
        return Problem("broken YAML; correct it")
    character = f"U+{ord(bad[0]):04X}"
    return Problem(f"the control character {character} is not allowed in YAML; remove it", *position(data, bad.start()))


def with_hint(problem: Problem, data: str) -> Problem:
    """Return *problem*, saying so when its line shows what the matter is: a template, or a tab."""
    lines = _BREAK.split(data)
    line = lines[problem.line - 1] if 0 < problem.line <= len(lines) else ""
    hint = ""
    if "{{" in line:
        hint = " (this looks like a template: render it first, or leave the file out with skip=)"
    elif _TAB.match(line):
        hint = " (there is a tab on this line: indent with spaces)"
    return Problem(problem.message + hint, problem.line, problem.column) if hint else problem


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of the character at *offset*."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
