"""JSON to the same frozen values: one document or several in a row, as ``kubectl`` reads them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from gitops_core.model.pointers import split
from gitops_core.model.values import FrozenDict, freeze
from gitops_core.renderers.manifests.events import position
from gitops_core.renderers.manifests.loader import MAX_DEPTH, Document, Loaded, duplicate_key
from gitops_core.renderers.manifests.positions import Frame, Positions
from gitops_core.renderers.manifests.problems import Problem
from gitops_core.renderers.manifests.scalars import as_json

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')
_NUMBER: Final = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?(?:Infinity|[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)')
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class NotJson(Problem):
    """The text is not JSON at all; a file that may be YAML, too, is tried as YAML."""


class _Twice(Exception):
    """An object has a key twice."""


def load_json(text: str) -> Loaded:
    """
    Read every JSON document of *text*, one after another.

    Raises:
        NotJson: Broken syntax.
        Problem: A key stands twice, a number JSON or 64-bit floats do not have, half of a surrogate pair, too deep.
    """
    _check_depth(text)
    documents: list[Document] = []
    offset = _space(text, 0)
    while offset < len(text):
        value, end = _decode(text, offset)
        documents.append(Document(value, len(documents), *position(text, offset)))
        offset = _space(text, end)
    if _ESCAPED_SURROGATE.search(text):
        _check_surrogates(text)
    return Loaded(tuple(documents))


def _space(text: str, offset: int) -> int:
    match = _SPACE.match(text, offset)
    return match.end() if match else offset


def _decode(text: str, offset: int) -> tuple[Any, int]:
    problem: Problem
    try:
        value, end = _DECODER.raw_decode(text, offset)
    except json.JSONDecodeError as error:
        problem = NotJson(f"broken JSON: {error.msg[:1].lower()}{error.msg[1:]}; correct it", error.lineno, error.colno)
    except _Twice:
        problem = _find_twice(text)
    except OverflowError:
        problem = _find_number(text)
    else:
        return freeze(value), end
    raise problem  # out here, because the decoder's own error carries the text along


def _pairs(pairs: list[tuple[str, Any]]) -> FrozenDict:
    frozen = FrozenDict((key, freeze(value) if value.__class__ is list else value) for key, value in pairs)
    if len(frozen) != len(pairs):
        raise _Twice
    return frozen


def _integer(digits: str) -> Any:
    return int(digits) if len(digits) < len("1000000000000000000") else as_json(_big(digits))


def _big(digits: str) -> int | float:
    value = _real(digits)
    return int(digits) if isinstance(value, int) or abs(value) < 2.0**64 else value


def _real(digits: str) -> Any:
    value = float(digits)
    if not math.isfinite(value):
        raise OverflowError
    return as_json(value)


def _constant(_name: str) -> Any:
    raise OverflowError


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_real, parse_constant=_constant, strict=True
)


def _check_depth(text: str) -> None:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for match in _TOKEN.finditer(text):
        depth += (match[0] in "[{") - (match[0] in "]}")
        if depth > MAX_DEPTH:
            raise Problem(f"nested deeper than {MAX_DEPTH} levels; no manifest needs that", *position(text, match.start()))


def _check_surrogates(text: str) -> None:
    for match in _TOKEN.finditer(text):
        if _ESCAPED_SURROGATE.search(match[0]) and _is_broken(json.loads(match[0])):
            raise Problem("half of a surrogate pair, which is no character; write both halves", *position(text, match.start()))


def _is_broken(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)


def _find_number(text: str) -> Problem:
    """Return the problem of the first number that is none; there is one, because the decoder met it."""
    numbers = (match for match in _NUMBER.finditer(text) if match[0][0] != '"')
    offset = next(match.start() for match in numbers if not math.isfinite(float(match[0])))
    return Problem("this number is not finite, or is too large for JSON; write a smaller one", *position(text, offset))


def _find_twice(text: str) -> Problem:
    """Return the problem of the first key that stands twice; there is one, because the decoder met it."""
    first: dict[tuple[int, str], int] = {}
    keys = ((document, pointer, offset) for document, pointer, offset, is_key in _places(text) if is_key)
    document, pointer, offset = next(key for key in keys if first.setdefault(key[:2], key[2]) != key[2])
    before, _ = position(text, first[document, pointer])
    return duplicate_key(split(pointer)[-1], before, *position(text, offset))


def json_positions(text: str) -> list[Positions]:
    """Return where each field of each document stands; *text* was loaded before, so it is JSON."""
    found: list[Positions] = []
    for document, pointer, offset, _ in _places(text):
        if document == len(found):
            found.append({})
        found[document].setdefault(pointer, position(text, offset))
    return found


def _places(text: str) -> Iterator[tuple[int, str, int, bool]]:
    """Yield (document, pointer, offset, is a key) for every field, list item and document."""
    document = -1
    stack: list[Frame] = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word in ":,":
            continue
        if word in "]}":
            stack.pop()
            continue
        document += not stack
        is_key = bool(stack) and stack[-1].is_mapping and stack[-1].key is None
        pointer, is_shown = _step(stack, word)
        if is_shown:
            yield document, pointer, match.start(), is_key
        if word in "[{":
            stack.append(Frame(pointer, is_mapping=word == "{"))


def _step(stack: list[Frame], word: str) -> tuple[str, bool]:
    """Return the pointer of *word*, and whether a field, an item or a document begins here."""
    if not stack:
        return "", True
    return stack[-1].step(lambda: str(json.loads(word)))
