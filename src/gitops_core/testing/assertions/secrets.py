"""That a secret is nowhere to be seen."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_PRINTERS: Final = ("text", "markdown", "to_json")
_SHORTEST: Final = 4
_AROUND: Final = 30


def assert_no_secret(subject: Any, *secrets: str) -> None:
    """
    Assert that none of *secrets* shows in *subject*, in whatever form it is printed, logged or stored.

    Args:
        subject: A text or bytes; an error, with its causes and notes; a plan or a result, in all its printed forms; any
            other object, by ``str`` and ``repr``; a file or a directory (a ``Path``), by its bytes; or a list or mapping of these.
        secrets: The texts to look for, as they are and as base64, JSON, URL and ``repr`` write them. At least four characters each.

    Raises:
        AssertionError: Where it shows; the secret itself is not repeated.
        ValueError: No secret, or one that is too short to be told from other text.
    """
    if not secrets or any(len(secret) < _SHORTEST for secret in secrets):
        raise ValueError(f"give the secrets to look for, each of at least {_SHORTEST} characters")
    spelled = {form: number for number, secret in enumerate(secrets, 1) for form in _spellings(secret)}
    found = [
        f"secret {spelled[form]} of {len(secrets)} shows in {place}: {_around(text, form)}"
        for place, text in _texts(subject, "it", frozenset())
        for form in spelled
        if form in text
    ]
    if found:
        raise AssertionError("\n  ".join(["a secret got out:", *dict.fromkeys(found)]))


def _spellings(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    return {secret, encoded, encoded.rstrip("="), urllib.parse.quote(secret, safe=""), *escaped}


def _around(text: str, form: str) -> str:
    """Return the place without the secret: what stands before it and behind it."""
    at = text.index(form)
    before, behind = text[max(0, at - _AROUND) : at], text[at + len(form) : at + len(form) + _AROUND]
    line = text.count("\n", 0, at) + 1
    return f"line {line}: {(before + '***' + behind.replace(form, '***'))!r}"


def _texts(subject: Any, place: str, above: frozenset[int]) -> Iterator[tuple[str, str]]:
    if id(subject) in above:
        return  # it holds itself
    below = above | {id(subject)}
    match subject:
        case str():
            yield place, subject
        case bytes():
            yield place, subject.decode(errors="replace")
        case Path():
            yield from _files(subject)
        case Mapping():
            for key, value in subject.items():
                yield from _texts(key, f"a key of {place}", below)
                yield from _texts(value, f"{place}[{key!r}]", below)
        case list() | tuple() | set() | frozenset():
            for index, value in enumerate(subject):
                yield from _texts(value, f"{place}[{index}]", below)
        case _:
            yield from _printed(subject, place)
            yield from _texts(_behind(subject), f"what is behind {place}", below)


def _printed(subject: Any, place: str) -> Iterator[tuple[str, str]]:
    yield f"str of {place}", str(subject)
    yield f"repr of {place}", repr(subject)
    for name in _PRINTERS:
        if callable(printer := getattr(subject, name, None)):
            yield f"{place}.{name}()", printer()


def _behind(subject: Any) -> list[Any]:
    """Return what is printed with an error: its causes, its notes, the members of a group."""
    if not isinstance(subject, BaseException):
        return []
    causes = [error for error in (subject.__cause__, subject.__context__) if error is not None]
    return [*causes, *getattr(subject, "__notes__", ()), *getattr(subject, "exceptions", ())]


def _files(path: Path) -> Iterator[tuple[str, str]]:
    for file in [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file()):
        yield f"the file {file}", file.read_bytes().decode(errors="replace")
