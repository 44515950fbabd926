"""
YAML to frozen JSON values, as Kubernetes' Go parser reads it, at twice the speed of ``yaml.CSafeLoader``.

One recursive descent over parser events builds frozen containers bottom up; no nodes, no second copy. What almost never
happens (tags, anchors, merges, odd keys) lives in methods of its own, so that the two loops stay short and fast.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gitops_core.model.values import FrozenDict, FrozenList
from gitops_core.renderers.manifests.events import GetEvent, Parser, default_parser, place, problem_of, with_hint
from gitops_core.renderers.manifests.keys import MERGE, is_merge, key_of, raw_value
from gitops_core.renderers.manifests.positions import places
from gitops_core.renderers.manifests.problems import Problem
from gitops_core.renderers.manifests.scalars import HINTS, Raw, ambiguity, as_json, resolve_raw

MAX_DEPTH: Final = 100
"""Containers inside of containers; the deepest published CRD schema needs about 40."""

MAX_ALIASED: Final = 100_000
"""Nodes that aliases and merges of one document may add; more is a "billion laughs" attack or a mistake."""


class Ambiguity(NamedTuple):
    """A plain scalar that YAML 1.1 and 1.2 read differently: where, and how."""

    line: int
    meaning: str


class Document(NamedTuple):
    """
    One document of a file.

    Attributes:
        value: Frozen; any JSON value, None for an empty document.
        position: In the file, from 0.
        line: Of its first node, from 1.
        column: From 1.
    """

    value: Any
    position: int
    line: int
    column: int


class Loaded(NamedTuple):
    """Everything in one file."""

    documents: tuple[Document, ...]
    ambiguities: tuple[Ambiguity, ...] = ()


def load_yaml(data: str, parser: Parser = default_parser) -> Loaded:
    """
    Read every document of *data* (without a byte order mark).

    Raises:
        Problem: The first thing that is wrong, with line and column.

    Cost: O(bytes); about half of ``yaml.CSafeLoader``'s time.
    """
    problem: Problem
    try:
        return _load(parser(data))
    except yaml.YAMLError as error:
        problem = problem_of(error, data)
    except Problem as error:
        problem = error
    except _Duplicate as error:
        problem = error.problem(parser(data))
    raise with_hint(problem, data)  # out here, because the parser's own error may carry the text along


def _load(get: GetEvent) -> Loaded:
    documents: list[Document] = []
    ambiguities: list[Ambiguity] = []
    get()  # the start of the stream
    while (start := get()).__class__ is not StreamEndEvent:
        root = get()
        _check_start(start, root)
        value = _Builder(get, ambiguities).node(root)
        documents.append(Document(value, len(documents), *place(start if _is_empty(root) else root)))
        get()  # the end of the document
    return Loaded(tuple(documents), tuple(ambiguities))


def _check_start(start: Any, root: Any) -> None:
    if start.version or start.tags:
        raise Problem("a % directive, which Kubernetes' parser does not accept; remove the line", *place(start))
    if start.explicit and root.start_mark.line == start.start_mark.line and not _is_empty(root):
        raise Problem("content on the line of '---', which kubectl does not read; move it to the next line", *place(root))


def _is_empty(root: Any) -> bool:
    return isinstance(root, ScalarEvent) and not root.value


class _Builder:
    """Builds the value of one document."""

    __slots__ = ("aliased", "ambiguities", "anchors", "depth", "get", "measures", "scalars")

    def __init__(self, get: GetEvent, ambiguities: list[Ambiguity]) -> None:
        self.get = get
        self.ambiguities = ambiguities
        self.anchors: dict[str, Any] = {}
        self.scalars: dict[str, ScalarEvent] = {}
        self.measures: dict[str, tuple[int, int]] = {}
        self.aliased = 0
        self.depth = 0

    # -- the two loops that run for every node --------------------------------------------------------------------------
    def mapping(self) -> FrozenDict:
        """Return the mapping whose start was just read."""
        get, known, plain, hints, missing = self.get, _KEYS, _PLAIN, HINTS, _MISSING  # locals are twice as fast
        scalar = ScalarEvent
        items: dict[str, Any] = {}
        merged: set[str] = set()
        while (event := get()).__class__ is not MappingEndEvent:
            if event.__class__ is scalar and event.value in known and event.tag is None and event.anchor is None:
                key = known[event.value]
            elif is_merge(event):
                self._merge(items, merged)
                continue
            else:
                key = self._key(event)
            if key in items:
                if key not in merged:
                    raise _Duplicate(key, *place(event))
                merged.discard(key)
            event = get()
            if event.__class__ is scalar and event.tag is None and event.anchor is None:
                text = event.value
                if event.implicit[0] and text[:1] in hints:
                    value = plain.get(text, missing)
                    items[key] = self._plain(event) if value is missing else value
                else:
                    items[key] = text
            else:
                items[key] = self.node(event)
        return FrozenDict(items)

    def sequence(self) -> FrozenList:
        """Return the list whose start was just read."""
        get, plain, hints, missing = self.get, _PLAIN, HINTS, _MISSING
        items: list[Any] = []
        while (event := get()).__class__ is not SequenceEndEvent:
            if event.__class__ is ScalarEvent and event.tag is None and event.anchor is None:
                text = event.value
                if event.implicit[0] and text[:1] in hints:
                    value = plain.get(text, missing)
                    items.append(self._plain(event) if value is missing else value)
                else:
                    items.append(text)
            else:
                items.append(self.node(event))
        return FrozenList(items)

    # -- everything else ------------------------------------------------------------------------------------------------
    def node(self, event: Any) -> Any:
        """Return the value that begins with *event*."""
        kind = event.__class__
        if kind is AliasEvent:
            return self._alias(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Problem(f"nested deeper than {MAX_DEPTH} levels; no manifest needs that", *place(event))
        if event.anchor is not None:
            self._name(event.anchor, _OPEN)
        value = self.mapping() if kind is MappingStartEvent else self.sequence()
        if event.anchor is not None:
            self._name(event.anchor, value)
        self.depth -= 1
        return value

    def _name(self, anchor: str, value: Any) -> None:
        self.anchors[anchor] = value
        self.measures.pop(anchor, None)
        self.scalars.pop(anchor, None)

    def _scalar(self, event: Any) -> Any:
        is_plain = event.tag is None and event.implicit[0]
        value = self._plain(event) if is_plain else _json(raw_value(event), event)
        if event.anchor is not None:
            self._name(event.anchor, value)
            self.scalars[event.anchor] = event
        return value

    def _plain(self, event: Any) -> Any:
        """Return the value of an unquoted scalar, and remember it when it is short and means the same everywhere."""
        text = event.value
        if len(text) > _LONGEST_WORD and text[0].isalpha():
            return text
        value = _json(resolve_raw(text), event)
        if meaning := ambiguity(text):
            self.ambiguities.append(Ambiguity(place(event)[0], meaning))
        elif not isinstance(value, str) and len(text) <= _SHORT and len(_PLAIN) < _CACHED:
            _PLAIN[text] = value
        return value

    def _key(self, event: Any) -> str:
        """Return the key that *event* spells, and remember it when every spelling of it is just that text."""
        key = key_of(event, self.scalars)
        if not isinstance(event, AliasEvent):
            if event.anchor is not None:
                self._name(event.anchor, _json(raw_value(event), event))
                self.scalars[event.anchor] = event
            if event.tag is None and event.implicit[0] and (meaning := ambiguity(event.value)):
                self.ambiguities.append(Ambiguity(place(event)[0], f"a key that is {meaning}"))
            if (
                len(key) <= _LONGEST_KEY
                and len(_KEYS) < _CACHED
                and key != MERGE
                and resolve_raw(key) == key
                and not ambiguity(key)
            ):
                _KEYS[key] = key
        return key

    def _merge(self, items: dict[str, Any], merged: set[str]) -> None:
        """Read the value of ``<<`` into *items*: it overrides what stands before it; of several mappings the first wins."""
        event = self.get()
        value = self.node(event)
        sources = value if isinstance(value, FrozenList) and event.__class__ is SequenceStartEvent else [value]
        for source in reversed(sources):
            if not isinstance(source, FrozenDict):
                raise Problem("'<<' merges a mapping, or a list of mappings, and nothing else", *place(event))
            self._spend(_measure(source)[0], event)
            merged.update(source.keys() - items.keys())
            items.update(source)

    def _alias(self, event: Any) -> Any:
        name = event.anchor
        value = self.anchors.get(name, _MISSING)
        if value is _MISSING:
            # The name stays out: it may be a password that begins with '*' and was not quoted.
            raise Problem("no anchor stands before this alias; quote the value if it is text that begins with '*'", *place(event))
        if value is _OPEN:
            raise Problem("the anchor of this alias contains itself; write it out", *place(event))
        nodes, height = self.measures.get(name) or self.measures.setdefault(name, _measure(value))
        self._spend(nodes, event)
        if self.depth + height > MAX_DEPTH:
            raise Problem(f"aliases nest deeper than {MAX_DEPTH} levels; no manifest needs that", *place(event))
        return value

    def _spend(self, nodes: int, event: Any) -> None:
        self.aliased += nodes
        if self.aliased > MAX_ALIASED:
            raise Problem(f"aliases expand to more than {MAX_ALIASED} nodes; write out what you need", *place(event))


def _json(raw: Raw, event: Any) -> Raw:
    try:
        return as_json(raw)
    except ValueError as error:
        raise Problem(str(error), *place(event)) from None


def _measure(value: Any) -> tuple[int, int]:
    """Return how many nodes *value* has, and how many containers deep it is."""
    if not isinstance(value, FrozenDict | FrozenList):
        return 1, 0
    parts = [_measure(item) for item in (value.values() if isinstance(value, FrozenDict) else value)]
    return 1 + sum(nodes for nodes, _ in parts), 1 + max((height for _, height in parts), default=0)


class _Duplicate(Exception):
    """A key stands twice in one mapping; the place of the second."""

    def __init__(self, key: str, line: int, column: int) -> None:
        super().__init__(key)
        self.key, self.line, self.column = key, line, column

    def problem(self, events: GetEvent) -> Problem:
        """Return the problem; reads the file once more to find the first of the two."""
        first: dict[tuple[int, str], int] = {}
        before = 0
        for document, pointer, line, column in places(events):  # pragma: no branch  # why: it is one of them
            before = first.setdefault((document, pointer), line)
            if (line, column) == (self.line, self.column):
                break
        return duplicate_key(self.key, before, self.line, self.column)


def duplicate_key(key: str, before: int, line: int, column: int) -> Problem:
    """Return the problem of a key that stands twice in one mapping."""
    return Problem(f"the key {key!r} stands on line {before} already; remove one of the two", line, column)


_MISSING: Final = object()
_OPEN: Final = object()  # an anchor whose value is not finished
_LONGEST_WORD: Final = 5  # "false"; a longer scalar that begins with a letter is text
_SHORT: Final = 6  # characters: ports and replica counts are worth remembering, long numbers are not
_LONGEST_KEY: Final = 64
_CACHED: Final = 20_000  # entries in each of the two caches below
_PLAIN: Final[dict[str, Any]] = {}  # unquoted scalar -> value; never text, which may be secret
_KEYS: Final[dict[str, str]] = {}  # one string for the same key of every document
