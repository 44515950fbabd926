"""
The pattern language of ``.gitignore``, compiled once to regular expressions.

Source: gitignore(5); Git's ``dir.c`` (``parse_path_pattern``, ``match_pathname``) and ``wildmatch.c``. Like Git, patterns
match bytes: ``?`` is one byte of a UTF-8 name, and case counts.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import Final

import attrs

from gitops_core.errors import ConfigError


@attrs.frozen
class Rule:
    """
    One line of an ignore list.

    Attributes:
        regex: Matches a whole name, or a whole path when *anchored*.
        keeps: The line began with ``!``: what it matches is not ignored after all.
        anchored: The line has a slash in front or in the middle, so it is about paths from the root, not names anywhere.
        directories_only: The line ended in a slash.
    """

    regex: str
    keeps: bool
    anchored: bool
    directories_only: bool


def parse_rule(line: str) -> Rule | None:
    """
    Return the rule that *line* says; None for a blank line or a comment.

    Raises:
        ConfigError: The line can never match: a backslash at its end, an unfinished ``[``, an unknown ``[:class:]``. Git
            accepts such a line and ignores nothing by it; whoever wrote it meant something.
    """
    text = as_bytes(_without_trailing_spaces(line)).decode("latin-1")
    if text.startswith("#"):
        return None
    keeps = text.startswith("!")
    text = text[1:] if keeps else text
    directories_only = text.endswith("/")
    text = text[:-1] if directories_only else text
    if not text:
        return None
    try:
        regex = _assemble(list(_tokens(text.removeprefix("/"))))
    except ValueError as problem:
        raise ConfigError(f"the ignore pattern {line!r} can never match: {problem}") from None
    return Rule(regex, keeps, "/" in text, directories_only)


def as_bytes(path: str) -> bytes:
    """Return *path* as Git stores it."""
    return path.encode("utf-8", "surrogateescape")


def _without_trailing_spaces(line: str) -> str:
    line = line.rstrip("\n").removesuffix("\r")
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if len(bare) < len(line) and backslashes % 2 else bare


# ---------------------------------------------------------------------------------------------------------------------
# A pattern as a list of tokens: regular expressions for one byte each, and two kinds of gap

_STAR: Final = "*"  # any bytes within one name
_ANY_DIRECTORIES: Final = "**/"  # any number of whole directories, also none
_EVERYTHING: Final = "**"  # the rest of the path


def _tokens(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        match pattern[at]:
            case "*":
                stars = len(pattern) - at - len(pattern[at:].lstrip("*"))
                tokens, at = _stars(pattern, at, at + stars)
                yield from tokens
            case "?":
                yield "[^/]"
                at += 1
            case "[":
                token, at = _bracket(pattern, at + 1)
                yield token
            case "\\":
                yield re.escape(_char(pattern, at + 1, "it ends in a backslash; write two for a name that does"))
                at += 2
            case char:
                yield re.escape(char)
                at += 1


def _stars(pattern: str, start: int, end: int) -> tuple[tuple[str, ...], int]:
    begins_a_name = start == 0 or pattern[start - 1] == "/"
    if end - start == 1 or not begins_a_name:
        return (_STAR,), end
    if end == len(pattern):
        return (_EVERYTHING,), end
    if pattern[end] == "/":
        return (_ANY_DIRECTORIES,), end + 1
    if pattern[end : end + 2] == "\\/":  # wildmatch.c: an escaped slash asks for one directory at least
        return (_STAR, "/", _ANY_DIRECTORIES), end + 2
    return (_STAR,), end


def _char(pattern: str, at: int, problem: str) -> str:
    if at >= len(pattern):
        raise ValueError(problem)
    return pattern[at]


# ---------------------------------------------------------------------------------------------------------------------
# [...]: worked out to the set of bytes it matches

_UNFINISHED: Final = "its '[' has no ']'; write '\\[' for the bracket itself"

_CLASSES: Final = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "blank": " \t",
    "cntrl": "".join(map(chr, (*range(32), 127))),
    "digit": string.digits,
    "graph": "".join(map(chr, range(33, 127))),
    "lower": string.ascii_lowercase,
    "print": "".join(map(chr, range(32, 127))),
    "punct": string.punctuation,
    "space": " \t\n\r",
    "upper": string.ascii_uppercase,
    "xdigit": string.hexdigits,
}  # ASCII only and without \v and \f, as in Git's git-compat-util.h


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """Return the regular expression of the bracket whose inside begins at *at*, and where the pattern goes on."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    found: set[str] = set()
    previous = ""
    first = True
    while first or _char(pattern, at, _UNFINISHED) != "]":
        first = False
        previous, at = _bracket_item(pattern, at, previous, found)
    matching = sorted({chr(c) for c in range(256)} - found if negated else found)
    return _one_of([c for c in matching if c != "/"]), at + 1


def _bracket_item(pattern: str, at: int, previous: str, found: set[str]) -> tuple[str, int]:
    char = _char(pattern, at, _UNFINISHED)
    if char == "-" and previous and pattern[at + 1 : at + 2] not in ("", "]"):
        last, at = _bracket_char(pattern, at + 1)
        found.update(map(chr, range(ord(previous), ord(last) + 1)))
        return "", at
    if pattern.startswith("[:", at):
        end = pattern.find("]", at + 2)
        if end < 0:
            raise ValueError(_UNFINISHED)
        if end > at + 2 and pattern[end - 1] == ":":
            found.update(_named_class(pattern[at + 2 : end - 1]))
            return "", end + 1
    char, at = _bracket_char(pattern, at)
    found.add(char)
    return char, at


def _bracket_char(pattern: str, at: int) -> tuple[str, int]:
    at += pattern[at] == "\\"
    return _char(pattern, at, _UNFINISHED), at + 1


def _named_class(name: str) -> str:
    if name not in _CLASSES:
        raise ValueError(f"there is no class [:{name}:]; there are {', '.join(_CLASSES)}")
    return _CLASSES[name]


def _one_of(chars: list[str]) -> str:
    return "[" + "".join(f"\\x{ord(c):02x}" for c in chars) + "]" if chars else "(?!)"


# ---------------------------------------------------------------------------------------------------------------------
# Tokens to a regular expression that cannot blow up: each gap but the last takes the first fit, atomically. The first
# fit is as good as any: what follows it is a gap again, which can swallow whatever a later fit would have.


def _assemble(tokens: list[str]) -> str:
    *blocks, last = _split(tokens, _ANY_DIRECTORIES)
    if not blocks:
        return _block(last, final=True)
    first, *middle = blocks
    between = "".join(f"(?>(?:[^/]*/)*?{_block(block, final=False)})" for block in middle)
    return f"{_block(first, final=False)}{between}(?:.*/)?{_block(last, final=True)}"


def _block(tokens: list[str], *, final: bool) -> str:
    first, *runs = ("".join(run) for run in _split(tokens, _STAR))
    if not runs:
        return _rest(first)
    *middle, last = runs
    gap = f"[^/]*{_rest(last)}" if final else f"(?>[^/]*?{last})"
    return first + "".join(f"(?>[^/]*?{run})" for run in middle) + gap


def _rest(run: str) -> str:
    return run.removesuffix(_EVERYTHING) + ".*" if run.endswith(_EVERYTHING) else run


def _split(tokens: list[str], at: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token == at:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
