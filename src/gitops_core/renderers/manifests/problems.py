"""What the loaders raise: a problem at a place, before anybody knows the name of the file."""

from __future__ import annotations


class Problem(Exception):
    """
    A document cannot be read.

    Args:
        message: What is wrong and what to do about it; shows keys, never values.
        line: From 1; 0 when unknown.
        column: From 1; 0 when unknown.
    """

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
