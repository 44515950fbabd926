"""YAML text to parser events: libyaml's when PyYAML was built with it, else PyYAML's own, made to agree with libyaml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml
from yaml.events import ScalarEvent, StreamEndEvent
from yaml.scanner import ScannerError

from gitops_core.renderers.manifests.problems import Problem

try:
    from yaml._yaml import CParser

    HAS_LIBYAML: Final = True
except ImportError:  # pragma: no cover  # why: PyYAML without libyaml; tests choose the pure parser by argument
    HAS_LIBYAML: Final = False  # type: ignore[misc]  # why: one of the two assignments runs

GetEvent = Callable[[], Any]
"""Returns the next event; ``Any``, because what an event has depends on its class, which the hot loops test themselves."""
Parser = Callable[[str], GetEvent]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NOT_YAML: Final = yaml.reader.Reader.NON_PRINTABLE
_BREAKS: Final = "\0\r\n\x85\u2028\u2029"


class _PureParser(yaml.SafeLoader):
    """PyYAML's Python parser with the three habits that it does not share with libyaml taken off."""

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line breaks; tabs too, wherever they are not indentation (libyaml's rule)."""
        while True:
            while self.peek() == " " or (self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in _BREAKS:
                    self.forward()
            if not self.scan_line_break():  # type: ignore[no-untyped-call]  # why: as below
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def get_event(self) -> Any:
        """Return the next event; an escaped surrogate is an error, as in libyaml."""
        event = super().get_event()  # type: ignore[no-untyped-call]  # why: PyYAML's stubs leave the parser untyped
        if isinstance(event, ScalarEvent) and event.style == '"' and _SURROGATE.search(event.value):
            mark: Any = event.start_mark
            raise ScannerError(None, None, "found invalid Unicode character escape code", mark)
        return event


def c_parser(data: str) -> GetEvent:
    """Return libyaml's events of *data*, one a call."""
    get: GetEvent = CParser(data).get_event
    return get


def pure_parser(data: str) -> GetEvent:
    """Return the same events without libyaml, about ten times slower."""
    return _PureParser(data).get_event


default_parser: Final[Parser] = c_parser if HAS_LIBYAML else pure_parser


def iterate(get: GetEvent) -> Iterator[Any]:
    """Yield every event up to the end of the stream."""
    while not isinstance(event := get(), StreamEndEvent):
        yield event


def place(event: Any) -> tuple[int, int]:
    """Return line and column of *event*, from 1."""
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def problem_of(error: Exception, data: str) -> Problem:
    """Translate what a parser raised; the text that it could not read stays out of the message."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part) or "not YAML"
        return Problem(f"broken YAML: {what}{_cure(data, mark)}", *((mark.line + 1, mark.column + 1) if mark else ()))
    bad = _NOT_YAML.search(data)
    where = position(data, bad.start()) if bad else ()
    shown = f" U+{ord(bad[0]):04X}" if bad else ""
    return Problem(
        f"broken YAML: the control character{shown} is not allowed in YAML; write it as an escape in double quotes", *where
    )


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column, from 1, of the character at *offset*."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _cure(data: str, mark: Any) -> str:
    lines = data.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "{{" in line:
        return "; this looks like a template: render it first, or leave the file out with skip="
    if "\t" in line:
        return "; there is a tab on this line: indent with spaces"
    return "; correct the line, or quote the value"
