"""Commit objects, read leniently: a broken author line is no reason to stop."""

from __future__ import annotations

import re
from typing import Final

import attrs

_PERSON: Final = re.compile(rb"(?P<name>.*?)\s+(?P<time>-?\d+)\s+[+-]?\d+\s*$")


@attrs.frozen
class Commit:
    """
    What a commit says.

    Attributes:
        tree: Id of its root tree.
        parents: Ids.
        author: ``Name <address>``.
        time: When it was committed, in seconds since the epoch; 0.0 when unreadable.
        message: First line.
    """

    tree: str
    parents: tuple[str, ...]
    author: str
    time: float
    message: str


def parse_commit(data: bytes) -> Commit:
    """
    Read a commit object.

    Raises:
        ValueError: It names no tree.
    """
    head, _, message = data.partition(b"\n\n")
    fields: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\n"):
        word, _, value = line.partition(b" ")
        fields.setdefault(word, []).append(value)
    if b"tree" not in fields:
        raise ValueError("a commit without a tree")
    encoding = fields.get(b"encoding", [b"utf-8"])[0].decode("ascii", "replace")
    author, _time = _person(fields.get(b"author", [b""])[0])
    _committer, time = _person(fields.get(b"committer", [b""])[0])
    return Commit(
        tree=fields[b"tree"][0].decode("ascii"),
        parents=tuple(parent.decode("ascii") for parent in fields.get(b"parent", [])),
        author=_text(author, encoding),
        time=time,
        message=_text(message.strip().partition(b"\n")[0], encoding),
    )


def _person(value: bytes) -> tuple[bytes, float]:
    found = _PERSON.match(value)
    return (found["name"], float(found["time"])) if found else (value, 0.0)


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return data.decode("utf-8", "replace")
