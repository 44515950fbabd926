"""Where in a YAML file each field stands: computed by a second parse, only when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from gitops_core.model.pointers import escape
from gitops_core.renderers.manifests.events import GetEvent, Parser, default_parser, iterate, place, problem_of
from gitops_core.renderers.manifests.keys import MERGE, is_merge, key_of
from gitops_core.renderers.manifests.problems import Problem

Positions = dict[str, tuple[int, int]]
"""JSON Pointer to (line, column), from 1: of the key for a field, of the value for a list item and for the document."""


class Place(NamedTuple):
    """One field of one document; a key that stands twice is two places."""

    document: int
    pointer: str
    line: int
    column: int


class Frame:
    """A container that is being read."""

    __slots__ = ("index", "is_mapping", "key", "pointer")

    def __init__(self, pointer: str, *, is_mapping: bool) -> None:
        self.pointer = pointer
        self.is_mapping = is_mapping
        self.key: str | None = None
        self.index = -1

    def step(self, key: Callable[[], str]) -> tuple[str, bool]:
        """Return the pointer of the next node in this container, and whether it begins a field or an item; *key* reads a key."""
        if not self.is_mapping:
            self.index += 1
            return f"{self.pointer}/{self.index}", True
        if self.key is None:
            self.key = key()
            return f"{self.pointer}/{escape(self.key)}", True
        pointer = f"{self.pointer}/{escape(self.key)}"
        self.key = None
        return pointer, False


def yaml_positions(data: str, parser: Parser = default_parser) -> list[Positions]:
    """
    Return the positions of every document; fields that an alias or a merge brings in stand where their parent does.

    Raises:
        Problem: Not YAML, or a key that JSON does not have.
    """
    found: list[Positions] = []
    problem: Problem
    try:
        for document, pointer, line, column in places(parser(data)):
            if document == len(found):
                found.append({})
            found[document].setdefault(pointer, (line, column))
    except yaml.YAMLError as error:
        problem = problem_of(error, data)
    else:
        return found
    raise problem  # out here, because the parser's own error may carry the text along


def places(get: GetEvent) -> Iterator[Place]:
    """Yield every field, every list item and every document's root, in the order of the file."""
    document = -1
    stack: list[Frame] = []
    scalars: dict[str, ScalarEvent] = {}
    for event in iterate(get):
        if isinstance(event, DocumentStartEvent):
            document += 1
            scalars.clear()
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            stack.pop()
        elif isinstance(event, ScalarEvent | AliasEvent | MappingStartEvent | SequenceStartEvent):
            if isinstance(event, ScalarEvent) and event.anchor is not None:
                scalars[event.anchor] = event
            pointer, is_shown = _step(stack, event, scalars)
            if is_shown:
                yield Place(document, pointer, *place(event))
            if isinstance(event, MappingStartEvent | SequenceStartEvent):
                stack.append(Frame(pointer, is_mapping=isinstance(event, MappingStartEvent)))


def _step(stack: list[Frame], event: Any, scalars: dict[str, ScalarEvent]) -> tuple[str, bool]:
    if not stack:
        return "", True
    is_merging = is_merge(event)
    pointer, is_shown = stack[-1].step(lambda: MERGE if is_merging else key_of(event, scalars))
    return pointer, is_shown and not (is_merging and stack[-1].is_mapping)


def nearest(positions: Positions, pointer: str) -> tuple[int, int]:
    """Return the position of *pointer* or of its nearest ancestor that has one; (0, 0) when nothing is known."""
    while pointer and pointer not in positions:
        pointer = pointer.rpartition("/")[0]
    return positions.get(pointer, (0, 0))
