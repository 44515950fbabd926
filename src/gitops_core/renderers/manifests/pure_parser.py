"""
PyYAML's Python parser, with the habits taken off in which it differs from libyaml.

Only used where PyYAML was built without libyaml. Most of it is about tabs: libyaml takes them as blanks everywhere but in
indentation. What still differs is refused here and accepted there: a tab right after a tag, and characters of a tag's URI.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml.scanner import ScannerError

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BREAKS: Final = "\r\n\x85\u2028\u2029"
_ENDS: Final = "\0" + _BREAKS
_SEPARATORS: Final = ("---", "...")

if TYPE_CHECKING:

    class _Scanner:
        """What PyYAML's stubs leave out."""

        flow_level: int
        allow_simple_key: bool
        column: int
        index: int

        def __init__(self, stream: str) -> None: ...
        def peek(self, index: int = 0) -> str: ...
        def prefix(self, length: int = 1) -> str: ...
        def forward(self, length: int = 1) -> None: ...
        def get_mark(self) -> Any: ...
        def get_event(self) -> Any: ...
        def scan_line_break(self) -> str: ...
        def scan_plain(self) -> Any: ...
        def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> list[str]: ...
        def scan_block_scalar_indentation(self) -> tuple[list[str], int, Any]: ...
        def scan_block_scalar_breaks(self, indent: int) -> tuple[list[str], Any]: ...
else:
    _Scanner = yaml.SafeLoader


class PureParser(_Scanner):
    """The events of a YAML text, one a call of ``get_event``."""

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line breaks; tabs too, where they are not indentation."""
        while True:
            while self.peek() == " " or (self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)):
                self.forward()
            if self.peek() == "#":
                self._skip_line()
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain(self) -> Any:
        """Return an unquoted scalar; in a flow collection no colon may stand between it and an indicator."""
        token = super().scan_plain()
        if self.flow_level and ((self.peek() == ":" and self.peek(1) in ",?[]{}") or ":?" in token.value):
            raise ScannerError("while scanning a plain scalar", token.start_mark, "found unexpected ':'", self.get_mark())
        return token

    def scan_plain_spaces(self, indent: int, _start_mark: Any) -> list[str] | None:
        """Return the blanks, or the folded line breaks, inside of an unquoted scalar; None at the end of the document."""
        blanks = self._blanks()
        if self.peek() not in _BREAKS:
            return [blanks] if blanks else []
        first = self.scan_line_break()
        self.allow_simple_key = True
        breaks: list[str] = []
        while not self._is_separator():
            while self.peek() in " \t":
                if self.peek() == "\t" and self.column < indent:
                    raise ScannerError(None, None, "found a tab character that violates indentation", self.get_mark())
                self.forward()
            if self.peek() not in _BREAKS:
                folded = [] if first == "\n" else [first]
                return [*folded, *breaks] if folded or breaks else [" "]
            breaks.append(self.scan_line_break())
        return None

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> list[str]:
        """Return the next pieces of a quoted scalar; an escape that is no character is an error."""
        try:
            pieces = super().scan_flow_scalar_non_spaces(double, start_mark)
        except (OverflowError, ValueError):
            pieces = ["\ud800"]
        if any(map(_SURROGATE.search, pieces)):
            raise ScannerError(None, None, "found invalid Unicode character escape code", self.get_mark())
        return pieces

    def scan_block_scalar_indicators(self, _start_mark: Any) -> tuple[bool | None, int | None]:
        """Return what stands behind ``|`` or ``>``: keep (True) or strip (False) the last breaks, and the indentation."""
        keep: bool | None = None
        increment: int | None = None
        for _ in range(2):
            if self.peek() in "+-" and keep is None:
                keep = self.peek() == "+"
                self.forward()
            elif self.peek() in "123456789" and increment is None:
                increment = int(self.peek())
                self.forward()
        return keep, increment

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> None:
        """Skip the rest of the line behind ``|`` or ``>``: blanks and a comment."""
        self._blanks()
        if self.peek() == "#":
            self._skip_line()
        if self.peek() not in _ENDS:
            raise ScannerError(
                "while scanning a block scalar", start_mark, "did not find expected comment or line break", self.get_mark()
            )
        self.scan_line_break()

    def scan_block_scalar_indentation(self) -> tuple[list[str], int, Any]:
        """Return the leading empty lines of a block scalar, and its indentation."""
        found = super().scan_block_scalar_indentation()
        self._refuse_tab(is_indentation=True)
        return found

    def scan_block_scalar_breaks(self, indent: int) -> tuple[list[str], Any]:
        """Return the empty lines inside of a block scalar."""
        found = super().scan_block_scalar_breaks(indent)
        self._refuse_tab(is_indentation=self.column < indent)
        return found

    def _refuse_tab(self, *, is_indentation: bool) -> None:
        if is_indentation and self.peek() == "\t":
            what = "found a tab character where an indentation space is expected"
            raise ScannerError("while scanning a block scalar", None, what, self.get_mark())

    def _is_separator(self) -> bool:
        return self.column == 0 and self.prefix(3) in _SEPARATORS and self.peek(3) in "\0 \t" + _BREAKS

    def _blanks(self) -> str:
        length = 0
        while self.peek(length) in " \t":
            length += 1
        blanks = self.prefix(length)
        self.forward(length)
        return blanks

    def _skip_line(self) -> None:
        while self.peek() not in _ENDS:
            self.forward()
